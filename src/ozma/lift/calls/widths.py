"""How wide what returns find in a register of results is."""

from __future__ import annotations

from ozma.lift.calls.evidence import float_type
from ozma.lift.flow.definitions import CallSite, Facts
from ozma.lift.reading.effects import Symbol, bits
from ozma.lift.reading.prototypes import prototypes


def float_left(sites: list[CallSite], facts: Facts, register: str) -> str:
    """The type of what returns find in a vector register."""
    numbers = {n for site in sites for n in site.reaching.get(register, ())}
    return float_type([facts.definitions[n] for n in sorted(numbers)], facts)


def width_left(sites: list[CallSite], facts: Facts, register: str) -> str:
    """The integer type of what returns find in a register."""
    numbers = {n for site in sites for n in site.reaching.get(register, ())}
    found = [facts.definitions[n] for n in numbers]
    every = [bits(d.type) for d in found if d.kind == "set"]
    if every and min(every) < 32:  # a caller that read more would find what was there before
        return f"i{min(every)}"
    widths = [bits(d.type) for d in found if d.kind == "set" and not d.constant]
    if not widths and _passes_on(sites, facts, register):
        return "i64"  # constants say nothing of how much a caller reads
    return f"i{max(widths or every, default=64)}"


def _passes_on(sites: list[CallSite], facts: Facts, register: str) -> bool:
    """Is what a call left there given back on some way, and its width told by nothing?"""
    numbers = {n for site in sites for n in site.reaching.get(register, ())}
    left = any(facts.definitions[n].kind == "call" for n in numbers)
    return left or any(site.is_tail and not _known_width(site) for site in facts.calls)


def _known_width(site: CallSite) -> bool:
    name = site.target.name if isinstance(site.target, Symbol) else ""
    known = prototypes().get(name)
    return known is not None and known.result == "i32"
