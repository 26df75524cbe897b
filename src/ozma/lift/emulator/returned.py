"""What a function computes and leaves where results are, whatever its signature says.

Asked of the original text alone, and by its instructions, so that it is no echo of what the lifter
inferred.
"""

from __future__ import annotations

from collections.abc import Callable

from ozma.lift.emulator.abi import INTEGER, VECTOR
from ozma.lift.emulator.graphs import graph_of
from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.flow.reads import conditions, reads
from ozma.lift.machines import find_architecture
from ozma.lift.reading.effects import Branch, Call, Repeat, Return, SetFlags, SetReg

RESULTS = tuple((kind, number) for kind in (INTEGER, VECTOR) for number in (0, 1))
"""Registers of results, by kind and number, that are looked at."""


def returned_results(text: str, name: str, target: str) -> frozenset[tuple[str, int]]:
    """Those of RESULTS in which some return finds what an instruction put there: the first integer
    whatever was done with it before, the others, which are more often scratch registers, only if
    nobody reads it. None for a text that cannot be read."""
    graph = graph_of(text, name, target)
    if graph is None:
        return frozenset()
    convention = find_architecture(target).convention
    named = {INTEGER: convention.results, VECTOR: convention.float_results}
    rules = {place: _only_returned for place in RESULTS} | {(INTEGER, 0): _is_returned}
    return frozenset(
        (kind, number)
        for (kind, number), rule in rules.items()
        if _holds(graph, named[kind][number], rule)
    )


Rule = Callable[[Graph, Block, int, str], bool]
"""Of a step that sets the register, by block and position: is that what a return finds?"""


def _holds(graph: Graph, register: str, rule: Rule) -> bool:
    return any(
        rule(graph, block, position, register)
        for block in graph.blocks for position, step in enumerate(block.steps)
        if any(_sets(effect, register) and not effect.implicit for effect in step.effects)
        and not step.instruction.mnemonic.startswith("pop")  # that makes the stack even
    )  # fmt: skip


def _sets(effect: object, register: str) -> bool:
    return isinstance(effect, SetReg) and effect.name == register


def _is_returned(graph: Graph, block: Block, position: int, register: str) -> bool:
    """Does a return find on some way what the instruction has put there?"""
    work, seen = [(block, position + 1)], set()
    while work:
        block, start = work.pop()
        effects = (effect for step in block.steps[start:] for effect in step.effects)
        if any(_changes(effect, register) for effect in effects):
            continue
        if isinstance(block.exit, Return):
            return True
        fresh = set(block.successors) - seen
        seen |= fresh
        work += [(graph.blocks[index], 0) for index in fresh]
    return False


def _changes(effect: object, register: str) -> bool:
    return isinstance(effect, Call | Repeat) or _sets(effect, register)


def _only_returned(graph: Graph, block: Block, position: int, register: str) -> bool:
    """Does a return, and nothing else but the instruction itself, find what it has put there?"""
    own = block.steps[position]
    flags = any(isinstance(effect, SetFlags) for effect in own.effects)
    work, seen, returned = [(block, position + 1, flags)], set(), False
    while work:
        block, start, flags = work.pop()
        for step in block.steps[start:]:
            if step is own:
                break
            if _uses(step, register, flags):
                return False
            if any(_sets(effect, register) for effect in step.effects):
                break
            flags &= not any(isinstance(effect, SetFlags) for effect in step.effects)
        else:
            returned |= isinstance(block.exit, Return)
            if not block.successors and not isinstance(block.exit, Return):
                return False  # another function goes on
            fresh = {index for index in block.successors if (index, flags) not in seen}
            work += [(graph.blocks[index], 0, flags) for index in fresh]
            seen.update((index, flags) for index in fresh)
    return returned


def _uses(step: Step, register: str, flags: bool) -> bool:
    """Is the register read, or what the flags say of it? A callee may read any."""
    for effect in step.effects:
        if isinstance(effect, Call | Repeat) or any(r.name == register for r in reads(effect)):
            return True
        if flags and (isinstance(effect, Branch) or conditions(effect)):
            return True
    return False
