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
    """One list of the cover: bytes saved beyond the earlier ones, and on how many modules."""

    passes: str
    saved: int
    improved: int


def greedy_cover(
    table: Table,
    baseline: Mapping[str, int],
    count: int,
    cap: float | None = None,
    first: Sequence[str] = (),
) -> list[Step]:
    """At most `count` lists, best first; fewer when no further list saves a byte.

    Those of `first` come before all others, as given. With `cap` a list is chosen by the shares of
    their own bytes that it saves on modules, each counted up to `cap` only: one lucky module then
    does not decide the order (LOG.md, 'order of the pack').
    """
    current = dict(baseline)
    left = dict(table)
    steps: list[Step] = []
    given = [passes for passes in first if passes in left]
    while left and len(steps) < count:
        worth = {passes: _worth(sizes, current, baseline, cap) for passes, sizes in left.items()}
        passes = given.pop(0) if given else max(worth, key=lambda one: (worth[one], -len(one), one))
        saved, improved = _gain(left[passes], current)
        if saved <= 0 and passes not in first:
            break
        steps.append(Step(passes, saved, improved))
        for module, size in left.pop(passes).items():
            current[module] = min(current.get(module, size), size)
    return steps


def _worth(
    sizes: Mapping[str, int],
    current: Mapping[str, int],
    baseline: Mapping[str, int],
    cap: float | None,
) -> float:
    """What the choice goes by: bytes saved, or shares up to `cap`."""
    if cap is None:
        return _gain(sizes, current)[0]
    shares = (
        (current[module] - size) / baseline[module]
        for module, size in sizes.items()
        if module in current and size < current[module]
    )
    return sum(min(share, cap) for share in shares)


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
