"""What the original sets up for its calls and for nothing else.

Read off its instructions, so that it is no echo of what the lifter inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ozma.lift.emulator.abi import INTEGER, VECTOR
from ozma.lift.emulator.finders import callees, finders, goes_on_in, sets
from ozma.lift.emulator.graphs import graph_of
from ozma.lift.flow.graph import Block, Graph
from ozma.lift.machines import find_architecture
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import Do, Effect, Reg, SetReg

_COPIES = ("memcpy", "memmove", "memset")


@dataclass(frozen=True)
class Prepared:
    """`registers`, by callee: those that are set for its calls and that nobody reads, by kind and
    number. `copied`: callees that are called after something was copied to where their arguments on
    the stack are, a struct by value."""

    registers: Mapping[str, frozenset[tuple[str, int]]] = field(default_factory=dict)
    copied: frozenset[str] = frozenset()


def prepared_for_calls(text: str, name: str, target: str) -> Prepared:
    """Nothing for a text that cannot be read."""
    graph = graph_of(text, name, target)
    if graph is None:
        return Prepared()
    convention = find_architecture(target).convention
    found: dict[str, frozenset[tuple[str, int]]] = {}
    for kind, registers in ((INTEGER, convention.integers), (VECTOR, convention.floats)):
        for number, register in enumerate(registers):
            for callee in _set_for(graph, register):
                found[callee] = found.get(callee, frozenset()) | {(kind, number)}
    return Prepared(found, frozenset(_copied(graph, convention)))


def _set_for(graph: Graph, register: str) -> set[str]:
    """Callees that find in the register what was put there for nobody else."""
    found: set[str] = set()
    for block in graph.blocks:
        for position, step in enumerate(block.steps):
            if any(sets(effect, register) and not effect.implicit for effect in step.effects):
                reached = finders(graph, block, position, register)
                found |= reached.calls if reached else set()
    return found


def _copied(graph: Graph, convention: Convention) -> set[str]:
    """x86-64 copies a struct to the stack pointer, and then passes nobody the address."""
    if convention.link:
        return set()
    return {name for block in graph.blocks for name in _copied_in(block, convention)}


def _copied_in(block: Block, convention: Convention) -> set[str]:
    holding: set[str] = set()
    copied, found, first = False, set(), convention.integers[0]
    for step in block.steps:
        names = callees(step)
        if first in holding and (_copies(step.effects) or set(names) & set(_COPIES)):
            copied = True
        elif names:
            found |= set(names) if copied and not holding else set()
            copied = False
        if names:
            holding &= convention.preserved - {convention.stack_pointer}
        for effect in step.effects:
            _follow(effect, holding, convention.stack_pointer)
    last = goes_on_in(block)
    return found | {last} if copied and last is not None else found


def _copies(effects: list[Effect]) -> bool:
    return any(isinstance(e, Do) and e.op.opcode.startswith("llvm.mem") for e in effects)


def _follow(effect: Effect, holding: set[str], pointer: str) -> None:
    """Which registers hold the stack pointer?"""
    if isinstance(effect, SetReg) and effect.name != pointer:
        value = effect.value
        if isinstance(value, Reg) and value.name in holding | {pointer} and value.type == "i64":
            holding.add(effect.name)
        else:
            holding.discard(effect.name)
