"""Where each basic block goes next: jumps, tables, landing pads, tail calls."""

from __future__ import annotations

from ozma.lift.flow.graph import Block, Refused, Step
from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import (
    Branch, Call, Do, Effect, IndirectJump, Jump, Op, Return, Symbol,
)  # fmt: skip
from ozma.lift.reading.prototypes import is_noreturn
from ozma.lift.reading.static_data import jump_table


def ends(effect: Effect) -> bool:
    if isinstance(effect, Do):
        return effect.op.opcode in ("unreachable", "llvm.trap")
    if isinstance(effect, Call):
        return bool(effect.unwind) or _never_returns(effect)
    return isinstance(effect, Branch | Jump | IndirectJump | Return)


def _never_returns(call: Call) -> bool:
    return isinstance(call.target, Symbol) and is_noreturn(call.target.name)


def _last_effect(block: Block) -> Effect | None:
    return block.steps[-1].effects[-1] if block.steps and block.steps[-1].effects else None


def is_explicit(blocks: list[Block]) -> bool:
    """Some block jumps to the next one, and none but after a call runs into it."""
    jumps = False
    for block, following in zip(blocks, blocks[1:]):
        last = _last_effect(block)
        if isinstance(last, Jump):
            jumps |= last.target in following.labels
        elif following.labels and not isinstance(last, Call) and not (last and ends(last)):
            return False
    return jumps


def is_final_call(block: Block) -> bool:
    """A call that nothing follows in its block: where all ways are written out, it has none."""
    last = _last_effect(block)
    return isinstance(last, Call) and not last.unwind


def connect(
    block: Block,
    blocks: list[Block],
    labels: dict[str, int],
    listing: Listing,
    following: int | None,
) -> None:
    last = block.steps[-1].effects[-1] if block.steps and block.steps[-1].effects else None
    step = block.steps[-1].instruction if block.steps else None
    if last is not None and ends(last):
        block.exit = last
    if isinstance(block.exit, Branch):
        if block.exit.target in labels:
            block.successors = [labels[block.exit.target]]
        else:
            block.successors = [_tail_block(block.exit.target, block, blocks)]
        if following is None:
            raise Refused(step.number, step.text, "the code runs out of the function")
        block.successors.append(following)
    elif isinstance(block.exit, Jump):
        if block.exit.target in labels and not block.exit.relocation:
            block.successors = [labels[block.exit.target]]
        elif block.exit.target.startswith(".L"):
            raise Refused(step.number, step.text, "a jump to a label outside of the function")
    elif isinstance(block.exit, IndirectJump):
        _find_table(block, blocks, labels, listing)
    elif isinstance(block.exit, Call) and block.exit.unwind:
        _connect_invoke(block, blocks, labels, following)
    elif block.exit is None:
        if following is not None and blocks[following].landing is None:
            block.successors = [following]
        else:
            block.exit = Do(Op("unreachable", "void", ()))


def _connect_invoke(
    block: Block, blocks: list[Block], labels: dict[str, int], following: int | None
) -> None:
    """First where it returns to, a block of its own; then the landing pad."""
    step = block.steps[-1].instruction
    if block.exit.unwind not in labels:
        raise Refused(step.number, step.text, "a landing pad outside of the function")
    pad = labels[block.exit.unwind]
    if _never_returns(block.exit) or following is None or blocks[following].landing is not None:
        block.successors = [pad]
        return
    if blocks[following].labels:
        new = Block(len(blocks), [], [], [following], line=step.number)
        blocks.append(new)
        following = new.index
    block.successors = [following, pad]


def _tail_block(target: str, block: Block, blocks: list[Block]) -> int:
    """A conditional tail call: a block of its own that jumps to the symbol."""
    step = block.steps[-1].instruction
    if target.startswith(".L"):
        raise Refused(step.number, step.text, "a jump to a label outside of the function")
    name, _, relocation = target.partition("@")
    jump = Jump(name, "plt" if relocation else "")
    for other in blocks:
        if other.exit == jump and len(other.steps) == 1:
            return other.index
    new = Block(len(blocks), [], [Step(step, [jump])], exit=jump, line=step.number)
    blocks.append(new)
    return new.index


def _find_table(
    block: Block, blocks: list[Block], labels: dict[str, int], listing: Listing
) -> None:
    """A table of this function's labels whose address the block, or one before, uses."""
    known = set(labels)
    for step in reversed(_code_before(block, blocks)):
        for name in _symbols(step.effects):
            item = listing.data.get(name)
            targets = jump_table(item, known) if item else None
            if targets:
                block.table = name
                block.successors = list(dict.fromkeys(labels[target] for target in targets))
                return


def _code_before(block: Block, blocks: list[Block]) -> list[Step]:
    steps: list[Step] = []
    for other in blocks[: block.index + 1]:
        steps.extend(other.steps)
    return steps


def _symbols(value: object) -> list[str]:
    """Names of all symbols in effects or expressions."""
    if isinstance(value, Symbol):
        return [value.name]
    if isinstance(value, list | tuple):
        return [name for part in value for name in _symbols(part)]
    names = getattr(type(value), "__dataclass_fields__", ())
    return [name for entry in names for name in _symbols(getattr(value, entry))]
