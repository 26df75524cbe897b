"""Where everything is in the emulated memory: the same addresses for both texts of a pair.

Symbols live at addresses of their own by name, whether a text defines them or not; the function
under test starts at FUNCTION. Sections as wholes (constant pools, jump tables, private strings)
have addresses by their name. All of this is below 2 GiB, as small code models want it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator, Sequence

from ozma.lift.emulator.image import COMMON, TLS, Image, Symbol
from ozma.lift.emulator.relocations import Place, apply
from ozma.llvm.objects import ObjectError

FUNCTION = 0x0050_0000
_PLT, _PLT_STEP = 0x0800_0000, 16
_SECTIONS = 0x0900_0000
_GOT, _GOT_STEP = 0x1F00_0000, 32
_SYMBOLS, _SYMBOL_STEP, _SYMBOL_START = 0x2000_0000, 0x4_0000, 0x1000
STACK_LOW, STACK_TOP = 0xF_7E00_0000, 0xF_7E04_0000  # over 4 GiB, so that a cut address shows
RETURN = 0x7F80_0000
RESOLVER = 0x7F90_0000  # what a TLS descriptor's first word points to
THREAD, _THREAD_STEP = 0x7000_0000, 0x1000
_CANARY = 0x5AFE_C0DE_1234_5600
_PAGE = 4096
_OUTLINED = "OUTLINED_FUNCTION_"  # LLVM's name for instructions that several places share
GOT_OFFSETS = "_GLOBAL_OFFSET_TABLE_"


@dataclass(frozen=True)
class Layout:
    """Addresses by symbol name and by section key."""

    symbols: dict[str, int]
    threads: dict[str, int]
    sections: dict[tuple[str, int], int]
    sections_end: int
    unshared: tuple[range, ...] = ()
    """Where variables lie that only some of the texts know by name."""

    @cached_property
    def ranks(self) -> dict[str, int]:
        return {name: rank for rank, name in enumerate(self.symbols)}

    @cached_property
    def callees(self) -> dict[int, str]:
        """What is called at an address: in the linkage table, or at the symbol itself."""
        near = {self.call_slot(name): name for name in self.symbols}
        return near | {address: name for name, address in self.symbols.items()}

    def slot(self, name: str) -> int:
        """The entries of a symbol in the global offset table."""
        return _GOT + _GOT_STEP * (1 + self.ranks[name])

    def call_slot(self, name: str) -> int:
        return _PLT + _PLT_STEP * self.ranks[name]

    def is_unnamed(self, address: int) -> bool:
        """Is this address one that the texts have no common name for?"""
        if _SECTIONS <= address < self.sections_end:
            return True
        return any(address in place for place in self.unshared)


def lay_out(function: str, images: Sequence[Image]) -> Layout:
    """One layout for all images."""
    symbols: dict[str, int] = {}
    threads: dict[str, int] = {}
    address = _SYMBOLS
    for symbol in sorted(_named(images), key=lambda s: s.name):
        if symbol.kind == TLS:
            threads.setdefault(symbol.name, _THREAD_STEP * (1 + len(threads)))
            symbols.setdefault(symbol.name, THREAD + threads[symbol.name])
        elif symbol.name not in symbols:
            symbols[symbol.name] = address + _SYMBOL_START
            address += _SYMBOL_STEP * (1 + symbol.size // _SYMBOL_STEP)
    if address >= THREAD:
        raise ObjectError("too many symbols")
    symbols[function] = FUNCTION
    sections, end = _place_sections(images)
    return Layout(symbols, threads, sections, end, tuple(_unshared(images, symbols)))


def _unshared(images: Sequence[Image], symbols: dict[str, int]) -> Iterator[range]:
    known = [{symbol.name for symbol in image.symbols} for image in images]
    common = set.intersection(*known)
    for symbol in (s for image in images for s in image.symbols):
        if symbol.is_name and symbol.name not in common and symbol.section and symbol.size:
            yield range(symbols[symbol.name], symbols[symbol.name] + symbol.size)


def _named(images: Sequence[Image]) -> list[Symbol]:
    """A symbol by name; of two, the thread-local or the larger one."""
    best: dict[str, Symbol] = {}
    for symbol in (s for image in images for s in image.symbols if s.is_name):
        old = best.get(symbol.name)
        if old is None or (symbol.kind == TLS, symbol.size) > (old.kind == TLS, old.size):
            best[symbol.name] = symbol
    return list(best.values())


def _place_sections(images: Sequence[Image]) -> tuple[dict[tuple[str, int], int], int]:
    sizes: dict[tuple[str, int], int] = {}
    for section in (s for image in images for s in image.sections.values()):
        sizes[section.key] = max(sizes.get(section.key, 0), len(section.data))
    places, address = {}, _SECTIONS
    for key in sorted(sizes):
        places[key] = address
        address += (sizes[key] // _PAGE + 2) * _PAGE
    if address >= _GOT:
        raise ObjectError("too much data")
    return places, address


@dataclass
class Loaded:
    """Memory of one text: (address, bytes, executable) in `segments`; `code` are the ranges that
    belong to the function."""

    layout: Layout
    segments: list[tuple[int, bytes, bool]] = field(default_factory=list)
    code: list[range] = field(default_factory=list)
    variables: dict[str, tuple[int, bytes, bool]] = field(default_factory=dict)

    def lend(self, other: Loaded) -> None:
        """Variables that only this text defines are there for the other one too."""
        missing = self.variables.keys() - other.variables.keys()
        other.segments += [self.variables[name] for name in sorted(missing)]


def load(image: Image, function: str, layout: Layout) -> Loaded:
    """Places and relocates an image. ObjectError if it does not define the function."""
    own = image.function(function)
    if own is None:
        raise ObjectError(f"no function {function} in the assembly")
    return _Loader(image, own, layout).load()


class _Loader:
    def __init__(self, image: Image, own: Symbol, layout: Layout) -> None:
        self._image, self._own, self._layout = image, own, layout
        self._bytes = {i: bytearray(s.data) for i, s in image.sections.items()}
        self._base = {i: layout.sections[s.key] for i, s in image.sections.items()}
        self._base[own.section] = FUNCTION - own.value

    def load(self) -> Loaded:
        for relocation in self._image.relocations:
            name = relocation.symbol.name
            near = name in self._layout.symbols and not self._is_part(relocation.symbol)
            place = Place(
                self._base[relocation.section] + relocation.offset,
                self._address(relocation.symbol),
                self._layout.slot(name) if name in self._layout.symbols else 0,
                self._layout.call_slot(name) if near else self._address(relocation.symbol),
                self._layout.threads.get(name, 0),
                _GOT,
            )
            apply(self._bytes[relocation.section], relocation, place)
        variables = self._variables()
        segments = [*self._whole(), *variables.values(), *self._tables()]
        return Loaded(self._layout, segments, self._code(), variables)

    def _address(self, symbol: Symbol) -> int:
        """Cold parts of the function are reached where they lie, everything else by name."""
        if symbol.name == GOT_OFFSETS:
            return _GOT
        if not symbol.is_name or self._is_part(symbol):
            return self._base.get(symbol.section, 0) + symbol.value
        return self._layout.symbols.get(symbol.name, 0)

    def _is_part(self, symbol: Symbol) -> bool:
        own = self._own.name
        parts = symbol.name.startswith((f"{own}.cold", _OUTLINED)) or symbol.name == own
        return parts and symbol.section in self._base

    def _whole(self) -> list[tuple[int, bytes, bool]]:
        sections = self._image.sections
        return [(self._base[i], bytes(self._bytes[i]), s.executable) for i, s in sections.items()]

    def _variables(self) -> dict[str, tuple[int, bytes, bool]]:
        """Variables of the image once more, each at the address of its name."""
        found = {}
        for symbol in self._image.symbols:
            address = self._layout.symbols.get(symbol.name)
            section = self._image.sections.get(symbol.section)
            if not address or not symbol.is_name or section and section.executable:
                continue
            if symbol.section == COMMON:
                found[symbol.name] = address, bytes(symbol.size), False
            elif section:
                body = self._bytes[symbol.section][symbol.value : symbol.value + symbol.size]
                found[symbol.name] = address, bytes(body), False
        return found

    def _tables(self) -> list[tuple[int, bytes, bool]]:
        """The thread's control block, and the global offset table: per symbol its address, its
        offset from the thread pointer, and what a TLS descriptor holds."""
        layout = self._layout
        rows = [(0, 0, RESOLVER, 0)]  # what local-dynamic code asks for: offset 0
        for name, address in layout.symbols.items():
            offset = layout.threads.get(name, 0)
            rows.append((address, offset, RESOLVER, offset))
        block = struct.pack("<6Q", THREAD, 0, 0, 0, 0, _CANARY)  # %fs:0 is its own address
        table = b"".join(struct.pack("<4Q", *row) for row in rows)
        return [(_GOT, table, False), (THREAD, block, False)]

    def _code(self) -> list[range]:
        own, ranges = self._own, []
        for symbol in self._image.symbols:
            if self._is_part(symbol):
                start = self._base[symbol.section] + symbol.value
                ranges.append(range(start, start + symbol.size))
        if not own.size:  # no .size directive: up to the end of the section
            end = self._base[own.section] + len(self._image.sections[own.section].data)
            ranges.append(range(FUNCTION, end))
        return [r for r in ranges if r]
