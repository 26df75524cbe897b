"""Give every program of a link symbols of its own, by rewriting ELF objects' symbol names.

Two thousand programs, each with a `main`, become one executable: each defined symbol (and each
reference to it from the same program) gets the program's prefix. Constructor tables are renamed
too, so that they run in the program's own process and not before the first one.
Little-endian ELF relocatable files of 64 bits (x86-64, AArch64) and 32 bits (ARM), System V ABI,
chapter 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ozma.errors import OzmaError


@dataclass(frozen=True)
class _Class:
    """What differs between the two ELF classes. `symbol` holds (name, info, section) of an entry,
    `info_at` the byte of its info; the tables' places in the header follow."""

    symbol: struct.Struct
    info_at: int
    section: struct.Struct
    place: struct.Struct
    """Offset and size of a section's bytes, at `place_at` of its header."""
    place_at: int
    table: struct.Struct
    table_at: int
    counts_at: int


_ELF64 = _Class(
    struct.Struct("<IBxH16x"), 4, struct.Struct("<IIQQQQIIQQ"), struct.Struct("<QQ"), 24,
    struct.Struct("<Q"), 40, 60,
)  # fmt: skip
_ELF32 = _Class(
    struct.Struct("<I8xBxH"), 12, struct.Struct("<10I"), struct.Struct("<II"), 16,
    struct.Struct("<I"), 32, 48,
)  # fmt: skip
_CLASSES = {b"\x7fELF\x02\x01": _ELF64, b"\x7fELF\x01\x01": _ELF32}
_SHT_NULL, _SHT_PROGBITS, _SHT_SYMTAB, _SHT_GROUP = 0, 1, 2, 17
_SHT_ARM_ATTRIBUTES, _EM_ARM = 0x70000003, 40
_STB_LOCAL, _STB_WEAK = 0, 2
_RENAMED = {
    b".init_array": b"init",
    b".ctors": b"ctor",
    b".fini_array": b"fini",
    b".dtors": b"dtor",
}


@dataclass
class _Symbol:
    index: int
    name: bytes
    info: int
    defined: bool


class Relocatable:
    """One object file whose symbols can be renamed. OzmaError unless little-endian ELF."""

    def __init__(self, data: bytes) -> None:
        if data[:6] not in _CLASSES:
            raise OzmaError("not a little-endian ELF object")
        self._data, self._class = bytearray(data), _CLASSES[data[:6]]
        section = self._class.section
        (self._table,) = self._class.table.unpack_from(data, self._class.table_at)
        count, names = struct.unpack_from("<HH", data, self._class.counts_at)
        self._sections = [
            section.unpack_from(data, self._table + i * section.size) for i in range(count)
        ]
        self._section_names = names
        self._symtab = next((s for s in self._sections if s[1] == _SHT_SYMTAB), None)
        if self._symtab is None:
            raise OzmaError("the object has no symbol table")
        self._symbols = list(self._read_symbols())

    def _read_symbols(self):
        _, _, _, _, offset, size, strings, _, _, _ = self._symtab
        base = self._sections[strings][4]
        signatures = {s[7] for s in self._sections if s[1] == _SHT_GROUP}
        rows = self._class.symbol.iter_unpack(self._data[offset : offset + size])
        for index, (name, info, section) in enumerate(rows):
            if info >> 4 != _STB_LOCAL or index in signatures:
                end = self._data.index(0, base + name)
                text = bytes(self._data[base + name : end])
                # A group's signature need not be defined, yet must differ between programs.
                yield _Symbol(index, text, info, section != 0 or index in signatures)

    @property
    def defined(self) -> set[bytes]:
        """Names of the symbols that other objects of the program can refer to."""
        return {symbol.name for symbol in self._symbols if symbol.defined}

    @property
    def undefined(self) -> set[bytes]:
        """Names that the object wants from others."""
        return {symbol.name for symbol in self._symbols if not symbol.defined}

    def prefixed(self, prefix: bytes, own: set[bytes], weaken: set[bytes]) -> bytes:
        """The object with `prefix` before each name in `own`; constructors are in `<prefix>init`
        (to be called first to last) or `<prefix>ctor` (last to first).

        Definitions in `weaken` give way to those of an object that is linked before.
        """
        added = _Strings(self._sections[self._symtab[6]])
        for symbol in self._symbols:
            if symbol.name in own:
                at = self._symtab[4] + symbol.index * self._class.symbol.size
                struct.pack_into("<I", self._data, at, added.add(prefix + symbol.name))
                if symbol.defined and symbol.name in weaken:
                    self._data[at + self._class.info_at] = _STB_WEAK << 4 | symbol.info & 15
        self._rename_sections(prefix, added)
        return bytes(self._data)

    def _rename_sections(self, prefix: bytes, symbol_names: _Strings) -> None:
        shared = self._symtab[6] == self._section_names
        names = symbol_names if shared else _Strings(self._sections[self._section_names])
        base = self._sections[self._section_names][4]
        for index, section in enumerate(self._sections):
            start = base + section[0]
            name = bytes(self._data[start : self._data.index(0, start)])
            at = self._header(index)
            for stem, suffix in _RENAMED.items():
                if name == stem or name.startswith(stem + b"."):
                    kind = (names.add(prefix + suffix), _SHT_PROGBITS)
                    struct.pack_into("<II", self._data, at, *kind)
            if section[1] == _SHT_ARM_ATTRIBUTES and self._is_arm:
                # Told that the code is for a microcontroller, lld would not let it call the C
                # library's, which is for another kind of ARM processor.
                struct.pack_into("<I", self._data, at + 4, _SHT_NULL)
        self._move(symbol_names, self._symtab[6])
        if not shared:
            self._move(names, self._section_names)

    @property
    def _is_arm(self) -> bool:
        return struct.unpack_from("<H", self._data, 18) == (_EM_ARM,)

    def _header(self, section: int) -> int:
        return self._table + section * self._class.section.size

    def _move(self, strings: _Strings, section: int) -> None:
        """Puts the grown table at the end of the file and points the section's header there."""
        text = strings.bytes_in(self._data)
        at = self._header(section) + self._class.place_at
        self._class.place.pack_into(self._data, at, len(self._data), len(text))
        self._data += text


class _Strings:
    """A string table that grows: its old bytes keep their place, so old offsets stay valid."""

    def __init__(self, section: tuple) -> None:
        self._offset, self._size = section[4], section[5]
        self._added = bytearray()

    def add(self, name: bytes) -> int:
        position = self._size + len(self._added)
        self._added += name + b"\0"
        return position

    def bytes_in(self, data: bytearray) -> bytes:
        """The whole table: what `data` holds of it, and what was added."""
        return bytes(data[self._offset : self._offset + self._size]) + bytes(self._added)


def isolate(objects: list[bytes], prefix: str) -> list[bytes]:
    """The objects of one program with all their own symbols prefixed.

    Where two objects define the same name the first one wins.
    """
    files = [Relocatable(data) for data in objects]
    own: set[bytes] = set().union(*(file.defined for file in files))
    seen: set[bytes] = set()
    result = []
    for file in files:
        defined = file.defined
        result.append(file.prefixed(prefix.encode(), own, seen))
        seen |= defined
    return result


def archive(objects: list[bytes]) -> bytes:
    """A `.a` file of the objects without an index (link it with --whole-archive)."""
    parts = [b"!<arch>\n"]
    for index, data in enumerate(objects):
        header = f"{f'{index}.o/':<16}{0:<12}{0:<6}{0:<6}{'644':<8}{len(data):<10}`\n"
        parts += [header.encode(), data, b"\n" * (len(data) & 1)]
    return b"".join(parts)
