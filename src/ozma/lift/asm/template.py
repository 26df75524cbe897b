"""Assembly without the names that it uses: equal templates are equal code under other names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ozma.lift.asm.lines import first_word, normalized_lines
from ozma.tasks.assembly import code_lines

_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w%$@.#:])(\.L\.[\w.$]+|[A-Za-z_][\w.$]*)')
_REGISTER = re.compile(
    r"[wxbhsdqv]\d+(?:\.\w+)?|[wx]zr|w?sp|lr|fp|[lar]s[lr]|[su]xt[bhwx]|ror|comdat"
)
_CONDITION = re.compile(r"eq|ne|[cs]s|[hl][os]|mi|pl|v[sc]|hi|g[et]|l[et]|cc|al")
_NO_NAMES = frozenset(
    ".section .asciz .ascii .string .byte .p2align .cfi_offset .cfi_def_cfa_offset .text .data "
    ".bss .file .ident".split()
)
_IR_NAME = re.compile(r'c"[^"]*"|([@$])("[^"]*"|[-\w.$]+)')


@dataclass(frozen=True)
class Template:
    """`text` with `S0`, `S1`, ... in the place of `symbols`, in the order of their first use."""

    text: str
    symbols: tuple[str, ...]


def template(assembly: str, target: str = "x86-64") -> Template:
    """Of a text that holds one function and its data."""
    lines = normalized_lines(code_lines(assembly, target))
    numbers: dict[str, int] = {}
    masked = [_masked(line, target, numbers) for line in lines]
    known = "|".join(map(re.escape, sorted(numbers, key=len, reverse=True)))
    if known:
        section = re.compile(rf"(?<=[.,])({known})(?=[,\s]|$)")
        masked = [
            section.sub(lambda match: f"S{numbers[match[1]]}", line) if ".section" in line else line
            for line in masked
        ]
    return Template("\n".join(masked), tuple(numbers))


def _masked(line: str, target: str, numbers: dict[str, int]) -> str:
    word = first_word(line)
    if word in _NO_NAMES:
        return line
    if word.endswith(":"):
        head, rest = "", line
    else:
        head, rest = line[: line.index(word) + len(word)], line[line.index(word) + len(word) :]

    def number(match: re.Match) -> str:
        name = match[1]
        if name is None or (target == "aarch64" and _is_machine(name)):
            return match[0]
        return f"S{numbers.setdefault(name, len(numbers))}"

    return head + _NAME.sub(number, rest)


def _is_machine(name: str) -> bool:
    return bool(_REGISTER.fullmatch(name) or _CONDITION.fullmatch(name))


def renamed(ir: str, names: Mapping[str, str]) -> str:
    """IR with other names for its globals and comdats, as assembly spells them."""
    found = {_in_ir(old): _in_ir(new) for old, new in names.items()}

    def rename(match: re.Match) -> str:
        name = match[2]
        return match[0] if name is None or name not in found else match[1] + found[name]

    return _IR_NAME.sub(rename, ir)


def _in_ir(symbol: str) -> str:
    return symbol.removeprefix(".L")


def opcodes(assembly: str, target: str = "x86-64") -> list[str]:
    """The opcodes of its code in order."""
    lines = code_lines(assembly, target)
    return [first_word(line) for line in lines if line[:1] == "\t" and line[1:2] != "."]


def pairs(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Old names for new ones by place; those beyond the shorter list keep theirs."""
    return dict(zip(old, new))
