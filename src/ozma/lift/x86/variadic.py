"""A variadic function's prologue and `va_start`, as LLVM expands them for System V.

The vector registers are saved if %al is not 0.
"""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Block, Graph
from ozma.lift.reading.effects import (
    Branch, Effect, Reg, SetFlags, SetReg, Store,
)  # fmt: skip
from ozma.lift.stack.addresses import is_frame
from ozma.lift.x86.variadic_lists import (
    VECTORS_AT, Saves, held_at_end, reading_lists, with_starts,
)  # fmt: skip

_INTEGERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_VECTORS = tuple(f"xmm{n}" for n in range(8))


def without_variadic(graph: Graph) -> Graph:
    """The graph with `llvm.va_start` where va_lists are filled, and no saving of registers.

    `graph.variadic` is then (fixed integer arguments, fixed floating ones). `graph.unsaved`: the
    offsets in the frame where nothing is saved any more. Code that reads arguments itself keeps the
    area's address, and that of those on the stack, in registers: they are loaded from the va_list.
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
    held = held_at_end(blocks[tested.index])
    starts = [
        with_starts(block, saves, held if block.predecessors == [tested.index] else {})
        for block in blocks
    ]
    counts = next((count for _, count in starts if count), (saves.integers, saves.floats))
    made = reading_lists([block for block, _ in starts], tested.index, saves)
    return replace(graph, blocks=made, variadic=counts, unsaved=saves.places())


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
            place = VECTORS_AT + 16 * _VECTORS.index(effect.value.name)
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
