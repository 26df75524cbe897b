"""`ozma evaluate flags`: every policy on the same test modules, as records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.evaluate.autotuner import record_search, searches_of
from ozma.evaluate.choice import Choice, large_rows, make_policies, training_rows
from ozma.evaluate.costs import COST_KEY, measure_costs
from ozma.evaluate.feature_store import Features, load_features
from ozma.evaluate.gain_report import COSTS
from ozma.evaluate.modules import Code
from ozma.evaluate.records import RecordFile, record_path
from ozma.evaluate.run import Report, run_policy, stable_rows
from ozma.evaluate.table import DenseTable, load_table
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import FLAGS
from ozma.labels.winners import BROADCAST
from ozma.llvm import Toolchain, Worker, find_toolchain

_COST_SAMPLE = 8


def dense_set(out: Path, name: str = "") -> LabelSet:
    """The pack's labels in `out`, or the set of this name; OzmaError when it is not clear which."""
    sets = [
        labels for labels in label_sets(out)
        if labels.options.task == FLAGS and not labels.options.pack.startswith(BROADCAST)
    ]  # fmt: skip
    found = [labels for labels in sets if not name or labels.folder.name == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(labels.folder.name for labels in sets) or "none"
    problem = (
        f"no set '{name}'" if name else "no set of flag labels" if not sets else "several sets"
    )
    raise OzmaError(
        f"{problem} in {out} (there are: {names})", hint="label first, or choose with --set"
    )


def evaluate_flags(
    out: Path, folder: Path, choice: Choice, set_name: str = "", report: Report = lambda *_: None
) -> None:
    """Records in `folder` of all policies on the modules that `choice` takes. Goes on where an
    earlier run stopped. OzmaError when there is nothing to measure."""
    labels = dense_set(out, set_name)
    toolchain = find_toolchain(labels.options.major)
    table = load_table(labels)
    kinds = [kind for kind in choice.kinds if len(table.of(choice.split, kind))]
    if not kinds:
        raise OzmaError(
            f"{labels.folder.name} has no {choice.split} modules",
            hint="`ozma corpus stats` says where projects are; another --split, or label that split",
        )
    features = _features(out, table, choice, kinds, labels) if choice.need_features else None
    with Worker(toolchain, labels.options.timeout, labels.options.memory) as worker:
        for kind in kinds:
            run = _Run(out, folder, choice, kind, table, features, toolchain, worker)
            run.measure(searches_of(out, labels.options.target), report)


def _features(
    out: Path, table: DenseTable, choice: Choice, kinds: list[str], labels: LabelSet
) -> Features:
    """Of what is learnt from and what is measured; zeros elsewhere."""
    measured = np.flatnonzero((table.split_n == choice.split) & np.isin(table.kind_n, kinds))
    learnt = [large_rows(table, training_rows(table, kind)) for kind in kinds]
    wanted = np.unique(np.concatenate([measured, *learnt]))
    some = load_features(out, table.take(wanted), labels.options.major)
    values = np.zeros((len(table), some.values_nf.shape[1]), np.float32)
    seconds = np.zeros(len(table))
    values[wanted], seconds[wanted] = some.values_nf, some.seconds_n
    return Features(values, seconds)


class _Run:
    """Modules of one kind."""

    def __init__(
        self, out: Path, folder: Path, choice: Choice, kind: str, table: DenseTable,
        features: Features | None, toolchain: Toolchain, worker: Worker,
    ) -> None:  # fmt: skip
        self._folder, self._worker, self._code = folder, worker, Code(out, kind)
        self._policies = make_policies(choice, kind, table, features, toolchain)
        rows = stable_rows(table, choice.split, kind, choice.modules)
        self._table = table.take(rows)
        self._features = None if features is None else features.take(rows)

    def measure(self, searches: Iterable[LabelSet], report: Report) -> None:
        file = RecordFile(record_path(self._folder, COSTS), key=COST_KEY)
        measure_costs(file, self._table, self._code, self._worker, _COST_SAMPLE)
        for policy in self._policies:
            run_policy(
                policy, self._folder, self._table, self._features, self._code, self._worker, report
            )
        for searched in searches:
            record_search(self._folder, searched, self._table)
