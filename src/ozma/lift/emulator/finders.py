"""Who finds what an instruction of the original has put into a register."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.lift.emulator.calls import THROUGH_POINTER
from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.flow.reads import conditions, reads
from ozma.lift.reading.effects import (
    Branch, Call, Effect, IndirectJump, Jump, Return, SetFlags, SetReg, Symbol,
)  # fmt: skip


@dataclass
class Finders:
    """`calls`: names of callees, THROUGH_POINTER for those without; `returned`: a return."""

    calls: set[str]
    returned: bool = False


def sets(effect: Effect, register: str) -> bool:
    return isinstance(effect, SetReg) and effect.name == register


def callees(step: Step) -> list[str]:
    """Names of what a step calls."""
    targets = [effect.target for effect in step.effects if isinstance(effect, Call)]
    return [target.name if isinstance(target, Symbol) else THROUGH_POINTER for target in targets]


def goes_on_in(block: Block) -> str | None:
    """The name of the function that the block ends in a jump to, if it does."""
    if block.successors or not isinstance(block.exit, Jump | IndirectJump):
        return None
    return block.exit.target if isinstance(block.exit, Jump) else THROUGH_POINTER


def finders(
    graph: Graph, block: Block, position: int, register: str, read_too: bool = False
) -> Finders | None:
    """Calls and returns that what the instruction at `position` has set reaches; None if another
    instruction reads it, unless it may be `read_too`."""
    own = block.steps[position]
    flags = any(isinstance(effect, SetFlags) for effect in own.effects)
    work, seen, found = [(block, position + 1, flags)], set(), Finders(set())
    while work:
        block, start, flags = work.pop()
        for step in block.steps[start:]:
            if step is own:
                break
            if not read_too and _uses(step, register, flags):
                return None
            if names := callees(step):
                found.calls.update(names)
                break
            if any(sets(effect, register) for effect in step.effects):
                break
            flags &= not any(isinstance(effect, SetFlags) for effect in step.effects)
        else:
            found.returned |= isinstance(block.exit, Return)
            if (name := goes_on_in(block)) is not None:
                found.calls.add(name)
            fresh = {index for index in block.successors if (index, flags) not in seen}
            work += [(graph.blocks[index], 0, flags) for index in fresh]
            seen.update((index, flags) for index in fresh)
    return found


def _uses(step: Step, register: str, flags: bool) -> bool:
    """Is the register read, or what the flags say of it?"""
    for effect in step.effects:
        if any(r.name == register for r in reads(effect)):
            return True
        if flags and (isinstance(effect, Branch) or conditions(effect)):
            return True
    return False
