"""What the autotuner found (`ozma label --search N`), as records beside those of the policies."""

from __future__ import annotations

from pathlib import Path

from ozma.evaluate.gain import AUTOTUNER
from ozma.evaluate.records import RecordFile, Row, record_path
from ozma.evaluate.run import KEY
from ozma.evaluate.table import DenseTable
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import SEARCH


def searches_of(out: Path, target: str) -> list[LabelSet]:
    """The sets of search labels for this target."""
    return [
        labels for labels in label_sets(out)
        if labels.options.task == SEARCH and labels.options.target == target
    ]  # fmt: skip


def record_search(folder: Path, searched: LabelSet, table: DenseTable) -> int:
    """Adds a record for each module of `table` that was searched; returns how many there are."""
    name = f"{AUTOTUNER} {searched.options.compiles}"
    file = RecordFile(record_path(folder, name), searched.folder.name, KEY)
    facts = zip(table.split_n.tolist(), table.near_n.tolist(), strict=True)
    known = dict(zip(table.hash_n.tolist(), facts, strict=True))
    rows = (row for row in searched.rows() if row["hash"] in known and not row["problem"])
    file.append(
        _record(name, row, table.name, *known[row["hash"]])
        for row in rows
        if (row["kind"], row["hash"]) not in file
    )
    return len(file)


def _record(name: str, row: Row, table: str, split: str, near: bool) -> Row:
    """The search keeps clang's own list where it found none: it is never larger."""
    reached = min(row["total"], row["base_total"])
    return {
        "policy": name, "set": table, "kind": row["kind"], "module": row["hash"],
        "project": row["project"], "near": near, "split": split,
        "instructions": row["instructions"],
        "base": row["base_total"], "seconds": 0.0, "tried": row["evaluations"], "failed": 0,
        "alone": reached, "steps": [[0, reached]],
    }  # fmt: skip
