"""Cover search: grow a pack by looking for the list that adds most to those already in it.

Unlike a search per module it rewards lists that are good in general, which is what a user with few
compiles needs; unlike one list for all it rewards what the earlier lists cannot do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Callable, Iterable, Sequence

from ozma.passes import Pipeline
from ozma.search.tune import Tuner

Mutate = Callable[[random.Random, Pipeline], Pipeline]
Crossover = Callable[[random.Random, Pipeline, Pipeline], Pipeline]


@dataclass(frozen=True)
class CoverConfig:
    """`children` lists are tried for each place in the pack; a list is given up after
    `checkpoint` modules when it is behind `patience` times the best one's gain at that point."""

    children: int = 80
    parents: int = 6
    checkpoint: int = 8
    patience: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        if self.children < 0:
            raise ValueError(f"children is {self.children}: it must be 0 or more")
        if not 0 <= self.patience <= 1:
            raise ValueError(f"patience is {self.patience}: it must be between 0 and 1")


@dataclass
class Trail:
    """What a list saves on the first 1, 2, 3, ... modules, beyond the pack so far."""

    pipeline: Pipeline
    gains: list[int] = field(default_factory=list)
    complete: bool = False

    @property
    def gain(self) -> int:
        return self.gains[-1] if self.gains else 0


class CoverSearch:
    """Adds one list after the other; `sizes` are the best bytes so far, by module."""

    def __init__(
        self,
        tuners: Sequence[Tuner],
        mutate: Mutate,
        crossover: Crossover,
        config: CoverConfig = CoverConfig(),
    ) -> None:
        self._tuners, self._config = list(tuners), config
        self._mutate, self._crossover = mutate, crossover
        self._rng = random.Random(config.seed)
        self.sizes = [tuner.baseline.total for tuner in self._tuners]
        self.pack: list[Pipeline] = []

    def extend(self, seeds: Iterable[Pipeline]) -> Trail | None:
        """Finds the next list, starting from `seeds`, and adds it; None when nothing saves a byte."""
        pool: list[Trail] = []
        for pipeline in seeds:
            self._try(pipeline, pool)
        for _ in range(self._config.children if pool else 0):
            self._try(self._child(pool), pool)
        best = max((t for t in pool if t.complete), key=lambda t: t.gain, default=None)
        if best is None or best.gain <= 0:
            return None
        self._take(best.pipeline)
        return best

    def _child(self, pool: list[Trail]) -> Pipeline:
        rng = self._rng
        parents = sorted(pool, key=lambda t: (-t.complete, -t.gain))[: self._config.parents]
        first = parents[min(int(rng.expovariate(0.7)), len(parents) - 1)].pipeline
        if rng.random() < 0.35:
            return self._crossover(rng, first, rng.choice(parents).pipeline)
        child = self._mutate(rng, first)
        while rng.random() < 0.3:
            child = self._mutate(rng, child)
        return child

    def _try(self, pipeline: Pipeline, pool: list[Trail]) -> None:
        if any(trail.pipeline == pipeline for trail in pool):
            return
        champion = max((t for t in pool if t.complete), key=lambda t: t.gain, default=None)
        pool.append(self._race(pipeline, champion))

    def _race(self, pipeline: Pipeline, champion: Trail | None) -> Trail:
        trail, text = Trail(pipeline), str(pipeline)
        for index, tuner in enumerate(self._tuners):
            record = tuner.evaluate(text, "cover")
            saved = 0 if record.total is None else max(0, self.sizes[index] - record.total)
            trail.gains.append(trail.gain + saved)
            due = (index + 1) % self._config.checkpoint == 0
            if champion and due and trail.gain < self._config.patience * champion.gains[index]:
                return trail
        trail.complete = True
        return trail

    def _take(self, pipeline: Pipeline) -> None:
        self.pack.append(pipeline)
        for index, tuner in enumerate(self._tuners):
            record = tuner.evaluate(str(pipeline), "cover")
            if record.total is not None:
                self.sizes[index] = min(self.sizes[index], record.total)
