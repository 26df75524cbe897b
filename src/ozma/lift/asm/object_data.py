"""Data sections of an object as directives, with labels where code or tables refer to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ozma.lift.asm.object_file import GLOBAL, SECTION, WEAK, ObjectFile, Relocation, Symbol

_ABSOLUTE_64 = {"x86-64": 1, "aarch64": 257}
_RELATIVE_32 = {"x86-64": 2, "aarch64": 261}
_NOBITS, _MERGED = 8, 0x10
_FLAGS = ((1, "w"), (_MERGED, "M"), (0x20, "S"), (0x400, "T"))
_LEFT_OUT = (".eh_frame", ".note", ".comment", ".gcc_except_table")
_Name = Callable[[int, int], str]
Labels = dict[tuple[int, int], str]


def data_text(found: ObjectFile, labels: Labels, name: _Name) -> list[str]:
    """Text of every section of data; `labels` grows by the places that data points to."""
    chosen = _chosen(found)
    for (section, _), relocation in list(found.relocations.items()):
        symbol = relocation.symbol
        if section in chosen and symbol.kind == SECTION and not found.is_code(symbol.section):
            name(symbol.section, symbol.value + relocation.addend)
    return [line for index in chosen for line in _Section(found, index, labels, name).lines()]


def code_targets(found: ObjectFile, labels: Labels) -> Iterator[tuple[int, int]]:
    """(section, offset) of code that pointers and tables in data lead to."""
    chosen = _chosen(found)
    for (section, at), relocation in found.relocations.items():
        symbol = relocation.symbol
        if section not in chosen or not found.is_code(symbol.section):
            continue
        back = 0
        if relocation.kind == _RELATIVE_32[found.target]:
            back = at - _start(found, labels, section, at)
        yield symbol.section, symbol.value + relocation.addend - back


def _start(found: ObjectFile, labels: Labels, section: int, at: int) -> int:
    """Where the table begins that holds this place: at the last label before it."""
    places = {place for index, place in labels if index == section}
    places |= {s.value for s in found.symbols if s.section == section and s.name}
    return max((place for place in places if place <= at), default=0)


def _chosen(found: ObjectFile) -> list[int]:
    return [
        index
        for index, section in enumerate(found.sections)
        if found.is_data(index) and section.size and not section.name.startswith(_LEFT_OUT)
    ]


class _Section:
    def __init__(self, found: ObjectFile, index: int, labels: Labels, name: _Name) -> None:
        self._file, self._index, self._labels, self._name = found, index, labels, name
        self._bytes = found.bytes_of(index)
        self._symbols = [
            s for s in found.symbols if s.section == index and s.name and s.kind != SECTION
        ]

    def lines(self) -> Iterator[str]:
        section = self._file.sections[self._index]
        flags = "a" + "".join(mark for bit, mark in _FLAGS if section.flags & bit)
        kind = "nobits" if section.kind == _NOBITS else "progbits"
        entry = f",{self._file.entries[self._index]}" if section.flags & _MERGED else ""
        yield f'\t.section\t{section.name},"{flags}",@{kind}{entry}'
        cuts = self._cuts()
        for start, end in zip(cuts, cuts[1:]):
            yield from self._labels_at(start)
            yield from self._values(start, end)

    def _cuts(self) -> list[int]:
        size = len(self._bytes)
        places = {place for section, place in self._labels if section == self._index}
        places |= {symbol.value for symbol in self._symbols}
        places |= {symbol.value + symbol.size for symbol in self._symbols}
        return sorted({0, size} | {place for place in places if 0 <= place < size})

    def _labels_at(self, place: int) -> Iterator[str]:
        for symbol in (s for s in self._symbols if s.value == place):
            yield from _declared(symbol)
            yield f"{symbol.name}:"
        if label := self._labels.get((self._index, place)):
            yield f"{label}:"

    def _values(self, start: int, end: int) -> Iterator[str]:
        at = start
        while at < end:
            relocation = self._file.relocations.get((self._index, at))
            if relocation:
                text, size = self._pointer(relocation, start, at)
                yield text
                at += size
            else:
                stop = self._next_relocation(at, end)
                yield from plain(self._bytes[at:stop])
                at = stop

    def _next_relocation(self, at: int, end: int) -> int:
        found = self._file.relocations
        return next((p for p in range(at, end) if (self._index, p) in found), end)

    def _pointer(self, relocation: Relocation, start: int, at: int) -> tuple[str, int]:
        """A pointer; or an entry of a table that starts at `start`, counted from there."""
        target = self._file.target
        if relocation.kind == _ABSOLUTE_64[target]:
            return f"\t.quad\t{self._target(relocation, 0)}", 8
        if relocation.kind == _RELATIVE_32[target]:
            table = self._labels.get((self._index, start)) or self._name(self._index, start)
            return f"\t.long\t{self._target(relocation, start - at)}-{table}", 4
        return f"\t.long\t{self._target(relocation, 0)}", 4

    def _target(self, relocation: Relocation, offset: int) -> str:
        symbol, place = relocation.symbol, relocation.addend + offset
        if symbol.kind != SECTION:
            return f"{symbol.name}{place:+d}" if place else symbol.name
        there = symbol.value + place
        return self._labels.get((symbol.section, there)) or self._name(symbol.section, there)


def _declared(symbol: Symbol) -> Iterator[str]:
    if symbol.binding in (GLOBAL, WEAK):
        yield f"\t{'.globl' if symbol.binding == GLOBAL else '.weak'}\t{symbol.name}"
    if symbol.hidden:
        yield f"\t.hidden\t{symbol.name}"
    if not symbol.name.startswith(".L"):
        yield f"\t.type\t{symbol.name},@object"
        if symbol.size:
            yield f"\t.size\t{symbol.name}, {symbol.size}"


def plain(data: bytes) -> Iterator[str]:
    """Directives that give these bytes: zeros, text, or numbers as wide as they fit."""
    if not data.strip(b"\0"):
        yield f"\t.zero\t{len(data)}"
    elif data.endswith(b"\0") and _is_text(data[:-1]):
        yield f'\t.asciz\t"{_quoted(data[:-1])}"'
    else:
        width, word = next((w, d) for w, d in _WORDS if len(data) % w == 0)
        for at in range(0, len(data), width):
            yield f"\t{word}\t{int.from_bytes(data[at : at + width], 'little')}"


_WORDS = ((8, ".quad"), (4, ".long"), (2, ".short"), (1, ".byte"))


def _is_text(data: bytes) -> bool:
    return all(32 <= byte < 127 or byte in b"\n\t\r\x1b" or byte >= 0x80 for byte in data)


def _quoted(data: bytes) -> str:
    escapes = {34: '\\"', 92: "\\\\", 10: "\\n", 9: "\\t", 13: "\\r"}
    return "".join(
        escapes.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data
    )
