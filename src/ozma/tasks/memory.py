"""Loads, stores, allocas and variables without what their types imply: alignment, access type."""

from __future__ import annotations

import re

from ozma.tasks.heads import WHOLE
from ozma.tasks.irtext import NAME, Alignment, type_end

_MEMORY = re.compile(r"(?:%\d+ = )?(load|store|alloca) (?:atomic |inalloca )?(?:volatile )?")
_ALIGN = re.compile(r", align (\d+)$")
_ACCESS = re.compile(r"(?:, !tbaa <([^>]*)>)?(.*)")
_SHORT_ACCESS = re.compile(r"(.*?)(?: <([^>]*)>)?")
_STRING = re.compile(r'(@\.\d+) = private unnamed_addr constant \[\d+ x i8\] (c"[^"]*"), align 1')
_SHORT_STRING = re.compile(r'(@\.\d+) = (c"[^"]*")')
_VARIABLE = re.compile(rf"@{NAME} = (?:[a-z_]+(?:\([^)]*\))? )*?(?:global|constant) ")
_ESCAPE = re.compile(r"\\[0-9A-Fa-f]{2}")
_ACCESS_NAMES = {
    "i8": "omnipotent char", "i16": "short", "i32": "int", "i64": "long", "ptr": "any pointer",
    "float": "float", "double": "double", "x86_fp80": "long double", "i128": "__int128",
}  # fmt: skip


class Memory:
    """`typed`: loads and stores carry the access type that their IR type suggests unless marked:
    `<name>` is another one, `<>` none."""

    def __init__(self, layout: str, types: dict[str, str], typed: bool) -> None:
        self._alignment = Alignment(layout, types)
        self._typed = typed

    def short(self, line: str) -> str:
        found = _MEMORY.match(line)
        if not found:
            return line
        core, rest = _parted(line)
        kind = _type_at(line, found.end())
        align = _ALIGN.search(core)
        if align and int(align[1]) == self._alignment.of(kind):
            core = core[: align.start()]
        name, others = _ACCESS.fullmatch(rest).groups()
        mark = "" if name == self._expected(found[1], kind) else f" <{name or ''}>"
        return core + mark + others

    def long(self, short: str) -> str:
        found = _MEMORY.match(short)
        if not found:
            return short
        kind = _type_at(short, found.end())
        core, others = _parted(short)
        core, name = _SHORT_ACCESS.fullmatch(core).groups()
        name = self._expected(found[1], kind) if name is None else name
        core = self._aligned(core, kind)
        return core + (f", !tbaa <{name}>" if name else "") + others

    def _expected(self, opcode: str, kind: str) -> str | None:
        return _ACCESS_NAMES.get(kind) if self._typed and opcode != "alloca" else None

    def _aligned(self, core: str, kind: str) -> str:
        natural = self._alignment.of(kind)
        return f"{core}, align {natural}" if natural and not _ALIGN.search(core) else core

    def short_symbol(self, line: str) -> str:
        short = line
        if found := _STRING.fullmatch(line):
            short = f"{found[1]} = {found[2]}"
        elif found := _VARIABLE.match(line):
            align = _ALIGN.search(line)
            if align and int(align[1]) == self._alignment.of(_type_at(line, found.end())):
                short = line[: align.start()]
        return short if self.long_symbol(short) == line else WHOLE + line

    def long_symbol(self, short: str) -> str:
        if short.startswith(WHOLE):
            return short[len(WHOLE) :]
        if found := _SHORT_STRING.fullmatch(short):
            size = len(_ESCAPE.sub("x", found[2])) - len('c""')
            return f"{found[1]} = private unnamed_addr constant [{size} x i8] {found[2]}, align 1"
        found = _VARIABLE.match(short)
        return self._aligned(short, _type_at(short, found.end())) if found else short


def _parted(line: str) -> tuple[str, str]:
    """(instruction, its metadata)."""
    place = line.find(", !")
    return (line, "") if place < 0 else (line[:place], line[place:])


def _type_at(line: str, start: int) -> str:
    end = type_end(line, start)
    return line[start:end] if end > 0 else "?"
