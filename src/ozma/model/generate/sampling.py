"""Greedy answers and answers drawn at a temperature, each with an optional constraint."""

from __future__ import annotations

import numpy as np

from ozma.model.generate.backend import Backend, State
from ozma.model.generate.constraint import Constraint
from ozma.model.generate.rows import Limits, Row, Sample, new_row, run_rows


def greedy(
    backend: Backend, state: State, limits: Limits, constraint: Constraint | None = None
) -> list[Sample]:
    """The most probable next token at each place, for every row of the state; ties go to the
    smallest id."""
    return _sampled(
        backend, state, limits, constraint, lambda row, log_probs: int(log_probs.argmax())
    )


def draw(
    backend: Backend,
    state: State,
    limits: Limits,
    count: int,
    temperature: float = 1.0,
    seed: int = 0,
    constraint: Constraint | None = None,
    first: int = 0,
) -> list[Sample]:
    """`count` independent answers for each row of the state, neighbours in the result.

    Answer i, counted from `first`, depends on (seed, i) and not on how many are drawn together.
    `logprob` is the one at temperature 1.
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: give more than 0, or use greedy answers")
    generators = [np.random.default_rng((seed, first + i)) for i in range(state.rows * count)]

    def choose(row: Row, log_probs: np.ndarray) -> int:
        weights = np.exp((log_probs - log_probs.max()) / temperature, dtype=np.float64)
        totals = np.cumsum(weights)
        drawn = generators[row.index].random() * totals[-1]
        return int(np.searchsorted(totals, drawn, side="right"))

    return _sampled(backend, backend.fork(state, count), limits, constraint, choose)


def _sampled(
    backend: Backend, state: State, limits: Limits, constraint: Constraint | None, choose
) -> list[Sample]:
    rows = [new_row(state, slot, backend.context, limits, constraint) for slot in range(state.rows)]
    feeds = [row.take(row.cursor.forced() if row.cursor else []) for row in rows]
    run_rows(backend, backend.fork(state, 1), list(rows), feeds, limits, choose)
    return [row.sample() for row in rows]
