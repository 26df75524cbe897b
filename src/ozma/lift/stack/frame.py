"""The stack frame: which addresses lie in it, which slots are values, which memory has an address.

Offsets are relative to the stack pointer at entry. Every register's offset is followed through the
function (so `leaq 8(%rsp), %rbx` ... `(%rbx)` is a slot too). A slot that is only read and written
whole or in parts becomes a register called "[-24]", which SSA then treats as any other; memory
whose address goes somewhere becomes `Symbol(relocation="frame")`, an alloca.
"""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Block, Graph, Refused, Step
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.effects import Call, Const, Effect, Let, Reg, Return, SetReg, Store
from ozma.lift.stack.accesses import collect
from ozma.lift.stack.addresses import Rewriter, moves_stack
from ozma.lift.stack.by_value import pass_by_value
from ozma.lift.stack.objects import Frame
from ozma.lift.stack.offsets import find_offsets
from ozma.lift.stack.sums import with_whole_sums


def find_frame(graph: Graph, architecture: Architecture) -> tuple[Graph, Frame]:
    """The graph with frame addresses in its effects, and what the frame holds so far."""
    frame = Frame()
    states = find_offsets(graph, architecture, frame)
    blocks = []
    for block in graph.blocks:
        if block.index not in states:
            blocks.append(replace(block, steps=[], successors=[]))
            continue
        rewriter = Rewriter(states[block.index], frame)
        steps = _rewrite(block, rewriter, architecture, graph)
        exit_ = (
            steps[-1].effects[-1]
            if block.exit is not None and steps and steps[-1].effects
            else block.exit
        )
        blocks.append(replace(block, steps=steps, exit=exit_ if block.exit is not None else None))
    new = architecture.without_variadic(_without_unreachable(replace(graph, blocks=blocks)))
    new = pass_by_value(new, states, architecture.convention)
    collect(new, states, frame, architecture.convention)
    return new, frame


def _is_padding(step: Step, block: Block, convention: Convention, graph: Graph) -> bool:
    """A push of what nobody needs, in place of `sub $8, %rsp`: LLVM's CFI calls no argument of a
    call so."""
    if [type(effect) for effect in step.effects] != [Let, SetReg, Store] or step.adjust:
        return False
    pushed = step.effects[0].value
    if not isinstance(pushed, Reg) or pushed.name in convention.preserved:
        return False
    if graph.of_gcc:
        last = convention.integers[-2 if block.index else -1 :]
        return not _sets_around(step, graph, last)
    return step.framed if graph.has_cfi else not block.index and _only_pushes(block, step)


def _sets_around(push: Step, graph: Graph, last: tuple[str, ...]) -> bool:
    """Is one of the last registers of arguments set between the calls around the push? Then what
    is pushed may be one argument more."""
    lines = {Call: [], SetReg: []}
    for block in graph.blocks:
        for step in block.steps:
            for effect in step.effects:
                if isinstance(effect, Call) or _sets(effect, last):
                    lines[type(effect)].append(step.line)
    first = max((line for line in lines[Call] if line < push.line), default=0)
    last = min((line for line in lines[Call] if line > push.line), default=0)
    return any(first < line < last for line in lines[SetReg])


def _sets(effect: Effect, registers: tuple[str, ...]) -> bool:
    return isinstance(effect, SetReg) and effect.name in registers


def _is_discard(position: int, block: Block, convention: Convention) -> bool:
    """A pop into a scratch register before a return: it moves the stack pointer, and reads nobody's
    slot."""
    step, rest = block.steps[position], block.steps[position + 1 :]
    if [type(effect) for effect in step.effects] != [Let, SetReg, SetReg]:
        return False
    pointer, target = step.effects[1].name, step.effects[2].name
    scratch = target not in convention.preserved and target not in convention.results[:1]
    ends = all(isinstance(e, Return | SetReg | Let) for other in rest for e in other.effects)
    return pointer == convention.stack_pointer and scratch and bool(rest) and ends and all(
        isinstance(other.effects[-1], Return) or moves_stack(other, convention)
        for other in rest if other.effects
    )  # fmt: skip


def _only_pushes(block: Block, until: Step) -> bool:
    for step in block.steps:
        if step is until:
            return True
        if [type(effect) for effect in step.effects] != [Let, SetReg, Store]:
            return False
    return False


def _rewrite(
    block: Block, rewriter: Rewriter, architecture: Architecture, graph: Graph
) -> list[Step]:
    steps, convention = [], architecture.convention
    for position, step in enumerate(block.steps):
        rewriter.temps = {}
        sp = rewriter.state.get(convention.stack_pointer)
        if sp is None:
            raise Refused(step.line, step.instruction.text, "dynamic stack allocation")
        effects = [rewriter.effect(effect, convention) for effect in step.effects]
        if _is_padding(step, block, convention, graph):
            effects = effects[1:2]
        elif _is_discard(position, block, convention):
            effects[0] = replace(effects[0], value=Const(0, "i64"))
        steps.append(Step(step.instruction, effects, step.adjust, sp))
    return with_whole_sums(steps)


def _without_unreachable(graph: Graph) -> Graph:
    """What only cut edges led to is no predecessor any more."""
    reachable = set(graph.order())
    for block in graph.blocks:
        block.predecessors = [index for index in block.predecessors if index in reachable]
    return graph
