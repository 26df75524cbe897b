"""Candidates measured, the smallest that passes its check kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, Sequence

from ozma.llvm import Evaluation, Loaded, Sizes, Worker
from ozma.optimize.cc.cc1 import CompileStep
from ozma.search.budget import Budget, Meter
from ozma.search.tune import HOPELESS

Check = Callable[[Evaluation], bool]
"""Is this candidate, with its optimized bitcode, right? False takes it out of the choice."""
Apply = Callable[[str], bytes | None]
"""The optimized bitcode under a list, by stock `opt`; None if that fails."""


@dataclass(frozen=True)
class Choice:
    """`best` is None when no candidate was smaller than `limit`; `rejected` failed their check,
    or stock `opt` failed on them."""

    best: Evaluation | None
    trials: tuple[Evaluation, ...]
    rejected: tuple[Evaluation, ...] = ()


def load_unit(worker: Worker, step: CompileStep, bitcode: bytes) -> Loaded:
    """Hands the unit to the worker, sections split as the user's words ask."""
    return worker.load(
        bitcode,
        function_sections="-ffunction-sections" in step.words,
        data_sections="-fdata-sections" in step.words,
    )


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
    trials: Sequence[Evaluation],
    apply: Apply,
    limit: Sizes | None = None,
    check: Check | None = None,
) -> Choice:
    """The smallest of `trials` that is smaller than `limit` and passes `check`.

    Its evaluation carries the optimized bitcode. Candidates that fail the check are dropped and
    the next smallest is tried; equal optimized IR is checked once.
    """
    measured = (t for t in trials if t.sizes and (limit is None or t.sizes.improves_on(limit)))
    ranked = sorted(measured, key=lambda t: (t.sizes.rank, len(t.passes)))
    rejected: dict[str, Evaluation] = {}
    for trial in ranked:
        if trial.ir_hash in rejected:
            continue
        candidate = replace(trial, bitcode=apply(trial.passes))
        if candidate.bitcode and (check is None or check(candidate)):
            return Choice(candidate, tuple(trials), tuple(rejected.values()))
        rejected[trial.ir_hash] = trial
    return Choice(None, tuple(trials), tuple(rejected.values()))
