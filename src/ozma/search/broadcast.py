"""Broadcast: the best lists of some modules, tried on all (the paper's last autotuner step)."""

from __future__ import annotations

from collections import Counter
from typing import Iterable

from ozma.passes import Catalogue, Pipeline, minimize, parse
from ozma.search.records import Record, RecordStore
from ozma.search.tune import Tuner, better


def best_records(store: RecordStore) -> dict[str, tuple[Record, Record]]:
    """module -> (baseline, best) for every module of the store whose baseline compiled."""
    found = {}
    for module in store.modules():
        records = store.load(module)
        baseline = next((r for r in records if r.strategy == "baseline" and r.rank), None)
        if baseline is None:
            continue
        best = baseline
        for record in records:
            best = better(best, record)
        found[module] = (baseline, best)
    return found


def winners(store: RecordStore) -> Counter[str]:
    """Best lists that beat the baseline, with the bytes that each saved."""
    saved: Counter[str] = Counter()
    for baseline, best in best_records(store).values():
        if best.total < baseline.total:
            saved[best.passes] += baseline.total - best.total
    return saved


def minimized(tuner: Tuner, passes: str, catalogue: Catalogue | None, budget: int) -> Pipeline:
    """The shortest list found that is as good on the tuner's module (paper: three steps)."""
    return minimize(parse(passes), tuner.cost, catalogue, max_evaluations=budget)


def broadcast(tuner: Tuner, lists: Iterable[str]) -> dict[str, Record]:
    """Every list on one module."""
    return {passes: tuner.evaluate(passes, "broadcast") for passes in lists}
