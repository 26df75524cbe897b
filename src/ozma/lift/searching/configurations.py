"""Global choices to try before any single one is turned, the most often useful first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from ozma.lift.decisions import Decisions
from ozma.lift.judging.compile_back import OPTIMIZED, UNOPTIMIZED
from ozma.lift.judging.judge import Candidate
from ozma.lift.lifter import LiftedFunction, Refusal, lift_function

_CHANGES: tuple[dict[str, str], ...] = (
    {},
    {"regions": "joined"},
    {"result": "value"},
    {"result": "void"},
    {"signatures": "widest"},
    {"orientation": "fallthrough"},
    {"orientation": "asm"},
    {"volatile": "unused"},
    {"volatile": "all"},
    {"passes": "none"},
    {"leaves": "ptr"},
    {"returns": "split"},
    {"arguments": "fewest"},
    {"arguments": "most"},
    {"add_flags": "nsw"},
    {"block_order": "rpo"},
    {"size": "optsize"},
    {"size": "none"},
    {"size": "minsize"},
    {"operand_order": "swapped"},
    {"passes": "simplify"},
    {"memory_calls": "intrinsic"},
    {"memory_calls": "call"},
    {"or_disjoint": "yes"},
    {"tail": "none"},
    {"add_flags": "nuw"},
    {"regions": "single"},
    {"passes": "early-cse"},
    {"passes": "reassociate"},
    {"passes": "sink"},
    {"mode": "slots"},
    {"mode": "O0"},
    {"mode": "optimized"},
)
MOST = len(_CHANGES)
INTERNAL = "internal error"


def configurations(count: int = MOST, base: Decisions = Decisions()) -> Iterator[Decisions]:
    """The first `count` settings, `base` itself first."""
    for change in _CHANGES[:count]:
        yield replace(base, **change)


def changed(decisions: Decisions) -> tuple[tuple[str, str], ...]:
    """Choices that are not the defaults, single sites last."""
    plain = Decisions()
    names = [entry.name for entry in fields(decisions) if entry.name != "overrides"]
    found = [(name, getattr(decisions, name)) for name in names]
    kept = [(name, value) for name, value in found if value != getattr(plain, name)]
    return (*kept, *sorted(decisions.overrides.items()))


def candidate_of(lifted: LiftedFunction, decisions: Decisions, source: str) -> Candidate:
    """A lifted function as something to be compiled back. Code that kept every value in a slot met
    no pass, and would lose those slots to one."""
    codegen = UNOPTIMIZED if lifted.mode == "O0" else OPTIMIZED
    pipeline = decisions.pipeline if lifted.mode == "optimized" else ""
    return Candidate(source, lifted.ir, pipeline, codegen, changed(decisions))


def lift_safely(assembly: str, name: str, target: str, decisions: Decisions) -> LiftedFunction:
    """`lift_function`, whose own mistakes cost this function only: they become its refusal."""
    try:
        return lift_function(assembly, name, target, decisions)
    except Exception as error:  # a surprise in one function must not end the others
        reason = f"{INTERNAL}: {type(error).__name__}: {error}"
        return LiftedFunction(name, "", refusal=Refusal(0, name, reason))


def lifted_candidates(
    assembly: str, name: str, target: str, settings: Iterator[Decisions]
) -> Iterator[tuple[Candidate, LiftedFunction, Decisions]]:
    """The function under each setting, each different IR once; refused ones are left out."""
    seen = set()
    for decisions in settings:
        lifted = lift_safely(assembly, name, target, decisions)
        candidate = candidate_of(lifted, decisions, "lifter")
        key = lifted.ir, candidate.passes, candidate.codegen
        if lifted.ir and key not in seen:
            seen.add(key)
            yield candidate, lifted, decisions
