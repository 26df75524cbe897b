"""`ozma evaluate flags`: every policy on the same test modules, as records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ozma.errors import OzmaError
from ozma.evaluate.autotuner import record_search, searches_of
from ozma.evaluate.choice import Choice, Lessons, large_rows, make_policies, training_rows
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
        f"{problem} in {out} (there are: {names})", hint="label first, or name one of them"
    )


def evaluate_flags(
    out: Path, folder: Path, choice: Choice, set_name: str = "", report: Report = lambda *_: None,
    learn_from: str = "",
) -> None:  # fmt: skip
    """Records in `folder` of all policies on the modules that `choice` takes. Goes on where an
    earlier run stopped. `learn_from` names the set that policies learn from, where it is not the
    measured one. OzmaError when there is nothing to measure."""
    labels = dense_set(out, set_name)
    toolchain = find_toolchain(labels.options.major)
    table = load_table(labels)
    training = load_table(dense_set(out, learn_from)) if learn_from else table
    kinds = [kind for kind in choice.kinds if len(table.of(choice.split, kind))]
    if not kinds:
        raise OzmaError(
            f"{labels.folder.name} has no {choice.split} modules",
            hint="`ozma corpus stats` says where projects are; another --split, or label that split",
        )
    with Worker(toolchain, labels.options.timeout, labels.options.memory) as worker:
        for kind in kinds:
            run = _Run(out, folder, choice, kind, table, training, toolchain, worker)
            run.measure(searches_of(out, labels.options.target), report)


class _Run:
    """Modules of one kind."""

    def __init__(
        self, out: Path, folder: Path, choice: Choice, kind: str, table: DenseTable,
        training: DenseTable, toolchain: Toolchain, worker: Worker,
    ) -> None:  # fmt: skip
        self._folder, self._worker, self._code = folder, worker, Code(out, kind)
        self._table = table.take(stable_rows(table, choice.split, kind, choice.modules))

        def features_of(modules: DenseTable) -> Features | None:
            return load_features(out, modules, toolchain.major) if choice.need_features else None

        self._features = features_of(self._table)
        rows = training_rows(training, kind)
        large = training.take(large_rows(training, rows))
        lessons = Lessons(training.take(rows), large, features_of(large))
        self._policies = make_policies(choice, kind, table, lessons, toolchain)

    def measure(self, searches: Iterable[LabelSet], report: Report) -> None:
        file = RecordFile(record_path(self._folder, COSTS), key=COST_KEY)
        measure_costs(file, self._table, self._code, self._worker, _COST_SAMPLE)
        for policy in self._policies:
            run_policy(
                policy, self._folder, self._table, self._features, self._code, self._worker, report
            )
        for searched in searches:
            record_search(self._folder, searched, self._table)
