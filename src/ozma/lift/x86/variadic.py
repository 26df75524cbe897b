"""A variadic function's prologue and `va_start`, as LLVM expands them for System V.

The register save area holds the six integer argument registers, then eight vector registers if %al
is not 0. A va_list is {i32 gp_offset, i32 fp_offset, ptr overflow_area, ptr register_area}.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ozma.lift.flow.graph import Block, Graph
from ozma.lift.reading.effects import (
    Branch, Const, Do, Effect, Expr, Op, Reg, SetFlags, SetReg, Store, Symbol, bits,
)  # fmt: skip
from ozma.lift.stack.addresses import is_frame

_INTEGERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_VECTORS = tuple(f"xmm{n}" for n in range(8))
_VECTORS_AT = 8 * len(_INTEGERS)
_FIRST_ON_STACK = 8


@dataclass(frozen=True)
class Saves:
    """`area`: offset of the register save area in the frame; `integers`, `floats`: how many
    registers hold fixed arguments."""

    area: int
    integers: int
    floats: int


def without_variadic(graph: Graph) -> Graph:
    """The graph with `llvm.va_start` where va_lists are filled, and no saving of registers.

    `graph.variadic` is then (fixed integer arguments, fixed floating ones).
    """
    tested = _tested_block(graph)
    if tested is None:
        return graph
    vectors = next(
        (graph.blocks[i] for i in tested.successors if _vector_area(graph.blocks[i]) is not None),
        None,
    )
    if vectors is None:
        return graph
    saves = _saves(tested, vectors)
    blocks = [_without_saves(block, saves) for block in graph.blocks]
    for block in blocks:
        if block.index == tested.index:
            _go_on(block, vectors.index, blocks)
    starts = [_with_starts(block, saves) for block in blocks]
    counts = next((count for _, count in starts if count), (saves.integers, saves.floats))
    return replace(graph, blocks=[block for block, _ in starts], variadic=counts)


def _tested_block(graph: Graph) -> Block | None:
    """The block that tests %al as it was at entry."""
    for block in graph.blocks[:2]:
        for step in block.steps:
            for effect in step.effects:
                if isinstance(effect, SetFlags) and effect.a == Reg("rax", "i8"):
                    return block if isinstance(block.exit, Branch) else None
                if isinstance(effect, SetReg) and effect.name == "rax":
                    return None
    return None


def _vector_area(block: Block) -> int | None:
    """The save area, from a block that only stores vector registers to it."""
    areas = set()
    for step in block.steps:
        for effect in step.effects:
            if not isinstance(effect, Store) or not is_frame(effect.address):
                return None
            if not isinstance(effect.value, Reg) or effect.value.name not in _VECTORS:
                return None
            place = _VECTORS_AT + 16 * _VECTORS.index(effect.value.name)
            areas.add(effect.address.addend - place)
    return areas.pop() if len(areas) == 1 else None


def _saves(tested: Block, vectors: Block) -> Saves:
    area = _vector_area(vectors)
    stored = [
        _VECTORS.index(effect.value.name) for step in vectors.steps for effect in step.effects
    ]
    integers = [
        _INTEGERS.index(effect.value.name) for step in tested.steps for effect in step.effects
        if _saved_integer(effect, area)
    ]  # fmt: skip
    return Saves(area, min(integers, default=len(_INTEGERS)), min(stored))


def _saved_integer(effect: Effect, area: int) -> bool:
    if not isinstance(effect, Store) or not is_frame(effect.address):
        return False
    if not isinstance(effect.value, Reg) or effect.value.name not in _INTEGERS:
        return False
    return effect.address.addend == area + 8 * _INTEGERS.index(effect.value.name)


def _without_saves(block: Block, saves: Saves) -> Block:
    steps = [
        replace(step, effects=[e for e in step.effects if not _saved_integer(e, saves.area)])
        for step in block.steps
    ]
    return replace(block, steps=steps)


def _go_on(block: Block, skipped: int, blocks: list[Block]) -> None:
    """The block goes on without asking %al; what saved vectors is reached no more."""
    (target,) = [index for index in block.successors if index != skipped] or [skipped]
    block.successors, block.exit = [target], None
    block.steps = [
        replace(step, effects=[e for e in step.effects if not _asks(e)]) for step in block.steps
    ]
    for index in blocks[skipped].successors:
        blocks[index].predecessors = [p for p in blocks[index].predecessors if p != skipped]
    blocks[skipped].predecessors = []


def _asks(effect: Effect) -> bool:
    return isinstance(effect, Branch) or (
        isinstance(effect, SetFlags) and effect.a == Reg("rax", "i8")
    )


def _with_starts(block: Block, saves: Saves) -> tuple[Block, tuple[int, int] | None]:
    """The block with each filled va_list as a call, and the counts that it was filled with."""
    known: dict[str, Const] = {}
    stores: list[tuple[int, int, int, Expr]] = []
    for position, step in enumerate(block.steps):
        for part, effect in enumerate(step.effects):
            if isinstance(effect, SetReg):
                known.pop(effect.name, None)
                if isinstance(effect.value, Const):
                    known[effect.name] = effect.value
            elif isinstance(effect, Store) and is_frame(effect.address):
                value = effect.value
                if isinstance(value, Reg) and bits(effect.type) >= 32:
                    value = known.get(value.name, value)
                stores.append((position, part, effect.address.addend, value))
    return _replaced(block, saves, stores)


def _replaced(
    block: Block, saves: Saves, stores: list[tuple[int, int, int, Expr]]
) -> tuple[Block, tuple[int, int] | None]:
    steps, counts = list(block.steps), None
    area = Symbol("", saves.area, "frame")
    for _, _, offset, value in stores:
        list_ = offset - 16
        filled = [s for s in stores if list_ <= s[2] < list_ + 24]
        if value != area or not _fills(filled, list_):
            continue
        counts = _counts(filled, list_) or counts
        first = min(filled)
        for position, part, _, _ in filled:
            effects: list[Effect | None] = list(steps[position].effects)
            call = Do(Op("llvm.va_start", "void", (Symbol("", list_, "frame"),)))
            new = [call] if (position, part) == first[:2] else []
            steps[position] = replace(
                steps[position], effects=[*effects[:part], *new, *effects[part + 1 :]]
            )
    return replace(block, steps=steps), counts


def _fills(stores: list[tuple[int, int, int, Expr]], list_: int) -> bool:
    overflow = [value for _, _, offset, value in stores if offset == list_ + 8]
    return len(overflow) == 1 and is_frame(overflow[0]) and overflow[0].addend >= _FIRST_ON_STACK


def _counts(stores: list[tuple[int, int, int, Expr]], list_: int) -> tuple[int, int] | None:
    """Fixed arguments by gp_offset and fp_offset, stored as one number or as two."""
    numbers = {o: v.value for _, _, o, v in stores if isinstance(v, Const)}
    if list_ not in numbers:
        return None
    floats = numbers.get(list_ + 4, numbers[list_] >> 32)
    return (numbers[list_] & 0xFFFFFFFF) // 8, (floats - _VECTORS_AT) // 16
