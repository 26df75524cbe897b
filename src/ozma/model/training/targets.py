"""What a flag answer should be, when the size under every list is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TIES = ("all", "shortest", "first")


@dataclass(frozen=True)
class SoftTarget:
    """Lists no larger than -Oz, each with a weight of exp(-(bytes - best) / T).

    T is `temperature` x the bytes under -Oz, at least `least` bytes. `ties` says what lists of
    equal size share: each has its own weight ("all"), or the shortest text or the pack's first
    one has the weight of one and the others none.
    """

    temperature: float = 0.01
    least: float = 0.5
    ties: str = "all"

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}: it must be 0 or more")
        if self.least <= 0:
            raise ValueError(f"least is {self.least}: it must be above 0 bytes")
        if self.ties not in TIES:
            raise ValueError(f"ties is '{self.ties}': give one of {', '.join(TIES)}")

    def weights(self, sizes: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """Probabilities (1 + lists,) of a row of sizes: -Oz first, negative for no code."""
        base = int(sizes[0])
        usable = (sizes >= 0) & (sizes <= base)
        excess = np.where(usable, sizes - sizes[usable].min(), 0)
        weights = np.where(usable, np.exp(-excess / self._degrees(base)), 0.0)
        weights[~self._chosen(sizes, lengths)] = 0.0
        return weights / weights.sum()

    def costs(self, sizes: np.ndarray) -> np.ndarray:
        """Bytes above the best list's, in units of 10 T, (1 + lists,). With -Oz as the backup no
        list costs more than -Oz."""
        kept = np.where((sizes >= 0) & (sizes < sizes[0]), sizes, sizes[0])
        return (kept - kept.min()) / (10 * self._degrees(int(sizes[0])))

    def _degrees(self, base: int) -> float:
        return max(self.temperature * base, self.least)

    def _chosen(self, sizes: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """Which list speaks for all of its size."""
        if self.ties == "all":
            return np.ones(len(sizes), bool)
        order = np.arange(len(sizes))
        if self.ties == "shortest":
            order = np.argsort(lengths, kind="stable")
        _, first = np.unique(np.asarray(sizes)[order], return_index=True)
        chosen = np.zeros(len(sizes), bool)
        chosen[order[first]] = True
        return chosen


def bytes_left(sizes: np.ndarray, order: Sequence[int], k: int) -> int:
    """Bytes when the first `k` lists of `order` are tried, and -Oz is the backup.

    `sizes` as in SoftTarget.weights; `order` holds places in it.
    """
    tried = [int(sizes[place]) for place in list(order)[:k] if sizes[place] >= 0]
    return min([int(sizes[0]), *tried])
