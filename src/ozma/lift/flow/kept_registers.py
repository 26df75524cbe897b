"""Registers that a callee leaves as they are although it might change them.

gcc looks into the functions of its own file (-fipa-ra), and keeps values over a call in registers
that the callee does not touch. Who reads a scratch register after a call, before anybody set it,
relies on that; or the callee never comes back, and the code after it is reached on other ways only.
"""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.flow.reads import caller_saved, reads
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import Call, Effect, Let, SetReg, Store, Symbol, bits

Live = dict[str, int]
"""Bits of registers that somebody reads."""


def mark_kept(graph: Graph, architecture: Architecture) -> None:
    """Sets `Call.keeps` in gcc's code."""
    if graph.of_gcc:
        _Kept(graph, architecture).run()


def kept_by_callee(graph: Graph) -> dict[str, frozenset[str]]:
    """What each callee has to leave as it is, by symbol; only those that do."""
    found: dict[str, frozenset[str]] = {}
    for block in graph.blocks:
        for step in block.steps:
            for effect in step.effects:
                if isinstance(effect, Call) and effect.keeps:
                    name = effect.target.name
                    found[name] = found.get(name, frozenset()) | effect.keeps
    return found


class _Kept:
    def __init__(self, graph: Graph, architecture: Architecture) -> None:
        convention = architecture.convention
        self._graph, self._pointer = graph, convention.stack_pointer
        self._saved = caller_saved(architecture)
        self._results = {*convention.results, *convention.float_results}
        self._live: list[Live] = [{} for _ in graph.blocks]

    def run(self) -> None:
        order = self._graph.order()[::-1]
        changed = True
        while changed:
            changed = False
            for index in order:
                live = self._before(self._graph.blocks[index])
                changed |= live != self._live[index]
                self._live[index] = live
        for index in order:
            self._before(self._graph.blocks[index], mark=True)

    def _before(self, block: Block, mark: bool = False) -> Live:
        live: Live = {}
        for successor in block.successors:
            for name, width in self._live[successor].items():
                live[name] = max(width, live.get(name, 0))
        for step in reversed(block.steps):
            for place in reversed(range(len(step.effects))):
                effect = step.effects[place]
                if mark and isinstance(effect, Call):
                    step.effects[place] = effect = self._marked(effect, live)
                    block.exit = effect if isinstance(block.exit, Call) else block.exit
                self._through(effect, step, live)
        return live

    def _marked(self, call: Call, live: Live) -> Call:
        if not isinstance(call.target, Symbol):
            return call
        return replace(call, keeps=frozenset((self._saved & live.keys()) - self._results))

    def _through(self, effect: Effect, step: Step, live: Live) -> None:
        if isinstance(effect, Call):
            for name in self._results if isinstance(effect.target, Symbol) else self._saved:
                live.pop(name, None)
        if isinstance(effect, SetReg) and not effect.offset:
            if not effect.keeps or live.get(effect.name, 0) <= bits(effect.type):
                live.pop(effect.name, None)
        for register in reads(effect) if not self._pushes(step) else ():
            width = register.offset + bits(register.type)
            live[register.name] = max(width, live.get(register.name, 0))

    def _pushes(self, step: Step) -> bool:
        """Perhaps only to make room."""
        kinds = [type(effect) for effect in step.effects]
        return kinds == [Let, SetReg, Store] and step.effects[1].name == self._pointer
