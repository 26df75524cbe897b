"""Candidates measured, the smallest that passes its check kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable

from ozma.llvm import Evaluation, Loaded, Worker
from ozma.search.budget import Budget, Meter
from ozma.search.tune import HOPELESS

Check = Callable[[Evaluation], bool]
"""Is this candidate right? False takes it out of the choice."""


@dataclass(frozen=True)
class Choice:
    """`best` is None when no candidate was smaller than `limit`; `rejected` failed their check."""

    best: Evaluation | None
    trials: tuple[Evaluation, ...]
    rejected: tuple[Evaluation, ...] = ()


def measure_all(
    worker: Worker, loaded: Loaded, lists: Iterable[str], budget: Budget
) -> tuple[Evaluation, ...]:
    """Evaluates lists in order within the budget; hopeless ones get no code generated."""
    meter, trials, fewest = Meter(budget), [], None
    for passes in lists:
        if meter.spent():
            break
        meter.compiles += 1
        limit = None if fewest is None else int(fewest * HOPELESS + 16)
        trial = worker.evaluate(loaded.id, passes, skip_above=limit)
        trials.append(trial)
        if trial.sizes and (fewest is None or trial.instructions < fewest):
            fewest = trial.instructions
    return tuple(trials)


def choose(
    worker: Worker,
    loaded: Loaded,
    lists: Iterable[str],
    budget: Budget,
    limit: tuple[int, int] | None = None,
    check: Check | None = None,
) -> Choice:
    """The smallest candidate below `limit` (total, loadable bytes) that passes `check`.

    Its evaluation carries the optimized bitcode. Candidates that fail the check are dropped and
    the next smallest is tried; equal optimized IR is checked once.
    """
    trials = measure_all(worker, loaded, lists, budget)
    ranked = sorted((t for t in trials if t.sizes), key=lambda t: (t.sizes.rank, len(t.passes)))
    rejected: dict[str, Evaluation] = {}
    for trial in ranked:
        if limit is not None and trial.sizes.rank >= limit:
            break
        if trial.ir_hash in rejected:
            continue
        full = worker.evaluate(loaded.id, trial.passes, want=("bitcode",))
        if full.bitcode and (check is None or check(full)):
            return Choice(full, trials, tuple(rejected.values()))
        rejected[trial.ir_hash] = trial
    return Choice(None, trials, tuple(rejected.values()))
