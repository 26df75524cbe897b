"""An ELF object as data: sections, symbols and relocations (64 bit, little-endian, RELA)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ozma.llvm.objects import ObjectError

_PROGBITS_ABSENT, _SYMBOL_TABLE, _RELA = 8, 2, 4
_ALLOCATED, _EXECUTED, _TLS = 2, 4, 0x400
_SECTION, _FILE, TLS = 3, 4, 6
UNDEFINED, COMMON = 0, 0xFFF2
_ABSOLUTE = 0xFFF1


@dataclass(frozen=True)
class Section:
    """A section that is loaded; `data` is zeros for .bss. `key` is the same in both objects of a
    pair: name and a count, as several sections may have one name."""

    index: int
    key: tuple[str, int]
    data: bytes
    alignment: int
    executable: bool
    thread_local: bool


@dataclass(frozen=True)
class Symbol:
    """`section` is 0 where the symbol is undefined, COMMON with its size where it is common."""

    name: str
    kind: int
    section: int
    value: int
    size: int

    @property
    def is_name(self) -> bool:
        """Is it more than a place in a section?"""
        return bool(self.name) and self.kind not in (_SECTION, _FILE) and self.name[:2] != ".L"


@dataclass(frozen=True)
class Relocation:
    """Patches `offset` of section `section`."""

    section: int
    offset: int
    kind: int
    symbol: Symbol
    addend: int


@dataclass
class Image:
    """Everything of an object that loading needs."""

    sections: dict[int, Section] = field(default_factory=dict)
    symbols: list[Symbol] = field(default_factory=list)
    relocations: list[Relocation] = field(default_factory=list)

    def function(self, name: str) -> Symbol | None:
        """The definition of a function, None if it is not here."""
        found = (s for s in self.symbols if s.name == name and s.section in self.sections)
        return next((s for s in found if self.sections[s.section].executable), None)


def read_image(data: bytes) -> Image:
    """The image of an object; ObjectError if it is damaged."""
    try:
        return _read(data)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise ObjectError(f"damaged ELF object: {error}") from error


def _read(data: bytes) -> Image:
    (table,) = struct.unpack_from("<Q", data, 40)
    entry, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * entry) for i in range(count)]
    image, seen = Image(), {}
    for index, header in enumerate(headers):
        name = _text(data, headers[names][4] + header[0])
        if header[2] & _ALLOCATED and header[5]:
            seen[name] = seen.get(name, -1) + 1
            image.sections[index] = _section(data, index, (name, seen[name]), header)
    for header in headers:
        if header[1] == _SYMBOL_TABLE:
            image.symbols = _symbols(data, header, headers)
    for header in headers:
        if header[1] == _RELA and header[7] in image.sections:
            image.relocations += _relocations(data, header, image.symbols)
    return image


def _section(data: bytes, index: int, key: tuple[str, int], header: tuple) -> Section:
    flags, offset, size = header[2], header[4], header[5]
    if size > 1 << 26:
        raise ValueError(f"section {key[0]} has {size} bytes")
    body = bytes(size) if header[1] == _PROGBITS_ABSENT else data[offset : offset + size]
    return Section(
        index, key, body, max(header[8], 1), bool(flags & _EXECUTED), bool(flags & _TLS)
    )


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode("utf-8", "replace")


def _symbols(data: bytes, header: tuple, headers: list[tuple]) -> list[Symbol]:
    names = headers[header[6]][4]
    found = []
    for offset in range(header[4], header[4] + header[5], 24):
        name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, offset)
        section = UNDEFINED if section == _ABSOLUTE else section
        found.append(Symbol(_text(data, names + name), info & 15, section, value, size))
    return found


def _relocations(data: bytes, header: tuple, symbols: list[Symbol]) -> list[Relocation]:
    found = []
    for start in range(header[4], header[4] + header[5], 24):
        offset, info, addend = struct.unpack_from("<QQq", data, start)
        symbol = symbols[info >> 32]
        found.append(Relocation(header[7], offset, info & 0xFFFFFFFF, symbol, addend))
    return found
