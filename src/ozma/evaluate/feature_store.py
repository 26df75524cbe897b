"""Features of a corpus's modules, computed once and kept as Parquet: OUT/features/."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ozma.corpus.parquet import load_pyarrow, read_columns, table_path, write_rows
from ozma.evaluate.clock import timed
from ozma.evaluate.modules import Code
from ozma.evaluate.table import DenseTable
from ozma.llvm import InvalidIR, Worker, find_toolchain
from ozma.optimize.ranker.describe import describe, described_names

FEATURES = "features"
Known = dict[str, tuple[float, np.ndarray]]
"""hash -> (processor seconds, features)."""


@dataclass(frozen=True)
class Features:
    """values_nf: float32, in the order of a table's rows; seconds_n: processor time for each,
    clang's own pipeline included."""

    values_nf: np.ndarray
    seconds_n: np.ndarray

    def take(self, chosen: np.ndarray) -> Features:
        return Features(self.values_nf[chosen], self.seconds_n[chosen])


def load_features(out: Path, table: DenseTable, major: int) -> Features:
    """Of all rows of `table`; what is not in the store is computed and added to it."""
    width = len(described_names())
    values_nf = np.zeros((len(table), width), np.float32)
    seconds_n = np.zeros(len(table))
    with Worker(find_toolchain(major)) as worker:
        for kind in np.unique(table.kind_n):
            code = Code(out, kind)
            for project in np.unique(table.project_n[table.kind_n == kind]):
                rows = np.flatnonzero((table.kind_n == kind) & (table.project_n == project))
                wanted = table.hash_n[rows].tolist()
                known = _project(_folder(out, kind, major), project, wanted, code, worker)
                for row, digest in zip(rows, wanted, strict=True):
                    seconds_n[row], values_nf[row] = known[digest]
    return Features(values_nf, seconds_n)


def _folder(out: Path, kind: str, major: int) -> Path:
    """Other features have other names, and so another folder; so have those of another LLVM."""
    digest = hashlib.sha256("\n".join(described_names()).encode()).hexdigest()[:12]
    return out / FEATURES / f"{kind}-llvm{major}-{digest}"


def _project(
    folder: Path, project: str, wanted: Iterable[str], code: Code, worker: Worker
) -> Known:
    path = table_path(folder, project)
    known = _read(path) if path.exists() else {}
    missing = [digest for digest in wanted if digest not in known]
    if missing:
        known |= {digest: _compute(worker, code(project, digest)) for digest in missing}
        _write(path, known)
    return known


def _compute(worker: Worker, bitcode: bytes) -> tuple[float, np.ndarray]:
    """Zeros for a module that LLVM refuses."""

    def features() -> list[float]:
        try:
            return describe(worker, bitcode)
        except InvalidIR:
            return [0.0] * len(described_names())

    values, seconds = timed(features, worker)
    return seconds, np.array(values, np.float32)


def _read(path: Path) -> Known:
    table = read_columns(path, ["hash", "seconds", "features"])
    flat = table.column("features").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    values = flat.astype(np.float32).reshape(len(table), len(described_names()))
    hashes, seconds = (table.column(name).to_pylist() for name in ("hash", "seconds"))
    return dict(zip(hashes, zip(seconds, values, strict=True), strict=True))


def _write(path: Path, known: Known) -> None:
    arrow = load_pyarrow()
    schema = arrow.schema(
        {
            "hash": arrow.string(),
            "seconds": arrow.float64(),
            "features": arrow.list_(arrow.float32()),
        }
    )
    rows = [
        {"hash": digest, "seconds": seconds, "features": values}
        for digest, (seconds, values) in sorted(known.items())
    ]
    write_rows(path, schema, rows)
