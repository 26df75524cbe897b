"""Calls, tail calls and returns: which registers are arguments, what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.decisions import Chooser
from ozma.lift.flow.facts import CallSite, Definition, Facts
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.assembly import Listing
from ozma.lift.reading.effects import Reg, Symbol, bits, is_float, is_vector
from ozma.lift.reading.formats import arguments_of, string_at
from ozma.lift.reading.mangled import parameters_of
from ozma.lift.reading.prototypes import Prototype, prototypes


@dataclass
class CallPlan:
    """Arguments as (register, type); type "" takes what is in the register. `variadic`: the
    callee's type ends in `...`; `fixed`: arguments before that."""

    arguments: list[tuple[str, str]] = field(default_factory=list)
    variadic: bool = False
    fixed: int = 0
    prototype: Prototype | None = None


@dataclass(frozen=True)
class Result:
    """What the function returns: (register, type) of each part; none: void."""

    parts: tuple[tuple[str, str], ...] = ()


Key = tuple[int, int]


def plan_calls(
    facts: Facts, architecture: Architecture, chooser: Chooser, listing: Listing
) -> dict[Key, CallPlan]:
    """A plan for each call and tail call, by (block, step)."""
    plans = {}
    for site in facts.calls:
        plans[site.block, site.step] = _plan(site, facts, architecture, chooser, listing)
    _level(facts.calls, plans)
    return plans


def _level(calls: list[CallSite], plans: dict[Key, CallPlan]) -> None:
    """All calls of a name have as many arguments as the one with most, if registers hold them."""
    most: dict[str, list[tuple[str, str]]] = {}
    for site in calls:
        plan = plans[site.block, site.step]
        if isinstance(site.target, Symbol) and not plan.variadic and plan.prototype is None:
            if len(plan.arguments) > len(most.get(site.target.name, [])):
                most[site.target.name] = plan.arguments
    for site in calls:
        plan = plans[site.block, site.step]
        if isinstance(site.target, Symbol) and not plan.variadic and plan.prototype is None:
            widest = most.get(site.target.name, [])
            if any(register[0] == "[" for register, _ in widest):
                continue
            have = {register for register, _ in plan.arguments}
            plan.arguments = plan.arguments + [a for a in widest if a[0] not in have]
            places = {register: place for place, (register, _) in enumerate(widest)}
            plan.arguments.sort(key=lambda a: places.get(a[0], len(places)))


def _plan(
    site: CallSite, facts: Facts, architecture: Architecture, chooser: Chooser, listing: Listing
) -> CallPlan:
    convention = architecture.convention
    name = site.target.name if isinstance(site.target, Symbol) else ""
    known = prototypes().get(name) if chooser.decisions.prototypes == "known" else None
    integers = _prefix(site, facts, convention.integers, convention.results[0])
    floats = _prefix(site, facts, convention.floats, convention.float_results[0])
    variadic = bool(convention.variadic_count) and _is_definite(
        site, facts, convention.variadic_count, True
    )
    told = _by_format(site, facts, convention, listing) if variadic or known and known.variadic else None
    if told:
        integers, floats, variadic = *told, True
    elif known:
        integers = max(len([t for t in known.arguments if not is_float(t)]), integers * known.variadic)
        floats = max(len([t for t in known.arguments if is_float(t)]), floats * known.variadic)
        variadic = known.variadic
    else:
        if _stack_arguments(site, facts, convention):
            integers = len(convention.integers)
        if _is_unfolded(site, facts, architecture):
            integers = max(integers, 3)
        if chooser.decisions.prototypes == "known" and name.startswith("_Z"):
            integers, floats = _by_name(name, integers, floats, not convention.indirect_result)
        integers = _chosen_count(site, integers, facts, convention.integers, chooser)
    plan = CallPlan(variadic=variadic, prototype=known)
    plan.arguments = [(r, "") for r in convention.integers[:integers]]
    plan.arguments += [(r, _float_type(site, facts, r)) for r in convention.floats[:floats]]
    if not known and chooser.decisions.prototypes == "known" and name.startswith("_Z"):
        plan.arguments = _typed(name, plan.arguments, integers, convention.integers)
    if known:
        plan.arguments = _ordered(plan.arguments, known, convention.floats)
    if len(plan.arguments) >= len(convention.integers) or variadic or floats:
        plan.arguments += [(slot, "") for slot in _stack_arguments(site, facts, convention)]
    elif integers == len(convention.integers):
        plan.arguments += [(slot, "") for slot in _stack_arguments(site, facts, convention)]
    if convention.indirect_result and _is_named_for(site, facts, convention.indirect_result):
        plan.arguments.insert(0, (convention.indirect_result, "sret"))
    plan.fixed = len(known.arguments) if known else min(1, len(plan.arguments))
    return plan


