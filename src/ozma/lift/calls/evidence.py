"""What shows that a register, or a slot of the stack, was set for a call and for nothing else."""

from __future__ import annotations

from ozma.lift.flow.definitions import CallSite, Definition, Facts
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.effects import Reg, bits, is_vector, room_of


def is_unfolded(site: CallSite, facts: Facts, architecture: Architecture) -> bool:
    """A tail call through a register that was loaded for it: LLVM folds the load into the jump
    unless three arguments or more take registers."""
    if not site.is_tail or not isinstance(site.target, Reg):
        return False
    found = [facts.definitions[n] for n in site.reaching.get(site.target.name, ())]
    return (
        len(found) == 1 and found[0].loads and found[0].reads == 1 and architecture.name == "x86-64"
    )


def passed_on(site: CallSite, facts: Facts, registers: tuple[str, ...], count: int) -> int:
    """Parameters that still are in their registers may be passed on."""
    while count < len(registers):
        numbers = site.reaching.get(registers[count])
        if numbers and not all(facts.definitions[n].kind == "entry" for n in numbers):
            break
        if not numbers and not any(
            d.register == registers[count] and d.kind == "entry" and d.reads
            for d in facts.definitions
        ):
            break
        count += 1
    return count


def count_set(
    site: CallSite, facts: Facts, registers: tuple[str, ...], results: tuple[str, ...]
) -> int:
    """Number of argument registers up to the last that was set for this call. Those that are also
    in `results` may be passed on from an earlier call: the first in any case, others if what was
    put beyond them is for nothing else. With `facts.widest` the order of registers says nothing
    more."""
    count, gap = 0, False
    for position, register in enumerate(registers):
        prepared = not facts.widest and _is_prepared(site, facts, register, results[0])
        definite = is_definite(site, facts, register)
        if definite and _is_moved(site, facts, register) if gap else prepared or definite:
            count = position + 1
        elif not facts.widest and register != results[0] and _is_open(site, facts, register):
            if register not in results:
                break
            gap = True
    return count


def _is_moved(site: CallSite, facts: Facts, register: str) -> bool:
    """Set by a move or a load, which leaves no flags that somebody may want."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    return all(d.constant or d.moved_from or d.loads or d.symbol for d in found)


def count_held(site: CallSite, facts: Facts, registers: tuple[str, ...]) -> int:
    """Number of argument registers up to the last that holds something of this function's, set on
    all ways or given and read: more than it set for the call, but never less than it passes."""
    count = 0
    for position, register in enumerate(registers):
        numbers = site.reaching.get(register, frozenset())
        found = [facts.definitions[n] for n in numbers]
        if any(d.kind == "call" for d in found) or is_of_table(numbers, facts):
            break
        if found and all(d.kind == "set" or d.reads for d in found):
            count = position + 1
    return count


def count_before_table(site: CallSite, facts: Facts, registers: tuple[str, ...]) -> int:
    """Number of argument registers before the first that holds a jump table, or a place in it."""
    for position, register in enumerate(registers):
        if is_of_table(site.reaching.get(register, frozenset()), facts):
            return position
    return len(registers)


def is_of_table(numbers: frozenset[int], facts: Facts) -> bool:
    """Is it a jump table's address, or made of one?"""
    seen, work = set(numbers), list(numbers) if facts.tables else []
    while work:
        number = work.pop()
        if facts.definitions[number].symbol in facts.tables:
            return True
        new = facts.flows.get(number, set()) - seen
        seen |= new
        work.extend(new)
    return False


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


def is_definite(site: CallSite, facts: Facts, register: str, constant: bool = False) -> bool:
    """Set on all ways here, and on one of them for nobody else."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    if not found or any(d.kind != "set" or not d.explicit for d in found):
        return False
    if any(d.symbol in facts.tables for d in found):
        return False
    if constant and not all(d.constant for d in found):
        return False
    return any(_unread(d, facts) for d in found)


def is_named_for(site: CallSite, facts: Facts, register: str) -> bool:
    """Set in the call's own block, and no instruction names it afterwards: the address of a
    result."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    if found and all(d.kind == "entry" for d in found):  # copied at entry, to be passed on
        return any(
            d.moved_from == register and not d.block and d.register[0] != "["
            for d in facts.definitions
        )
    own = [d for d in found if d.kind == "set" and d.explicit and d.block == site.block]
    own = [d for d in own if d.type == "i64"]
    return (
        bool(found) and len(own) == len(found) and all(not d.named and not d.reads for d in found)
    )


def _is_set(site: CallSite, facts: Facts, register: str) -> bool:
    """Set by instructions that name it, on all ways here."""
    found = [facts.definitions[n] for n in site.reaching.get(register, ())]
    return bool(found) and all(d.kind == "set" and d.explicit for d in found)


def _unread(definition: Definition, facts: Facts) -> bool:
    return definition.reads == 0


def float_type_at(site: CallSite, facts: Facts, register: str) -> str:
    """"" where nothing tells it."""
    found = [facts.definitions[n] for n in site.reaching.get(register, frozenset())]
    told = any(definition.kind != "entry" for definition in found)
    return float_type(found, facts) if told else ""


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


def is_stacked(register: str) -> bool:
    """Is it the name of an argument on the stack, a slot or a struct's copy?"""
    return register[0] == "[" or register.startswith("copy ")


def stack_arguments(site: CallSite, facts: Facts, convention: Convention) -> list[str]:
    """Slots from the stack pointer up that were stored for nobody else; "[16]@64" is the part of
    slot [16] from bit 64."""
    found, offset = [], site.sp + room_of(site.copies) + convention.stack_arguments * site.is_tail
    while True:
        start = next((s for s, end in facts.slots if s <= offset < end), offset)
        definitions = [facts.definitions[n] for n in site.reaching.get(f"[{start}]", ())]
        if not definitions or any(
            d.kind != "set" or d.reads or d.saves or not d.explicit for d in definitions
        ):
            return found
        found.append(f"[{start}]" + (f"@{8 * (offset - start)}" if offset > start else ""))
        offset += 8
