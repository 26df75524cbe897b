"""What one evaluation of a list costs on this machine: measured on a sample, by module size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ozma.evaluate.clock import timed
from ozma.evaluate.modules import Code
from ozma.evaluate.records import RecordFile, Row
from ozma.evaluate.table import DenseTable
from ozma.llvm import Worker

SIZES = (0, 10, 30, 100, 300, 1_000, 3_000, 2**31)
_LISTS = 4
COST_KEY = ("kind", "module")


def measure_costs(
    file: RecordFile, table: DenseTable, code: Code, worker: Worker, count: int
) -> None:
    """Adds a record for up to `count` modules of each size class: processor seconds of one
    evaluation (reading, passes, code, sizes), mean of the pack's first lists."""
    for low, high in pairwise(SIZES):
        fitting = (table.instructions_n >= low) & (table.instructions_n < high)
        rows = np.flatnonzero(fitting)
        for row in sorted(rows, key=lambda row: table.hash_n[row])[:count]:
            if (table.kind_n[row], table.hash_n[row]) not in file:
                file.append([_cost(table, row, code, worker)])


def _cost(table: DenseTable, row: int, code: Code, worker: Worker) -> Row:
    loaded = worker.load(code(table.project_n[row], table.hash_n[row]))
    lists = table.lists[:_LISTS]
    _, seconds = timed(lambda: worker.evaluate_many(loaded.id, lists), worker)
    worker.unload(loaded.id)
    return {
        "kind": table.kind_n[row], "module": table.hash_n[row],
        "instructions": int(table.instructions_n[row]), "seconds": round(seconds / len(lists), 6),
    }  # fmt: skip


def seconds_for(costs: Sequence[Row], instructions_n: np.ndarray) -> np.ndarray:
    """One evaluation of modules of these sizes, by the mean of each class and straight lines (on
    logarithms) between them; (n,). ValueError without costs."""
    if not costs:
        raise ValueError("costs is empty: measure some first")
    points = []
    for low, high in pairwise(SIZES):
        inside = [row for row in costs if low <= row["instructions"] < high]
        if inside:
            size = np.mean([np.log(max(row["instructions"], 1)) for row in inside])
            seconds = np.mean([row["seconds"] for row in inside])
            points.append((size, np.log(max(seconds, 1e-6))))
    sizes, seconds = zip(*points, strict=True)
    return np.exp(np.interp(np.log(np.maximum(instructions_n, 1)), sizes, seconds))
