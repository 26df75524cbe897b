"""What a variadic function does with its va_lists: filling them, and reading what they hold.

The register save area holds the six integer argument registers, then eight vector registers. A
va_list is {i32 gp_offset, i32 fp_offset, ptr overflow_area, ptr register_area}.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ozma.lift.flow.graph import Block
from ozma.lift.reading.effects import (
    SPARE, Const, Do, Effect, Expr, Load, Op, Reg, SetReg, Store, Symbol, bits,
)  # fmt: skip
from ozma.lift.stack.addresses import is_frame

VECTORS_AT = 48
"""Where the vector registers begin in the save area."""
_VECTOR_REGISTERS = 8
_FIRST_ON_STACK = 8


@dataclass(frozen=True)
class Saves:
    """`area`: offset of the register save area in the frame; `integers`, `floats`: how many
    registers hold fixed arguments."""

    area: int
    integers: int
    floats: int

    def places(self) -> frozenset[int]:
        """Offsets of the area, and of what was saved in it."""
        first, last = self.area + 8 * self.integers, self.area + VECTORS_AT
        end = last + 16 * _VECTOR_REGISTERS
        return frozenset((self.area, *range(first, last), *range(last + 16 * self.floats, end)))


def held_at_end(block: Block) -> dict[str, Expr]:
    """Registers that hold an address in the frame when the block ends."""
    held: dict[str, Expr] = {}
    for step in block.steps:
        for effect in step.effects:
            _note(effect, held)
    return held


def _note(effect: Effect, held: dict[str, Expr]) -> None:
    """Keeps which registers hold a number or an address in the frame."""
    if isinstance(effect, SetReg):
        held.pop(effect.name, None)
        if isinstance(effect.value, Const) or is_frame(effect.value):
            held[effect.name] = effect.value


def reading_lists(blocks: list[Block], first: int, saves: Saves) -> list[Block]:
    """Where the area itself is read after the only `llvm.va_start`, at the function's begin, its
    address comes from the va_list, which keeps it."""
    places = [
        (block, position, effect.op.operands[0].addend)
        for block in blocks for position, step in enumerate(block.steps) for effect in step.effects
        if isinstance(effect, Do) and effect.op.opcode == "llvm.va_start"
    ]  # fmt: skip
    if len(places) != 1 or first not in (places[0][0].index, *places[0][0].predecessors):
        return blocks
    start, position, list_ = places[0]
    address = Load(Symbol("", list_ + 16, "frame"), "i64", SPARE)
    known = {
        Symbol("", place, "frame"): _moved(address, place - saves.area) for place in saves.places()
    }
    return [
        block if block.index == first and block is not start else replace(block, steps=[
            step if block is start and at < position else
            replace(step, effects=[_put(effect, known) for effect in step.effects])
            for at, step in enumerate(block.steps)
        ])
        for block in blocks
    ]  # fmt: skip


def _moved(address: Expr, bytes_: int) -> Expr:
    return Op("add", "i64", (address, Const(bytes_, "i64"))) if bytes_ else address


def _put(node: Effect | Expr, known: dict[Expr, Expr]) -> Effect | Expr:
    """An effect or expression with others in place of some addresses."""
    if isinstance(node, Symbol):
        return known.get(node, node)
    if isinstance(node, Op):
        return replace(node, operands=tuple(_put(operand, known) for operand in node.operands))
    parts = {
        name: _put(part, known) for name in ("value", "address", "a", "b")
        if isinstance(part := getattr(node, name, None), Symbol | Op | Load)
    }  # fmt: skip
    return replace(node, **parts) if parts else node


@dataclass(frozen=True)
class _Fill:
    """A store to the frame: where it stands, the offset, the value, and which registers held an
    address in the frame then."""

    step: int
    part: int
    offset: int
    value: Expr
    held: dict[str, Expr]


def with_starts(
    block: Block, saves: Saves, held: dict[str, Expr]
) -> tuple[Block, tuple[int, int] | None]:
    """The block with each filled va_list as a call, and the counts that it was filled with. `held`:
    what registers hold when it begins."""
    known, stores = dict(held), []
    for position, step in enumerate(block.steps):
        for part, effect in enumerate(step.effects):
            _note(effect, known)
            if isinstance(effect, Store) and is_frame(effect.address):
                value = effect.value
                if isinstance(value, Reg) and bits(effect.type) >= 32:
                    value = known.get(value.name, value)
                stores.append(_Fill(position, part, effect.address.addend, value, dict(known)))
    return _replaced(block, saves, stores)


def _replaced(
    block: Block, saves: Saves, stores: list[_Fill]
) -> tuple[Block, tuple[int, int] | None]:
    steps, counts = list(block.steps), None
    area = Symbol("", saves.area, "frame")
    for store in stores:
        list_ = store.offset - 16
        filled = [s for s in stores if list_ <= s.offset < list_ + 24]
        if store.value != area or not _fills(filled, list_):
            continue
        counts = _counts(filled, list_) or counts
        first, last = filled[0], filled[-1]
        for fill in filled:
            effects: list[Effect | None] = list(steps[fill.step].effects)
            call = Do(Op("llvm.va_start", "void", (Symbol("", list_, "frame"),)))
            new = [call] if fill is first else []
            new += _loaded(last.held, list_, area, _overflow(filled, list_)) if fill is last else []
            effects[fill.part : fill.part + 1] = new
            steps[fill.step] = replace(steps[fill.step], effects=effects)
    return replace(block, steps=steps), counts


def _loaded(held: dict[str, Expr], list_: int, area: Expr, overflow: Expr) -> list[Effect]:
    """Registers that hold one of the two addresses of a va_list get it from there."""
    places = {overflow: list_ + 8, area: list_ + 16}
    return [
        SetReg(name, Load(Symbol("", places[value], "frame"), "i64", SPARE), "i64")
        for name, value in held.items() if value in places
    ]  # fmt: skip


def _overflow(stores: list[_Fill], list_: int) -> Expr:
    """The address of the arguments on the stack that `_fills` found."""
    return next(s.value for s in stores if s.offset == list_ + 8)


def _fills(stores: list[_Fill], list_: int) -> bool:
    overflow = [store.value for store in stores if store.offset == list_ + 8]
    return len(overflow) == 1 and is_frame(overflow[0]) and overflow[0].addend >= _FIRST_ON_STACK


def _counts(stores: list[_Fill], list_: int) -> tuple[int, int] | None:
    """Fixed arguments by gp_offset and fp_offset, stored as one number or as two."""
    numbers = {s.offset: s.value.value for s in stores if isinstance(s.value, Const)}
    if list_ not in numbers:
        return None
    floats = numbers.get(list_ + 4, numbers[list_] >> 32)
    return (numbers[list_] & 0xFFFFFFFF) // 8, (floats - VECTORS_AT) // 16
