"""Slots of unoptimized code that no variable owns: spilled registers, and arguments on the
stack."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ozma.lift.flow.graph import Graph
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import Call, Const, Effect, Jump, Load, Op, Reg, SetReg, Store, bits
from ozma.lift.stack.addresses import is_frame
from ozma.lift.stack.objects import Frame
from ozma.lift.stack.regions import merged


@dataclass(frozen=True)
class Touch:
    """One access of a slot, or a call (offset None), in the order of a block's code."""

    offset: int | None
    size: int = 0
    writes: bool = False
    parameter: bool = False
    constant: bool = False


def find_unowned(graph: Graph, frame: Frame, convention: Convention, mode: str) -> set[int]:
    """Offsets of slots that are no allocas, from the bottom of the frame up.

    The fast register allocator puts spills below all variables; it loads a value back once after a
    call or at the start of a block, where a variable is loaded for each use.
    """
    touches = [_touches(graph, index, convention) for index in graph.order()]
    below = (start for start, _ in merged(frame.accesses) if start < 0)
    slots = sorted(start for start in below if start not in frame.saved)
    found: set[int] = set()
    calls = any(touch.offset is None for block in touches for touch in block)
    if calls and passes_on_stack(graph, convention):
        found = _outgoing(slots, touches, frame)
    if mode != "O0":
        return found
    for slot in slots:
        if slot in found:
            continue
        if slot in frame.escapes or not _is_spill(slot, touches):
            break
        found.add(slot)
    return found


def passes_on_stack(graph: Graph, convention: Convention) -> bool:
    """May a call have arguments on the stack? AArch64 fills all registers first."""
    if not convention.link:
        return True
    last = (convention.integers[-1], convention.floats[-1])
    return any(
        isinstance(effect, SetReg) and effect.name in last for block in graph.blocks
        for step in block.steps for effect in step.effects
    )  # fmt: skip


def _touches(graph: Graph, index: int, convention: Convention) -> list[Touch]:
    found: list[Touch] = []
    arguments = (*convention.integers, *convention.floats) if index == 0 else ()
    given = {name: name for name in arguments}
    for step in graph.blocks[index].steps:
        for effect in step.effects:
            _add(effect, found, given)
            if isinstance(effect, SetReg):
                copied = effect.value.name if isinstance(effect.value, Reg) else ""
                given = {name: source for name, source in given.items() if name != effect.name}
                if copied in given and effect.name != convention.stack_pointer:
                    given[effect.name] = given[copied]
    return _without_spilled(found)


def _without_spilled(touches: list[Touch]) -> list[Touch]:
    """Variables of parameters lie in their order from the top: one stored below a later one's is
    only spilled (the address of a result in memory has no variable)."""
    found = []
    for position, touch in enumerate(touches):
        later = (other.offset for other in touches[position + 1 :] if other.parameter)
        if touch.parameter and any(offset > touch.offset for offset in later):
            touch = replace(touch, parameter=False)
        found.append(touch)
    return found


def _add(effect: Effect, found: list[Touch], given: dict[str, str]) -> None:
    for name in type(effect).__dataclass_fields__:
        _add_loads(getattr(effect, name), found)
    if isinstance(effect, Call):
        found.append(Touch(None))
    elif isinstance(effect, Store) and is_frame(effect.address):
        value, place = effect.value, effect.address.addend
        parameter = isinstance(value, Reg) and value.name in given
        found.append(
            Touch(place, bits(effect.type), True, parameter, isinstance(value, Const))
        )


def _add_loads(value: object, found: list[Touch]) -> None:
    if isinstance(value, Load):
        if is_frame(value.address):
            found.append(Touch(value.address.addend, bits(value.type)))
        _add_loads(value.address, found)
    elif isinstance(value, Op):
        for operand in value.operands:
            _add_loads(operand, found)
    elif not isinstance(value, str | int | Jump) and hasattr(value, "__dataclass_fields__"):
        for name in type(value).__dataclass_fields__:
            _add_loads(getattr(value, name), found)


def _outgoing(slots: list[int], touches: list[list[Touch]], frame: Frame) -> set[int]:
    """Slots from the stack pointer up that are stored before a call, and never read."""
    found: set[int] = set()
    offset = frame.low
    while offset in slots and offset not in frame.escapes and _is_outgoing(offset, touches):
        found.add(offset)
        offset += 8
    return found


def _is_outgoing(slot: int, touches: list[list[Touch]]) -> bool:
    for block in touches:
        for position, touch in enumerate(block):
            if touch.offset == slot:
                called = any(later.offset is None for later in block[position:])
                if not touch.writes or touch.parameter or not called:
                    return False
    return True


def _is_spill(slot: int, touches: list[list[Touch]]) -> bool:
    mine = [touch for block in touches for touch in block if touch.offset == slot]
    if len({touch.size for touch in mine}) != 1 or any(
        touch.parameter or touch.constant for touch in mine
    ):
        return False
    stores = sum(touch.writes for touch in mine)
    if not stores or stores == len(mine):
        return False
    return not any(_reloads(slot, block) for block in touches) and (
        stores == 1 or all(_joins(slot, block) for block in touches)
    )


def _reloads(slot: int, block: list[Touch]) -> bool:
    """Is it loaded while a register must still hold it?"""
    held = False
    for touch in block:
        if touch.offset is None:
            held = False
        elif touch.offset == slot:
            if held and not touch.writes:
                return True
            held = True
    return False


def _joins(slot: int, block: list[Touch]) -> bool:
    """A phi's slot: loaded before it is stored, stored at most once."""
    mine = [touch.writes for touch in block if touch.offset == slot]
    return mine in ([], [False], [True], [False, True])
