"""Which register holds which address in the frame when a block begins."""

from __future__ import annotations

from ozma.lift.flow.graph import Block, Graph, Refused
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.effects import Call, Do, Op
from ozma.lift.stack.addresses import Rewriter, State
from ozma.lift.stack.objects import Frame


def find_offsets(graph: Graph, architecture: Architecture, frame: Frame) -> dict[int, State]:
    """What each register points to at the start of each reachable block."""
    convention = architecture.convention
    states: dict[int, State] = {0: {convention.stack_pointer: 0}}
    work = [0]
    while work:
        index = work.pop()
        block = graph.blocks[index]
        rewriter = Rewriter(states[index], frame)
        for step in block.steps:
            rewriter.temps = {}
            for effect in step.effects:
                rewriter.effect(effect, convention)
        for successor in list(block.successors):
            state = _on_way(rewriter.state, block, graph.blocks[successor], convention)
            met = _meet(states.get(successor), state, block, successor, graph, convention)
            if met is not None and met != states.get(successor):
                states[successor] = met
                work.append(successor)
    return states


def _on_way(state: State, block: Block, successor: Block, convention: Convention) -> State:
    """At a landing pad the arguments that were pushed for the call are gone."""
    pushed = block.exit.pushed if isinstance(block.exit, Call) else 0
    pointer = convention.stack_pointer
    if not pushed or successor.landing is None or pointer not in state:
        return state
    return state | {pointer: state[pointer] + pushed}


def _meet(
    old: State | None,
    new: State,
    block: Block,
    successor: int,
    graph: Graph,
    convention: Convention,
) -> State | None:
    """Agreeing entries; None if the edge is none because the last call does not return."""
    if old is None:
        return new
    pointer = convention.stack_pointer
    if old.get(pointer) != new.get(pointer):
        last = block.steps[-1] if block.steps else None
        if last and any(isinstance(effect, Call) for effect in last.effects):
            _cut_edge(block, successor, graph)
            return None
        where = last.instruction if last else None
        raise Refused(
            where.number if where else block.line, where.text if where else "",
            "the stack pointer differs between two ways to the same place",
        )  # fmt: skip
    return {name: offset for name, offset in old.items() if new.get(name) == offset}


def _cut_edge(block: Block, successor: int, graph: Graph) -> None:
    """The call at the block's end does not return; it may still unwind."""
    graph.blocks[successor].predecessors.remove(block.index)
    block.successors.remove(successor)
    if not isinstance(block.exit, Call):
        block.exit = Do(Op("unreachable", "void", ()))
        block.steps[-1].effects.append(block.exit)
