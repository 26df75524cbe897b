"""Tables of disassembly, from records only: rows are ways to answer, and the paper's models."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.records import Row, read_rows

BINS = ((0, 10), (10, 20), (20, 40), (40, 80), (80, 160), (160, 1 << 30))
COVERAGE = (0.45, 0.6, 0.8)
PAPER = (
    ("LLM Compiler FTD 13B", 2015, 0.449, 0.960, 0.138),
    ("LLM Compiler FTD 7B", 2015, 0.465, 0.951, 0.127),
    ("GPT-4 Turbo", 2015, 0.063, 0.429, 0.0),
)
"""(model, prompts, share that lowers again, BLEU of those, identical assembly); MiBench, LLVM 17.

The share of identical assembly is read as one of all prompts, which is the harder reading for us.
"""
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
    right = [row["exact"] or row["behaviour"] == "same" for row in rows]
    found = {
        "functions": total,
        "projects": len({row["project"] for row in rows}),
        "lowered": wilson(len(lowered), total),
        "exact": wilson(sum(row["exact"] for row in rows), total),
        "strict": wilson(sum(row["strict"] for row in rows), total),
        "exact_or_same": wilson(sum(right), total),
        "shown_different": wilson(sum(row["behaviour"] == "differs" for row in rows), total),
        "bleu_lowered": _mean(lowered, [min(r["bleu"], r["bleu_words"]) for r in lowered]),
        "bleu_all": _mean(rows, bleu),
        "needs_flags": sum(bool(row["flags"]) for row in rows if row["exact"]),
        "compiles": _quantiles([row["compiles"] for row in rows]),
        "seconds": _quantiles([row["seconds"] for row in rows]),
        "bins": [_bin(rows, low, high) for low, high in BINS],
        "coverage": [[share, _best_share(rows, share)] for share in COVERAGE],
        "fits": wilson(
            sum(row["exact"] for row in rows if row["fits"]), sum(r["fits"] for r in rows)
        ),
        "not_near": wilson(
            sum(row["exact"] for row in rows if not row["near"]), sum(not r["near"] for r in rows)
        ),
    }
    return found


def _mean(rows: Sequence[Row], values: Sequence[float]) -> tuple[float, float, float]:
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
    right = sum(row["exact"] or row["behaviour"] == "same" for row in here)
    return {
        "low": low, "high": high, "functions": len(here),
        "exact": wilson(sum(row["exact"] for row in here), len(here)),
        "exact_or_same": wilson(right, len(here)),
        "seconds": _quantiles([row["seconds"] for row in here])["mean"],
    }  # fmt: skip


def _best_share(rows: Sequence[Row], share: float) -> float:
    """Mean BLEU of the answers that we are surest of by compiling back: no label is used."""
    surest = sorted(rows, key=lambda row: (-row["exact"], -row["confidence"]))
    kept = surest[: round(share * len(rows))]
    return float(np.mean([min(row["bleu"], row["bleu_words"]) for row in kept])) if kept else 0.0


def read_results(out: Path) -> dict[str, dict[str, list[Row]]]:
    """Set -> way -> its newest records, each function once."""
    found: dict[str, dict[str, list[Row]]] = {}
    for path in sorted(out.glob("*/*.jsonl")):
        rows = read_rows(path)
        if rows:
            newest = [row for row in rows if row.get("version") == rows[-1].get("version")]
            kept = {row["hash"]: row for row in newest}
            found.setdefault(path.parent.name, {})[unquote(path.stem)] = list(kept.values())
    return found


def all_facts(out: Path) -> dict[str, Any]:
    """Facts of every set and way in a folder of records."""
    return {
        name: {way: facts(rows) for way, rows in ways.items()}
        for name, ways in read_results(out).items()
    }


def render(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    return "\n\n".join(_set_table(name, ways) for name, ways in found.items()) + "\n"


def _set_table(name: str, ways: dict[str, Any]) -> str:
    heads = (
        "row", "functions", "lowers again", "BLEU, lowered", "BLEU, all", "identical",
        "identical, strictly", "identical or same behaviour", "compiles", "seconds",
    )  # fmt: skip
    lines = [f"### {name}", "", _line(heads), _line(["---"] * len(heads))]
    lines += [_line(_cells(way, one)) for way, one in ways.items()]
    lines += [_line(_paper_cells(*row)) for row in PAPER]
    return "\n".join([*lines, "", *_size_table(ways), "", *_coverage_lines(ways)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.1f} ({100 * value[1]:.1f} to {100 * value[2]:.1f})"


def _cells(way: str, one: dict[str, Any]) -> list[str]:
    return [
        way, f"{one['functions']:,}", _percent(one["lowered"]), f"{one['bleu_lowered'][0]:.3f}",
        f"{one['bleu_all'][0]:.3f}", _percent(one["exact"]), _percent(one["strict"]),
        _percent(one["exact_or_same"]), f"{one['compiles']['mean']:.0f}",
        f"{one['seconds']['mean']:.2f}",
    ]  # fmt: skip


def _paper_cells(model: str, prompts: int, lowered: float, score: float, exact: float) -> list[str]:
    return [
        f"{model} (paper, MiBench)", f"{prompts:,}", f"{100 * lowered:.1f}", f"{score:.3f}",
        f"{lowered * score:.3f}", f"{100 * exact:.1f}", "", "", "1", "",
    ]  # fmt: skip


def _size_table(ways: dict[str, Any]) -> list[str]:
    heads = ["identical, by instructions"] + [_span(low, high) for low, high in BINS]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for way, one in ways.items():
        cells = [f"{100 * b['exact'][0]:.0f} of {b['functions']}" for b in one["bins"]]
        lines.append(_line([way, *cells]))
    return lines


def _span(low: int, high: int) -> str:
    return f"{low}+" if high > 10**6 else f"{low}-{high - 1}"


def _coverage_lines(ways: dict[str, Any]) -> list[str]:
    return [
        f"{way}: BLEU of the surest "
        + ", ".join(f"{100 * share:.0f} %: {score:.3f}" for share, score in one["coverage"])
        + f"; {one['needs_flags']} identical answers need poison flags"
        for way, one in ways.items()
    ]


def as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1)
