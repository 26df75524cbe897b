"""Which part of the frame is an alloca, which a value: layout of slots and regions."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.decisions import Chooser
from ozma.lift.flow.graph import Graph, Step
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import Effect, Load, Op, Reg, SetReg, Store, bits, on_stack
from ozma.lift.stack.addresses import is_frame
from ozma.lift.stack.objects import Access, Frame, Region

_RETURN_ADDRESS = 8  # x86-64: bytes above the entry stack pointer that no argument uses


def lay_out(
    frame: Frame, convention: Convention, chooser: Chooser, every_slot: bool,
    unowned: frozenset[int] = frozenset(),
) -> None:  # fmt: skip
    """Fills `frame.regions` and `frame.slots`; `every_slot`: all locals are allocas (-O0 code)
    but the `unowned`."""
    frame.slots = merged(frame.accesses)
    top = _top(frame)
    starts = sorted(offset for offset in frame.escapes if offset < top)
    starts = [start for start in starts if not _continues(start, starts, frame)]
    if every_slot:
        saved = frame.saved
        saved = saved | unowned
        starts = sorted({*starts, *(s for s, _ in frame.slots if s < top and s not in saved)})
    ends = _ends(starts, frame, top, every_slot, chooser)
    parts = [(start, end) for start, end in zip(starts, ends) if end > start]
    if chooser.decisions.regions == "safe":
        parts = _joined(parts, frame, top, convention)
    frame.regions = [
        Region(start, end, _alignment(start, end - start, frame, convention))
        for start, end in parts
    ]


def take_given(frame: Frame, convention: Convention) -> None:
    """Arguments on the stack of which one has an address are in memory: a struct that is passed by
    value, with whatever is beside it. (AArch64 passes a struct's address.)"""
    first = convention.stack_arguments
    escapes = [offset for offset in frame.escapes if offset >= first]
    if escapes and not convention.link:
        ends = [access.offset + access.size for access in frame.accesses]
        ends += [offset + size for offset, size in frame.copied.items()]
        end = on_stack(max([*ends, *(offset + 1 for offset in escapes)]))
        frame.regions = [*frame.regions, Region(first, end, 8, given=True)]


def _joined(
    parts: list[tuple[int, int]], frame: Frame, top: int, convention: Convention
) -> list[tuple[int, int]]:
    """From the lowest address that anyone gets, all is one object, up to a saved register or a
    `va_list`: nobody sees where an object ends, and whether an address is that of another or of a
    part of the same. What is spilled above is memory then, as it is in the machine."""
    known = {start: start + size for start, size in frame.sizes.items()}
    walls = {**{saved: saved for saved in frame.saved}, **known, top: top}
    joined, escapes = [], sorted(offset for offset in frame.escapes if offset < top)
    for wall in sorted(offset for offset in walls if offset <= top):
        below = [offset for offset in escapes if offset < wall]
        if below:
            joined.append((_beginning(below[0], frame, convention), wall))
        if wall in known:
            joined.append((wall, known[wall]))
        escapes = [offset for offset in escapes if offset >= walls[wall]]
    lowest = min((start for start, _ in joined), default=top)
    return [(start, min(end, lowest)) for start, end in parts if start < lowest] + joined


def _beginning(low: int, frame: Frame, convention: Convention) -> int:
    """Where an object begins of which `low` is the lowest address seen: an index may be negative,
    then nobody reads by name what was written below. A vector needs it aligned."""
    read = {access.offset for access in frame.accesses if not access.writes}
    below = [start for start, end in frame.slots if end <= low]
    while below and low not in frame.plain and below[-1] not in read | frame.saved:
        low = below.pop()
    wanted = max(16 if frame.vectors else 1, frame.realigned)
    aligned = low - (low + _shift(frame, convention)) % wanted
    return aligned if all(start in read for start in below if start >= aligned) else low


def fill_gaps(
    frame: Frame, spills: frozenset[int] | set[int] = frozenset(), to_bottom: bool = False
) -> None:
    """Unoptimized code has variables that nobody touches: what alignment does not explain.
    `spills`: slots of the register allocator, right below all variables. `to_bottom`: nothing but
    variables lies down to the stack pointer."""
    limit, found = _top(frame), []
    for region in reversed(frame.regions):
        # AArch64 may put a variable between saved registers, into what aligns them.
        limit = min([limit, *(s for s in frame.saved if region.end <= s < limit)])
        size = region.end - region.offset
        expected = (limit - size) // region.align * region.align
        if region.offset < expected and limit - region.end >= 4:
            align = 8 if (limit - region.end) % 8 == 0 else 4
            found.append(Region(region.end, limit, align))
        limit = region.offset
    used = min([limit, *(a.offset for a in frame.accesses), *frame.escapes])
    if to_bottom and used - frame.low >= 16:
        found.append(Region(frame.low, used, 4 if used % 8 else 8))
    else:
        found += _hidden_below(frame, limit, spills)
    frame.regions = sorted([*frame.regions, *found], key=lambda region: region.offset)


def _hidden_below(frame: Frame, lowest: int, spills: frozenset[int] | set[int]) -> list[Region]:
    """A variable between the others and the spills, or one that only the frame's size shows."""
    ends = [(start, end) for start, end in frame.slots if start in spills and end <= lowest]
    if ends:
        start, end = ends[-1]
        if (lowest - end) // (end - start):
            return [Region(end, lowest, 1)]
    elif not spills and frame.low < lowest - (lowest + _RETURN_ADDRESS) % 16:
        return [Region(lowest - 1, lowest, 1)]
    return []


def _continues(start: int, starts: list[int], frame: Frame) -> bool:
    """Is it a field of the elements of an array that begins below, `a[i + 1]` of it, or inside of
    what is accessed as one? In doubt yes: one object instead of two computes the same."""
    filled = {a.offset for a in frame.accesses if a.writes} | set(frame.escapes)
    around = [a for a in frame.accesses if a.offset < start < a.offset + a.size]
    if any(a.offset in filled for a in around):  # else a pop of what only aligned the stack
        return True
    stride = frame.strides.get(start, 0)
    return any(start - stride <= other < start for other in starts)


def _top(frame: Frame) -> int:
    """Locals lie below the saved registers."""
    negative = [offset for offset in frame.saved if offset < 0]
    lowest = 0
    for offset in sorted(negative, reverse=True):
        if offset == lowest - 8:
            lowest = offset
    return lowest


def merged(accesses: list[Access]) -> list[tuple[int, int]]:
    """Overlapping accesses as one slot: (offset, end) in ascending order."""
    slots: list[tuple[int, int]] = []
    for start, end in sorted((a.offset, a.offset + a.size) for a in accesses):
        if slots and start < slots[-1][1]:
            slots[-1] = (slots[-1][0], max(end, slots[-1][1]))
        else:
            slots.append((start, end))
    return slots


def _ends(
    starts: list[int], frame: Frame, top: int, every_slot: bool, chooser: Chooser
) -> list[int]:
    ends = []
    spills = [] if every_slot else _spills(frame, starts)
    for position, start in enumerate(starts):
        limit = starts[position + 1] if position + 1 < len(starts) else top
        limit = min([limit, *(s for s in frame.saved if start < s)])
        if every_slot and start not in frame.escapes:
            limit = min(limit, next(end for offset, end in frame.slots if offset == start))
        elif chooser.decisions.regions != "single":
            limit = min([limit, *(s for s in spills if s > start)])
        ends.append(min(limit, start + frame.sizes.get(start, limit - start)))
    return ends


def _spills(frame: Frame, starts: list[int]) -> list[int]:
    """Offsets of slots that look spilled: written first, read later, always whole."""
    spills = []
    for start, end in frame.slots:
        inside = [a for a in frame.accesses if start <= a.offset < end]
        whole = all(a.offset == start and a.offset + a.size == end for a in inside)
        written = inside[0].writes and any(not a.writes for a in inside)
        if whole and written and start not in starts:
            spills.append(start)
    return spills


def _shift(frame: Frame, convention: Convention) -> int:
    """From an offset to an address that is as aligned: the stack pointer at entry is aligned to 16
    but for a return address, and a function that aligns it itself takes the entry's as aligned."""
    return 0 if frame.realigned else convention.stack_arguments or 16


def _alignment(start: int, size: int, frame: Frame, convention: Convention) -> int:
    """The largest that the address allows and the size suggests."""
    address = start + _shift(frame, convention)
    natural, realigned = address & -address if address else 64, frame.realigned
    if realigned > 16 and not address % realigned:
        return realigned
    allowed = min(natural, 16)
    if size < 16 or size % 16 and start not in frame.sizes:
        allowed = min(allowed, 8)
    while allowed > size:
        allowed //= 2
    if natural >= 16 and any(start <= offset < start + size for offset in frame.vectors):
        allowed = 16
    return max(allowed, 1)


def promote(graph: Graph, frame: Frame) -> Graph:
    """Direct accesses to slots outside of every region become accesses to registers "[offset]"."""
    blocks = []
    for block in graph.blocks:
        steps = [
            Step(
                step.instruction, [_promoted(e, frame) for e in step.effects], step.adjust, step.sp
            )
            for step in block.steps
        ]
        ends = block.exit is not None and steps and steps[-1].effects
        exit_ = steps[-1].effects[-1] if ends else block.exit
        blocks.append(replace(block, steps=steps, exit=exit_))
    return replace(graph, blocks=blocks)


def _promoted(effect: Effect, frame: Frame) -> Effect:
    if isinstance(effect, Store) and is_frame(effect.address) and not effect.atomic:
        value = _value(effect.value, frame)
        slot = _slot(effect.address.addend, bits(effect.type), frame)
        if slot is None:
            return replace(effect, value=value)
        offset = 8 * (effect.address.addend - slot[0])
        return SetReg(slot_name(slot[0]), value, effect.type, True, offset)
    changes = {}
    for name in type(effect).__dataclass_fields__:
        part = getattr(effect, name)
        if isinstance(part, Load | Op):
            changes[name] = _value(part, frame)
        elif name == "then":
            changes[name] = _promoted(part, frame)
    return replace(effect, **changes) if changes else effect


def _value(expr: object, frame: Frame) -> object:
    if isinstance(expr, Load):
        if is_frame(expr.address) and not expr.atomic:
            slot = _slot(expr.address.addend, bits(expr.type), frame)
            if slot is not None:
                return Reg(slot_name(slot[0]), expr.type, 8 * (expr.address.addend - slot[0]))
            return expr
        return replace(expr, address=_value(expr.address, frame))
    if isinstance(expr, Op):
        return replace(expr, operands=tuple(_value(operand, frame) for operand in expr.operands))
    return expr


def _slot(offset: int, width: int, frame: Frame) -> tuple[int, int] | None:
    """The slot that holds the bytes, None if they are in a region."""
    if region_of(offset, frame) is not None:
        return None
    return next(((s, e) for s, e in frame.slots if s <= offset < e), None)


def region_of(offset: int, frame: Frame) -> Region | None:
    for region in frame.regions:
        if region.offset <= offset < region.end:
            return region
    return None


def slot_name(offset: int) -> str:
    return f"[{offset}]"
