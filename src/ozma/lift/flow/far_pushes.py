"""`push $k` in several blocks, and the `pop %r` where they meet: r = k in each of them.

LLVM makes small constants so (`joins.py` joins the pairs within a block); where several blocks end
in the same code, BranchFolding shares it from the `pop` on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ozma.lift.flow.graph import Block, Step
from ozma.lift.reading.effects import Const, Jump, Let, Load, SetReg, Store


def join_far_pushes(blocks: Sequence[Block]) -> None:
    """Needs the predecessors of all blocks."""
    for block in blocks:
        if not block.steps or not _is_pop(block.steps[0]):
            continue
        pushes = [_last_push(blocks[p], block.index) for p in block.predecessors]
        if pushes and all(push is not None for push in pushes):
            for push in pushes:
                _set(push, block.steps[0])
            block.steps[0].effects, block.steps[0].adjust = [], 0


def _is_pop(step: Step) -> bool:
    effects = step.effects
    return [type(e) for e in effects] == [Let, SetReg, SetReg] and isinstance(
        effects[0].value, Load
    )


def _last_push(block: Block, successor: int) -> Step | None:
    """The push of a constant with which a block ends that goes nowhere else."""
    steps = [step for step in block.steps if not any(isinstance(e, Jump) for e in step.effects)]
    if block.successors != [successor] or len(block.steps) - len(steps) > 1 or not steps:
        return None
    effects = steps[-1].effects
    pushes = [type(e) for e in effects] == [Let, SetReg, Store] and effects[1].name == "rsp"
    return steps[-1] if pushes and isinstance(effects[0].value, Const) else None


def _set(push: Step, pop: Step) -> None:
    value = push.effects[0].value.value
    type_ = "i64" if value >> 31 else "i32"
    push.effects = [replace(pop.effects[2], value=Const(value, type_), type=type_)]
    push.adjust = 0
