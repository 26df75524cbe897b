"""A dense set of flag labels as arrays: bytes of every module under every list of a pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ozma.corpus.parquet import read_columns, table_path
from ozma.errors import OzmaError
from ozma.labels.flags import MISSING
from ozma.labels.journal import labelled_projects
from ozma.labels.label_set import LabelSet
from ozma.labels.subjects import near_duplicates, split_of, splits_of

_COLUMNS = ["hash", "kind", "project", "instructions", "problem", "base_total"]


@dataclass(frozen=True)
class DenseTable:
    """n modules under L lists.

    hash_n, kind_n, project_n, split_n: text; near_n: has a training function that it nearly equals;
    instructions_n: before any pass; base_n: bytes under clang's own -Oz; totals_nl: bytes under
    each list, MISSING where it gave no code; lists: the pack's, in its order.
    """

    name: str
    lists: tuple[str, ...]
    hash_n: np.ndarray
    kind_n: np.ndarray
    project_n: np.ndarray
    split_n: np.ndarray
    near_n: np.ndarray
    instructions_n: np.ndarray
    base_n: np.ndarray
    totals_nl: np.ndarray

    def __len__(self) -> int:
        return len(self.hash_n)

    def take(self, chosen: np.ndarray) -> DenseTable:
        """The rows at these places, or where this mask is true."""
        rows = {name: getattr(self, name)[chosen] for name in _ROWS}
        return replace(self, **rows)

    def of(self, split: str | None = None, kind: str | None = None) -> DenseTable:
        """The rows of one split, one kind, or both."""
        chosen = np.ones(len(self), bool)
        if split:
            chosen &= self.split_n == split
        if kind:
            chosen &= self.kind_n == kind
        return self.take(chosen)

    def relative_nl(self) -> np.ndarray:
        """Share of clang's bytes that each list saves, (n, L) float32; no code saves nothing."""
        totals = np.where(self.totals_nl == MISSING, self.base_n[:, None], self.totals_nl)
        return (1.0 - totals / np.maximum(self.base_n, 1)[:, None]).astype(np.float32)


_ROWS = (
    "hash_n", "kind_n", "project_n", "split_n", "near_n", "instructions_n", "base_n", "totals_nl",
)  # fmt: skip


def load_table(labels: LabelSet) -> DenseTable:
    """All rows that LLVM took, sorted by project and hash. OzmaError when there is none."""
    parts = [part for part in _parts(labels) if len(part["hash"])]
    if not parts:
        raise OzmaError(f"no labels in {labels.folder}", hint="run `ozma label` first")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    near, names = near_duplicates(labels.out), columns["hash"].tolist()
    splits = splits_of(labels.out)
    return DenseTable(
        labels.folder.name, labels.options.lists, columns["hash"], columns["kind"],
        columns["project"], np.array([split_of(name, splits) for name in names], object),
        np.array([name in near for name in names], bool), columns["instructions"],
        columns["base_total"], columns["totals"],
    )  # fmt: skip


def _parts(labels: LabelSet) -> Iterator[dict[str, np.ndarray]]:
    """The columns of each project."""
    for project in labelled_projects(labels.folder):
        table = read_columns(table_path(labels.folder, project), [*_COLUMNS, "totals"])
        good = np.array([not p for p in table.column("problem").to_pylist()], bool)
        part = {name: _array(table.column(name))[good] for name in _COLUMNS if name != "problem"}
        rows = table.filter(good)
        flat = rows.column("totals").combine_chunks().flatten()
        totals = flat.to_numpy(zero_copy_only=False).astype(np.int32)
        yield part | {"totals": totals.reshape(len(part["hash"]), len(labels.options.lists))}


def _array(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values if values.dtype == object else np.nan_to_num(values).astype(np.int64)
