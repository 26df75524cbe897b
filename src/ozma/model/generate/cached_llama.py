"""What Llamas with caches of their own share: rows that grow, scores, trees.

Letters in shapes: n rows, m new tokens in each, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ozma.model.config import LlamaConfig
from ozma.model.generate.backend import Backend, log_softmax
from ozma.model.generate.cached_state import CachedState
from ozma.model.generate.tree_order import TreeChunks

CHUNK = 256
"""Prompt tokens encoded at once: memory does not grow with the prompt but for its cache."""


@dataclass(frozen=True, eq=False)
class NewTokens:
    """What answers are to take: `tokens` (n, m), their `positions` in the window and the `slots`
    of the answers' caches that they fill; `hidden` (n, m, used) is true at slots, their own
    included, that a token must not look at."""

    tokens: np.ndarray
    positions: np.ndarray
    slots: np.ndarray
    hidden: np.ndarray

    @property
    def used(self) -> int:
        """Slots of the longest row that are filled then."""
        return self.hidden.shape[2]


class CachedLlama(Backend):
    """A runtime adds `_encode` and `_through`."""

    def __init__(self, config: LlamaConfig) -> None:
        self.config = config
        self.context, self.vocab_size = config.max_position_embeddings, config.vocab_size

    @abstractmethod
    def _through(self, state: CachedState, new: NewTokens, wanted: np.ndarray) -> np.ndarray:
        """Fills the new tokens' slots, for which there is room; logits (k, V) of the token after
        each of those that `wanted` (k,) counts from 0 to n * m, in rising order."""

    def _extend(
        self, state: CachedState, ids: list[list[int]], scores: bool
    ) -> list[np.ndarray] | None:
        counts = np.array([len(row) for row in ids])
        if not counts.any():
            return [np.empty(0, np.float32) for _ in ids] if scores else None
        kept = np.arange(counts.max()) < counts[:, None]
        padded = np.zeros(kept.shape, np.int64)
        padded[kept] = [token for row in ids for token in row]
        ends = np.cumsum(counts)
        wanted = np.flatnonzero(kept)
        if not scores:
            wanted, ends = wanted[ends[counts > 0] - 1], np.cumsum(counts > 0)
        before, after = state.logits, self._append(state, padded, counts, wanted)
        state.logits = np.where(counts[:, None] > 0, after[ends - 1], before)
        return _scores(ids, before, after, ends) if scores else None

    def _append(
        self, state: CachedState, padded: np.ndarray, counts: np.ndarray, wanted: np.ndarray
    ) -> np.ndarray:
        """`_through` of tokens (n, m), of which rows keep `counts`."""
        new = np.arange(padded.shape[1])
        state.make_room(len(new))
        slots = state.lengths[:, None] + new
        positions = np.minimum(state.positions[:, None] + new, self.context - 1)
        hidden = np.arange(int(slots.max()) + 1) > slots[:, :, None]
        logits = self._through(state, NewTokens(padded, positions, slots, hidden), wanted)
        state.lengths = state.lengths + counts
        return logits

    def score_tree(
        self, state: CachedState, tokens: Sequence[int], parents: Sequence[int]
    ) -> np.ndarray:
        self._check_ids(list(tokens))
        chunks = TreeChunks(tokens, parents, CHUNK)
        self._check_room(int(state.positions[0]) + chunks.depth)
        state = self.select(state, [0])
        scores = chunks.scores(-1, log_softmax(state.logits[0]))
        base, answer = int(state.positions[0]), int(state.lengths[0])
        for chunk in chunks:
            count = len(chunk.nodes)
            state.lengths[:] = answer + chunk.kept
            state.make_room(count)
            chunk.compact(state.keys, state.values, answer)
            seen = np.concatenate([np.ones((count, answer), bool), chunk.seen], axis=1)
            slots = answer + chunk.kept + np.arange(count)
            new = NewTokens(chunk.tokens[None], base + chunk.depths[None], slots[None], ~seen[None])
            log_probs = log_softmax(self._through(state, new, np.arange(count)))
            for node, row in zip(chunk.nodes, log_probs, strict=True):
                scores |= chunks.scores(node, row)
        return np.array([scores[node] for node in range(len(tokens))])

    def select(
        self, state: CachedState, rows: Sequence[int], lengths: Sequence[int] | None = None
    ) -> CachedState:
        return state.chosen(rows, lengths)

    def join(self, states: Sequence[CachedState]) -> CachedState:
        return type(states[0]).joined(states)


def _scores(
    ids: list[list[int]], before: np.ndarray, after: np.ndarray, ends: np.ndarray
) -> list[np.ndarray]:
    """Log-probability of each row's new tokens. `before` (n, V) predicted the first of each;
    `after` holds the logits behind all of them, those of a row up to its number in `ends`."""
    result = []
    for row, (tokens, end) in enumerate(zip(ids, ends, strict=True)):
        logits = np.concatenate([before[row : row + 1], after[end - len(tokens) : end]])
        log_probs = log_softmax(logits[: len(tokens)])
        result.append(log_probs[np.arange(len(tokens)), tokens])
    return result
