"""Candidates measured, the smallest that passes its check kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from ozma.llvm import Evaluation, Loaded, Sizes, Worker
from ozma.optimize.cc.cc1 import CompileStep
from ozma.optimize.steps import Made, Make, StepFailed
from ozma.search.budget import Budget, Meter
from ozma.search.tune import HOPELESS


Check = Callable[[Made], bool]
"""Is this right? False takes it out of the choice."""


@dataclass(frozen=True)
class Choice:
    """`best` is None when no candidate was smaller than `limit`; `rejected` failed their check,
    or LLVM's own tools failed on them or made nothing smaller."""

    best: Made | None
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
    trials: Sequence[Evaluation], make: Make, limit: Sizes, check: Check | None = None
) -> Choice:
    """The smallest of `trials` that `make` makes smaller than `limit` too, and that passes `check`.

    The next smallest is tried after one that does not; equal optimized IR once.
    """
    smaller = (trial for trial in trials if trial.sizes and trial.sizes.improves_on(limit))
    ranked = sorted(smaller, key=lambda trial: (trial.sizes.rank, len(trial.passes)))
    rejected: dict[str, Evaluation] = {}
    for trial in ranked:
        if trial.ir_hash in rejected:
            continue
        made = _made(make, trial.passes)
        if made and made.sizes.improves_on(limit) and (check is None or check(made)):
            return Choice(made, tuple(trials), tuple(rejected.values()))
        rejected[trial.ir_hash] = trial
    return Choice(None, tuple(trials), tuple(rejected.values()))


def _made(make: Make, passes: str) -> Made | None:
    try:
        return make(passes)
    except StepFailed:
        return None
