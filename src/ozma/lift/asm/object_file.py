"""What an object's text needs beyond its code: sections, symbols and relocations (ELF-64)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ozma.llvm.objects import ObjectError, Section, sections

_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_ALLOCATED, _EXECUTED = 2, 4
_MACHINES = {62: "x86-64", 183: "aarch64"}
LOCAL, GLOBAL, WEAK = 0, 1, 2
FUNCTION, SECTION = 2, 3
_HIDDEN = 2


@dataclass(frozen=True)
class Symbol:
    """`section` is an index; 0 where the symbol is not defined here."""

    name: str
    kind: int
    binding: int
    hidden: bool
    section: int
    value: int
    size: int

    @property
    def is_function(self) -> bool:
        return self.kind == FUNCTION and self.section != 0


@dataclass(frozen=True)
class Relocation:
    kind: int
    symbol: Symbol
    addend: int


@dataclass
class ObjectFile:
    """`relocations` by (section, offset in it); `entries`: bytes of a section's entries, or 0."""

    target: str
    data: bytes
    sections: list[Section]
    entries: list[int] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    relocations: dict[tuple[int, int], Relocation] = field(default_factory=dict)

    def bytes_of(self, index: int) -> bytes:
        section = self.sections[index]
        if section.kind == _NOBITS:
            return bytes(section.size)
        return self.data[section.offset : section.offset + section.size]

    def is_code(self, index: int) -> bool:
        return bool(self.sections[index].flags & _EXECUTED)

    def is_data(self, index: int) -> bool:
        flags = self.sections[index].flags
        return bool(flags & _ALLOCATED) and not flags & _EXECUTED

    def functions(self) -> list[Symbol]:
        """Defined functions in the order of their addresses; each address once."""
        found = {}
        for symbol in self.symbols:
            if symbol.is_function and self.is_code(symbol.section):
                key = symbol.section, symbol.value
                if key not in found or found[key].binding == LOCAL:
                    found[key] = symbol
        return [found[key] for key in sorted(found)]


def read_object(data: bytes) -> ObjectFile:
    """ObjectError unless it is a relocatable ELF object for x86-64 or AArch64."""
    found = sections(data)
    try:
        kind, machine = struct.unpack_from("<HH", data, 16)
        if data[4:6] != b"\x02\x01" or machine not in _MACHINES:
            raise ObjectError("not an object for x86-64 or AArch64")
        if kind != 1:
            raise ObjectError("a linked file: give the object files that it was linked from")
        made = ObjectFile(_MACHINES[machine], data, found)
        for section in found:
            if section.kind == _SYMTAB:
                made.symbols = _symbols(data, section, found)
        for index, row in enumerate(_headers(data)):
            made.entries.append(row[9])
            if row[1] == _RELA:
                made.relocations |= _relocations(data, found[index], row[7], made.symbols)
        return made
    except (struct.error, IndexError, ValueError) as error:
        raise ObjectError(f"damaged ELF object: {error}") from error


def _symbols(data: bytes, table: Section, found: list[Section]) -> list[Symbol]:
    names = found[table.link].offset
    made = []
    for offset in range(table.offset, table.offset + table.size, 24):
        name, info, other, section, value, size = struct.unpack_from("<IBBHQQ", data, offset)
        start = names + name
        text = data[start : data.index(b"\0", start)].decode("utf-8", "replace")
        if text.startswith("$"):
            text = ""  # AArch64's marks of code and data
        index = section if section < len(found) else 0
        hidden = other & 3 == _HIDDEN
        made.append(Symbol(text, info & 15, info >> 4, hidden, index, value, size))
    return made


def _headers(data: bytes) -> list[tuple]:
    (table,) = struct.unpack_from("<Q", data, 40)
    entry, count = struct.unpack_from("<HH", data, 58)
    return [struct.unpack_from("<IIQQQQIIQQ", data, table + i * entry) for i in range(count)]


def _relocations(
    data: bytes, table: Section, target: int, symbols: list[Symbol]
) -> dict[tuple[int, int], Relocation]:
    made = {}
    for start in range(table.offset, table.offset + table.size, 24):
        offset, info, addend = struct.unpack_from("<QQq", data, start)
        made[target, offset] = Relocation(info & 0xFFFFFFFF, symbols[info >> 32], addend)
    return made
