"""What a function returns: what its returns find, set by name and needed by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.lift.calls.evidence import is_of_table
from ozma.lift.calls.widths import float_left, width_left
from ozma.lift.decisions import Chooser
from ozma.lift.flow.definitions import CallSite, Definition, Facts
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import bits

_FIRST_FLOATS = ("v0", "xmm0")
_GIVEN_BACK = ("x0", *_FIRST_FLOATS)
"""Results' registers in which the first argument comes, so that some way may leave it there."""
_FIRST = frozenset(("rax", "xmm0", "x0", "v0"))
"""Registers of a result, or of its first part."""


@dataclass(frozen=True)
class Result:
    """What the function returns: (register, type) of each part; none: void."""

    parts: tuple[tuple[str, str], ...] = ()


def plan_result(
    facts: Facts, architecture: Architecture, chooser: Chooser, line: int, mode: str,
    kept: frozenset[int] = frozenset(), jumps: frozenset[int] = frozenset(),
) -> Result:  # fmt: skip
    """What all returns agree on; void where nothing was left for a caller. `kept`: lines whose
    value somebody wants in its register (flow/kept_updates.py). `jumps`: lines that make the
    address of a computed jump (flow/computed_jumps.py). With `facts.widest` what is left
    where results are is one."""
    convention = architecture.convention
    sites = facts.returns
    if chooser.decisions.result == "void" or not sites:
        return Result()
    default = _inferred(sites, facts, architecture, chooser, mode != "O0", kept)
    if default.startswith("i") and _made_by(sites, facts, convention.results[0], jumps):
        default = "void"
    if facts.widest:
        default = _left(default, sites, facts, convention.results[0])
    options = ("void", "i8", "i16", "i32", "i64", "float", "double", "pair")
    if default not in options:
        options = (*options, default)
    chosen = chooser.choose("result", line, options, default)
    if chosen == "void":
        return Result()
    if chosen == "pair":
        return Result(tuple((r, "i64") for r in convention.results))
    first = convention.float_results[0] if not chosen.startswith("i") else convention.results[0]
    also = _also(first, sites, facts, architecture) if mode != "O0" else ()
    if also:
        return Result(((first, chosen), *also))
    if chosen.startswith("i") and _returns(sites, facts, convention.results[1], strict=True):
        if chosen == "i64" or width_left(sites, facts, convention.results[1]) == "i64":
            return Result(tuple((r, "i64") for r in convention.results))
    return Result(((first, chosen),))


def _inferred(
    sites: list[CallSite], facts: Facts, architecture: Architecture, chooser: Chooser,
    reserves: bool,
    kept: frozenset[int],
) -> str:  # fmt: skip
    convention = architecture.convention
    integer, vector = convention.results[0], convention.float_results[0]
    popped = {site.popped for site in sites if site.popped}
    if integer not in popped and (
        _returns(sites, facts, integer) or popped and _all_left(sites, facts, integer)
    ):
        return width_left(sites, facts, integer)
    returns_float = _returns(sites, facts, vector)
    returns_float |= reserves and _is_second(sites, facts, architecture)
    if (
        integer not in popped
        and reserves
        and not returns_float
        and _all_left(sites, facts, integer)
    ):
        if (
            _is_avoided(sites, facts, integer)
            or _finds(sites, facts, integer, kept)
            or (_all_set(sites, facts, integer) and _is_reserved(facts, architecture))
        ):
            return width_left(sites, facts, integer)
    if returns_float:
        return float_left(sites, facts, vector)
    if chooser.decisions.result == "value":
        return "i64"
    return "void"


def _also(
    first: str, sites: list[CallSite], facts: Facts, architecture: Architecture
) -> tuple[tuple[str, str], ...]:
    """The floating part of a struct that comes back in registers of both kinds, or the further ones
    of floating numbers: set for nobody else beside the `first` part."""
    convention, parts = architecture.convention, []
    integer = first in convention.results
    if integer and convention.link:
        return ()  # AArch64 gives no struct of both kinds back so
    for register in convention.float_results[:1] if integer else convention.float_results[1:]:
        if not _returns(sites, facts, register, strict=True):
            break
        parts.append((register, float_left(sites, facts, register)))
    return tuple(parts)


def _is_second(sites: list[CallSite], facts: Facts, architecture: Architecture) -> bool:
    """Is the second part of a struct of floating numbers set, and the first a parameter?"""
    first, second = architecture.convention.float_results[:2]
    numbers = {n for site in sites for n in site.reaching.get(first, ())}
    given = any(d.register == first and d.kind == "entry" for d in facts.definitions)
    kept = given and all(facts.definitions[n].kind == "entry" for n in numbers)
    return kept and _returns(sites, facts, second, strict=True)


