"""What every model runtime offers to the sampling loops: token ids in, logits out.

A state holds rows: answers that grow token by token behind a prompt. The prompt is encoded once and
its cache is shared by every row that was forked from it. `extend` and `step` change a state, all
other calls leave theirs as it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ozma.errors import OzmaError


class ContextOverflow(OzmaError):
    """A prompt, or a prompt with its answer, is longer than the model's window."""


class State:
    """Rows in generation. `logits` (n, vocabulary) float32: of the token after each row so far.

    `lengths` (n,): answer tokens in each row; `positions` (n,): tokens of prompt and answer.
    """

    logits: np.ndarray
    lengths: np.ndarray
    positions: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.positions)


class Backend(ABC):
    """One loaded model. `context` is its window in tokens; `tolerance` bounds the error of a
    log-probability against the model's float32 weights."""

    name: str
    context: int
    vocab_size: int
    tolerance: float = 1e-4

    @abstractmethod
    def _encode(self, ids: list[int]) -> State:
        """`prefill` of checked ids."""

    @abstractmethod
    def _extend(self, state: State, ids: list[list[int]], scores: bool) -> list[np.ndarray] | None:
        """`extend` of checked ids."""

    @abstractmethod
    def select(
        self, state: State, rows: Sequence[int], lengths: Sequence[int] | None = None
    ) -> State:
        """Rows in this order, each any number of times; `lengths` cuts their answers to so many
        tokens, and leaves `logits` stale in the rows that become shorter."""

    @abstractmethod
    def join(self, states: Sequence[State]) -> State:
        """The rows of all states as one, in order; prompts stay shared."""

    def prefill(self, ids: Sequence[int]) -> State:
        """A state of one row with the prompt `ids` and an empty answer.

        Raises ContextOverflow, and OzmaError for no ids or ids outside the vocabulary.
        """
        ids = [int(token) for token in ids]
        if not ids:
            raise OzmaError("the prompt is empty: it needs one token at least")
        self._check_ids(ids)
        self._check_room(len(ids))
        return self._encode(ids)

    def fork(self, state: State, count: int) -> State:
        """Every row `count` times, neighbours; the prompts' caches are not copied."""
        return self.select(state, [row for row in range(state.rows) for _ in range(count)])

    def extend(
        self, state: State, ids: Sequence[Sequence[int]], scores: bool = False
    ) -> list[np.ndarray] | None:
        """Appends any number of tokens to each row; with `scores`, their log-probabilities.

        Rows may get different numbers of tokens, also none. Raises like `prefill`.
        """
        ids = [[int(token) for token in row] for row in ids]
        if len(ids) != state.rows:
            raise ValueError(f"ids has {len(ids)} rows: give one for each of {state.rows}")
        for position, row in zip(state.positions, ids, strict=True):
            self._check_ids(row)
            self._check_room(int(position) + len(row))
        return self._extend(state, ids, scores)

    def step(self, state: State, tokens: Sequence[int]) -> np.ndarray:
        """Appends one token to each row and gives the next logits (n, vocabulary)."""
        self.extend(state, [[token] for token in tokens])
        return state.logits

    def score(self, state: State, ids: Sequence[int]) -> np.ndarray:
        """Log-probability of each of `ids` after the state's only row, which stays as it is."""
        return self.extend(self.select(state, [0]), [ids], scores=True)[0]

    def score_tree(self, state: State, tokens: Sequence[int], parents: Sequence[int]) -> np.ndarray:
        """Log-probability of each token after the state's only row and the token's ancestors.

        Token i continues token `parents[i]` < i, or the row itself where that is -1.
        """
        scores = np.zeros(len(tokens))
        for path in _paths(parents):
            new = self.score(state, [tokens[node] for node in path])
            scores[path] = new
        return scores

    def room(self, state: State) -> int:
        """Tokens that still fit into the window behind the longest row."""
        return self.context - int(state.positions.max())

    def _check_ids(self, ids: list[int]) -> None:
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            wrong = max(ids) if max(ids) >= self.vocab_size else min(ids)
            raise OzmaError(
                f"token {wrong} is outside the model's vocabulary of {self.vocab_size}",
                hint="the tokenizer belongs to another model",
            )

    def _check_room(self, length: int) -> None:
        if length > self.context:
            raise ContextOverflow(
                f"{length} tokens do not fit into the model's window of {self.context}",
                hint="give single functions, or a model with a longer window",
            )


def _paths(parents: Sequence[int]) -> list[list[int]]:
    """Node indices from the root to each leaf; every node is on one path at least."""
    inner = set(parents)
    paths = []
    for leaf in range(len(parents)):
        if leaf not in inner:
            path, node = [], leaf
            while node >= 0:
                path.append(node)
                node = parents[node]
            paths.append(path[::-1])
    return paths


def require_numbers(values: np.ndarray) -> None:
    """OzmaError when a model has given NaN: every choice made of it would be arbitrary."""
    if np.isnan(values).any():
        raise OzmaError(
            "the model's output is not a number", hint="its weights are damaged: get them again"
        )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities (..., vocabulary) float32; -inf stays -inf."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
