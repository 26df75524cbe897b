"""Bytes of a module under a policy's lists: from the dense labels where possible, else live."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ozma.evaluate.modules import Code
from ozma.evaluate.policies import OWN
from ozma.evaluate.table import DenseTable
from ozma.labels.flags import MISSING
from ozma.llvm import Worker


class Sizer:
    """Sizes of the modules of one dense table. `tried` bounds the lists measured on a module."""

    def __init__(self, table: DenseTable, code: Code, worker: Worker, tried: int = 100) -> None:
        self._table, self._code, self._worker, self._tried = table, code, worker, tried
        self._places = {passes: index for index, passes in enumerate(table.lists)}

    def sizes(self, row: int, lists: Sequence[str]) -> np.ndarray:
        """Bytes under the first lists, in order, MISSING where one gave no code; (k,) int64.

        `row` is the module's in the table. InvalidIR when LLVM no longer takes the module.
        """
        lists = lists[: self._tried]
        places = [self._places.get(passes, -1) for passes in lists]
        known = self._table.totals_nl[row, places].astype(np.int64)
        known[[index for index, one in enumerate(lists) if one == OWN]] = self._table.base_n[row]
        unknown = [i for i, place in enumerate(places) if place < 0 and lists[i] != OWN]
        if unknown:
            known[unknown] = self._live(row, [lists[index] for index in unknown])
        return known

    def _live(self, row: int, lists: Sequence[str]) -> list[int]:
        project, digest = self._table.project_n[row], self._table.hash_n[row]
        loaded = self._worker.load(self._code(project, digest))
        try:
            found = self._worker.evaluate_many(loaded.id, lists)
        finally:
            self._worker.unload(loaded.id)
        return [one.sizes.total if one.sizes else MISSING for one in found]


def smallest_after(sizes_k: np.ndarray, base: int) -> list[list[int]]:
    """[[number of lists measured, bytes of the smallest object so far], ...] where that changes;
    clang's own, of `base` bytes, is there from the start."""
    steps = [[0, base]]
    for number, size in enumerate(sizes_k.tolist(), start=1):
        if size != MISSING and size < steps[-1][1]:
            steps.append([number, size])
    return steps


def at(steps: Sequence[Sequence[int]], counts: Sequence[int]) -> list[int]:
    """Bytes of the smallest object after so many lists; `counts` ascend."""
    reached, place = [], 0
    for count in counts:
        while place + 1 < len(steps) and steps[place + 1][0] <= count:
            place += 1
        reached.append(steps[place][1])
    return reached
