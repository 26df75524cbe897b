"""Emulation records as tables: exact, compiles and BLEU by kind of list, length and size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.emulation import ANSWERS, CUT_OFF, NO_CODE
from ozma.evaluate.records import Row

_LENGTHS, _SIZES = (2, 11, 26, 51), (10, 30, 100, 300)


def emulation_facts(rows: Sequence[Row], draws: int = 1000) -> list[dict[str, Any]]:
    """Tables by kind of list, by its length and by size of the function, IR and assembly apart.

    All pairs count: an answer that is missing is neither exact nor compiles, and has BLEU 0.
    """
    groups: list[tuple[str, Callable[[Row], str]]] = [
        ("list", lambda row: row["kind"]),
        ("passes", lambda row: _bin(row["passes"], _LENGTHS)),
        ("IR instructions", lambda row: _bin(row["instructions"], _SIZES)),
    ]
    return [
        {"answer": answer, "by": name, "rows": _grouped(of, key, draws)}
        for answer in ANSWERS
        if (of := [row for row in rows if row["answer"] == answer])
        for name, key in groups
    ]


def _grouped(
    rows: Sequence[Row], name_of: Callable[[Row], str], draws: int
) -> dict[str, dict[str, Any]]:
    found: dict[str, list[Row]] = {"all": list(rows)}
    for row in sorted(rows, key=lambda row: _order(name_of(row))):
        found.setdefault(name_of(row), []).append(row)
    return {name: _measures(of, draws) for name, of in found.items()}


def _measures(rows: Sequence[Row], draws: int) -> dict[str, Any]:
    drawn = Draws([row["project"] for row in rows], draws)
    facts: dict[str, Any] = {"pairs": len(rows)}
    for name in ("exact", "compiles", "bleu"):
        facts[name] = drawn.mean(np.array([float(row[name]) for row in rows])).as_json()
    answered = ("", NO_CODE, CUT_OFF)
    return facts | {"not_asked": sum(row["problem"] not in answered for row in rows)}


def _bin(value: int, bounds: Sequence[int]) -> str:
    place = bisect_right(bounds, value)
    low = bounds[place - 1] if place else 0
    return f"{low}-{bounds[place] - 1}" if place < len(bounds) else f"{low}-"


def _order(name: str) -> tuple[int, str]:
    digits = name.partition("-")[0]
    return (int(digits) if digits.isdigit() else -1, name)


def render_emulation(facts: Sequence[dict[str, Any]]) -> str:
    """A table for each way to group."""
    return "\n\n".join(_table(one) for one in facts)


def _table(facts: dict[str, Any]) -> str:
    head = f"answers as {facts['answer']}, by {facts['by']}"
    lines = [
        f"{head:<34}{'pairs':>7}{'not asked':>11}{'exact, %':>22}{'compiles, %':>22}{'BLEU':>22}"
    ]
    for name, one in facts["rows"].items():
        cells = [
            _percent(one["exact"], 100),
            _percent(one["compiles"], 100),
            _percent(one["bleu"], 1),
        ]
        text = "".join(f"{cell:>22}" for cell in cells)
        lines.append(f"{name:<34}{one['pairs']:>7,}{one['not_asked']:>11,}{text}")
    return "\n".join(lines)


def _percent(estimate: Sequence[float], scale: int) -> str:
    value, low, high = (scale * number for number in estimate)
    digits = 1 if scale == 100 else 3
    return f"{value:.{digits}f} [{low:.{digits}f} {high:.{digits}f}]"
