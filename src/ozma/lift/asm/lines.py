"""Lines of assembly text: with labels renumbered, of one function, its data."""

from __future__ import annotations

import re
from collections.abc import Sequence

INLINE_ASSEMBLY = ("#APP", "//APP", "//InlineAsm Start", "# InlineAsm Start")
"""How comments begin that say: what follows was inline assembly."""
_LABEL = re.compile(
    r"\.L(BB|CPI|JTI|func_begin|func_end|tmp|exception|cst_begin|cst_end|ttbaseref|ttbase|FB|FE|C|)"
    r"(\d+(?:_\d+)?)\b"
)
_NAMING = (".file", ".ident")
_DROPPED = (*_NAMING, ".addrsig", ".addrsig_sym")
_NO_STACK = ".note.GNU-stack"


def strict_lines(lines: Sequence[str]) -> list[str]:
    """`code_lines` without those that name the source file and the compiler."""
    return [line for line in lines if first_word(line) not in _NAMING]


def normalized_lines(lines: Sequence[str]) -> list[str]:
    """`code_lines` with labels renumbered by first use, and without what no machine code needs."""
    numbers: dict[str, str] = {}

    def renumber(match: re.Match) -> str:
        return numbers.setdefault(match.group(), f".L{match.group(1)}#{len(numbers)}")

    kept = [
        line
        for line in lines
        if line and first_word(line) not in _DROPPED and _NO_STACK not in line
    ]
    return [_LABEL.sub(renumber, line) if ".L" in line else line for line in kept]


def first_word(line: str) -> str:
    """The directive or opcode of a line, or its label."""
    return line.split(None, 1)[0]


_FUNCTION = re.compile(r"\s*\.type\s+([^\s,]+),\s*[@%]function")
_LOCAL = re.compile(r"\.L[\w.$]+")
_LOCAL_LABEL = re.compile(r"(\.L[\w.$]+):$")
_DATA = frozenset(
    ".byte .short .value .word .hword .2byte .long .int .4byte .quad .xword .8byte .octa .ascii "
    ".asciz .string .zero .skip .space .float .single .double".split()
)


_TABLE_START = re.compile(r"\.Lexception\d+:$")
_TABLE = frozenset(".byte .ascii .uleb128 .sleb128 .p2align .long .word .quad .xword".split())


def function_names(lines: Sequence[str]) -> list[str]:
    """Functions that `code_lines` define, in the order of their labels."""
    typed = {match.group(1) for match in map(_FUNCTION.match, lines) if match}
    return [line[:-1] for line in lines if line.endswith(":") and line[:-1] in typed]


def function_places(lines: Sequence[str], name: str) -> list[int]:
    """Places of a function's own lines (label to `.size`), then of the local data that they name,
    in the order in which they name it. Empty when it is not there."""
    own = _own_places(lines, name)
    data = _local_data(lines)
    found, waiting, seen = list(own), [own], set()
    while waiting:
        text = "\n".join(lines[place] for place in waiting.pop(0))
        for label in _LOCAL.findall(text):
            if label in data and label not in seen:
                seen.add(label)
                found += data[label]
                waiting.append(data[label][1:])
    return found


def _own_places(lines: Sequence[str], name: str) -> range:
    label = f"{name}:"
    start = next((place for place, line in enumerate(lines) if line == label), None)
    if start is None:
        return range(0)
    size = re.compile(rf"\s*\.size\s+{re.escape(name)}\s*,")
    end = next((p for p in range(start, len(lines)) if size.match(lines[p])), len(lines) - 1)
    return range(start, end + 1)


def _local_data(lines: Sequence[str]) -> dict[str, list[int]]:
    """Places of each local label that data follows, and of that data. A table of landing pads is
    one piece, with the labels in it."""
    found: dict[str, list[int]] = {}
    current: list[int] | None = None
    table = False
    for place, line in enumerate(lines):
        table = table and (first_word(line) in _TABLE or line.startswith(".L"))
        if table:
            current.append(place)
            continue
        table = bool(_TABLE_START.match(line))
        if match := _LOCAL_LABEL.match(line):
            current = found.setdefault(match.group(1), [place])
        elif current is not None and first_word(line) in _DATA:
            current.append(place)
        else:
            current = None
    return {label: places for label, places in found.items() if len(places) > 1}