def _left(default: str, sites: list[CallSite], facts: Facts, register: str) -> str:
    """What is left in the register may be a result, as wide as what was put there on some way."""
    numbers = frozenset(n for site in sites for n in site.reaching.get(register, ()))
    if default not in ("void", "i8", "i16") or is_of_table(numbers, facts):
        return default
    if default == "void" and not _all_left(sites, facts, register):
        return default
    if any(site.popped == register for site in sites):  # the epilogue left something else there
        return default
    set_ = [bits(d.type) for n in numbers if (d := facts.definitions[n]).kind == "set"]
    wide = len(set_) < len(numbers) or max(set_) == 64
    return "i64" if wide else "i32" if max(set_) == 32 else width_left(sites, facts, register)


def _all_set(sites: list[CallSite], facts: Facts, register: str) -> bool:
    found = [facts.definitions[n] for site in sites for n in site.reaching.get(register, ())]
    return bool(found) and all(d.kind == "set" for d in found)


def _finds(sites: list[CallSite], facts: Facts, register: str, lines: frozenset[int]) -> bool:
    """Does a return find there what one of `lines` made, and only one instruction read?"""
    return any(d.reads == 1 for d in _made_by(sites, facts, register, lines))


def _made_by(
    sites: list[CallSite], facts: Facts, register: str, lines: frozenset[int]
) -> list[Definition]:
    """What one of `lines` made of what returns find there."""
    found = [facts.definitions[n] for site in sites for n in site.reaching.get(register, ())]
    return [d for d in found if d.line in lines]


def _is_avoided(sites: list[CallSite], facts: Facts, register: str) -> bool:
    """Was another scratch register taken while this one held what a return finds there, and what
    nobody read any more?"""
    for site in sites:
        held = site.reaching.get(register, frozenset())
        reads = sum(facts.definitions[n].reads for n in held)
        for definition in facts.definitions:
            if definition.held == held and definition.held_reads == reads and definition.reads:
                return True
    return False


def _is_reserved(facts: Facts, architecture: Architecture) -> bool:
    """Was another scratch register taken while the result's was free, or a parameter moved there
    that could have stayed? Then LLVM kept it for the result."""
    convention, scratch = architecture.convention, architecture.scratch[:3]
    for definition in facts.definitions:
        if definition.kind != "set" or definition.block or definition.register not in scratch:
            continue
        if definition.register != scratch[0]:
            return definition.reads > 0
        if definition.moved_from not in convention.integers:
            return False
        source = [
            d for d in facts.definitions
            if d.kind == "entry" and d.register == definition.moved_from
        ]  # fmt: skip
        return bool(source) and source[0].reads == 1
    return False


def _returns(sites: list[CallSite], facts: Facts, register: str, strict: bool = False) -> bool:
    """Some return finds what was set for nobody else, and none finds what was never set: except
    where the first argument comes in the same register (AArch64), and may be given back."""
    certain = False
    others = frozenset(
        n for site in sites for name in _FIRST - {register} for n in site.reaching.get(name, ())
    )
    for site in sites:
        numbers = site.reaching.get(register, ())
        found = [facts.definitions[n] for n in numbers]
        if register not in _GIVEN_BACK and (not found or any(d.kind == "entry" for d in found)):
            return False
        if strict and any(d.kind == "set" and not d.explicit for d in found):
            return False
        last = register == "x0" and not strict  # handed out last: what is put there is given back
        # A loop's first value goes to its call and back to the caller.
        certain |= not strict and register in _FIRST_FLOATS and any(
            _is_unread(facts.definitions[n]) and not facts.flows_to(n) for n in numbers
        )
        spare = [
            facts.definitions[n] for n in numbers
            if n not in facts.needed and _stays(n, register, others, facts)
        ]  # fmt: skip
        certain |= any(d.kind == "set" and (d.explicit or register == "rax") for d in spare)
        certain |= last and any(d.kind == "set" and d.explicit for d in found)
    return certain


def _is_unread(definition: Definition) -> bool:
    return definition.kind == "set" and definition.explicit and not definition.reads


def _stays(number: int, register: str, others: frozenset[int], facts: Facts) -> bool:
    """Is nothing made of a definition, by way of others too, that a return finds in the register of
    another result? (Nobody needs what is made of it otherwise.)"""
    if facts.flows_to(number) <= {register}:
        return True
    made, work = {number}, [number]
    while work:
        source = work.pop()
        new = {t for t, sources in facts.flows.items() if source in sources} - made
        made |= new
        work += new
    return not made & others


def _all_left(sites: list[CallSite], facts: Facts, register: str) -> bool:
    """Each return finds something in the register that was left there in this function."""
    found = [site.reaching.get(register, ()) for site in sites]
    return all(
        numbers and all(facts.definitions[n].kind != "entry" for n in numbers) for numbers in found
    )
