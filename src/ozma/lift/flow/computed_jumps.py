"""Registers that hold the place of a computed jump: no result, whatever finds them there."""

from __future__ import annotations

from collections.abc import Iterator

from ozma.lift.flow.graph import Block, Graph
from ozma.lift.reading.effects import IndirectJump, Reg, SetReg


def jump_addresses(graph: Graph) -> Iterator[int]:
    """Lines of the instructions that make the address of a jump through a table."""
    for block in graph.blocks:
        jump = block.exit
        if block.table and isinstance(jump, IndirectJump) and isinstance(jump.address, Reg):
            yield from _last_set(block, jump.address.name)


def _last_set(block: Block, register: str) -> list[int]:
    lines = [
        step.line for step in block.steps for effect in step.effects
        if isinstance(effect, SetReg) and effect.name == register
    ]  # fmt: skip
    return lines[-1:]
