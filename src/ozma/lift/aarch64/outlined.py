"""Puts back what LLVM's machine outliner took out of a function: at -Oz it runs by default.

The outliner moves repeated instructions into `OUTLINED_FUNCTION_n`, which stand in the same text:

* "Function": the body, then `ret`; called with `bl`;
* "Thunk": the body, then a jump to what the last call called;
* "Tail call": jumped to with `b`, its body ends as the function did.

Compiled back from IR that never saw them, the same instructions are outlined again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.listing import AsmFunction, Directive, Line, Listing

_OUTLINED = re.compile(r"OUTLINED_FUNCTION_\d+(?:_\d+)*$")
_DEEPEST = 8  # outlined code that is outlined again, several rounds of it
_CALLS = {"b": "bl", "br": "blr"}
_MOST_LINES = 200_000


def is_outlined(name: str) -> bool:
    """Is this the name of a piece, and not of a function?"""
    return _OUTLINED.match(name) is not None


def restored(function: AsmFunction, listing: Listing) -> AsmFunction:
    """The function with every outlined piece in the place of its call, and thread-local
    descriptors as one instruction. The same object where there are none."""
    pieces = {entry.name: entry.lines for entry in listing.functions if is_outlined(entry.name)}
    lines = _expanded(function.lines, pieces, 0) if pieces else function.lines
    lines = _with_descriptors(lines)
    return function if lines is function.lines else replace(function, lines=lines)


def _expanded(lines: list[Line], pieces: Mapping[str, list[Line]], depth: int) -> list[Line]:
    found: list[Line] = []
    for line in lines:
        piece = _piece_of(line, pieces)
        if piece is None or depth > _DEEPEST or len(found) > _MOST_LINES:
            found.append(line)
        elif line.mnemonic == "bl":
            found.extend(_expanded(_called(piece), pieces, depth + 1))
        else:
            found.extend(_expanded(_code(piece), pieces, depth + 1))
    return found


def _piece_of(line: Line, pieces: Mapping[str, list[Line]]) -> list[Line] | None:
    if isinstance(line, Instruction) and line.mnemonic in ("b", "bl") and line.operands:
        return pieces.get(line.operands[0])
    return None


def _code(piece: list[Line]) -> list[Line]:
    """Its instructions: a piece has no labels of its own but the end's."""
    return [line for line in piece if isinstance(line, Instruction)]


def _called(piece: list[Line]) -> list[Line]:
    """Its instructions, where the last one comes back: a return is left out, a jump is a call."""
    *body, last = _code(piece) or [None]
    if last is None:
        return []
    if last.mnemonic == "ret":
        return body
    if last.mnemonic in _CALLS:
        return [*body, replace(last, mnemonic=_CALLS[last.mnemonic])]
    return [*body, last]


def _with_descriptors(lines: list[Line]) -> list[Line]:
    """`.tlsdesccall v` says what the next `blr` is: it sets x0 to v's distance from the thread
    pointer, and changes no other register."""
    if not any(isinstance(line, Directive) and line.name == ".tlsdesccall" for line in lines):
        return lines
    found: list[Line] = []
    variable = ""
    for line in lines:
        if isinstance(line, Directive) and line.name == ".tlsdesccall":
            variable = line.arguments.strip()
        elif variable and isinstance(line, Instruction):
            found.append(replace(line, mnemonic="tlsdesccall", operands=(variable,)))
            variable = ""
        else:
            found.append(line)
    return found
