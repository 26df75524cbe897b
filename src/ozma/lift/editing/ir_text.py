"""IR text as blocks of instruction lines, for edits that are quicker than building modules.

The text must be LLVM's own print (`Compiler.printed`): one instruction a line but for `switch`,
`invoke` and `landingpad`, whose further lines are kept with the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ozma.errors import OzmaError

_LABEL = re.compile(r'^([-\w.$]+|"[^"]*"):')
_NUMBERED = re.compile(r'"[^"]*"|%(\d+)\b')
_NUMBERED_TYPE = re.compile(r"^%\d+ = type", re.MULTILINE)
NAME = r'(?:"[^"]*"|[-\w.$]+)'
_NAME = re.compile(rf"%{NAME}")
_RESULT = re.compile(r'\s*(%(?:"[^"]*"|[-\w.$]+)) = ')
_TAILS = ("tail", "musttail", "notail")
_PURE_CALL = re.compile(
    r"@llvm\.(?:[su](?:max|min)|abs|ctpop|ctlz|cttz|bswap|bitreverse|fsh[lr]|fabs|copysign|fma"
    r"|[su](?:add|sub|mul)\.(?:with\.overflow|sat)|expect|threadlocal)\b"
)
_BARRIERS = frozenset(
    "store call invoke callbr fence cmpxchg atomicrmw va_arg alloca landingpad".split()
)
TERMINATORS = frozenset("br switch ret unreachable invoke indirectbr resume callbr".split())


@dataclass(frozen=True)
class Instruction:
    """What an edit has to know of one instruction. `memory` is "", "load" or "barrier"."""

    result: str
    opcode: str
    uses: frozenset[str]
    memory: str


@lru_cache(maxsize=100_000)
def read(line: str) -> Instruction:
    """The facts of one instruction's text."""
    match = _RESULT.match(line)
    result = match.group(1) if match else ""
    rest = line[match.end() :] if match else line.lstrip()
    words = rest.split(None, 2)
    opcode = words[1] if words[0] in _TAILS else words[0]
    uses = frozenset(name for name in _NAME.findall(rest))
    return Instruction(result, opcode, uses, _memory(opcode, rest))


def _memory(opcode: str, rest: str) -> str:
    if opcode == "load":
        return "barrier" if rest.startswith(("load volatile", "load atomic")) else "load"
    if opcode == "call" and _PURE_CALL.search(rest):
        return ""
    return "barrier" if opcode in _BARRIERS else ""


@dataclass(frozen=True)
class Block:
    """A basic block: its label and its instructions' texts."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Body:
    """One function of a module: `head` up to its `define` line, `tail` from its closing brace."""

    head: str
    blocks: tuple[Block, ...]
    tail: str

    def __str__(self) -> str:
        parts = [self.head]
        for block in self.blocks:
            parts.append(f"{block.label}:")
            parts.extend(block.lines)
        return "\n".join([*parts, self.tail])

    @cached_property
    def uses(self) -> dict[str, int]:
        """How many instructions name each value."""
        found: dict[str, int] = {}
        for block in self.blocks:
            for line in block.lines:
                for name in read(line).uses:
                    found[name] = found.get(name, 0) + 1
        return found

    def with_lines(self, block: int, lines: tuple[str, ...]) -> Body:
        blocks = list(self.blocks)
        blocks[block] = replace(blocks[block], lines=lines)
        return replace(self, blocks=tuple(blocks))

    def with_line(self, block: int, at: int, line: str) -> Body:
        lines = self.blocks[block].lines
        return self.with_lines(block, (*lines[:at], line, *lines[at + 1 :]))

    def places(self) -> Iterator[tuple[int, int, str]]:
        """(block, place in it, text) of every instruction."""
        for number, block in enumerate(self.blocks):
            for at, line in enumerate(block.lines):
                yield number, at, line


class NotEditable(OzmaError):
    """The module's text is beyond what this file reads; the message says why."""


def parse(ir: str, name: str | None = None) -> Body:
    """The function `name` of LLVM's own print of a module, or its only one; every value named.

    NotEditable when there is no such function, or the module has types without names.
    """
    if _NUMBERED_TYPE.search(ir):
        raise NotEditable("the module has types without names")
    lines = ir.splitlines()
    start = _define_line(lines, name)
    end = next((i for i in range(start, len(lines)) if lines[i] == "}"), None)
    if end is None:
        raise NotEditable("the function has no end")
    head = [*lines[:start], _named(lines[start])]
    blocks = tuple(_blocks(lines[start + 1 : end], _entry(lines[start])))
    return Body("\n".join(head), blocks, "\n".join(lines[end:]))


def _entry(define: str) -> str:
    """The name of an entry block without a label: LLVM numbers it behind the parameters."""
    return f"v{len(re.findall(r'%[0-9]+(?=[,)])', define))}"


def _define_line(lines: list[str], name: str | None) -> int:
    names = None if name is None else (f"@{name}(", f'@"{name}"(')
    for number, line in enumerate(lines):
        if line.startswith("define ") and (names is None or any(n in line for n in names)):
            return number
    raise NotEditable(f"no function {name or ''} is defined here")


def _named(line: str) -> str:
    return _NUMBERED.sub(lambda m: f"%v{m.group(1)}" if m.group(1) else m.group(), line)


def _blocks(lines: list[str], label: str) -> Iterator[Block]:
    found: list[str] = []
    for line in lines:
        if not line.strip() or line.lstrip().startswith((";", "uselistorder", "#dbg_")):
            continue
        if match := _LABEL.match(line):
            if found:
                yield Block(label, tuple(found))
            label, found = match.group(1), []
            label = f"v{label}" if label.isdigit() else label
        elif found and _continues(line, found[-1]):
            found[-1] += "\n" + _named(line)
        else:
            found.append(_named(line))
    yield Block(label, tuple(found))


def _continues(line: str, before: str) -> bool:
    """Does this line belong to the instruction before it?"""
    inside = before.count("\n") and not before.endswith("]")
    opens = before.endswith("[") and before.lstrip().startswith(("switch", "indirectbr"))
    more = line.lstrip().startswith(("to label ", "cleanup", "catch ", "filter "))
    return opens or more or bool(inside and before.lstrip().startswith("switch"))
