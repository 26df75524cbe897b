"""Tables of disassembly, from records only: rows are ways to answer, and the paper's models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ozma.evaluate.disassembly_steps import steps_of
from ozma.evaluate.disassembly_tables import BINS, facts
from ozma.evaluate.disassembly_ways import WAYS
from ozma.evaluate.records import Row, read_rows
from ozma.lift.answers import Verdict

PAPER = (
    ("LLM Compiler FTD 13B", 2015, 0.449, 0.960, 0.138),
    ("LLM Compiler FTD 7B", 2015, 0.465, 0.951, 0.127),
    ("GPT-4 Turbo", 2015, 0.063, 0.429, 0.0),
)
"""(model, prompts, share that lowers again, BLEU of those, identical assembly); MiBench, LLVM 17.

The share of identical assembly is read as one of all prompts, which is the harder reading for us.
"""


def read_results(out: Path) -> dict[str, dict[str, list[Row]]]:
    """Set -> way -> its newest records, each function once."""
    found: dict[str, dict[str, list[Row]]] = {}
    for path in sorted(out.glob("*/*.jsonl")):
        rows = read_rows(path)
        if rows:
            newest = [row for row in rows if row.get("version") == rows[-1].get("version")]
            kept = {row["hash"]: row for row in newest}
            found.setdefault(path.parent.name, {})[unquote(path.stem)] = list(kept.values())
    return {name: _in_order(ways) for name, ways in found.items()}


def _in_order(ways: dict[str, list[Row]]) -> dict[str, list[Row]]:
    places = {name: place for place, name in enumerate(WAYS)}
    return dict(sorted(ways.items(), key=lambda pair: places.get(pair[0], len(places))))


def all_facts(out: Path) -> dict[str, Any]:
    """Of every set in a folder of records: {set: {"ways": {way: facts}, "steps": [...]}}."""
    return {
        name: {"ways": {way: facts(rows) for way, rows in ways.items()}, "steps": steps_of(ways)}
        for name, ways in read_results(out).items()
    }


def render(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    return "\n\n".join(_set_tables(name, one) for name, one in found.items()) + "\n"


def _set_tables(name: str, one: dict[str, Any]) -> str:
    ways = one["ways"]
    parts = (
        _main_table(ways), _step_table(one["steps"]), _verdict_table(ways), _bleu_table(ways),
        _size_table(ways), _coverage_table(ways), _cost_table(ways),
    )  # fmt: skip
    return "\n\n".join([f"### {name}", *("\n".join(part) for part in parts if part)])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _main_table(ways: dict[str, Any]) -> list[str]:
    heads = (
        "row", "functions", "lowers again", "BLEU, lowered", "BLEU, all", "identical",
        "identical, strictly", "identical or same behaviour", "compiles", "seconds",
    )  # fmt: skip
    rows = [_cells(way, one) for way, one in ways.items()]
    return _table(heads, rows + [_paper_cells(*row) for row in PAPER])


def _percent(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.1f} ({100 * value[1]:.1f} to {100 * value[2]:.1f})"


def _score(value: Sequence[float]) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def _cells(way: str, one: dict[str, Any]) -> list[str]:
    return [
        way, f"{one['functions']:,}", _percent(one["lowered"]), _score(one["bleu_lowered"]),
        _score(one["bleu_all"]), _percent(one["exact"]), _percent(one["strict"]),
        _percent(one["exact_or_same"]), f"{one['compiles']['mean']:.0f}",
        f"{one['seconds']['mean']:.2f}",
    ]  # fmt: skip


def _paper_cells(model: str, prompts: int, lowered: float, score: float, exact: float) -> list[str]:
    return [
        f"{model} (paper, MiBench)", f"{prompts:,}", f"{100 * lowered:.1f}", f"{score:.3f}",
        f"{lowered * score:.3f}", f"{100 * exact:.1f}", "", "", "1", "",
    ]  # fmt: skip


def _step_table(steps: Sequence[dict[str, Any]]) -> list[str]:
    if not steps:
        return []
    heads = (
        "from", "to", "functions", "identical, points", "newly identical", "no more",
        "identical or same behaviour, points", "compiles", "seconds",
    )  # fmt: skip
    return _table(heads, [_step_cells(one) for one in steps])


def _step_cells(one: dict[str, Any]) -> list[str]:
    return [
        one["before"], one["after"], f"{one['functions']:,}", _percent(one["exact"]),
        str(one["won"]), str(one["lost"]), _percent(one["exact_or_same"]),
        f"{one['compiles'][0]:+.0f}", f"{one['seconds'][0]:+.2f}",
    ]  # fmt: skip


def _verdict_table(ways: dict[str, Any]) -> list[str]:
    """What the answers said of themselves, knowing no true signature."""
    heads = ("verdicts", *(verdict.value for verdict in Verdict), "same behaviour, wrongly, %")
    rows = []
    for way, one in ways.items():
        counts = [f"{one['verdicts'].get(verdict.value, 0):,}" for verdict in Verdict]
        rows.append([way, *counts, _percent(one["wrongly_same"])])
    return _table(heads, rows)


def _bleu_table(ways: dict[str, Any]) -> list[str]:
    """By both ways to count; the lower of each function's two is what the first table shows."""
    heads = ("BLEU", "tokens, lowered", "words, lowered", "tokens, all", "words, all")
    rows = []
    for way, one in ways.items():
        by = one["bleu_by"]
        scores = [by[name][over] for over in ("lowered", "all") for name in ("bleu", "bleu_words")]
        rows.append([way, *map(_score, scores)])
    return _table(heads, rows)


