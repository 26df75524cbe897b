"""What flag labels say: gain by number of lists, by size, by language; derived from rows only."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ozma.corpus.split import SPLITS, TRAIN
from ozma.errors import OzmaError
from ozma.labels.flags import MISSING
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import FLAGS, SEARCH
from ozma.labels.order import gains, greedy_order
from ozma.labels.subjects import KINDS, split_of, splits_of
from ozma.labels.winners import BROADCAST
from ozma.passes import parse

_BOUNDS = (10, 30, 100, 300, 1000)
_COLUMNS = [
    "hash", "kind", "language", "instructions", "problem", "base_total", "totals", "best",
    "best_total",
]  # fmt: skip
_LISTS = 100


def report(out: Path) -> dict[str, Any]:
    """Facts of every set of labels in `out`; OzmaError when there is none."""
    sets = label_sets(out)
    if not sets:
        raise OzmaError(f"no labels in {out}", hint="run `ozma label` first")
    splits = splits_of(out)
    dense = [one for one in sets if one.options.task == FLAGS]
    facts: dict[str, Any] = {"flags": [], "search": [], "pairs": []}
    for one in dense:
        facts["flags"] += dense_facts(one, splits)
    for one in sets:
        if one.options.task == SEARCH:
            facts["search"].append(search_facts(one, dense))
        elif one.options.task != FLAGS:
            facts["pairs"].append(pair_facts(one))
    return facts


def dense_facts(labels: LabelSet, splits: dict[str, str]) -> list[dict[str, Any]]:
    """Facts of a dense set, functions and units apart (a unit holds functions again)."""
    rows = list(labels.rows(_COLUMNS))
    found = []
    for kind in KINDS:
        good = [r for r in rows if r["kind"] == kind and not r["problem"]]
        if good:
            facts = {"set": labels.folder.name, "kind": kind, "lists": len(labels.options.lists)}
            facts["problems"] = sum(1 for r in rows if r["kind"] == kind and r["problem"])
            found.append(facts | _facts(good, splits))
    return found


def _facts(rows: list[dict], splits: dict[str, str]) -> dict[str, Any]:
    """Of all rows, but for `splits` and `curve`: what the split left out is in none of them."""
    by_split: dict[str, list[dict]] = {split: [] for split in ("", *SPLITS)}
    for row in rows:
        by_split[split_of(row["hash"], splits)].append(row)
    del by_split[""]
    order = [step.index for step in greedy_order(*_table(by_split[TRAIN] or rows), _LISTS)]
    counted = Counter(row["best"] for row in rows)
    return {
        "evaluations": sum(len(row["totals"]) + 1 for row in rows),
        "splits": {split: _gain(of) for split, of in by_split.items() if of},
        "order": order,
        "curve": {
            split: [round(share, 6) for share in gains(*_table(of), order)]
            for split, of in by_split.items() if of
        },
        "times_best": {str(index): count for index, count in counted.most_common()},
        "failures": sum(row["totals"].count(MISSING) for row in rows),
        "by_size": _grouped(rows, lambda row: _size_name(row["instructions"])),
        "by_language": _grouped(rows, lambda row: row["language"]),
    }  # fmt: skip


def _table(rows: list[dict]) -> tuple[list[int], list[tuple[int, ...]]]:
    """(clang's bytes of each module, bytes of each module for every list)."""
    columns = zip(*(row["totals"] for row in rows), strict=True)
    return [row["base_total"] for row in rows], list(columns)


def _gain(rows: Iterable[dict]) -> dict[str, Any]:
    """What the best of all lists, or clang's own where none is better, saves."""
    pairs = [(row["base_total"], row["best_total"]) for row in rows]
    before, after = (sum(column) for column in zip(*pairs, strict=True))
    return {
        "count": len(pairs),
        "bytes": before,
        "share": round(1 - after / before, 6) if before else 0.0,
        "mean_share": round(sum(1 - a / b if b else 0.0 for b, a in pairs) / len(pairs), 6),
        "improved": round(sum(a < b for b, a in pairs) / len(pairs), 4),
    }


def _grouped(rows: list[dict], name_of: Any) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(name_of(row), []).append(row)
    return {name: _gain(groups[name]) for name in sorted(groups, key=_order)}


def _order(name: str) -> tuple[int, str]:
    digits = name.partition("-")[0].strip("<>= ").replace(",", "")
    return (int(digits) if digits.isdigit() else 0, name)


def _size_name(instructions: int) -> str:
    place = bisect_right(_BOUNDS, instructions)
    low = _BOUNDS[place - 1] if place else 1
    return f"{low}-{_BOUNDS[place] - 1}" if place < len(_BOUNDS) else f"{low}-"


def search_facts(searched: LabelSet, dense: list[LabelSet]) -> dict[str, Any]:
    """What each stage of flag tuning saves on the modules that were searched."""
    same = [one for one in dense if one.options.target == searched.options.target]
    packs = [one for one in same if not one.options.pack.startswith(BROADCAST)]
    rows = [row for row in searched.rows() if not row["problem"]]
    found = [row for row in rows if row["passes"]]
    own = {row["hash"]: row["total"] for row in rows}
    return {
        "set": searched.folder.name,
        "modules": len(rows),
        "pack": _gain_of(rows, _smallest(packs)),
        "search": _gain_of(rows, own),
        "pack_and_search": _gain_of(rows, _lower(own, _smallest(packs))),
        "with_broadcast": _gain_of(rows, _lower(own, _smallest(same))),
        "evaluations": sum(row["evaluations"] for row in rows),
        "length_found": _mean(len(parse(row["found"])) for row in found),
        "length_minimized": _mean(len(parse(row["passes"])) for row in found),
        "different_winners": len({row["passes"] for row in found}),
    }  # fmt: skip


def _smallest(dense: list[LabelSet]) -> dict[str, int]:
    """hash -> bytes under the best list of any of these sets."""
    found: dict[str, int] = {}
    for labels in dense:
        rows = labels.rows(["hash", "problem", "best_total"])
        found = _lower({r["hash"]: r["best_total"] for r in rows if not r["problem"]}, found)
    return found


def _lower(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return other | {key: min(size, other.get(key, size)) for key, size in one.items()}


def _gain_of(rows: list[dict], sizes: dict[str, int]) -> dict[str, Any]:
    if not rows:
        return {}
    return _gain(row | {"best_total": sizes.get(row["hash"], row["base_total"])} for row in rows)


def pair_facts(labels: LabelSet) -> dict[str, Any]:
    """Counts of an emulation or disassembly set, with the reasons for what failed."""
    outcomes: Counter[str] = Counter()
    for row in labels.rows(["problem", "outcome"]):
        outcomes[row["problem"].partition(":")[0] or row["outcome"]] += 1
    return {
        "set": labels.folder.name,
        "pairs": outcomes["ok"],
        "failed": {name: count for name, count in outcomes.most_common() if name != "ok"},
    }


def _mean(values: Iterable[int]) -> float:
    numbers = list(values)
    return round(sum(numbers) / len(numbers), 2) if numbers else 0.0
