"""The order in which lists are worth trying, for dense tables of many thousand modules."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

Column = Sequence[int]
"""Bytes of each module under one list; negative where it gave no code."""


@dataclass(frozen=True)
class Step:
    """One list: bytes that it saves beyond the earlier ones, and on how many modules."""

    index: int
    saved: int
    improved: int


def greedy_order(base: Sequence[int], columns: Sequence[Column], count: int) -> list[Step]:
    """What `search.coreset.greedy_cover` chooses, for tables in columns; ties to the lower index.

    A list's gain only falls as others are taken, so one that is behind with an old gain need not be
    counted again: some hundred counts in all, in place of one per list and step.
    """
    current = list(base)
    heap = [(-gain_of(current, column), index) for index, column in enumerate(columns)]
    heapq.heapify(heap)
    steps: list[Step] = []
    while heap and len(steps) < count:
        _, index = heapq.heappop(heap)
        gain = gain_of(current, columns[index])
        if heap and (-gain, index) > heap[0]:
            heapq.heappush(heap, (-gain, index))
            continue
        if gain <= 0:
            break
        steps.append(Step(index, gain, take(current, columns[index])))
    return steps


def gain_of(current: Sequence[int], column: Column) -> int:
    """Bytes that a list saves where it is smaller than the best so far."""
    return sum(now - size for now, size in zip(current, column, strict=True) if 0 <= size < now)


def take(current: list[int], column: Column) -> int:
    """Lowers `current` to what this list reaches; returns on how many modules it does."""
    improved = 0
    for place, size in enumerate(column):
        if 0 <= size < current[place]:
            current[place] = size
            improved += 1
    return improved


def gains(base: Sequence[int], columns: Sequence[Column], order: Sequence[int]) -> list[float]:
    """Share of all bytes that the first 1, 2, 3, ... lists of `order` save together."""
    total, current, saved, shares = sum(base), list(base), 0, []
    for index in order:
        saved += gain_of(current, columns[index])
        take(current, columns[index])
        shares.append(saved / total if total else 0.0)
    return shares
