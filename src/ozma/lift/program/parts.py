"""An assembly text in parts: functions, data, and the lines between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ozma.lift.asm.lines import first_word, function_names

LOCAL = re.compile(r"(?<![\w.$@])(?:\.L[\w.$]+|GCC_except_table\d+)")
_LABEL = re.compile(r"([\w.$@]+):$")
_EXCEPTIONS = "GCC_except_table"
SECTIONS = (".section", ".text", ".data", ".bss", ".pushsection", ".popsection", ".previous")
SYMBOLS = (".type", ".globl", ".global", ".weak", ".hidden", ".protected", ".local", ".comm",
           ".lcomm", ".set", ".size", ".ident", ".addrsig", ".addrsig_sym")  # fmt: skip


class EndNotMarked(ValueError):
    """A function without a `.size`: nobody knows where it ends."""


@dataclass
class Part:
    """Lines that belong together: a function from its label to its end, or data from its label on.
    `name` is None for what is neither. `head`: the section and alignment that stand before data."""

    name: str | None
    is_code: bool = False
    lines: list[str] = field(default_factory=list)
    head: tuple[str, ...] = ()

    def labels(self) -> set[str]:
        return {match.group(1) for match in map(_LABEL.match, self.lines) if match}

    def local_names(self) -> set[str]:
        """Local labels that it has or refers to."""
        return {word for line in self.lines for word in LOCAL.findall(line)}

    def words(self) -> set[str]:
        """Names among them; AT&T's mark of an immediate is no part of a name."""
        found = {word for line in self.lines for word in re.findall(r"[\w.$]+", line)}
        return found | {word[1:] for word in found if word[0] == "$"}


def parts_of(lines: Sequence[str]) -> Iterator[Part]:
    """A text of `code_lines` in parts, in order and whole."""
    functions = set(function_names(lines))
    section, align, place = ".text", "", 0
    while place < len(lines):
        line = lines[place]
        label = _LABEL.match(line)
        name = label.group(1) if label else None
        if name in functions:
            end = _end_of_function(lines, place, name)
            yield Part(name, True, list(lines[place:end]))
        elif name and not _is_code(section):
            end = _end_of_data(lines, place)
            yield Part(name, False, list(lines[place:end]), tuple(filter(None, (section, align))))
            align = ""
        else:
            end = place + 1
            if first_word(line) in SECTIONS:
                section, align = line, ""
            elif first_word(line) in (".p2align", ".align", ".balign"):
                align = line
            yield Part(None, _is_code(section), [line])
        place = end


def _is_code(section: str) -> bool:
    return section.split(None, 1)[0] == ".text" or bool(re.search(r'\.text|"\w*x\w*"', section))


def _end_of_function(lines: Sequence[str], start: int, name: str) -> int:
    size = re.compile(rf"\s*\.size\s+{re.escape(name)}\s*,")
    end = next((p + 1 for p in range(start, len(lines)) if size.match(lines[p])), start)
    if end == start:
        raise EndNotMarked(f"the end of {name} is not marked")
    if end < len(lines) and first_word(lines[end]) == ".cfi_endproc":
        end += 1
    return end


def _end_of_data(lines: Sequence[str], start: int) -> int:
    """Of exception tables the whole section, of other data up to the next label or symbol."""
    whole = lines[start].startswith(_EXCEPTIONS)
    for place in range(start + 1, len(lines)):
        word = first_word(lines[place])
        if word in SECTIONS or word in SYMBOLS and not whole:
            return place
        if not whole and (word == ".p2align" or _LABEL.match(lines[place])):
            return place
    return len(lines)
