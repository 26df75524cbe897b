"""Flag tuning: the size of a module under each list of a pack, and under clang's own."""

from __future__ import annotations

from ozma.labels.options import LabelOptions
from ozma.labels.subjects import Subject
from ozma.llvm import Evaluation, Worker
from ozma.llvm.pipelines import clang_pipeline

MISSING = -1
_WANT = ("functions",)


def label(worker: Worker, subject: Subject, options: LabelOptions) -> list[dict]:
    """One row: columns in the order of `options.lists`, MISSING where a list gave no code."""
    loaded = worker.load(subject.bitcode)
    try:
        lists = (clang_pipeline(worker.toolchain), *options.lists)
        baseline, *found = worker.evaluate_many(loaded.id, lists, _WANT)
    finally:
        worker.unload(loaded.id)
    if baseline.sizes is None:
        return [{"problem": f"clang's own pipeline: {_reason(baseline)}"}]
    return [_row(baseline, found)]


def _row(baseline: Evaluation, found: list[Evaluation]) -> dict:
    best = best_of(baseline, found)
    winner = found[best] if best != MISSING else baseline
    names = list(baseline.functions)
    return {
        "base_total": baseline.sizes.total,
        "base_loadable": baseline.sizes.loadable,
        "base_instructions": baseline.instructions,
        "totals": [one.sizes.total if one.sizes else MISSING for one in found],
        "loadables": [one.sizes.loadable if one.sizes else MISSING for one in found],
        "counts": [MISSING if one.instructions is None else one.instructions for one in found],
        "symbols": names,
        "base_symbol_sizes": [baseline.functions[name] for name in names],
        "symbol_sizes": [size for one in found for size in _symbols(one, names)],
        "failures": [_failure(i, one) for i, one in enumerate(found) if not one.ok],
        "best": best,
        "best_total": winner.sizes.total,
        "distinct": len({one.ir_hash for one in found if one.ok}),
    }


def best_of(baseline: Evaluation, found: list[Evaluation]) -> int:
    """Index of the list with the smallest object, the first of equals; MISSING when clang's own
    pipeline is as good."""
    sized = [(one.sizes.rank, index) for index, one in enumerate(found) if one.sizes]
    rank, index = min(sized, default=(baseline.sizes.rank, MISSING))
    return index if rank < baseline.sizes.rank else MISSING


def _symbols(one: Evaluation, names: list[str]) -> list[int]:
    """Bytes of each function of the baseline's object; MISSING when it is not there any more."""
    return [(one.functions or {}).get(name, MISSING) for name in names]


def _failure(index: int, one: Evaluation) -> dict:
    return {"list": index, "outcome": one.outcome.value, "message": one.message[:120]}


def _reason(one: Evaluation) -> str:
    return f"{one.outcome.value} {one.message[:120]}".strip()
