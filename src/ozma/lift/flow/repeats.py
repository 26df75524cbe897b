"""String instructions become one operation on memory where that does the same, else loops."""

from __future__ import annotations

from ozma.lift.flow.graph import Block, Step
from ozma.lift.flow.origins import OWN, PASSED, SYMBOL, Before, Origin
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import (
    Branch, Const, Effect, Expr, Let, Op, Repeat, SetReg, Temp, bits,
)  # fmt: skip
from ozma.lift.reading.listing import Listing


def expand(
    step: Step, blocks: list[Block], convention: Convention, listing: Listing, apart: bool
) -> None:
    """Appends the step to the last block, or as a loop of its own with a block after it.

    `apart`: places are taken not to overlap.
    """
    (repeat,), before = step.effects, Before(blocks, convention)
    if repeat.whole and (_does_the_same(repeat, before, listing) or apart and repeat.apart):
        blocks[-1].steps.append(Step(step.instruction, list(repeat.whole)))
        return
    again, after = f"again@{step.line}", f"after@{step.line}"
    if not before.constant(repeat.count.name):
        none = Op("icmp eq", "i1", (repeat.count, Const(0, repeat.count.type)))
        blocks[-1].steps.append(Step(step.instruction, [Branch(none, after)]))
    loop = Step(step.instruction, [*repeat.body, *_counted(repeat, again)])
    blocks.append(Block(len(blocks), [again], [loop], line=step.line))
    blocks.append(Block(len(blocks), [after], line=step.line))


def _counted(repeat: Repeat, again: str) -> list[Effect]:
    count, type_ = repeat.count, repeat.count.type
    left = Op("add", type_, (count, Const((1 << bits(type_)) - 1, type_)))
    goes_on: Expr = Op("icmp ne", "i1", (Temp("left"), Const(0, type_)))
    if repeat.goes_on:
        goes_on = Op("and", "i1", (goes_on, repeat.goes_on))
    return [
        Let("left", left, type_), SetReg(count.name, Temp("left"), type_, implicit=True),
        Branch(goes_on, again),
    ]  # fmt: skip


def _does_the_same(repeat: Repeat, before: Before, listing: Listing) -> bool:
    if repeat.alike:
        value = before.constant(repeat.alike.name)
        return value is not None and _has_equal_bytes(value, bits(repeat.alike.type))
    return _are_apart(repeat, before, listing)


def _has_equal_bytes(value: int, width: int) -> bool:
    ones = (1 << width) - 1
    return value & ones == (value & 0xFF) * (ones // 0xFF)


def _are_apart(repeat: Repeat, before: Before, listing: Listing) -> bool:
    """Is it known that the places do not overlap? No caller knows where this frame will be, and
    constants are where nobody writes. What is copied to the stack pointer itself is a struct for
    a call, or one that has just begun."""
    first, second = (before.origin(register.name) for register in repeat.apart)
    if second is not None and second.kind == SYMBOL and _is_constant(listing, second.base):
        return True
    bottom = first == before.bottom()
    if first is None or second is None:
        return bottom
    if first.kind != second.kind:
        return OWN in (first.kind, second.kind)
    if first.kind == PASSED:
        return False
    if first.base != second.base:
        return first.kind != OWN or bottom
    count = before.constant(repeat.count.name)
    return bottom if count is None else _disjoint(first, second, count * repeat.size)


def _is_constant(listing: Listing, name: str) -> bool:
    item = listing.data.get(name)
    return item is not None and item.section.startswith((".rodata", ".data.rel.ro"))


def _disjoint(first: Origin, second: Origin, size: int) -> bool:
    distance = abs(first.offset - second.offset)
    return distance == 0 or distance >= size