def _size_table(ways: dict[str, Any]) -> list[str]:
    heads = ["by instructions", *(_span(low, high) for low, high in BINS)]
    rows = []
    for way, one in ways.items():
        bins = one["bins"]
        shares = [f"{_percent(b['exact'])} of {b['functions']}" for b in bins]
        rows.append([f"{way}: identical", *shares])
        rows.append([f"{way}: or same behaviour", *(_percent(b["exact_or_same"]) for b in bins)])
        rows.append([f"{way}: seconds", *(f"{b['seconds']:.2f}" for b in bins)])
    return _table(heads, rows)


def _span(low: int, high: int) -> str:
    return f"{low}+" if high > 10**6 else f"{low}-{high - 1}"


def _coverage_table(ways: dict[str, Any]) -> list[str]:
    """The surest answers first, by compiling back alone."""
    shares = [share for share, _ in next(iter(ways.values()))["coverage"]]
    heads = ["BLEU of the surest", *(f"{100 * s:.0f} %" for s in shares), "share at 0.960"]
    rows = []
    for way, one in ways.items():
        scores = [f"{score:.3f}" for _, score in one["coverage"]]
        rows.append([way, *scores, f"{100 * one['covered_at_paper']:.1f} %"])
    return _table(heads, rows)


def _cost_table(ways: dict[str, Any]) -> list[str]:
    heads = (
        "cost", "seconds, median", "seconds, 90 %", "compiles, median",
        "processor minutes for 1,000", "functions a minute, two cores", "seconds by instructions "
        "to the", "peak memory, MB",
        "identical that need poison flags",
    )  # fmt: skip
    return _table(heads, [_cost_cells(way, one) for way, one in ways.items()])


def _cost_cells(way: str, one: dict[str, Any]) -> list[str]:
    mean = one["seconds"]["mean"]
    grows = one["growth"]
    return [
        way, f"{one['seconds']['median']:.2f}", f"{one['seconds']['p90']:.2f}",
        f"{one['compiles']['median']:.0f}", f"{mean * 1000 / 60:.1f}",
        f"{120 / mean:.0f}" if mean else "", "" if grows is None else f"{grows:.2f}",
        f"{one['memory'] / 1e6:.0f}" if one["memory"] else "", str(one["needs_flags"]),
    ]  # fmt: skip


def as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1)
