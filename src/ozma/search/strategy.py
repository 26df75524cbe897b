"""What a search strategy is: it proposes pass lists and is told what each was worth."""

from __future__ import annotations

import random
from typing import Iterable, Protocol

from ozma.passes import Catalogue, Pipeline, complete, parse, random_list
from ozma.search.records import Record


class Strategy(Protocol):
    """Ask, then tell. Equal seeds and equal answers give equal proposals: that is how a killed
    search resumes, by replaying its records."""

    name: str

    def propose(self) -> Pipeline | None:
        """The next list to evaluate; None when the strategy has no more."""

    def observe(self, pipeline: Pipeline, record: Record) -> None:
        """What the last proposal was worth."""


class StaticLists:
    """Tries given lists in order: the pack, a coreset, the lists broadcast from other modules."""

    name = "static"

    def __init__(self, lists: Iterable[Pipeline]) -> None:
        self._lists = iter(lists)

    def propose(self) -> Pipeline | None:
        return next(self._lists, None)

    def observe(self, pipeline: Pipeline, record: Record) -> None:
        """Nothing to learn: the order is fixed."""


class RandomLists:
    """Random lists of 1-50 passes, as the paper's autotuner draws them (section 3.1).

    Half of them run after clang's own pipeline, because a list alone seldom comes near it.
    """

    name = "random"

    def __init__(self, seed: int, catalogue: Catalogue, base: str) -> None:
        self._rng = random.Random(seed)
        self._catalogue = catalogue
        self._base = parse(base)

    def propose(self) -> Pipeline:
        pipeline = random_list(self._rng, self._catalogue)
        if self._rng.random() < 0.5:
            return Pipeline(self._base.passes + pipeline.passes)
        return complete(pipeline)

    def observe(self, pipeline: Pipeline, record: Record) -> None:
        """Blind by design: the control for every other strategy."""
