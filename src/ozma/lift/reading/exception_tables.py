"""The table of landing pads of a function: ranges of code, and what each pad catches.

The language specific data area of the Itanium C++ ABI, as text: call sites, actions, types and
exception specifications. LLVM and gcc print it alike but for the names of labels. Numbers are read
as bytes (LEB128), ranges by their labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ozma.lift.reading.assembly import Instruction
from ozma.lift.reading.listing import AsmFunction, DataObject, Directive, Listing
from ozma.lift.reading.effects import Unsupported
from ozma.lift.reading.static_data import pieces_of

_DIFFERENCE = re.compile(r"([\w.$]+)\s*-\s*([\w.$]+)$")
_STUB = re.compile(r"(?:\.L)?(?:DW\.ref\.)?([\w$]+?)(?:\.DW\.stub)?$")
_TABLE = re.compile(r"GCC_except_table|\.LLSDA\d")
_SITES = re.compile(r"\.Lcst_begin|\.LLSDACSB")
_ACTIONS = re.compile(r"\.Lcst_end|\.LLSDACSE")
_TYPE_BASE = re.compile(r"\.Lttbase\d|\.LLSDATT\d")
_LEB = (".uleb128", ".sleb128")
_BYTES = (".byte", ".ascii", ".asciz", ".zero")
_ADDRESSES = (".long", ".4byte", ".word", ".quad", ".8byte", ".xword")
_NONE = ("255", "0xff")
"""DW_EH_PE_omit."""
_UNKNOWN = "a table of landing pads of unknown form"


@dataclass(frozen=True)
class Clause:
    """What a landing pad is for: "cleanup"; "catch" of one type, "" any; "filter": an exception
    specification that allows `types`. Types are the symbols of their `type_info`."""

    kind: str
    types: tuple[str, ...] = ()


CLEANUP = Clause("cleanup")


@dataclass(frozen=True)
class Range:
    """Calls between two labels unwind to `pad` ("": out of the function)."""

    start: str
    end: str
    pad: str
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True)
class Exceptions:
    """`pads`: landing pad -> its clauses in order. `types`: the caught types' symbols, the first
    of them number 1 in the selector."""

    personality: str = ""
    ranges: tuple[Range, ...] = ()
    pads: dict[str, tuple[Clause, ...]] = field(default_factory=dict)
    types: tuple[str, ...] = ()

    def starts(self) -> dict[str, Range]:
        return {entry.start: entry for entry in self.ranges}


def read_exceptions(function: AsmFunction, listing: Listing) -> Exceptions:
    """Of a function without landing pads: nothing. Unsupported: a table of another form."""
    notes = {line.name: line.arguments for line in function.lines if isinstance(line, Directive)}
    personality = notes.get(".cfi_personality", "255")
    table = notes.get(".cfi_lsda", "255")
    if personality.startswith(_NONE) or table.startswith(_NONE):
        return Exceptions()
    name = personality.split(",")[1].strip().removeprefix("DW.ref.")
    reader = _Table(_parts(table.split(",")[1].strip(), listing))
    ranges = tuple(reader.ranges())
    pads: dict[str, tuple[Clause, ...]] = {}
    for entry in ranges:
        if entry.pad:
            known = pads.get(entry.pad, ())
            pads[entry.pad] = known + tuple(c for c in entry.clauses if c not in known)
    return Exceptions(name, ranges, pads, tuple(reader.types))


def _parts(first: str, listing: Listing) -> list[DataObject]:
    """The objects from the table's label on, to the next table or the end of its section."""
    if first not in listing.data:
        raise Unsupported(f"the table of landing pads '{first}' is not there")
    ordered = sorted(listing.data.values(), key=lambda item: item.number)
    start = ordered.index(listing.data[first])
    section, found = listing.data[first].section, [listing.data[first]]
    for item in ordered[start + 1 :]:
        if item.section != section or _TABLE.match(item.name):
            break
        found.append(item)
    return found


