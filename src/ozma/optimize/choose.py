"""Candidates measured, the smallest that passes its check kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from ozma.llvm import Evaluation, Loaded, Sizes, Worker
from ozma.search.budget import Budget, Meter
from ozma.search.tune import HOPELESS

Check = Callable[[Evaluation], bool]
"""Is this candidate right? False takes it out of the choice."""


def smaller(new: Sizes, old: Sizes) -> bool:
    """Is `new` an improvement? Neither measure may grow, and one of them must shrink."""
    no_growth = new.total <= old.total and new.loadable <= old.loadable
    return no_growth and (new.total, new.loadable) != (old.total, old.loadable)


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


def pick(
    worker: Worker,
    loaded: Loaded,
    trials: Sequence[Evaluation],
    limit: Sizes | None = None,
    check: Check | None = None,
) -> Choice:
    """The smallest of `trials` that is smaller than `limit` and passes `check`.

    Its evaluation carries the optimized bitcode. Candidates that fail the check are dropped and
    the next smallest is tried; equal optimized IR is checked once.
    """
    measured = (t for t in trials if t.sizes and (limit is None or smaller(t.sizes, limit)))
    ranked = sorted(measured, key=lambda t: (t.sizes.rank, len(t.passes)))
    rejected: dict[str, Evaluation] = {}
    for trial in ranked:
        if trial.ir_hash in rejected:
            continue
        full = worker.evaluate(loaded.id, trial.passes, want=("bitcode",))
        if full.bitcode and (check is None or check(full)):
            return Choice(full, tuple(trials), tuple(rejected.values()))
        rejected[trial.ir_hash] = trial
    return Choice(None, tuple(trials), tuple(rejected.values()))


def choose(
    worker: Worker,
    loaded: Loaded,
    lists: Iterable[str],
    budget: Budget,
    limit: Sizes | None = None,
    check: Check | None = None,
) -> Choice:
    """Measures `lists` within `budget` and picks: see `measure_all` and `pick`."""
    return pick(worker, loaded, measure_all(worker, loaded, lists, budget), limit, check)
