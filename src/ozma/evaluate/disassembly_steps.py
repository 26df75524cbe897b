"""What each row of the disassembly table adds to another, on the same functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ozma.evaluate.disassembly_tables import is_right, mean
from ozma.evaluate.records import Row

STEPS = (
    ("one setting", "settings"),
    ("settings", "settings ranked"),
    ("settings", "search 2s"),
    ("search 200", "ranker 200"),
    ("search 2s", "ranker"),
    ("ranker", "ranker and model"),
    ("search 15s", "ranker 15s"),
    ("ranker 15s", "ranker and model 15s"),
)
"""Rows that differ in one thing; but for the first and the third, at the same budget."""


def step(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    """What a row adds to another on the functions that both have: means of the differences, each
    with a 95 % interval (bootstrap over projects); `won` and `lost`: identical in one only."""
    old = {row["hash"]: row for row in before}
    both = [(old[row["hash"]], row) for row in after if row["hash"] in old]
    rows = [new for _, new in both]
    exact = [new["exact"] - one["exact"] for one, new in both]
    return {
        "functions": len(both),
        "won": exact.count(1),
        "lost": exact.count(-1),
        "exact": mean(rows, exact),
        "exact_or_same": mean(rows, [is_right(new) - is_right(one) for one, new in both]),
        "compiles": mean(rows, [new["compiles"] - one["compiles"] for one, new in both]),
        "seconds": mean(rows, [new["seconds"] - one["seconds"] for one, new in both]),
    }


def steps_of(ways: dict[str, list[Row]]) -> list[dict[str, Any]]:
    """All of `STEPS` whose two rows were measured."""
    return [
        {"before": old, "after": new} | step(ways[old], ways[new])
        for old, new in STEPS
        if old in ways and new in ways
    ]