class _Table:
    """One table, in parts that begin with a label each."""

    def __init__(self, parts: list[DataObject]) -> None:
        self._parts = parts
        self._sites, self._rest = self._find(_SITES), self._find(_ACTIONS)
        if self._sites is None or self._rest is None:
            raise Unsupported(_UNKNOWN)
        self._base = self._find(_TYPE_BASE)
        self._actions = _bytes_of(parts[self._rest])
        self._filters = _bytes_of(parts[self._base]) if self._base is not None else b""
        self.types = self._type_symbols()

    def _find(self, name: re.Pattern) -> int | None:
        found = (place for place, item in enumerate(self._parts) if name.match(item.name))
        return next((p for p in found if "ref" not in self._parts[p].name), None)

    def ranges(self) -> Iterator[Range]:
        for start, length, pad, action in zip(*[_entries(self._parts[self._sites])] * 4):
            begin, end = _labels(start)[0], _labels(length)[0]
            target = "" if pad == "0" else _labels(pad)[0]
            yield Range(begin, end, target, self._clauses(int(action, 0)))

    def _clauses(self, action: int) -> tuple[Clause, ...]:
        """The chain of an action, which is its place in bytes, from 1."""
        if not action:
            return (CLEANUP,)
        found: list[Clause] = []
        place = action - 1
        while len(found) <= len(self._actions):
            kind, after = _signed(self._actions, place)
            step, _ = _signed(self._actions, after)
            found.append(self._clause(kind))
            if not step:
                return tuple(found)
            place = after + step
        raise Unsupported(_UNKNOWN)

    def _clause(self, kind: int) -> Clause:
        """0 is a cleanup, n the n-th type before the base, -n the list n bytes after it."""
        if kind == 0:
            return CLEANUP
        if kind > 0:
            return Clause("catch", (self._type(kind),))
        found, place = [], -kind - 1
        while place < len(self._filters) and (number := self._filters[place]):
            found.append(self._type(number))
            place += 1
        if place >= len(self._filters):
            raise Unsupported(_UNKNOWN)
        return Clause("filter", tuple(found))

    def _type(self, number: int) -> str:
        if number > len(self.types):
            raise Unsupported(_UNKNOWN)
        return self.types[number - 1]

    def _type_symbols(self) -> list[str]:
        """By number: they stand before the base, the first last."""
        parts = self._parts[self._rest : self._base] if self._base is not None else []
        entries = [entry for part in parts for entry in part.items]
        return [_type_symbol(text) for name, text in entries if name in _ADDRESSES][::-1]


def _entries(item: DataObject) -> Iterator[str]:
    """Numbers of the call sites: differences of labels as they are, others in decimal."""
    value = shift = 0
    for name, text in item.items:
        if name in _LEB:
            yield text.strip()
            continue
        for byte in _bytes_of(item, [(name, text)]):
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                yield str(value)
                value = shift = 0


def _bytes_of(item: DataObject, items: list[tuple[str, str]] | None = None) -> bytes:
    """The bytes of a part, or of some of its lines."""
    chosen = [entry for entry in (items or item.items) if entry[0] in _BYTES]
    pieces = pieces_of(DataObject(item.name, item.number, item.section, items=chosen))
    if any(not isinstance(piece, bytes) for piece in pieces):
        raise Unsupported(_UNKNOWN)
    return b"".join(pieces)


def _signed(data: bytes, place: int) -> tuple[int, int]:
    """(number, place after it) of a signed LEB128."""
    value = shift = 0
    while 0 <= place < len(data):
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value - (1 << shift) if byte & 64 else value, place
    raise Unsupported(_UNKNOWN)


def _labels(text: str) -> tuple[str, str]:
    match = _DIFFERENCE.match(text.strip())
    if not match:
        raise Unsupported(f"'{text}' in a table of landing pads")
    return match[1], match[2]


def _type_symbol(text: str) -> str:
    if text.strip() == "0":
        return ""
    match = _STUB.match(text.split("-")[0].strip())
    if not match:
        raise Unsupported(f"'{text}' in a table of landing pads")
    return match[1]


def used_labels(function: AsmFunction, exceptions: Exceptions) -> set[str]:
    """Labels that code or a landing pad needs; the rest only bound ranges."""
    texts = " ".join(line.text for line in function.lines if isinstance(line, Instruction))
    return set(exceptions.pads) | set(re.findall(r"\.L[\w.$]+", texts))
