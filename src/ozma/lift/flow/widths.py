"""Widths of registers: which bits are read before they are set, which a definition sets."""

from __future__ import annotations

from ozma.lift.flow.definitions import Width
from ozma.lift.flow.graph import Block, Graph
from ozma.lift.flow.reads import caller_saved, reads
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import Call, Const, SetReg, bits


def live_widths(graph: Graph, order: list[int], architecture: Architecture) -> list[dict[str, int]]:
    """For each block, bits of each register that are read from it on before they are set."""
    exposed = [_exposed(block, architecture) for block in graph.blocks]
    live: list[dict[str, int]] = [{} for _ in graph.blocks]
    changed = True
    while changed:
        changed = False
        for index in reversed(order):
            read, killed = exposed[index]
            new = dict(read)
            for successor in graph.blocks[index].successors:
                for name, width in live[successor].items():
                    if name not in killed and new.get(name, 0) < width:
                        new[name] = width
            if new != live[index]:
                live[index], changed = new, True
    return live


def _exposed(block: Block, architecture: Architecture) -> tuple[dict[str, int], set[str]]:
    read: dict[str, int] = {}
    killed: set[str] = set()
    preserved = architecture.convention.preserved
    for step in block.steps:
        for effect in step.effects:
            for register in reads(effect):
                if register.name not in killed:
                    width = register.offset + bits(register.type)
                    read[register.name] = max(read.get(register.name, 0), width)
            if isinstance(effect, SetReg) and not effect.keeps and not effect.offset:
                killed.add(effect.name)
            elif isinstance(effect, Call):
                lost = caller_saved(architecture) - effect.keeps
                killed.update(r for r in lost if r not in preserved)
    return read, killed


def defined_widths(
    graph: Graph, order: list[int], architecture: Architecture
) -> list[dict[str, Width]]:
    widths: list[dict[str, Width]] = [{} for _ in graph.blocks]
    seen = {0}
    changed = True
    while changed:
        changed = False
        for index in order:
            if index not in seen:
                continue
            out = _widths_after(graph.blocks[index], dict(widths[index]), architecture)
            for successor in graph.blocks[index].successors:
                if successor not in seen:
                    seen.add(successor)
                    widths[successor], changed = dict(out), True
                else:
                    changed |= _widen(widths[successor], out)
    return widths


def _unknown(register: str) -> Width:
    return (0, register[0] != "[")


def _widen(target: dict[str, Width], out: dict[str, Width]) -> bool:
    changed = False
    for name in {*out, *target}:
        one, two = out.get(name, _unknown(name)), target.get(name, _unknown(name))
        both = max(one[0], two[0]), one[1] or two[1]
        if target.get(name) != both:
            target[name], changed = both, True
    return changed


def _widths_after(
    block: Block, widths: dict[str, Width], architecture: Architecture
) -> dict[str, Width]:
    for step in block.steps:
        for effect in step.effects:
            if isinstance(effect, SetReg):
                width, flexible = effect.offset + bits(effect.type), False
                if isinstance(effect.value, Const) and effect.value.value >> 63:
                    width, flexible = 0, True  # -1 of any width
                if effect.keeps:
                    most, flexible = widths.get(effect.name, _unknown(effect.name))
                    width = max(width, most)
                widths[effect.name] = (width, flexible)
            elif isinstance(effect, Call):
                for name in caller_saved(architecture) - effect.keeps:
                    widths.pop(name, None)
    return widths
