"""How a function keeps its values, read from what it does with its frame."""

from __future__ import annotations

from collections.abc import Iterator

from ozma.lift.flow.graph import Block, Graph
from ozma.lift.flow.widths import live_widths
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import (
    Call,
    Const,
    Effect,
    Jump,
    Load,
    Op,
    Reg,
    SetReg,
    Store,
    Temp,
    is_integer,
)
from ozma.lift.stack.addresses import is_frame
from ozma.lift.stack.objects import Frame
from ozma.lift.stack.spills import passes_on_stack


_MANY_SAVED = 11
"""The link register and AArch64's ten that calls keep."""


def find_mode(
    graph: Graph, frame: Frame, architecture: Architecture, wanted: str, aligned: bool
) -> str:
    """"optimized", "slots" or "O0"; `wanted` unless that is "auto".

    FastISel stores a parameter and loads it again at once. The optimizing back end never does, but
    on unoptimized IR it stores numbers to slots and works on them in place, which no spill is.
    `aligned`: as code is that need not be small.
    """
    if wanted != "auto":
        return wanted
    if any(_reloads(block, architecture) for block in graph.blocks):
        return "O0" if aligned or frame.uses_frame_pointer else "slots"
    if graph.explicit:
        return "O0"
    if aligned and _keeps_frame_pointer_only(graph, frame, architecture):
        return "O0"
    if _keeps_unused(graph, frame, architecture):
        return "O0" if aligned else "slots"
    linked = bool(architecture.convention.link)
    if not aligned and (_needs_no_slots(frame) if linked else _spills_needlessly(graph, frame)):
        return "slots"
    read = {access.offset for access in frame.accesses if not access.writes}
    written = {access.offset for access in frame.accesses if access.writes}
    spoken = {*frame.escapes, *frame.saved, *(written - read)}
    in_place = any(
        _works_in_place(effect, spoken) for block in graph.blocks for step in block.steps
        for effect in step.effects
    )  # fmt: skip
    if not in_place or not _crosses_by_memory(graph, architecture):
        return "optimized"
    return "O0" if aligned else "slots"


def _keeps_frame_pointer_only(graph: Graph, frame: Frame, architecture: Architecture) -> bool:
    """The fast register allocator takes no register that the caller wants back, and no call is a
    tail call."""
    saved = 2 if architecture.convention.link else 1
    if not frame.uses_frame_pointer or len(frame.saved) != saved or frame.realigned:
        return False
    return not architecture.convention.link or not any(
        isinstance(block.exit, Jump) and not block.successors for block in graph.blocks
    )


def _spills_needlessly(graph: Graph, frame: Frame) -> bool:
    """A number is kept in a slot though no register that calls preserve was used up for one."""
    read = {access.offset for access in frame.accesses if not access.writes}
    return not frame.saved and any(
        isinstance(effect, Store) and isinstance(effect.value, Reg) and is_integer(effect.type)
        and is_frame(effect.address) and effect.address.addend < 0
        and effect.address.addend in read and effect.address.addend not in frame.escapes
        for block in graph.blocks for step in block.steps for effect in step.effects
    )  # fmt: skip


def _crosses_by_memory(graph: Graph, architecture: Architecture) -> bool:
    """Hardly any block begins with something in a register (spilled constants are no variables)."""
    order = graph.order()
    live = live_widths(graph, order, architecture)
    ignored = {architecture.convention.stack_pointer, architecture.convention.frame_pointer}
    begins = sum(bool(set(live[index]) - ignored) for index in order[1:])
    return 5 * begins <= len(order)


def _reloads(block: Block, architecture: Architecture) -> bool:
    """A slot that is stored from a register and loaded whole before any call or other store."""
    stored: dict[int, str] = {}
    for step in block.steps:
        for effect in step.effects:
            for load in _loads(effect):
                if is_frame(load.address) and stored.get(load.address.addend) == load.type:
                    return True
            if isinstance(effect, Call):
                stored = {}
            elif isinstance(effect, Store):
                if is_frame(effect.address) and isinstance(effect.value, Reg):
                    stored[effect.address.addend] = effect.type
                elif not is_frame(effect.address):
                    stored = {}
    return False


def _loads(value: object) -> Iterator[Load]:
    if isinstance(value, Load):
        yield value
    elif isinstance(value, Op):
        for operand in value.operands:
            yield from _loads(operand)
    elif not isinstance(value, Reg | Const | Temp | str | int | tuple | frozenset | type(None)):
        for name in getattr(type(value), "__dataclass_fields__", ()):
            yield from _loads(getattr(value, name))


def _works_in_place(effect: Effect, spoken: set[int]) -> bool:
    """A number stored to a slot below the entry stack pointer whose address goes nowhere."""
    if not isinstance(effect, Store) or not is_frame(effect.address):
        return False
    offset = effect.address.addend
    return offset < 0 and isinstance(effect.value, Const) and offset not in spoken


def _needs_no_slots(frame: Frame) -> bool:
    """A slot is written and read while registers are left that calls keep: it is no spill."""
    if len(frame.saved) >= _MANY_SAVED:
        return False
    small = [access for access in frame.accesses if access.size <= 8 and access.offset < 0]
    written = {access.offset for access in small if access.writes} - frame.saved
    own = {offset for offset in written if not _may_be_part(offset, frame)}
    return any(not access.writes and access.offset in own for access in small)


def _keeps_unused(graph: Graph, frame: Frame, architecture: Architecture) -> bool:
    """Something is stored to a slot that nobody reads, and that is no argument of a call."""
    read = [access for access in frame.accesses if not access.writes]
    outgoing = frame.low if passes_on_stack(graph, architecture.convention) else 0
    unread = sorted(
        access.offset for access in frame.accesses
        if access.writes and access.offset < 0 and access.offset not in frame.saved
        and not any(
            r.offset < access.offset + access.size and access.offset < r.offset + r.size
            for r in read
        )
        and not _may_be_part(access.offset, frame)
    )  # fmt: skip
    if set(unread) & _given(graph, architecture):
        return True
    while _calls(graph) and outgoing in unread:
        unread = [offset for offset in unread if offset != outgoing]
        outgoing += 8
    return bool(unread)


def _may_be_part(offset: int, frame: Frame) -> bool:
    """Of an object whose address goes somewhere: none spans a saved register."""
    start = max((escape for escape in frame.escapes if escape <= offset), default=None)
    return start is not None and not any(start < saved < offset for saved in frame.saved)


def _given(graph: Graph, architecture: Architecture) -> set[int]:
    """Slots that a parameter is stored to as it came, where no call can take it from the stack:
    the last register of arguments is never set."""
    convention = architecture.convention
    last = (convention.integers[-1], convention.floats[-1])
    every = [e for block in graph.blocks for step in block.steps for e in step.effects]
    if any(isinstance(effect, SetReg) and effect.name in last for effect in every):
        return set()
    found, came = set(), {*convention.integers[:-1], *convention.floats[:-1]}
    for effect in (effect for step in graph.blocks[0].steps for effect in step.effects):
        if isinstance(effect, Call):
            break
        if isinstance(effect, SetReg):
            came.discard(effect.name)
        elif isinstance(effect, Store) and is_frame(effect.address):
            if isinstance(effect.value, Reg) and effect.value.name in came:
                found.add(effect.address.addend)
    return found


def _calls(graph: Graph) -> bool:
    return any(
        isinstance(effect, Call) for block in graph.blocks for step in block.steps
        for effect in step.effects
    )  # fmt: skip
