"""Arguments that something tells: a format string, a mangled name, a prototype."""

from __future__ import annotations

from ozma.lift.flow.definitions import CallSite, Facts
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import Symbol, is_float
from ozma.lift.reading.formats import arguments_of, string_at
from ozma.lift.reading.mangled import parameters_of
from ozma.lift.reading.prototypes import Prototype


def counts_by_format(
    site: CallSite, facts: Facts, convention: Convention, listing: Listing,
    known: Prototype | None = None,
) -> tuple[int, int] | None:  # fmt: skip
    """(integers, floats) of a variadic call whose format string is at hand: the last argument that
    a prototype names, else the first string with a directive."""
    named = [type_ for type_ in known.arguments if not is_float(type_)] if known else []
    scans = isinstance(site.target, Symbol) and "scanf" in site.target.name
    for position, register in enumerate(convention.integers):
        if named and position + 1 != len(named):
            continue
        found = site.reaching.get(register, ())
        names = {facts.definitions[n].symbol for n in found}
        text = string_at(listing, names.pop()) if len(names) == 1 else None
        if text is None or "%" not in text:
            continue
        kinds = arguments_of(text, scans)
        if kinds is None:
            return None
        integers = min(position + 1 + kinds.count("i"), len(convention.integers))
        return integers, min(kinds.count("f"), len(convention.floats))
    return None


def counts_by_name(
    name: str, integers: int, floats: int, hidden: bool, widest: bool
) -> tuple[int, int]:
    """The counts that a mangled name tells, where it does, in place of those inferred. `hidden`:
    the address of a result in memory may come first. `widest`: where the name does not say whether
    there is a `this`, there is room for it."""
    shape = parameters_of(name)
    if shape is None:
        return integers, floats
    told = shape.kinds.count("i") + bool(shape.member)
    if not shape.certain:
        return max(integers, told), max(floats, shape.kinds.count("f"))
    if widest and shape.member is None:
        integers = max(integers, told + 1)
    may_precede = (shape.member is None) + hidden
    told = min(integers, told + may_precede) if integers > told else told
    return min(told, 8), min(shape.kinds.count("f"), 8)


def typed_by_name(
    name: str, arguments: list[tuple[str, str]], count: int, registers: tuple[str, ...],
    widest: bool,
) -> list[tuple[str, str]]:  # fmt: skip
    """Integer arguments with the types that a mangled name tells, if their number fits; `widest`:
    and if it is certain where they begin."""
    shape = parameters_of(name)
    if shape is None or not shape.certain or widest and shape.member is None:
        return arguments
    told = [type_ for kind, type_ in zip(shape.kinds, shape.types) if kind == "i"]
    if count == len(told) + 1 and shape.member is not False:
        told.insert(0, "ptr")
    if count != len(told):
        return arguments
    types = dict(zip(registers, told))
    return [(register, types.get(register, type_)) for register, type_ in arguments]


def as_in_prototype(
    arguments: list[tuple[str, str]], known: Prototype, floats: tuple[str, ...]
) -> list[tuple[str, str]]:
    """In the prototype's order, with its types; further ones after."""
    integers = [a for a in arguments if a[0] not in floats]
    others = [a for a in arguments if a[0] in floats]
    ordered = []
    for type_ in known.arguments:
        source = others if is_float(type_) else integers
        if source:
            ordered.append((source.pop(0)[0], type_))
    return ordered + integers + others
