"""Priority sampling (arXiv 2402.18734): distinct answers, the most probable open branch first.

The first answer is the greedy one. Every token that was not taken on the way of an answer opens a
branch, whose probability is that of the answer up to and with this token. The next answer takes the
most probable branch and goes on greedily.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from ozma.model.generate.backend import Backend, State
from ozma.model.generate.constraint import Constraint
from ozma.model.generate.rows import Limits, Row, Sample, new_row, run_rows

Place = tuple[float, int, int]
"""A branch: -log P of its prefix, number of the answer that it leaves, its rank there. They sort in
the order in which branches are taken."""
_ROOT: Place = (0.0, -1, 0)


@dataclass(eq=False)
class Grown:
    """A branch that was followed to its end: the answer, its cache, and the branches beside it.

    `costs`, `positions` and `tokens` describe these, ascending by cost once they are sorted; of
    the first `taken` the turn is over.
    """

    row: Row
    state: State | None = None
    costs: np.ndarray = field(default_factory=lambda: np.empty(0))
    positions: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    tokens: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    taken: int = 0

    def choose(self, log_probs: np.ndarray, width: int) -> int:
        """The best token; up to `width` others become branches."""
        best, *others = _best(log_probs, width + 1)
        self.costs = np.append(self.costs, -(self.row.logprob + log_probs[others].astype(float)))
        self.positions = np.append(self.positions, np.full(len(others), len(self.row.tokens)))
        self.tokens = np.append(self.tokens, others)
        return best

    def sort(self) -> None:
        order = np.argsort(self.costs, kind="stable")
        self.costs, self.positions = self.costs[order], self.positions[order]
        self.tokens = self.tokens[order]

    def prefix(self, rank: int) -> tuple[int, ...]:
        """Tokens of a branch: those of the answer up to its place, then its own."""
        return (*self.row.tokens[: int(self.positions[rank])], int(self.tokens[rank]))


def priority(
    backend: Backend,
    state: State,
    limits: Limits,
    count: int,
    constraint: Constraint | None = None,
    batch: int = 8,
    key: Callable[[Sample], Hashable] = lambda sample: sample.tokens,
) -> list[Sample]:
    """Up to `count` answers with distinct keys behind the state's only row, best branch first.

    `batch` branches are followed together, those most probably next; the result does not depend
    on it. There are fewer answers when the constraint has no more.
    """
    if count < 1 or batch < 1:
        raise ValueError(f"count is {count} and batch is {batch}: give 1 or more")
    search = _Search(backend, state, limits, constraint, count)
    samples: dict[Hashable, Sample] = {}
    while len(samples) < count:
        upcoming = search.upcoming(min(batch, count - len(samples)))
        if not upcoming:
            break
        if upcoming[0] not in search.ahead:
            search.grow([place for place in upcoming if place not in search.ahead])
        sample = search.take(upcoming[0])
        samples.setdefault(key(sample), sample)
    return list(samples.values())


class _Search:
    """`answers` in the order in which they were taken; `ahead`: followed, their turn not come."""

    def __init__(
        self,
        backend: Backend,
        state: State,
        limits: Limits,
        constraint: Constraint | None,
        width: int,
    ) -> None:
        self.backend, self.start, self.limits, self.constraint = backend, state, limits, constraint
        self.width = width
        self.answers: list[Grown] = []
        self.ahead: dict[Place, Grown] = {}

    def upcoming(self, count: int) -> list[Place]:
        """The best branches, best first."""
        if not self.answers:
            return [_ROOT]
        places = (
            (float(grown.costs[rank]), number, rank)
            for number, grown in enumerate(self.answers)
            for rank in range(grown.taken, min(grown.taken + count, len(grown.costs)))
        )
        return heapq.nsmallest(count, places)

    def take(self, place: Place) -> Sample:
        """The answer of the best branch; its side branches are open from now on."""
        if place != _ROOT:
            self.answers[place[1]].taken += 1
        grown = self.ahead.pop(place)
        grown.sort()
        self.answers.append(grown)
        return grown.row.sample()

    def grow(self, places: list[Place]) -> None:
        """Follows branches, all together, greedily."""
        slots = [self._begin(place) for place in places]
        by_row = {id(grown.row): grown for grown, _, _ in slots}

        def choose(row: Row, log_probs: np.ndarray) -> int:
            return by_row[id(row)].choose(log_probs, self.width)

        def park(row: Row, state: State) -> None:
            by_row[id(row)].state = state

        state = self.backend.join([state for _, state, _ in slots])
        rows, feeds = [grown.row for grown, _, _ in slots], [feed for _, _, feed in slots]
        run_rows(self.backend, state, rows, feeds, self.limits, choose, park)
        self.ahead |= {place: grown for place, (grown, _, _) in zip(places, slots, strict=True)}

    def _begin(self, place: Place) -> tuple[Grown, State, list[int]]:
        """The branch's row, a state that holds part of its prefix, and the tokens to feed."""
        cost, number, rank = place
        row = new_row(self.start, 0, self.backend.context, self.limits, self.constraint)
        if place == _ROOT:
            taken = row.take(row.cursor.forced() if row.cursor else ())
            return Grown(row), self.backend.fork(self.start, 1), taken
        origin = self.answers[number]
        prefix = origin.prefix(rank)
        taken = row.take(prefix)
        row.logprob = -cost
        held = int(origin.state.positions[0]) - int(self.start.positions[0])
        fed = min(len(prefix) - 1, held)
        answer = int(self.start.lengths[0]) + fed
        return Grown(row), self.backend.select(origin.state, [0], [answer]), taken[fed:]


def _best(log_probs: np.ndarray, count: int) -> list[int]:
    """The most probable of the possible tokens, best first, ties by id."""
    possible = np.flatnonzero(np.isfinite(log_probs))
    if len(possible) > count:
        part = np.argpartition(-log_probs[possible], count - 1)[:count]
        possible = possible[part]
    return possible[np.lexsort((possible, -log_probs[possible]))].tolist()
