"""Calls and tail calls: which registers and slots are their arguments."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.calls.evidence import (
    count_before_table, count_held, count_set, float_type_at, is_definite, is_named_for,
    is_stacked, is_unfolded, passed_on, stack_arguments,
)  # fmt: skip
from ozma.lift.calls.told import as_in_prototype, counts_by_format, counts_by_name, typed_by_name
from ozma.lift.decisions import Chooser
from ozma.lift.flow.definitions import CallSite, Facts
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import Symbol, is_float
from ozma.lift.reading.prototypes import Prototype, prototypes


@dataclass
class CallPlan:
    """Arguments as (register, type); type "" takes what is in the register, "sret" and "byval(...)"
    say what its address is for. `variadic`: the callee's type ends in `...`; `fixed`: arguments
    before that."""

    arguments: list[tuple[str, str]] = field(default_factory=list)
    variadic: bool = False
    fixed: int = 0
    prototype: Prototype | None = None


Key = tuple[int, int]


def plan_calls(
    facts: Facts, architecture: Architecture, chooser: Chooser, listing: Listing
) -> dict[Key, CallPlan]:
    """A plan for each call and tail call, by (block, step). With `facts.widest` all that may be
    an argument is one."""
    planner = _Planner(facts, architecture, chooser, listing)
    plans = {(site.block, site.step): planner.plan(site) for site in facts.calls}
    _level(facts.calls, plans)
    return plans


def _level(calls: list[CallSite], plans: dict[Key, CallPlan]) -> None:
    """All calls of a name have as many arguments as the one with most, if registers hold them, and
    of the types that one of them tells."""
    groups: dict[str, list[CallPlan]] = {}
    for site in calls:
        plan = plans[site.block, site.step]
        if isinstance(site.target, Symbol) and not plan.variadic and plan.prototype is None:
            groups.setdefault(site.target.name, []).append(plan)
    for group in groups.values():
        most = max((plan.arguments for plan in group), key=len)
        types = {register: type_ for plan in group for register, type_ in plan.arguments if type_}
        for plan in group:
            if not any(is_stacked(register) for register, _ in most):
                _widen(plan, most)
            plan.arguments = [(r, type_ or types.get(r, "")) for r, type_ in plan.arguments]


def _widen(plan: CallPlan, most: list[tuple[str, str]]) -> None:
    have = {register for register, _ in plan.arguments}
    plan.arguments = plan.arguments + [a for a in most if a[0] not in have]
    places = {register: place for place, (register, _) in enumerate(most)}
    plan.arguments.sort(key=lambda a: places.get(a[0], len(places)))


class _Planner:
    def __init__(
        self, facts: Facts, architecture: Architecture, chooser: Chooser, listing: Listing
    ) -> None:
        self._facts, self._architecture, self._convention = (
            facts,
            architecture,
            architecture.convention,
        )
        self._chooser, self._listing = chooser, listing

    def plan(self, site: CallSite) -> CallPlan:
        facts, convention = self._facts, self._convention
        name = site.target.name if isinstance(site.target, Symbol) else ""
        known = prototypes().get(name) if self._believes_names() else None
        integers, floats, variadic = self._counts(site, name, known)
        if facts.widest:
            integers = min(integers, count_before_table(site, facts, convention.integers))
        plan = CallPlan(variadic=variadic, prototype=known)
        plan.arguments = [(r, "") for r in convention.integers[:integers]]
        plan.arguments += [(r, float_type_at(site, facts, r)) for r in convention.floats[:floats]]
        if known:
            plan.arguments = as_in_prototype(plan.arguments, known, convention.floats)
        elif self._is_mangled(name):
            plan.arguments = typed_by_name(
                name, plan.arguments, integers, convention.integers, facts.widest
            )
        plan.arguments += [(name, f"byval([{size} x i8]) align 8") for name, size in site.copies]
        if len(plan.arguments) >= len(convention.integers) or variadic or floats:
            plan.arguments += [(slot, "") for slot in stack_arguments(site, facts, convention)]
        if convention.indirect_result and is_named_for(site, facts, convention.indirect_result):
            plan.arguments.insert(0, (convention.indirect_result, "sret"))
        plan.fixed = len(known.arguments) if known else min(1, len(plan.arguments))
        return plan

    def _believes_names(self) -> bool:
        return self._chooser.decisions.prototypes == "known"

    def _is_mangled(self, name: str) -> bool:
        return self._believes_names() and name.startswith("_Z")

    def _counts(self, site: CallSite, name: str, known: Prototype | None) -> tuple[int, int, bool]:
        """Integers and floats in registers, and whether the callee is variadic: from a format
        string, else from the prototype, else from what was set."""
        facts, convention = self._facts, self._convention
        integers = count_set(site, facts, convention.integers, convention.results)
        floats = count_set(site, facts, convention.floats, convention.float_results)
        counter = convention.variadic_count
        variadic = bool(counter) and is_definite(site, facts, counter, constant=True)
        if variadic or known and known.variadic:
            if told := counts_by_format(site, facts, convention, self._listing, known):
                if facts.widest and not known:
                    told = max(told[0], self._held(site, convention.integers)), told[1]
                return *told, True
        if known and known.variadic and facts.widest:
            integers = max(integers, self._held(site, convention.integers))
        if known:
            fixed = sum(not is_float(type_) for type_ in known.arguments)
            more = integers * known.variadic, floats * known.variadic
            return max(fixed, more[0]), max(len(known.arguments) - fixed, more[1]), known.variadic
        return *self._inferred(site, name, integers, floats), variadic

    def _inferred(self, site: CallSite, name: str, integers: int, floats: int) -> tuple[int, int]:
        facts, convention = self._facts, self._convention
        if stack_arguments(site, facts, convention):
            integers = len(convention.integers)
        if facts.widest:
            integers = max(integers, self._held(site, convention.integers))
        elif is_unfolded(site, facts, self._architecture):
            integers = max(integers, 3)
        if self._is_mangled(name):
            integers, floats = counts_by_name(
                name, integers, floats, not convention.indirect_result, facts.widest
            )
        return self._chosen(site, integers), floats

    def _held(self, site: CallSite, registers: tuple[str, ...]) -> int:
        """Arguments that the callee may have: as many as all of its calls have values for."""
        same = [site]
        if isinstance(site.target, Symbol):
            same = [other for other in self._facts.calls if other.target == site.target]
        return min(count_held(other, self._facts, registers) for other in same)

    def _chosen(self, site: CallSite, count: int) -> int:
        registers, default = self._convention.integers, count
        passed = passed_on(site, self._facts, registers, count)
        if self._chooser.decisions.arguments == "most":
            default = max(count, passed)
        options = tuple(str(n) for n in range(len(registers) + 1))
        return int(self._chooser.choose("arguments", site.line, options, str(default)))
