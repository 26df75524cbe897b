"""The loop that all sampling shares: rows in step, one choice each, forced tokens fed with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ozma.errors import OzmaError
from ozma.model.generate.backend import Backend, State, log_softmax, require_numbers
from ozma.model.generate.constraint import Constraint, Cursor


@dataclass(frozen=True)
class Limits:
    """Where answers end: at one of the `ends` tokens, or after `max_tokens`, or with the window.

    `banned` tokens are never taken (padding, begin of text, ids that the tokenizer lacks).
    """

    ends: tuple[int, ...]
    max_tokens: int = 512
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}: give 1 or more")
        if set(self.ends) & set(self.banned):
            raise ValueError("banned holds an end token: no answer could end")


@dataclass(frozen=True)
class Sample:
    """An answer without its end token.

    `logprob` sums the log-probabilities of its choices among what the constraint allowed; forced
    tokens count nothing. `finished`: it ended by itself, and was not cut at a limit.
    """

    tokens: tuple[int, ...]
    logprob: float
    finished: bool


@dataclass(eq=False)
class Row:
    """An answer that grows. `room`: tokens that it may still take."""

    index: int
    room: int
    ends: frozenset[int]
    cursor: Cursor | None
    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finished: bool = False

    @property
    def done(self) -> bool:
        return self.finished or self.room <= 0

    def take(self, tokens: Sequence[int]) -> list[int]:
        """Takes tokens and what they force; returns what is new, up to the end or the limit."""
        new: list[int] = []
        queue = list(tokens)
        while queue and not self.done:
            self._take_one(queue.pop(0), new)
            if not queue and self.cursor and not self.done:
                queue = self.cursor.forced()
        return new

    def _take_one(self, token: int, new: list[int]) -> None:
        if self.cursor:
            self.cursor.advance(token)
        if token in self.ends:
            self.finished = True
            return
        new.append(token)
        self.tokens.append(token)
        self.room -= 1
        if self.cursor and self.cursor.finished:
            self.finished = True

    def sample(self) -> Sample:
        return Sample(tuple(self.tokens), self.logprob, self.finished)


Choose = Callable[[Row, np.ndarray], int]
"""(row, log-probabilities of the next token, -inf where it is not allowed) to the token taken."""

Park = Callable[[Row, State], None]
"""Called once for each row when it is done, with a state in which it is the only row."""


def new_row(
    state: State, slot: int, context: int, limits: Limits, constraint: Constraint | None
) -> Row:
    room = min(limits.max_tokens, context - int(state.positions[slot]))
    return Row(slot, room, frozenset(limits.ends), constraint.start() if constraint else None)


def run_rows(
    backend: Backend,
    state: State,
    rows: list[Row],
    feeds: list[list[int]],
    limits: Limits,
    choose: Choose,
    park: Park | None = None,
) -> None:
    """Lets all rows grow until they are done. `feeds`: tokens that each took before the first
    choice and that the state lacks. The state is used up."""
    while True:
        state, rows, feeds = _without_done(backend, state, rows, feeds, park)
        if not rows:
            return
        backend.extend(state, feeds)
        log_probs = allowed_log_probs(state, rows, limits)
        feeds = [_choice(row, log_probs[slot], choose) for slot, row in enumerate(rows)]


def _choice(row: Row, log_probs: np.ndarray, choose: Choose) -> list[int]:
    token = choose(row, log_probs)
    row.logprob += float(log_probs[token])
    return row.take([token])


def _without_done(
    backend: Backend, state: State, rows: list[Row], feeds: list[list[int]], park: Park | None
) -> tuple[State, list[Row], list[list[int]]]:
    live = [slot for slot, row in enumerate(rows) if not row.done]
    if len(live) == len(rows):
        return state, rows, feeds
    if park:
        for slot, row in enumerate(rows):
            if row.done:
                park(row, backend.select(state, [slot]))
    state = backend.select(state, live) if live else state
    return state, [rows[slot] for slot in live], [feeds[slot] for slot in live]


def allowed_log_probs(state: State, rows: list[Row], limits: Limits) -> np.ndarray:
    """(n, vocabulary) log-probabilities among the tokens that each row may take.

    OzmaError when the model gives NaN, or when nothing is allowed.
    """
    logits = np.array(state.logits, np.float32)
    require_numbers(logits)
    if limits.banned:
        logits[:, list(limits.banned)] = -np.inf
    for slot, row in enumerate(rows):
        if row.cursor:
            logits[slot, ~row.cursor.mask()] = -np.inf
    if not np.isfinite(logits.max(axis=1)).all():
        raise OzmaError("no token may follow: the constraint and the vocabulary do not fit")
    return log_softmax(logits)
