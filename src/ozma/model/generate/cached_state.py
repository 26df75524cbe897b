"""Caches of Llamas: one per prompt, which rows share, and a small one per answer.

Letters in shapes: L layers, H key-value heads, D head width, n rows, P prompt tokens, T answer
tokens, V vocabulary. Arrays are those of the runtime (NumPy's or torch's).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ozma.model.generate.backend import State

Array = Any
_FIRST_ROOM = 32
"""Answer tokens for which a state has room at first; it doubles when they are used up."""


@dataclass(eq=False)
class Prompt:
    """Cache of a prompt: `keys` and `values` (L, H, P, D). Filled once."""

    keys: Array
    values: Array

    @property
    def length(self) -> int:
        return self.keys.shape[2]


class CachedState(State):
    """`keys` and `values` (L, n, H, T, D) of the answers, of which `lengths` (n,) are filled.
    `groups`: prompts in the order of rows, each with the number of its rows."""

    def __init__(
        self,
        groups: list[tuple[Prompt, int]],
        keys: Array,
        values: Array,
        lengths: np.ndarray,
        logits: np.ndarray,
    ) -> None:
        self.groups, self.keys, self.values = groups, keys, values
        self.lengths, self.logits = lengths, logits

    @staticmethod
    @abstractmethod
    def _grown(array: Array, room: int) -> Array:
        """(L, n, H, room, D): cut, or zero where it is new, so that 0 x it is 0."""

    @staticmethod
    @abstractmethod
    def _concatenated(arrays: list[Array]) -> Array:
        """The rows of all, (L, sum of n, H, T, D)."""

    @classmethod
    def start(cls, prompt: Prompt, logits: np.ndarray) -> Self:
        """One row, no answer yet; `logits` (1, V)."""
        keys, values = (array[:, None, :, :0] for array in (prompt.keys, prompt.values))
        return cls([(prompt, 1)], keys, values, np.zeros(1, np.int64), logits)

    @classmethod
    def joined(cls, states: Sequence[Self]) -> Self:
        """All rows of all states, in order."""
        room = max(int(state.lengths.max()) for state in states)
        return cls(
            _grouped([owner for state in states for owner in state._owners()]),
            cls._concatenated([cls._grown(state.keys, room) for state in states]),
            cls._concatenated([cls._grown(state.values, room) for state in states]),
            np.concatenate([state.lengths for state in states]),
            np.concatenate([state.logits for state in states]),
        )

    @property
    def positions(self) -> np.ndarray:
        return np.array([owner.length for owner in self._owners()]) + self.lengths

    def _owners(self) -> list[Prompt]:
        """The prompt of each row."""
        return [prompt for prompt, count in self.groups for _ in range(count)]

    def make_room(self, tokens: int) -> None:
        """Room for `tokens` more in each row."""
        needed = int(self.lengths.max()) + tokens
        if needed > self.keys.shape[3]:
            room = max(needed, 2 * self.keys.shape[3], _FIRST_ROOM)
            self.keys, self.values = self._grown(self.keys, room), self._grown(self.values, room)

    def chosen(self, rows: Sequence[int], lengths: Sequence[int] | None) -> Self:
        """`Backend.select`."""
        rows = np.asarray(rows, np.int64)
        kept = self.lengths[rows]
        if lengths is not None:
            kept = np.minimum(kept, np.asarray(lengths, np.int64))
        used, owners = int(kept.max(initial=0)), self._owners()
        return type(self)(
            _grouped([owners[row] for row in rows]),
            self.keys[:, rows, :, :used],
            self.values[:, rows, :, :used],
            kept,
            self.logits[rows],
        )


def _grouped(owners: Sequence[Prompt]) -> list[tuple[Prompt, int]]:
    """Runs of the same prompt."""
    groups: list[tuple[Prompt, int]] = []
    for owner in owners:
        if groups and groups[-1][0] is owner:
            groups[-1] = (owner, groups[-1][1] + 1)
        else:
            groups.append((owner, 1))
    return groups
