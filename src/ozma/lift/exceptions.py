"""Landing pads: which calls of a function unwind where, from its table of call sites.

The table (the language specific data area of the Itanium C++ ABI) is read as LLVM and gcc print it:
ranges of code by labels, a landing pad each, and the types that it catches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ozma.lift.assembly import AsmFunction, DataObject, Directive, Instruction, Listing
from ozma.lift.effects import Unsupported

_DIFFERENCE = re.compile(r"([\w.$]+)\s*-\s*([\w.$]+)$")
_STUB = re.compile(r"(?:\.L)?(?:DW\.ref\.)?(\w+?)(?:\.DW\.stub)?$")
_NUMBERS = (".byte", ".uleb128", ".sleb128")


@dataclass(frozen=True)
class Range:
    """Calls between two labels unwind to `pad` ("": out of the function)."""

    start: str
    end: str
    pad: str
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exceptions:
    """`pads`: landing pad -> clauses ("cleanup", or a caught type's symbol, "" for any)."""

    personality: str = ""
    ranges: tuple[Range, ...] = ()
    pads: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def starts(self) -> dict[str, Range]:
        return {entry.start: entry for entry in self.ranges}


def read_exceptions(function: AsmFunction, listing: Listing) -> Exceptions:
    """Of a function without landing pads: nothing. Unsupported: a table of another form."""
    notes = {line.name: line.arguments for line in function.lines if isinstance(line, Directive)}
    personality = notes.get(".cfi_personality", "255")
    table = notes.get(".cfi_lsda", "255")
    if personality.startswith(("255", "0xff")) or table.startswith(("255", "0xff")):
        return Exceptions()
    name = personality.split(",")[1].strip().removeprefix("DW.ref.")
    parts = _parts(table.split(",")[1].strip(), listing)
    types = _types(parts)
    actions = _actions(parts)
    ranges = tuple(_ranges(parts, types, actions))
    pads: dict[str, tuple[str, ...]] = {}
    for entry in ranges:
        if entry.pad:
            known = pads.get(entry.pad, ())
            pads[entry.pad] = known + tuple(c for c in entry.clauses if c not in known)
    return Exceptions(name, ranges, pads)


def _parts(first: str, listing: Listing) -> list[DataObject]:
    """The objects from the table's label on, to the end of its section."""
    if first not in listing.data:
        raise Unsupported(f"the table of landing pads '{first}' is not there")
    ordered = sorted(listing.data.values(), key=lambda item: item.number)
    start = ordered.index(listing.data[first])
    section, found = listing.data[first].section, []
    for item in ordered[start:]:
        if item.section != section or item.name.startswith("GCC_except_table"):
            break
        found.append(item)
    return found


def _entries(item: DataObject) -> list[str]:
    return [arguments for directive, arguments in item.items if directive in _NUMBERS]


def _find(parts: list[DataObject], word: str) -> int | None:
    names = [position for position, item in enumerate(parts) if word in item.name]
    return names[0] if names else None


def _ranges(
    parts: list[DataObject], types: list[str], actions: list[int]
) -> list[Range]:
    place = _find(parts, "cst_begin")
    if place is None:
        raise Unsupported("a table of landing pads of unknown form")
    entries, found = _entries(parts[place]), []
    for start, length, pad, action in zip(*[iter(entries)] * 4):
        begin, end = _labels(start)[0], _labels(length)[0]
        target = "" if pad == "0" else _labels(pad)[0]
        found.append(Range(begin, end, target, _clauses(int(action, 0), types, actions)))
    return found


def _labels(text: str) -> tuple[str, str]:
    match = _DIFFERENCE.match(text.strip())
    if not match:
        raise Unsupported(f"'{text}' in a table of landing pads")
    return match[1], match[2]


def _actions(parts: list[DataObject]) -> list[int]:
    """The bytes of the action table, which follows the call sites."""
    place = _find(parts, "cst_end")
    if place is None:
        return []
    return [int(text, 0) for text in _entries(parts[place])]


def _clauses(action: int, types: list[str], actions: list[int]) -> tuple[str, ...]:
    """The chain of an action: 0 is a cleanup, n the n-th type before the table's end."""
    if not action:
        return ("cleanup",)
    found: list[str] = []
    place = action - 1
    while 0 <= place < len(actions) - 1 and len(found) <= len(actions):
        kind, step = _signed(actions[place]), _signed(actions[place + 1])
        if kind < 0 or kind > len(types):
            raise Unsupported("an exception specification")
        found.append("cleanup" if kind == 0 else types[kind - 1])
        if not step:
            return tuple(found)
        place += 1 + step
    raise Unsupported("a table of landing pads of unknown form")


def _signed(number: int) -> int:
    number &= 127
    return number - 128 if number & 64 else number


def _types(parts: list[DataObject]) -> list[str]:
    """Symbols of the types by number; "" catches all. They stand before the base, the first last."""
    base, end = _find(parts, "ttbase"), _find(parts, "cst_end")
    bases = [place for place, item in enumerate(parts) if item.name.startswith(".Lttbase") and "ref" not in item.name]
    if base is None or end is None or not bases:
        return []
    found: list[str] = []
    for item in parts[end : bases[0]]:
        for directive, arguments in item.items:
            if directive in (".long", ".4byte"):
                found.append(_type_symbol(arguments))
    return found[::-1]


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
