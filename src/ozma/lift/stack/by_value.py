"""Structs that calls take by value: copied to where their arguments on the stack begin (x86-64).

The back end of LLVM makes such a copy for `byval`, right before the call, in whole vectors or as a
string instruction; AArch64 passes an address instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import (
    Call, Const, Do, Effect, Expr, Load, Op, Reg, SetReg, Store, Symbol, bits, on_stack,
)  # fmt: skip
from ozma.lift.stack.accesses import collect
from ozma.lift.stack.addresses import State, is_frame, registers_read
from ozma.lift.stack.objects import Frame

_STRING = ("rdi", "rsi", "rcx")
_LEAST = 17
"""Bytes of the smallest struct that never comes in registers."""


@dataclass(frozen=True)
class _Piece:
    """Step `place` copies `size` bytes from `shift` bytes past `base`, as that was at step
    `begin`, to `offset` of the frame, by way of a `register` if it is no string instruction."""

    place: int
    begin: int
    offset: int
    size: int
    base: Expr
    shift: int
    version: int = 0
    register: str = ""


def pass_by_value(graph: Graph, states: dict[int, State], convention: Convention) -> Graph:
    """The graph with such copies as `Call.copies`. As it was if anybody sees what was copied."""
    if convention.link:
        return graph
    areas: list[tuple[int, int]] = []
    blocks = [_converted(block, areas) for block in graph.blocks]
    if not areas:
        return graph
    new, seen = replace(graph, blocks=blocks), Frame()
    collect(new, states, seen, convention)
    reads = [(a.offset, a.offset + a.size) for a in seen.accesses if not a.writes]
    reads += [(offset, offset + 1) for offset in seen.escapes]
    hidden = all(end <= first or last <= start for start, end in areas for first, last in reads)
    return new if hidden else graph


def _converted(block: Block, areas: list[tuple[int, int]]) -> Block:
    """The block with its copies at calls; where they were is added to `areas`."""
    steps, begin = list(block.steps), 0
    for position, step in enumerate(block.steps):
        if not any(isinstance(effect, Call) for effect in step.effects):
            continue
        groups = list(_groups(list(_pieces(steps, begin, position)), step.sp))
        if groups:
            areas.append((step.sp, step.sp + sum(on_stack(_size(group)) for group in groups)))
            _convert(steps, position, groups)
        begin = position + 1
    exit_ = steps[-1].effects[-1] if steps and isinstance(block.exit, Call) else block.exit
    return replace(block, steps=steps, exit=exit_)


def _pieces(steps: list[Step], begin: int, end: int) -> Iterator[_Piece]:
    """What the steps before a call copy to the stack pointer there or above, and leave alone."""
    low, found = steps[end].sp, []
    loads: dict[str, _Piece] = {}
    versions: dict[str, int] = {}
    for place in range(begin, end):
        for effect in steps[place].effects:
            if piece := _stored(effect, loads, place) or _copied(effect, steps, begin, place):
                found.append(piece)
            elif isinstance(effect, Do) or _hides(effect, low, found):
                found, loads = [], {}
            if isinstance(effect, SetReg):
                loads.pop(effect.name, None)
                if loaded := _loaded(effect, place):
                    base = getattr(loaded.base, "name", "")
                    loads[effect.name] = replace(loaded, version=versions.get(base, 0))
                versions[effect.name] = versions.get(effect.name, 0) + 1
    yield from (piece for piece in found if piece.offset >= low)


def _hides(effect: Effect, low: int, found: list[_Piece]) -> bool:
    """Does it change what was copied, as far as we know?"""
    if not isinstance(effect, Store):
        return False
    if not is_frame(effect.address) or effect.address.addend < low:
        return True
    start, end = effect.address.addend, effect.address.addend + bits(effect.type) // 8
    return any(
        is_frame(piece.base) and piece.shift < end and start < piece.shift + piece.size
        for piece in found
    )


def _loaded(effect: SetReg, place: int) -> _Piece | None:
    load = effect.value
    if not isinstance(load, Load) or load.type != effect.type or load.atomic:
        return None
    found = _split(load.address)
    return found and _Piece(place, place, 0, bits(effect.type) // 8, *found)


def _split(address: Expr) -> tuple[Expr, int] | None:
    """What the address is relative to, and by how much."""
    if isinstance(address, Symbol):
        return replace(address, addend=0), address.addend
    if isinstance(address, Reg):
        return address, 0
    if isinstance(address, Op) and address.opcode == "add":
        base, shift = address.operands
        if isinstance(base, Reg) and isinstance(shift, Const):
            return base, shift.value - ((shift.value >> 63) << 64)
    return None


def _stored(effect: Effect, loads: dict[str, _Piece], place: int) -> _Piece | None:
    if not isinstance(effect, Store) or not is_frame(effect.address) or effect.atomic:
        return None
    value = effect.value
    loaded = loads.get(value.name) if isinstance(value, Reg) and not value.offset else None
    if loaded is None or bits(effect.type) // 8 != loaded.size:
        return None
    return replace(loaded, place=place, offset=effect.address.addend, register=value.name)


def _copied(effect: Effect, steps: list[Step], begin: int, place: int) -> _Piece | None:
    """A string instruction's copy of a known number of bytes, after which nobody needs its
    registers."""
    if not isinstance(effect, Do) or effect.op.opcode != "llvm.memcpy":
        return None
    target, source, _ = effect.op.operands
    size = _bytes(steps, begin, place)
    if not is_frame(target) or size is None or not _are_done(steps[place + 1 :], set(_STRING)):
        return None
    found = _split(source)
    return found and _Piece(place, place, target.addend, size, *found)


def _bytes(steps: list[Step], begin: int, place: int) -> int | None:
    length = steps[place].effects[0].value
    shift = length.operands[1].value if isinstance(length, Op) else 0
    for step in reversed(steps[begin:place]):
        for effect in step.effects:
            if isinstance(effect, SetReg) and effect.name == "rcx":
                number = effect.value
                return number.value << shift if isinstance(number, Const) else None
    return None


def _are_done(steps: list[Step], left: set[str]) -> bool:
    """Does nobody read the registers before they are set again?"""
    for effect in (effect for step in steps for effect in step.effects):
        if isinstance(effect, Call):
            return True
        if left & registers_read(effect):
            return False
        left -= {effect.name} if isinstance(effect, SetReg) else set()
    return False


def _groups(pieces: list[_Piece], low: int) -> Iterator[list[_Piece]]:
    """Structs from the stack pointer up: pieces that lie next to each other in both places."""
    at, group = low, []
    for piece in sorted(pieces, key=lambda piece: piece.offset):
        if group and _continues(group[-1], piece):
            group.append(piece)
            continue
        if group and _is_struct(group):
            yield group
            at += on_stack(_size(group))
        elif group:
            return
        if piece.offset != at:
            return
        group = [piece]
    if group and _is_struct(group):
        yield group


def _continues(last: _Piece, piece: _Piece) -> bool:
    """(A string instruction leaves only its last bytes to others.)"""
    follows = piece.offset == last.offset + last.size and piece.shift == last.shift + last.size
    part = bool(last.register) or piece.size < 8
    return follows and part and (piece.base, piece.version) == (last.base, last.version)


def _is_struct(group: list[_Piece]) -> bool:
    """Single numbers may lie side by side too, but are not copied one by one."""
    whole = any(piece.size > 8 for piece in group)
    return _size(group) >= _LEAST and (whole or all(p.place == p.begin + 1 for p in group))


def _size(group: list[_Piece]) -> int:
    return sum(piece.size for piece in group)


def _convert(steps: list[Step], position: int, groups: list[list[_Piece]]) -> None:
    """Takes the copies out; where the first began, a name is given to the struct's address."""
    copies = []
    for group in groups:
        begin, first = min(piece.begin for piece in group), group[0]
        name = f"copy {steps[first.place].line}"
        for piece in group:
            _drop(steps, piece, position)
        address = _address(first.base, first.shift)
        given = SetReg(name, address, "i64")
        steps[begin] = replace(steps[begin], effects=[given, *steps[begin].effects])
        copies.append((name, _size(group)))
    effects = [
        replace(effect, copies=tuple(copies)) if isinstance(effect, Call) else effect
        for effect in steps[position].effects
    ]
    steps[position] = replace(steps[position], effects=effects)


def _drop(steps: list[Step], piece: _Piece, call: int) -> None:
    """Without the store, nor the load if it is for nobody else; what a string instruction leaves in
    its registers is for nobody."""
    if not piece.register:
        kept = [SetReg(name, Const(0, "i64"), "i64", implicit=True) for name in _STRING]
        steps[piece.place] = replace(steps[piece.place], effects=kept)
        return
    _without(steps, piece.place, lambda effect: isinstance(effect, Store))
    if _are_done(steps[piece.begin + 1 : call + 1], {piece.register}):
        _without(steps, piece.begin, lambda effect: getattr(effect, "name", "") == piece.register)


def _without(steps: list[Step], place: int, goes: Callable[[Effect], bool]) -> None:
    kept = [effect for effect in steps[place].effects if not goes(effect)]
    steps[place] = replace(steps[place], effects=kept)


def _address(base: Expr, shift: int) -> Expr:
    if isinstance(base, Symbol):
        return replace(base, addend=shift)
    return Op("add", "i64", (base, Const(shift % (1 << 64), "i64"))) if shift else base
