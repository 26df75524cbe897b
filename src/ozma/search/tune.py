"""The autotuner's loop: one strategy on one module within a budget, every evaluation recorded."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.errors import OzmaError
from ozma.llvm import Loaded, Worker
from ozma.passes import Pipeline
from ozma.search.budget import Budget, Meter
from ozma.search.records import Record, RecordStore, record_of
from ozma.search.strategy import Strategy

HOPELESS = 1.25
"""Optimized IR with this many times the best list's instructions gets no code: it cannot win.

Measured on 40 modules with 29 lists each: 1.25 loses none of the gain, 1.2 loses 4 % of it
(LOG.md, 'instruction cut')."""


class OtherModule(OzmaError):
    """The records of this name were made with another module, or at another level."""


@dataclass(frozen=True)
class Subject:
    """A module under search. `baseline` is the pass list of `clang -Oz` itself."""

    name: str
    loaded: Loaded
    baseline: str
    target: str


class Tuner:
    """Evaluates lists for one module, through the store: nothing is computed twice.

    Records made with another release, target or back-end switches say nothing here.
    """

    def __init__(self, worker: Worker, subject: Subject, store: RecordStore) -> None:
        self._worker, self._subject, self._store = worker, subject, store
        made_so = (worker.toolchain.version, subject.target, " ".join(worker.options))
        self._known = {
            record.passes: record
            for record in store.load(subject.name)
            if (record.llvm, record.target, record.switches) == made_so
        }
        self._refuse_other_module()
        self.evaluated = 0
        self.baseline = self.evaluate(subject.baseline, "baseline")
        self.best = self.baseline

    def _refuse_other_module(self) -> None:
        """A source that was edited, or other words for clang, make other IR of clang's own list."""
        if not self._known:
            return
        stored = self._known.get(self._subject.baseline)
        now = self._worker.evaluate(self._subject.loaded.id, self._subject.baseline, skip_above=-1)
        if stored is None or (now.ok and stored.ir_hash not in (None, now.ir_hash)):
            raise OtherModule(
                f"{self._store.path(self._subject.name)} was made with another module or level",
                hint="give another folder to --records",
            )

    def evaluate(self, passes: str, strategy: str) -> Record:
        """The record of this list: from the store if it is there, else measured and appended."""
        record = self._known.get(passes)
        if record is None:
            record = self._measure(passes, strategy)
            self._known[passes] = record
            self._store.append([record])
        return record

    def _measure(self, passes: str, strategy: str) -> Record:
        self.evaluated += 1
        evaluation = self._worker.evaluate(
            self._subject.loaded.id, passes, skip_above=self._instruction_limit()
        )
        subject = self._subject
        return record_of(evaluation, subject.name, strategy, self._worker, subject.target)

    def _instruction_limit(self) -> int | None:
        best = getattr(self, "best", None)
        return None if best is None or best.instructions is None else int(
            best.instructions * HOPELESS + 16
        )

    def run(self, strategy: Strategy, budget: Budget) -> Record:
        """Asks the strategy until the budget is spent; returns the best record so far."""
        meter = Meter(budget)
        while not meter.spent():
            pipeline = strategy.propose()
            if pipeline is None:
                break
            meter.compiles += 1
            record = self.evaluate(str(pipeline), strategy.name)
            strategy.observe(pipeline, record)
            self.best = better(self.best, record)
        return self.best

    def cost(self, pipeline: Pipeline) -> tuple[int, int] | None:
        """What `passes.minimize` asks for: size of this list's object, None if it failed."""
        return self.evaluate(str(pipeline), "minimize").rank


def better(first: Record, second: Record) -> Record:
    """The record with fewer bytes; the first one when they tie."""
    if second.rank is None:
        return first
    return second if first.rank is None or second.rank < first.rank else first
