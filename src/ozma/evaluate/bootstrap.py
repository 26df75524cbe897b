"""95 % intervals by a bootstrap over projects: functions of one project are not independent.

Each draw takes as many projects as there are, with replacement, and all rows of each (a cluster
bootstrap; Cameron, Gelbach and Miller 2008). One `Draws` serves all policies and measures of a
table, so that differences between policies are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True)
class Estimate:
    """A measured value and its 95 % interval (equal to it where there is one project only)."""

    value: float
    low: float
    high: float

    def as_json(self) -> list[float]:
        return [round(number, 6) for number in (self.value, self.low, self.high)]


class Draws:
    """Row weights of each draw, by project. n rows, p projects, b draws."""

    def __init__(self, project_n: Sequence[str], draws: int = 1000, seed: int = 0) -> None:
        names, self._place_n = np.unique(np.asarray(project_n, object), return_inverse=True)
        self.projects = len(names)
        rng = np.random.default_rng(seed)
        chances = np.full(self.projects, 1 / max(self.projects, 1))
        self._weight_bp = rng.multinomial(self.projects, chances, draws).astype(np.float64)

    def sums(self, value_n: np.ndarray) -> tuple[float, np.ndarray]:
        """(sum of all rows, sums of each draw (b,))."""
        sum_p = np.bincount(self._place_n, np.asarray(value_n, np.float64), self.projects)
        return float(sum_p.sum()), self._weight_bp @ sum_p

    def ratio(self, above_n: np.ndarray, below_n: np.ndarray) -> Estimate:
        """Sum of `above_n` by sum of `below_n`; 0 where nothing stands below."""
        return _estimate(_divide, self.sums(above_n), self.sums(below_n))

    def mean(self, value_n: np.ndarray) -> Estimate:
        return self.ratio(value_n, np.ones(len(value_n)))

    def difference(self, one_n: np.ndarray, other_n: np.ndarray, below_n: np.ndarray) -> Estimate:
        """Of two ratios over the same rows: its interval says whether one is ahead."""
        return self.ratio(np.asarray(one_n) - np.asarray(other_n), below_n)


def _estimate(
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray],
    above: tuple[float, np.ndarray],
    below: tuple[float, np.ndarray],
) -> Estimate:
    value = float(combine(np.array(above[0]), np.array(below[0])))
    low, high = np.percentile(combine(above[1], below[1]), [LOW, HIGH])
    return Estimate(value, float(low), float(high))


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(below == 0, 0.0, above / np.where(below == 0, 1.0, below))
