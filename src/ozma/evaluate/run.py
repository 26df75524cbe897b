"""Asks policies about the modules of the test group and writes down what their lists give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ozma.evaluate.feature_store import Features
from ozma.evaluate.measure import Sizer, smallest_after
from ozma.evaluate.modules import Code, Module, ir_text
from ozma.evaluate.policies import OWN, Policy
from ozma.evaluate.records import RecordFile, Row, record_path
from ozma.evaluate.table import DenseTable
from ozma.labels.flags import MISSING
from ozma.llvm import InvalidIR, Worker
from ozma.llvm.pipelines import clang_pipeline

_BATCH = 200
KEY = ("kind", "module")
Report = Callable[[str, int, int], None]
"""Called with a policy's name, modules done and modules in all."""


def run_policy(
    policy: Policy,
    folder: Path,
    table: DenseTable,
    features: Features | None,
    code: Code,
    worker: Worker,
    report: Report = lambda *_: None,
) -> list[Row]:
    """The records of `policy` on all rows of `table`, made or read again; sorted as the table.

    `steps` are bytes with clang's own object as the backup (measure.py), `alone` those of the one
    answer without it. A list that gives no code leaves clang's, and so does a module that LLVM
    refuses, whose record has a `problem`.
    """
    file = RecordFile(record_path(folder, policy.name), policy.version, KEY)
    sizer = Sizer(table, code, worker)
    new: list[Row] = []
    for done, row in enumerate(range(len(table))):
        if _key(table, row) in file:
            continue
        new.append(
            _record(policy, module_of(table, row, features, code, worker), row, table, sizer)
        )
        if len(new) >= _BATCH:
            file.append(new)
            new = []
            report(policy.name, done + 1, len(table))
    file.append(new)
    known = {tuple(row[field] for field in KEY): row for row in file.rows()}
    return [known[_key(table, row)] for row in range(len(table))]


def _key(table: DenseTable, row: int) -> tuple[str, str]:
    return table.kind_n[row], table.hash_n[row]


def module_of(
    table: DenseTable, row: int, features: Features | None, code: Code, worker: Worker
) -> Module:
    """A row of the table as policies see it."""
    project, digest = table.project_n[row], table.hash_n[row]
    return Module(
        digest, table.kind_n[row], project, int(table.instructions_n[row]),
        None if features is None else features.values_nf[row],
        0.0 if features is None else float(features.seconds_n[row]),
        lambda: ir_text(worker, code(project, digest)),
        lambda: ir_text(worker, code(project, digest), clang_pipeline(worker.toolchain)),
    )  # fmt: skip


def _record(policy: Policy, module: Module, row: int, table: DenseTable, sizer: Sizer) -> Row:
    base = int(table.base_n[row])
    facts = {
        "policy": policy.name, "set": table.name, "split": table.split_n[row], "kind": module.kind,
        "module": module.hash,
        "project": module.project, "near": bool(table.near_n[row]),
        "instructions": module.instructions, "base": base,
    }  # fmt: skip
    try:
        ranking = policy.rank(module)
        sizes = sizer.sizes(row, ranking.lists)
        alone = int(sizer.sizes(row, [ranking.alone or next(iter(ranking.lists), OWN)])[0])
    except InvalidIR as error:
        nothing = {"seconds": 0.0, "tried": 0, "failed": 0, "alone": base, "steps": [[0, base]]}
        return facts | nothing | {"problem": error.message[:200]}
    return facts | {
        "seconds": round(ranking.seconds, 6), "tried": len(sizes),
        "failed": int(np.sum(sizes == MISSING)), "alone": base if alone == MISSING else alone,
        "steps": smallest_after(sizes, base),
    }  # fmt: skip


def stable_rows(table: DenseTable, split: str, kind: str, most: int | None) -> np.ndarray:
    """Places of at most `most` modules of a split and kind: those with the least hashes, in order
    of the table. Modules of which clang makes no byte are left out."""
    fitting = (table.split_n == split) & (table.kind_n == kind) & (table.base_n > 0)
    rows = sorted(np.flatnonzero(fitting), key=lambda row: table.hash_n[row])[:most]
    return np.array(sorted(rows), np.int64)
