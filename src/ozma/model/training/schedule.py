"""Where a training stands in its budget, and what follows: stage, mixture, rate."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from ozma.model.training.recipes import TASKS, Recipe


@dataclass(frozen=True)
class Stage:
    """Part of the budget from `start` to `end`, both in [0, 1], and shares of tokens by task."""

    name: str
    start: float
    end: float
    shares: dict[str, float]


def stages_of(recipe: Recipe, available: Collection[str]) -> list[Stage]:
    """The stages that have data. Each keeps `recipe.kept` of its tokens for the stages before it,
    in equal parts (the paper, section 2)."""
    tasks = [task for task in TASKS if task in available]
    given = {task: recipe.shares[TASKS.index(task)] for task in tasks}
    tasks = [task for task in tasks if given[task]]
    if not tasks:
        raise ValueError(f"shares is {recipe.shares}: none is for a task that the data have")
    whole = sum(given[task] for task in tasks)
    stages, start = [], 0.0
    for place, task in enumerate(tasks):
        end = 1.0 if task == tasks[-1] else start + given[task] / whole
        stages.append(Stage(task, start, end, _shares(task, tasks[:place], recipe.kept)))
        start = end
    return stages


def _shares(task: str, earlier: list[str], kept: float) -> dict[str, float]:
    if not earlier:
        return {task: 1.0}
    return dict.fromkeys(earlier, kept / len(earlier)) | {task: 1 - kept}


def stage_at(stages: list[Stage], fraction: float) -> int:
    """Number of the stage at a fraction of the budget."""
    return next((i for i, stage in enumerate(stages) if fraction < stage.end), len(stages) - 1)


def rate_factor(recipe: Recipe, fraction: float, steps: int) -> float:
    """Of the peak rate: linear for `warmup` steps, times a cosine from 1 to `rate_end`.

    `fraction` and `steps` count from the start of the training, or of the stage with `restart`.
    """
    warm = min(1.0, (steps + 1) / recipe.warmup) if recipe.warmup else 1.0
    wave = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
    return warm * (recipe.rate_end + (1 - recipe.rate_end) * wave)


@dataclass
class Budget:
    """How much of a training is over: steps, or minutes of wall clock if those are over first."""

    recipe: Recipe
    step: int = 0
    seconds: float = 0.0

    @property
    def fraction(self) -> float:
        by_steps = self.step / self.recipe.steps
        if not self.recipe.minutes:
            return by_steps
        return max(by_steps, self.seconds / (60 * self.recipe.minutes))

    @property
    def over(self) -> bool:
        return self.fraction >= 1
