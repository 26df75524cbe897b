"""From one stage of flag tuning to the next: lists to start a search from, winners to broadcast."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ozma.errors import OzmaError
from ozma.labels.flags import MISSING
from ozma.labels.label_set import LabelSet
from ozma.labels.subjects import Subject
from ozma.passes import complete, parse

_SEEDS = 8
WINNERS, BROADCAST = "winners.json", "broadcast-"


def seeding(dense: LabelSet, count: int = _SEEDS) -> Callable[[Subject], Subject]:
    """Gives each subject the `count` lists that were best on it in a dense set."""
    best = {
        row["hash"]: _smallest(row["totals"], count)
        for row in dense.rows(["hash", "totals"])
        if row["totals"]
    }
    lists = dense.options.lists

    def seed(subject: Subject) -> Subject:
        return replace(subject, seeds=tuple(lists[i] for i in best.get(subject.hash, ())))

    return seed


def _smallest(totals: list[int], count: int) -> tuple[int, ...]:
    sized = [index for index, total in enumerate(totals) if total != MISSING]
    return tuple(sorted(sized, key=totals.__getitem__)[:count])


def write_winners(searched: LabelSet, count: int) -> tuple[str, tuple[str, ...]]:
    """The `count` lists that won most often, as a pack file in the set's folder.

    Each is given what every list must hold (passes/required.py), which minimization drops where
    one module can do without. Returns the file's digest and the lists, which are not checked:
    `ozma validate` them.
    """
    times: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    for row in searched.rows(["passes", "base_total", "total"]):
        if row["passes"]:
            passes = str(complete(parse(row["passes"])))
            times[passes] += 1
            saved[passes] += row["base_total"] - row["total"]
    lists = sorted(times, key=lambda one: (-times[one], -saved[one], one))[:count]
    rows = [{"passes": p, "provenance": {"won": times[p], "bytes": saved[p]}} for p in lists]
    text = json.dumps({"llvm": searched.options.llvm, "lists": rows}, indent=1) + "\n"
    _write(searched.folder / WINNERS, text)
    return hashlib.sha256(text.encode()).hexdigest()[:16], tuple(lists)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {path}: {error.strerror}") from error
