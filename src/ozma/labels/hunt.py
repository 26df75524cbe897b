"""Search: a genetic search for one module, and the winner minimized in the paper's three steps.

What it finds is not checked: `ozma validate` has to judge a list before it is given to anyone.
"""

from __future__ import annotations

from pathlib import Path

from ozma.labels.options import LabelOptions
from ozma.labels.subjects import Subject
from ozma.llvm import Worker
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.search import tune
from ozma.search.broadcast import minimized
from ozma.search.budget import Budget
from ozma.search.records import Record
from ozma.search.session import TuneConfig, make_strategy


class Forgetful:
    """In place of a record store: the row that comes out is all that is kept of a search."""

    def load(self, module: str) -> list[Record]:
        return []

    def append(self, records: list[Record]) -> None:
        """Nothing to keep: a chunk is short, and is made again after a kill."""


def label(worker: Worker, subject: Subject, options: LabelOptions) -> list[dict]:
    """One row: clang's size, the best list found, and the shortest list that is as good."""
    loaded = worker.load(subject.bitcode)
    try:
        base = clang_pipeline(worker.toolchain)
        searched = tune.Subject(subject.hash, loaded, base, options.target)
        tuner = tune.Tuner(worker, searched, Forgetful())
        if tuner.baseline.rank is None:
            return [{"problem": f"clang's own pipeline: {tuner.baseline.outcome}"}]
        return [_search(tuner, subject, options, worker)]
    finally:
        worker.unload(loaded.id)


def _search(tuner: tune.Tuner, subject: Subject, options: LabelOptions, worker: Worker) -> dict:
    budget = Budget(options.compiles)
    config = TuneConfig(
        Path(), budget, lists=subject.seeds, target=options.target, seed=options.seed
    )
    best = tuner.run(make_strategy(config, subject.hash, worker.toolchain), budget)
    if best.rank >= tuner.baseline.rank:
        return _row(tuner, tuner.baseline, "")
    final = best
    if options.shorten:
        catalogue = catalogue_of(worker.toolchain)
        short = minimized(tuner, best.passes, catalogue, options.shorten)
        final = tuner.evaluate(str(short), "minimize")
    return _row(tuner, final, best.passes)


def _row(tuner: tune.Tuner, final: Record, found: str) -> dict:
    """`found` is the list before it was minimized, empty when nothing was found."""
    base = tuner.baseline
    return {
        "base_total": base.total,
        "base_loadable": base.loadable,
        "base_instructions": base.instructions,
        "found": found,
        "passes": final.passes if found else "",
        "total": final.total,
        "loadable": final.loadable,
        "count": final.instructions,
        "evaluations": tuner.evaluated,
    }
