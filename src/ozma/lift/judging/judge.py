"""A candidate answer, compiled back and compared: how far it is from the assembly in question."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ozma.lift.judging.compile_back import OPTIMIZED, Compiled, Compiler
from ozma.lift.judging.equality import Difference, Reference
from ozma.search.budget import Meter


@dataclass(frozen=True)
class Candidate:
    """An answer to be judged: who proposed it, its IR, passes to run before code is made, and the
    back end's level. `decisions` are those that differ from the defaults."""

    source: str
    ir: str
    passes: str = ""
    codegen: int = OPTIMIZED
    decisions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tried:
    """A candidate with what came of it; `difference` is None when it did not compile."""

    candidate: Candidate
    compiled: Compiled
    lines: tuple[str, ...] = ()
    difference: Difference | None = None

    @property
    def exact(self) -> bool:
        return self.difference is not None and self.difference.exact

    @property
    def distance(self) -> float:
        return float("inf") if self.difference is None else self.difference.distance


@dataclass
class ProcessorMeter(Meter):
    """A `Meter` whose seconds are processor time of this process and of the compiler's child."""

    compiler: Compiler | None = None

    def __post_init__(self) -> None:
        self.started = self._now()

    def _now(self) -> float:
        return self.compiler.processor_seconds() if self.compiler else time.process_time()

    def spent(self) -> bool:
        return self.used() >= 1

    def used(self) -> float:
        """Share of the budget that is gone: 1 or more is all of it."""
        limit, seconds = self.budget.compiles, self.budget.seconds
        shares = [0.0]
        if limit is not None:
            shares.append(self.compiles / limit if limit else 1.0)
        if seconds is not None:
            shares.append((self._now() - self.started) / seconds if seconds else 1.0)
        return max(shares)


class Judge:
    """Compiles candidates back and compares; the same text is compiled once."""

    def __init__(self, compiler: Compiler, reference: Reference, meter: ProcessorMeter) -> None:
        self.compiler, self.reference, self.meter = compiler, reference, meter
        self._seen: dict[tuple[str, str, int], Tried] = {}

    def __call__(self, candidate: Candidate) -> Tried:
        key = candidate.ir, candidate.passes, candidate.codegen
        if key not in self._seen:
            self._seen[key] = self._judge(candidate)
        return replace(self._seen[key], candidate=candidate)  # under its own decisions

    def knows(self, candidate: Candidate) -> bool:
        return (candidate.ir, candidate.passes, candidate.codegen) in self._seen

    def _judge(self, candidate: Candidate) -> Tried:
        self.meter.compiles += 1
        compiled = self.compiler.compile(candidate.ir, candidate.passes, candidate.codegen)
        if not compiled.ok:
            return Tried(candidate, compiled)
        lines = self.reference.normalized(compiled.assembly)
        difference = self.reference.compare_lines(lines)
        return Tried(candidate, compiled, tuple(lines), difference)

    def settled(self, tried: Tried) -> Tried:
        """The same answer as the text that LLVM prints after the passes, judged again.

        That is the text that is edited, and shown: nothing has to be run on it.
        """
        self.meter.compiles += 1
        candidate = tried.candidate
        compiled = self.compiler.compile(
            candidate.ir, candidate.passes, candidate.codegen, want=("ir",)
        )
        if compiled.ir is None:
            return tried
        again = self(replace(candidate, ir=compiled.ir, passes=""))
        return again if again.difference is not None else tried
