"""What a function computes and leaves where results are, whatever its signature says.

Asked of the original text alone, and by its instructions, so that it is no echo of what the lifter
inferred.
"""

from __future__ import annotations

from collections.abc import Callable

from ozma.lift.emulator.abi import INTEGER, VECTOR
from ozma.lift.emulator.finders import finders, sets
from ozma.lift.emulator.graphs import graph_of
from ozma.lift.flow.graph import Block, Graph
from ozma.lift.machines import find_architecture


def returned_results(text: str, name: str, target: str) -> frozenset[tuple[str, int]]:
    """Registers of results, by kind and number, in which some return finds what an instruction put
    there: the first integer whatever was done with it before, the others, which are more often
    scratch registers, only if nobody reads it, but that the first vector may be passed to a call on
    another way. None for a text that cannot be read."""
    graph = graph_of(text, name, target)
    if graph is None:
        return frozenset()
    convention = find_architecture(target).convention
    named = {INTEGER: convention.results, VECTOR: convention.float_results}
    first = {(INTEGER, 0): _is_returned, (VECTOR, 0): _unread}
    return frozenset(
        (kind, number)
        for kind, registers in named.items() for number, register in enumerate(registers)
        if _holds(graph, register, first.get((kind, number), _only_returned))
    )  # fmt: skip


Rule = Callable[[Graph, Block, int, str], bool]
"""Of a step that sets the register, by block and position: is that what a return finds?"""


def _holds(graph: Graph, register: str, rule: Rule) -> bool:
    return any(
        rule(graph, block, position, register)
        for block in graph.blocks for position, step in enumerate(block.steps)
        if any(sets(effect, register) and not effect.implicit for effect in step.effects)
        and not step.instruction.mnemonic.startswith("pop")  # that makes the stack even
    )  # fmt: skip


def _is_returned(graph: Graph, block: Block, position: int, register: str) -> bool:
    found = finders(graph, block, position, register, read_too=True)
    return found is not None and found.returned


def _unread(graph: Graph, block: Block, position: int, register: str) -> bool:
    found = finders(graph, block, position, register)
    return found is not None and found.returned


def _only_returned(graph: Graph, block: Block, position: int, register: str) -> bool:
    found = finders(graph, block, position, register)
    return found is not None and found.returned and not found.calls
