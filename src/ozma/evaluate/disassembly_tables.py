"""Facts of one row of the disassembly table, from its records only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.records import Row
from ozma.lift.answers import Verdict

BINS = ((0, 10), (10, 20), (20, 40), (40, 80), (80, 160), (160, 1 << 30))
COVERAGE = (0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_PAPERS_BLEU = 0.960
_Z = 1.959964


def wilson(hits: int, total: int) -> tuple[float, float, float]:
    """(share, low, high): 95 % interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 0.0, 1.0
    share, z2 = hits / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def facts(rows: Sequence[Row]) -> dict[str, Any]:
    """All measures of one way on one set of functions; shares and means with their intervals."""
    total = len(rows)
    lowered = [row for row in rows if row["lowered"]]
    bleu = [min(row["bleu"], row["bleu_words"]) for row in rows]
    right = [is_right(row) for row in rows]
    found = {
        "functions": total,
        "projects": len({row["project"] for row in rows}),
        "lowered": wilson(len(lowered), total),
        "exact": wilson(sum(row["exact"] for row in rows), total),
        "strict": wilson(sum(row["strict"] for row in rows), total),
        "exact_or_same": wilson(sum(right), total),
        "shown_different": wilson(sum(row["behaviour"] == "differs" for row in rows), total),
        "verdicts": Counter(row["verdict"] for row in rows),
        "wrongly_same": _wrongly_same(rows),
        "bleu_lowered": mean(lowered, [min(r["bleu"], r["bleu_words"]) for r in lowered]),
        "bleu_all": mean(rows, bleu),
        "bleu_by": {name: _both(rows, lowered, name) for name in ("bleu", "bleu_words")},
        "needs_flags": sum(bool(row["flags"]) for row in rows if row["exact"]),
        "compiles": _quantiles([row["compiles"] for row in rows]),
        "seconds": _quantiles([row["seconds"] for row in rows]),
        "bins": [_bin(rows, low, high) for low, high in BINS],
        "coverage": [[share, _best_share(rows, share)] for share in COVERAGE],
        "covered_at_paper": _share_at(rows, _PAPERS_BLEU),
        "growth": growth(rows),
        "memory": max((row.get("memory", 0) for row in rows), default=0),
        "fits": wilson(
            sum(row["exact"] for row in rows if row["fits"]), sum(r["fits"] for r in rows)
        ),
        "not_near": wilson(
            sum(row["exact"] for row in rows if not row["near"]), sum(not r["near"] for r in rows)
        ),
    }
    return found


def is_right(row: Row) -> bool:
    """Identical, or shown to behave the same under the true signature."""
    return row["exact"] or row["behaviour"] == "same"


def _wrongly_same(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Of the answers that were called the same under their own signatures: the share that differs
    under the true ones."""
    called = [row for row in rows if row["verdict"] == Verdict.SAME.value]
    return wilson(sum(row["behaviour"] == "differs" for row in called), len(called))


def _both(rows: Sequence[Row], lowered: Sequence[Row], name: str) -> dict[str, Any]:
    """BLEU by one way to count, over what lowers again and over all."""
    return {
        "lowered": mean(lowered, [row[name] for row in lowered]),
        "all": mean(rows, [row[name] for row in rows]),
    }


def growth(rows: Sequence[Row]) -> float | None:
    """Exponent k of seconds ~ instructions^k, by least squares on logarithms over functions of 10
    instructions or more; None for fewer than 20 of them, or all of one size."""
    found = [(row["instructions"], row["seconds"]) for row in rows if row["instructions"] >= 10]
    found = [(size, seconds) for size, seconds in found if seconds > 0]
    if len(found) < 20:
        return None
    size, seconds = np.log(np.array(found, np.float64)).T
    return float(np.polyfit(size, seconds, 1)[0]) if np.ptp(size) > 0 else None


def mean(rows: Sequence[Row], values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, low, high): 95 % interval by a bootstrap over projects."""
    if not rows:
        return 0.0, 0.0, 0.0
    found = Draws([row["project"] for row in rows]).mean(np.array(values, np.float64))
    return found.value, found.low, found.high


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {"mean": 0.0, "median": 0.0, "p90": 0.0}
    array = np.array(values, np.float64)
    return {
        "mean": float(array.mean()), "median": float(np.median(array)),
        "p90": float(np.percentile(array, 90)),
    }  # fmt: skip


def _bin(rows: Sequence[Row], low: int, high: int) -> dict[str, Any]:
    here = [row for row in rows if low <= row["instructions"] < high]
    right = sum(map(is_right, here))
    return {
        "low": low, "high": high, "functions": len(here),
        "exact": wilson(sum(row["exact"] for row in here), len(here)),
        "exact_or_same": wilson(right, len(here)),
        "seconds": _quantiles([row["seconds"] for row in here])["mean"],
        "compiles": _quantiles([row["compiles"] for row in here])["mean"],
    }  # fmt: skip


def _surest(rows: Sequence[Row]) -> list[float]:
    """BLEU of the answers, those first that we are surest of by compiling back, without a label."""
    surest = sorted(rows, key=lambda row: (-row["exact"], -row["strict"], -row["confidence"]))
    return [min(row["bleu"], row["bleu_words"]) for row in surest]


def _best_share(rows: Sequence[Row], share: float) -> float:
    kept = _surest(rows)[: round(share * len(rows))]
    return float(np.mean(kept)) if kept else 0.0


def _share_at(rows: Sequence[Row], score: float) -> float:
    """The largest share of the functions, the surest first, whose mean BLEU is `score` or more."""
    means = np.cumsum(_surest(rows)) / np.arange(1, len(rows) + 1)
    reached = np.flatnonzero(means >= score)
    return float(reached[-1] + 1) / len(rows) if len(reached) else 0.0
