"""Minimization of a pass list in the three steps of the paper (Meta LLM Compiler, section
'Autotuner').

1. Drop each pass whose removal loses nothing. 2. Bubble-sort into canonical order where commuting
loses nothing. 3. Insertion search: each pass at each place, kept when it gains.

"Loses nothing" is for the caller to say: the cost may be bytes, or 0 for "still fails" and None for
"does not fail any more", which finds the smallest list that still shows a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from ozma.passes.catalogue import OPTIMIZATION_LEVELS, UNCHECKED, Catalogue
from ozma.passes.grammar import Pass, Pipeline
from ozma.passes.levels import wrap
from ozma.passes.sample import candidates_below
from ozma.passes.tree import Node, Path, joined, put, sequences, splice, walk

Cost = Callable[[Pipeline], float | None]
STEPS = ("drop", "sort", "insert")
_MEANINGLESS_BARE = frozenset({"repeat", "devirt", "require", "invalidate"})
NOTHING = Pipeline((Pass("no-op-module"),))


@dataclass
class _Search:
    """The best list so far. Every distinct list is paid for once; `budget` counts down to 0."""

    best: Pipeline
    cost: Cost
    budget: int
    best_cost: float = 0.0
    known: dict[Pipeline, float | None] = field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        return self.budget <= 0

    def measure(self, pipeline: Pipeline) -> float | None:
        """None when the list fails, or when the budget is spent."""
        if pipeline not in self.known:
            if self.is_spent:
                return None
            self.budget -= 1
            self.known[pipeline] = self.cost(pipeline)
        return self.known[pipeline]

    def try_(self, pipeline: Pipeline, must_gain: bool = False) -> bool:
        """Takes `pipeline` as the new best when it loses nothing (or gains, if it must)."""
        cost = self.measure(pipeline)
        if cost is None or cost > self.best_cost or (must_gain and cost == self.best_cost):
            return False
        self.best, self.best_cost = pipeline, cost
        return True


def minimize(
    pipeline: Pipeline,
    cost: Cost,
    catalogue: Catalogue | None = None,
    max_evaluations: int = 2000,
    steps: Collection[str] = STEPS,
) -> Pipeline:
    """The shortest list found that costs no more than `pipeline`.

    `cost` is called at most `max_evaluations` times. The insertion search draws its passes from
    `catalogue` and is left out without one. ValueError when `pipeline` itself fails.
    """
    unknown = set(steps) - set(STEPS)
    if unknown:
        raise ValueError(f"steps holds {sorted(unknown)}: use any of {STEPS}")
    search = _Search(pipeline, cost, max_evaluations)
    start = search.measure(pipeline)
    if start is None:
        raise ValueError("pipeline fails: minimize a list that can be measured")
    search.best_cost = start
    if "drop" in steps:
        search.try_(NOTHING)
        _sweep(search, _smaller, must_gain=False)
    if "sort" in steps:
        _sweep(search, _swaps, must_gain=False)
    if "insert" in steps and catalogue is not None:
        _sweep(search, partial(_longer, catalogue), must_gain=True)
    return search.best


def _sweep(
    search: _Search, moves: Callable[[Pipeline], Iterator[Pipeline]], must_gain: bool
) -> None:
    """Tries the moves in order, goes on from the same place after a success, ends after a vain
    round."""
    found = True
    while found:
        found, index = False, 0
        while (step := _next_success(search, moves, index, must_gain)) is not None:
            found, index = True, step


def _next_success(
    search: _Search, moves: Callable[[Pipeline], Iterator[Pipeline]], start: int, must_gain: bool
) -> int | None:
    """Number of the first move from `start` on that was taken."""
    for number, candidate in enumerate(islice(moves(search.best), start, None), start):
        if search.try_(candidate, must_gain):
            return number
        if search.is_spent:
            return None
    return None


def _smaller(pipeline: Pipeline) -> Iterator[Pipeline]:
    """Simpler forms, largest step first: without siblings, a repetition, a parameter."""
    for path, start, stop in _stretches(pipeline):
        if smaller := splice(pipeline, path, start, stop, ()):
            yield smaller
    for node in walk(pipeline):
        if node.item.name in ("repeat", "devirt"):
            yield put(pipeline, node.path, *node.item.children)
    for node in walk(pipeline):
        yield from _fewer_params(pipeline, node)
    if joined(pipeline) != pipeline:
        yield joined(pipeline)


def _stretches(pipeline: Pipeline) -> list[tuple[Path, int, int]]:
    """Halves, quarters, ... and single elements of every sequence, those with most passes first."""
    found = []
    for place in sequences(pipeline):
        for size in _halvings(len(place.items)):
            for start in range(0, len(place.items), size):
                stretch = place.items[start : start + size]
                found.append((sum(map(_count, stretch)), place.path, start, start + len(stretch)))
    found.sort(key=lambda entry: -entry[0])
    return [entry[1:] for entry in found]


def _halvings(length: int) -> list[int]:
    """Sizes to try: 12 gives 6, 3, 1; 1 gives 1."""
    sizes = [1]
    while (size := length // (1 << len(sizes))) > 1:
        sizes.append(size)
    return sizes


def _count(item: Pass) -> int:
    return 1 if item.children is None else sum(map(_count, item.children))


def _fewer_params(pipeline: Pipeline, node: Node) -> Iterator[Pipeline]:
    item = node.item
    if item.name in _MEANINGLESS_BARE or set(item.params) <= set(OPTIMIZATION_LEVELS):
        return
    for param in item.params:
        if param in UNCHECKED.values():
            continue
        rest = tuple(other for other in item.params if other != param)
        yield put(pipeline, node.path, replace(item, params=rest))


def _swaps(pipeline: Pipeline) -> Iterator[Pipeline]:
    """Every exchange of neighbouring siblings that stand in the wrong order."""
    for place in sequences(pipeline):
        for index, (left, right) in enumerate(zip(place.items, place.items[1:], strict=False)):
            if str(left) > str(right):
                yield splice(pipeline, place.path, index, index + 2, (right, left))


def _longer(catalogue: Catalogue, pipeline: Pipeline) -> Iterator[Pipeline]:
    """Every candidate at every place, with default parameters."""
    for place in sequences(pipeline):
        infos = candidates_below(catalogue, place.level)
        plain = [info.use() for info in infos if not info.requires_option]
        for index in range(len(place.items) + 1):
            for item in plain:
                new = wrap((item,), place.level, catalogue)
                yield splice(pipeline, place.path, index, index, new)