def _by_format(
    site: CallSite, facts: Facts, convention: Convention, listing: Listing
) -> tuple[int, int] | None:
    """(integers, floats) of a variadic call whose format string is at hand: the first string
    with a directive."""
    scans = isinstance(site.target, Symbol) and "scanf" in site.target.name
    for position, register in enumerate(convention.integers):
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


def _by_name(name: str, integers: int, floats: int, hidden: bool) -> tuple[int, int]:
    """The counts that a mangled name tells, where it does, in place of those inferred. `hidden`:
    the address of a result in memory may come first."""
    shape = parameters_of(name)
    if shape is None:
        return integers, floats
    told = shape.kinds.count("i") + bool(shape.member)
    if not shape.certain:
        return max(integers, told), max(floats, shape.kinds.count("f"))
    may_precede = (shape.member is None) + hidden
    told = min(integers, told + may_precede) if integers > told else told
    return min(told, 8), min(shape.kinds.count("f"), 8)


def _typed(
    name: str, arguments: list[tuple[str, str]], count: int, registers: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Integer arguments with the types that a mangled name tells, if their number fits."""
    shape = parameters_of(name)
    if shape is None or not shape.certain:
        return arguments
    told = [type_ for kind, type_ in zip(shape.kinds, shape.types) if kind == "i"]
    if count == len(told) + 1 and shape.member is not False:
        told.insert(0, "ptr")
    if count != len(told):
        return arguments
    types = dict(zip(registers, told))
    return [(register, types.get(register, type_)) for register, type_ in arguments]


def _chosen_count(
    site: CallSite, count: int, facts: Facts, registers: tuple[str, ...], chooser: Chooser
) -> int:
    default = count
    passed = _passed_on(site, facts, registers, count)
    if chooser.decisions.arguments == "most":
        default = max(count, passed)
    options = tuple(str(n) for n in range(len(registers) + 1))
    return int(chooser.choose("arguments", site.line, options, str(default)))


def _is_unfolded(site: CallSite, facts: Facts, architecture: Architecture) -> bool:
    """A tail call through a register that was loaded for it: LLVM folds the load into the jump
    unless three arguments or more take registers."""
    if not site.is_tail or not isinstance(site.target, Reg):
        return False
    found = [facts.definitions[n] for n in site.reaching.get(site.target.name, ())]
    return len(found) == 1 and found[0].loads and found[0].reads == 1 and architecture.name == "x86-64"


def _passed_on(site: CallSite, facts: Facts, registers: tuple[str, ...], count: int) -> int:
    """Parameters that still are in their registers may be passed on."""
    while count < len(registers):
        numbers = site.reaching.get(registers[count])
        if numbers and not all(facts.definitions[n].kind == "entry" for n in numbers):
            break
        if not numbers and not any(
            d.register == registers[count] and d.kind == "entry" and d.reads for d in facts.definitions
        ):
            break
        count += 1
    return count


def _prefix(site: CallSite, facts: Facts, registers: tuple[str, ...], result: str) -> int:
    """Number of argument registers up to the last that was set for this call. One that is also
    where results come back (AArch64) may be passed on from an earlier call."""
    count = 0
    for position, register in enumerate(registers):
        if _is_definite(site, facts, register) or _is_prepared(site, facts, register, result):
            count = position + 1
        elif register != result and _is_open(site, facts, register):
            break
    return count


def _is_prepared(site: CallSite, facts: Facts, register: str, result: str) -> bool:
    """Where arguments and results share registers, these are handed out last (AArch64): what was
    put there is for a call, even if something else reads it too. Only a constant in the first may
    be on its way to be this function's result, unless it is set in the call's own block."""
    if result != "x0":  # x86-64 hands rdi out late too, but rsi, rdx and rcx are common scratch
        found = [facts.definitions[n] for n in site.reaching.get(register, ())]
        if found and all(d.kind == "set" and d.explicit and d.picked for d in found):
            return True
        return register == "rdi" and _is_set(site, facts, register)
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    if register == result and any(d.kind == "call" for d in found):  # a loop's, set before it
        own = [d for d in found if d.kind != "call"]
        return bool(own) and all(d.kind == "set" and d.explicit and not d.reads for d in own)
    near = register != result or all(d.block == site.block or not d.constant for d in found)
    return bool(found) and near and all(d.kind == "set" and d.explicit for d in found)


def _is_open(site: CallSite, facts: Facts, register: str) -> bool:
    """Left by an earlier call: it cannot be an argument, nor any register after it."""
    found = site.reaching.get(register)
    return bool(found) and any(facts.definitions[n].kind == "call" for n in found)


def _is_definite(site: CallSite, facts: Facts, register: str, constant: bool = False) -> bool:
    """Set on all ways here, and on one of them for nobody else."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    if not found or any(d.kind != "set" or not d.explicit for d in found):
        return False
    if any(d.symbol in facts.tables for d in found):
        return False
    if constant and not all(d.constant for d in found):
        return False
    return any(_unread(d, facts) for d in found)


def _is_named_for(site: CallSite, facts: Facts, register: str) -> bool:
    """Set in the call's own block, and no instruction names it afterwards: the address of a result."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    if found and all(d.kind == "entry" for d in found):  # copied at entry, to be passed on
        return any(d.moved_from == register and not d.block and d.register[0] != "[" for d in facts.definitions)
    own = [d for d in found if d.kind == "set" and d.explicit and d.block == site.block]
    own = [d for d in own if d.type == "i64"]
    return bool(found) and len(own) == len(found) and all(not d.named and not d.reads for d in found)


def _is_set(site: CallSite, facts: Facts, register: str) -> bool:
    """Set by instructions that name it, on all ways here."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    return bool(found) and all(d.kind == "set" and d.explicit for d in found)


def _unread(definition: Definition, facts: Facts) -> bool:
    return definition.reads == 0


def _float_type(site: CallSite, facts: Facts, register: str) -> str:
    numbers = site.reaching.get(register, frozenset())
    return float_type([facts.definitions[n] for n in numbers], facts)


def float_type(definitions: list[Definition], facts: Facts, depth: int = 4) -> str:
    """Of what the definitions put into a vector register: float, double, or a vector."""
    types = []
    for definition in definitions:
        if definition.copy_of and depth:
            sources = [facts.definitions[n] for n in definition.sources]
            types.append(float_type(sources, facts, depth - 1))
        elif definition.kind == "set" and not definition.constant:
            types.append(definition.type)
    for type_ in types:
        if type_ in ("float", "double") or is_vector(type_):
            return type_
    return {32: "float", 64: "double"}.get(bits(types[0]) if types else 0, "double")


def _ordered(
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


def _stack_arguments(site: CallSite, facts: Facts, convention: Convention) -> list[str]:
    """Slots from the stack pointer up that were stored for nobody else; "[16]@64" is the part of
    slot [16] from bit 64."""
    found, offset = [], site.sp + convention.stack_arguments * site.is_tail
    while True:
        start = next((s for s, end in facts.slots if s <= offset < end), offset)
        definitions = [facts.definitions[n] for n in site.reaching.get(f"[{start}]", ())]
        if not definitions or any(
            d.kind != "set" or d.reads or d.saves or not d.explicit for d in definitions
        ):
            return found
        found.append(f"[{start}]" + (f"@{8 * (offset - start)}" if offset > start else ""))
        offset += 8


def plan_result(
    facts: Facts, architecture: Architecture, chooser: Chooser, line: int, mode: str,
    kept: frozenset[int] = frozenset(), jumps: frozenset[int] = frozenset(),
) -> Result:  # fmt: skip
    """What all returns agree on; void where nothing was left for a caller. `kept`: lines whose
    value somebody wants in its register (flow/kept_updates.py). `jumps`: lines that make the address of
    a computed jump (flow/computed_jumps.py)."""
    convention = architecture.convention
    sites = [s for s in facts.returns]
    if chooser.decisions.result == "void" or not sites:
        return Result()
    default = _inferred(sites, facts, architecture, chooser, mode != "O0", kept)
    if default.startswith("i") and _made_by(sites, facts, convention.results[0], jumps):
        default = "void"
    options = ("void", "i8", "i16", "i32", "i64", "float", "double", "pair")
    if default not in options:
        options = (*options, default)
    chosen = chooser.choose("result", line, options, default)
    if chosen == "void":
        return Result()
    if chosen == "pair":
        return Result(tuple((r, "i64") for r in convention.results))
    first = convention.float_results[0] if not chosen.startswith("i") else convention.results[0]
    if chosen.startswith("i") and _returns(sites, facts, convention.results[1], strict=True):
        if chosen == "i64" or _width(sites, facts, convention.results[1]) == "i64":
            return Result(tuple((r, "i64") for r in convention.results))
    return Result(((first, chosen),))


def _inferred(
    sites: list[CallSite], facts: Facts, architecture: Architecture, chooser: Chooser, reserves: bool,
    kept: frozenset[int],
) -> str:  # fmt: skip
    convention = architecture.convention
    integer, vector = convention.results[0], convention.float_results[0]
    popped = {site.popped for site in sites if site.popped}
    if integer not in popped and (_returns(sites, facts, integer) or popped and _all_left(sites, facts, integer)):
        return _width(sites, facts, integer)
    returns_float = _returns(sites, facts, vector)
    if integer not in popped and reserves and not returns_float and _all_left(sites, facts, integer):
        if _is_avoided(sites, facts, integer) or _finds(sites, facts, integer, kept) or (
            _all_set(sites, facts, integer) and _is_reserved(facts, architecture)
        ):
            return _width(sites, facts, integer)
    if returns_float:
        numbers = {n for site in sites for n in site.reaching.get(vector, ())}
        return float_type([facts.definitions[n] for n in sorted(numbers)], facts)
    if chooser.decisions.result == "value":
        return "i64"
    return "void"


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
    for site in sites:
        numbers = site.reaching.get(register, ())
        found = [facts.definitions[n] for n in numbers]
        if register not in ("x0", "v0") and (not found or any(d.kind == "entry" for d in found)):
            return False
        if strict and any(d.kind == "call" or not d.explicit for d in found):
            return False
        last = register == "x0" and not strict  # handed out last: whatever is put there is given back
        spare = [
            facts.definitions[n] for n in numbers
            if n not in facts.needed and facts.flows_to(n) <= {register}
        ]  # fmt: skip
        certain |= any(d.kind == "set" and (d.explicit or register == "rax") for d in spare)
        certain |= last and any(d.kind == "set" and d.explicit for d in found)
    return certain


def _all_left(sites: list[CallSite], facts: Facts, register: str) -> bool:
    """Each return finds something in the register that was left there in this function."""
    found = [site.reaching.get(register, ()) for site in sites]
    return all(
        numbers and all(facts.definitions[n].kind != "entry" for n in numbers) for numbers in found
    )


def _width(sites: list[CallSite], facts: Facts, register: str) -> str:
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
