"""Keys and values of the NumPy Llama: one cache per prompt, shared, and a small one per answer.

Letters in shapes: L layers, H key-value heads, D head width, n rows, P prompt tokens, T answer
tokens, V vocabulary. Values carry a last column of ones: a product with them sums the weights too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ozma.model.generate.backend import State

_FIRST_ROOM = 32
"""Answer tokens for which a state has room at first; it doubles when they are used up."""


@dataclass(eq=False)
class Prompt:
    """Cache of a prompt: `keys` (L, H, P, D), `values` (L, H, P, D + 1). Filled once."""

    keys: np.ndarray
    values: np.ndarray

    @classmethod
    def empty(cls, layers: int, heads: int, length: int, width: int) -> Prompt:
        keys = np.empty((layers, heads, length, width), np.float32)
        values = np.ones((layers, heads, length, width + 1), np.float32)
        return cls(keys, values)

    @property
    def length(self) -> int:
        return self.keys.shape[2]


class NumpyState(State):
    """`keys` (L, n, H, T, D) and `values` (L, n, H, T, D + 1) of the answers, of which `lengths`
    (n,) are filled. `groups`: prompts in the order of rows, each with the number of its rows."""

    def __init__(
        self,
        groups: list[tuple[Prompt, int]],
        keys: np.ndarray,
        values: np.ndarray,
        lengths: np.ndarray,
        logits: np.ndarray,
    ) -> None:
        self.groups, self.keys, self.values = groups, keys, values
        self.lengths, self.logits = lengths, logits

    @classmethod
    def start(cls, prompt: Prompt, logits: np.ndarray) -> NumpyState:
        """One row, no answer yet."""
        keys, values = (array[:, None, :, :0] for array in (prompt.keys, prompt.values))
        return cls([(prompt, 1)], keys, values, np.zeros(1, np.int64), logits)

    @property
    def positions(self) -> np.ndarray:
        counts = [count for _, count in self.groups]
        return np.repeat([prompt.length for prompt, _ in self.groups], counts) + self.lengths

    def owners(self) -> list[Prompt]:
        """The prompt of each row."""
        return [prompt for prompt, count in self.groups for _ in range(count)]

    def make_room(self, tokens: int) -> None:
        """Room for `tokens` more in each row."""
        needed = int(self.lengths.max()) + tokens
        if needed > self.keys.shape[3]:
            room = max(needed, 2 * self.keys.shape[3], _FIRST_ROOM)
            self.keys, self.values = _grown(self.keys, room), _grown(self.values, room)

    def chosen(self, rows: Sequence[int], lengths: Sequence[int] | None) -> NumpyState:
        rows = np.asarray(rows, np.int64)
        kept = self.lengths[rows]
        if lengths is not None:
            kept = np.minimum(kept, np.asarray(lengths, np.int64))
        used = int(kept.max(initial=0))
        owners = self.owners()
        return NumpyState(
            grouped([owners[row] for row in rows]),
            self.keys[:, rows, :, :used],
            self.values[:, rows, :, :used],
            kept,
            self.logits[rows],
        )


def grouped(owners: Sequence[Prompt]) -> list[tuple[Prompt, int]]:
    """Runs of the same prompt."""
    groups: list[tuple[Prompt, int]] = []
    for owner in owners:
        if groups and groups[-1][0] is owner:
            groups[-1] = (owner, groups[-1][1] + 1)
        else:
            groups.append((owner, 1))
    return groups


def joined(states: Sequence[NumpyState]) -> NumpyState:
    """All rows of all states, in order."""
    room = max(int(state.lengths.max()) for state in states)
    return NumpyState(
        grouped([owner for state in states for owner in state.owners()]),
        np.concatenate([_grown(state.keys, room) for state in states], axis=1),
        np.concatenate([_grown(state.values, room) for state in states], axis=1),
        np.concatenate([state.lengths for state in states]),
        np.concatenate([state.logits for state in states]),
    )


def _grown(array: np.ndarray, room: int) -> np.ndarray:
    """The same with space for `room` tokens; new space is zero, so that 0 x it stays 0."""
    used = min(array.shape[3], room)
    grown = np.zeros((*array.shape[:3], room, array.shape[4]), np.float32)
    grown[..., :used, :] = array[..., :used, :]
    return grown
