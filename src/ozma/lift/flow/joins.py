"""What code generation took apart is put together: pairs of branches, of jumps, of push and pop."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Block, Step
from ozma.lift.reading.effects import (
    Branch, Call, Condition, Const, Jump, Let, Load, Op, SetFlags, SetReg, Store,
)  # fmt: skip


def join_pushes(steps: list[Step]) -> None:
    """`push $k; pop %r` is r = k: LLVM's shortest way to a small constant."""
    for position in range(len(steps) - 1):
        push, pop = steps[position].effects, steps[position + 1].effects
        if [type(e) for e in push] != [Let, SetReg, Store] or not isinstance(push[0].value, Const):
            continue
        if [type(e) for e in pop] == [Let, SetReg, SetReg] and pop[0].value == Load(
            push[2].address, "i64"
        ):
            value = push[0].value.value
            type_ = "i64" if value >> 31 else "i32"
            steps[position].effects, steps[position].adjust = [], 0
            steps[position + 1].effects = [replace(pop[2], value=Const(value, type_), type=type_)]
            steps[position + 1].adjust = 0


def join_jumps(blocks: list[Block], cases_only: bool = False) -> None:
    """`jne A; jmp B` is one branch with two targets, and a call that may unwind with the jump after
    it returns to where that goes. `cases_only`: FastISel leaves a block that only jumps, but where
    it lowers a switch."""
    for block in blocks:
        if isinstance(block.exit, Branch) and block.successors:
            place = 1
        elif isinstance(block.exit, Call) and len(block.successors) == 2:
            place = 0
        else:
            continue
        if cases_only and not _tests_case(block):
            continue
        second = blocks[block.successors[place]]
        if isinstance(second.exit, Jump) and second.successors and not second.labels:
            if len(second.steps) == 1 and second.predecessors == [block.index]:
                target = blocks[second.successors[0]]
                block.successors[place] = target.index
                target.predecessors[target.predecessors.index(second.index)] = block.index
                second.predecessors, second.successors, second.steps = [], [], []


def _tests_case(block: Block) -> bool:
    """`subl $k, %r; je` or `testl %r, %r; je`: FastISel itself compares. Nor does it turn a branch
    round whose condition is an i1 that a call gave: `testb $1, %al; jne A; jmp B`."""
    step = block.steps[-2] if len(block.steps) > 1 else None
    flags = next((e for e in step.effects if isinstance(e, SetFlags)), None) if step else None
    keeps = step is not None and any(isinstance(e, SetReg) for e in step.effects)
    if flags is None or (flags.kind, keeps) not in (("sub", True), ("logic", False)):
        return False
    code = getattr(block.exit.condition, "code", "")
    return not (isinstance(flags.a, Op) and flags.kind == "logic") or code == "ne"


def sink_hoisted(blocks: list[Block]) -> None:
    """What stands between a test and its branch was at the start of both blocks that follow: the
    back end hoists what two have in common, if nothing else leads there."""
    for block in blocks:
        if not isinstance(block.exit, Branch) or len(set(block.successors)) != 2:
            continue
        after = [blocks[index] for index in block.successors]
        if any(other.predecessors != [block.index] for other in after):
            continue
        first = len(block.steps) - 1
        while first and _is_plain(block.steps[first - 1]):
            first -= 1
        moved = block.steps[first:-1]
        if moved and first and any(isinstance(e, SetFlags) for e in block.steps[first - 1].effects):
            del block.steps[first:-1]
            for other in after:
                other.steps[0:0] = [replace(step) for step in moved]


def _is_plain(step: Step) -> bool:
    """Does it set one register, and nothing else?"""
    return len(step.effects) == 1 and isinstance(step.effects[0], SetReg) and not step.adjust


def merge_branches(blocks: list[Block]) -> None:
    """`jne L; jp L` and `jne L; jnp M` on the same flags are one branch on two conditions."""
    for block in blocks:
        second = blocks[block.successors[1]] if isinstance(block.exit, Branch) else None
        if second is None or second.labels or len(second.steps) != 1:
            continue
        if not isinstance(second.exit, Branch) or len(second.steps[0].effects) != 1:
            continue
        codes = [getattr(part.exit.condition, "code", "") for part in (block, second)]
        if codes[0] in ("ne", "eq") and codes[1] in ("uno", "ord"):
            _merge_pair(block, second)


def _merge_pair(block: Block, second: Block) -> None:
    first, other = block.exit.condition, second.exit.condition
    taken, rest = second.successors
    if block.successors[0] == taken:
        condition = Op("or", "i1", (first, other))
        block.successors = [taken, rest]
    elif block.successors[0] == rest:
        condition = Op("and", "i1", (_opposite(first), other))
        block.successors = [taken, rest]
    else:
        return
    block.exit = Branch(condition, second.exit.target)
    block.steps[-1] = Step(block.steps[-1].instruction, [*block.steps[-1].effects[:-1], block.exit])


def _opposite(condition: Condition) -> Condition:
    return Condition({"eq": "ne", "ne": "eq"}[condition.code])
