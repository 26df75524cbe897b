"""Section and symbol sizes of ELF objects, read from the section headers.

A size is the paper's `.text` + `.data` (section 3.1: all `.text*`, `.data*`, `.rodata*`
sections). The same figure comes from `llvm-size -A FILE` by adding those rows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator, Sequence

from ozma.errors import OzmaError
from ozma.llvm.result import Sizes

_SHT_SYMTAB, _SHT_NOBITS = 2, 8
_SHF_ALLOC = 2
_STT_OBJECT, _STT_FUNC = 1, 2


class ObjectError(OzmaError):
    """The bytes are not an ELF object that can be measured."""


@dataclass(frozen=True)
class Section:
    """One section header; `offset` and `size` in bytes of the file."""

    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int

    @property
    def loaded(self) -> bool:
        return bool(self.flags & _SHF_ALLOC) and self.kind != _SHT_NOBITS

    def named(self, stem: str) -> bool:
        return self.name == stem or self.name.startswith(stem + ".")


def _header_format(data: bytes) -> tuple[bool, str]:
    """(is 64 bit, byte order); ObjectError unless the magic is ELF's."""
    if data[:4] != b"\x7fELF" or len(data) < 52:
        raise ObjectError("not an ELF object")
    return data[4] == 2, "<" if data[5] == 1 else ">"


def _raw_headers(data: bytes) -> tuple[list[tuple], int]:
    wide, order = _header_format(data)
    if wide:
        (table,) = struct.unpack_from(order + "Q", data, 40)
        entry, count, names = struct.unpack_from(order + "HHH", data, 58)
        layout = order + "IIQQQQIIQQ"
    else:
        (table,) = struct.unpack_from(order + "I", data, 32)
        entry, count, names = struct.unpack_from(order + "HHH", data, 46)
        layout = order + "IIIIIIIIII"
    if count == 0 and table:  # more than 65,279 sections: the count is in the first header
        first = struct.unpack_from(layout, data, table)
        count, names = first[5], names if names != 0xFFFF else first[6]
    return [struct.unpack_from(layout, data, table + i * entry) for i in range(count)], names


def _text_at(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode("utf-8", "replace")


def sections(data: bytes) -> list[Section]:
    """All sections of an ELF object, in file order."""
    try:
        raw, names = _raw_headers(data)
        base = raw[names][4] if raw else 0
        return [
            Section(_text_at(data, base + r[0]), r[1], r[2], r[4], r[5], r[6]) for r in raw
        ]
    except (struct.error, ValueError, IndexError) as error:
        raise ObjectError(f"damaged ELF object: {error}") from error


def measure_object(data: bytes) -> Sizes:
    """Sizes of an ELF object (32 or 64 bit, either byte order)."""
    totals = dict.fromkeys((".text", ".data", ".rodata"), 0)
    loadable = 0
    for section in sections(data):
        if not section.loaded:
            continue
        loadable += section.size
        for stem in totals:
            if section.named(stem):
                totals[stem] += section.size
    return Sizes(totals[".text"], totals[".data"], totals[".rodata"], loadable)


def _symbols(data: bytes, table: Section, names: Section) -> Iterator[tuple[str, int, int, int]]:
    """(name, type, section index, size) of each symbol."""
    wide, order = _header_format(data)
    layout = order + ("IBBHQQ" if wide else "IIIBBH")
    step = struct.calcsize(layout)
    for offset in range(table.offset, table.offset + table.size, step):
        fields = struct.unpack_from(layout, data, offset)
        name, info, index, size = (
            (fields[0], fields[1], fields[3], fields[5])
            if wide
            else (fields[0], fields[3], fields[5], fields[2])
        )
        yield _text_at(data, names.offset + name), info & 15, index, size


def function_sizes(data: bytes) -> dict[str, int]:
    """Bytes of each defined function symbol, local ones included."""
    return symbol_sizes(data, (_STT_FUNC,))


def symbol_sizes(data: bytes, kinds: Sequence[int] = (_STT_OBJECT, _STT_FUNC)) -> dict[str, int]:
    """Bytes of each defined function and object symbol, local ones included."""
    found = sections(data)
    sizes: dict[str, int] = {}
    for table in (s for s in found if s.kind == _SHT_SYMTAB):
        for name, kind, index, size in _symbols(data, table, found[table.link]):
            if index and kind in kinds:
                sizes[name] = size
    return sizes
