"""Coreset: the few lists that together come nearest to having the best list for every module.

Greedy cover of a dense table (every list on every module): each step takes the list that saves the
most bytes given those already taken, so any prefix of the result is itself a good short list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

Table = Mapping[str, Mapping[str, int]]
"""list -> module -> bytes; a module that a list failed on is missing."""


@dataclass(frozen=True)
class Step:
    """One list of the cover: bytes that it saves beyond the earlier ones, and on how many modules."""

    passes: str
    saved: int
    improved: int


def greedy_cover(table: Table, baseline: Mapping[str, int], count: int) -> list[Step]:
    """At most `count` lists, best first; fewer when no further list saves a byte."""
    current = dict(baseline)
    left = dict(table)
    steps: list[Step] = []
    while left and len(steps) < count:
        gains = {passes: _gain(sizes, current) for passes, sizes in left.items()}
        passes = max(gains, key=lambda one: (gains[one], -len(one), one))
        saved, improved = gains[passes]
        if saved <= 0:
            break
        steps.append(Step(passes, saved, improved))
        for module, size in left.pop(passes).items():
            current[module] = min(current.get(module, size), size)
    return steps


def _gain(sizes: Mapping[str, int], current: Mapping[str, int]) -> tuple[int, int]:
    """(bytes saved, modules improved) when this list is added."""
    savings = [current[module] - size for module, size in sizes.items() if module in current]
    better = [saving for saving in savings if saving > 0]
    return sum(better), len(better)


def curve(steps: Sequence[Step], total: int) -> list[float]:
    """Share of `total` baseline bytes saved by the first 1, 2, 3, ... lists."""
    shares, saved = [], 0
    for step in steps:
        saved += step.saved
        shares.append(saved / total)
    return shares
