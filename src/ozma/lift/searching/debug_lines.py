"""Which IR instruction made a line of assembly: each gets a debug line, which `.loc` gives back.

Debug locations do not change the code that LLVM makes; where they do, no map is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ozma.lift.editing.ir_text import Body
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.tasks.assembly import code_lines

_LOCATION = re.compile(r"\s*\.loc\s+\d+\s+(\d+)")
_FLAGS = re.compile(r"^!llvm\.module\.flags = !\{(.*)\}$", re.MULTILINE)
_NUMBER = re.compile(r"^!(\d+) = ", re.MULTILINE)
_INFO_SECTION = re.compile(r"\s*\.section\s+\.debug_")
_TEMPORARY = re.compile(r"\.L(tmp|func_begin|cfi)\d+:")

Place = tuple[int, int]
"""(block, instruction in it)"""


def with_debug_lines(body: Body) -> tuple[str, list[Place]]:
    """The module with a debug line on each instruction; line N is the Nth place, from 1."""
    text = str(body)
    first = max(map(int, _NUMBER.findall(text)), default=-1) + 1
    places: list[Place] = []
    head, _, define = body.head.rpartition("\n")
    parts = [head, f"{define[: define.rindex('{')]}!dbg !{first + 3} {{"]
    for number, block in enumerate(body.blocks):
        parts.append(f"{block.label}:")
        for at, line in enumerate(block.lines):
            parts.append(f"{line}, !dbg !{first + 5 + len(places)}")
            places.append((number, at))
    parts += [_with_flag(body.tail, first), _information(first, len(places))]
    return "\n".join(parts), places


def _with_flag(tail: str, number: int) -> str:
    """Says which version of debug information this is; without it LLVM drops all of it."""
    if _FLAGS.search(tail):
        return _FLAGS.sub(
            lambda match: f"!llvm.module.flags = !{{{match.group(1)}, !{number}}}", tail
        )
    return f"{tail}\n!llvm.module.flags = !{{!{number}}}"


def _information(first: int, count: int) -> str:
    unit, file, function = first + 1, first + 2, first + 3
    lines = [
        f"!llvm.dbg.cu = !{{!{unit}}}",
        f'!{first} = !{{i32 2, !"Debug Info Version", i32 3}}',
        f"!{unit} = distinct !DICompileUnit(language: DW_LANG_C, file: !{file}, isOptimized: true, "
        "emissionKind: LineTablesOnly)",
        f'!{file} = !DIFile(filename: "lines", directory: "")',
        f'!{function} = distinct !DISubprogram(name: "lines", file: !{file}, line: 0, '
        f"type: !{first + 4}, unit: !{unit}, spFlags: DISPFlagDefinition)",
        f"!{first + 4} = !DISubroutineType(types: !{{}})",
    ]
    lines += [
        f"!{first + 5 + place} = !DILocation(line: {place + 1}, scope: !{function})"
        for place in range(count)
    ]
    return "\n".join(lines) + "\n"


def origins(
    compiler: Compiler, body: Body, lines: Sequence[str], reference: Reference, codegen: int
) -> list[Place | None]:
    """For each of `lines`, the body's normalized assembly, the instruction that it comes from.

    Empty when the assembly with debug lines is another one, or there is none. One compile.
    """
    text, places = with_debug_lines(body)
    compiled = compiler.compile(text, codegen=codegen)
    if not compiled.ok:
        return []
    code, made = _read_locations(code_lines(compiled.assembly, reference.target))
    kept = reference.own_places(code)
    code, made = [code[place] for place in kept], [made[place] for place in kept]
    made = [one for line, one in zip(code, made) if reference.normalized_code([line])]
    if reference.normalized_code(code) != list(lines):
        return []
    return [places[one - 1] if one else None for one in made]


def _read_locations(lines: Sequence[str]) -> tuple[list[str], list[int]]:
    """The lines without debug information, and the debug line of each (0: none)."""
    kept, made, current, inside = [], [], 0, False
    for line in lines:
        if match := _LOCATION.match(line):
            current = int(match.group(1))
        elif _INFO_SECTION.match(line):
            inside = True
        elif inside:
            inside = not line.startswith("\t.section") or ".debug_" in line
            if not inside:
                kept.append(line)
                made.append(0)
        elif not _TEMPORARY.match(line):
            kept.append(line)
            made.append(current if line.startswith("\t") and not line.startswith("\t.") else 0)
    return kept, made
