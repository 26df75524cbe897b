"""Memory that is changed by way of a register, though one instruction could do it: `mov m, %r`,
`inc %r`, `mov %r, m`. Somebody wants the register: a caller."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ozma.lift.flow.graph import Graph, Step
from ozma.lift.reading.effects import Load, Reg, SetReg, Store

_FOLDED = re.compile(r"(inc|dec|add|sub|and|or|xor|not|neg)[bwlq]?")


def kept_updates(graph: Graph) -> Iterator[int]:
    """Lines of the instructions that make the new value. Only x86-64 folds such changes."""
    for block in graph.blocks:
        steps = block.steps
        for load, change, store in zip(steps, steps[1:], steps[2:]):
            if _is_update(load, change, store):
                yield change.line


def _is_update(load: Step, change: Step, store: Step) -> bool:
    if len(load.effects) != 1 or len(store.effects) != 1:
        return False
    read, write = load.effects[0], store.effects[0]
    if (
        not isinstance(read, SetReg)
        or not isinstance(read.value, Load)
        or not isinstance(write, Store)
    ):
        return False
    same = read.value.address == write.address and read.value.type == write.type
    name = read.name
    changes = any(isinstance(e, SetReg) and e.name == name for e in change.effects)
    stored = isinstance(write.value, Reg) and write.value.name == name
    folded = _FOLDED.fullmatch(change.instruction.mnemonic) and not any(
        "(" in word for word in change.instruction.operands
    )
    return bool(same and changes and stored and folded)
