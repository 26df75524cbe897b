"""The corpus on disk: one line per project, one Parquet file of units and one of functions each.

    OUT/projects.jsonl               append-only; a project's line is written last: it is done
    OUT/units/<project>.parquet      translation units as unoptimized bitcode
    OUT/functions/<project>.parquet  the single-function modules they were split into

Files appear whole (written beside, then renamed), so a kill leaves either all of a project or
nothing that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from ozma.corpus.functions import Tally, UnitRow, functions_of
from ozma.corpus.parquet import load_pyarrow, table_path, writing
from ozma.corpus.projects import ProjectRecord, append_record, read_projects
from ozma.llvm import Worker, find_toolchain

__all__ = [
    "ProjectRecord",
    "UnitRow",
    "function_schema",
    "functions_path",
    "read_projects",
    "unit_schema",
    "units_path",
    "write_project",
]
UNITS, FUNCTIONS = "units", "functions"
_SPLIT_SECONDS = 120.0  # processor time for one unit; the largest seen takes 15


def write_project(
    out: Path,
    record: ProjectRecord,
    units: Iterable[UnitRow],
    worker: Worker | None = None,
    llvm: int | None = None,
) -> ProjectRecord:
    """Store a project: its units, their functions, and last its line in projects.jsonl.

    Returns the record with `units`, `functions`, `duplicates` and `refused` counted, and with the
    units that LLVM refused among `failures`. Give no units to record that a project gave none. A
    project written before is replaced: its newest line counts. Safe to call from several
    processes at once. `worker` splits the units; without one, one of the release `llvm` is
    started for this call.
    Raises OzmaError when the disk is full or unwritable; then no line was written.
    """
    tally = Tally()
    own = Worker(find_toolchain(llvm), timeout=_SPLIT_SECONDS) if worker is None else None
    with (
        own or nullcontext(worker) as splitting,
        writing(units_path(out, record.project), unit_schema()) as unit_file,
        writing(functions_path(out, record.project), function_schema()) as function_file,
    ):
        for rows in functions_of(record.project, units, splitting, tally):
            unit_file.add(rows.unit)
            for row in rows.functions:
                function_file.add(row)
    done = _counted(record, tally)
    append_record(out, done)
    return done


def _counted(record: ProjectRecord, tally: Tally) -> ProjectRecord:
    failures = dict(record.failures)
    for reason, count in tally.failures.items():
        failures[reason] = failures.get(reason, 0) + count
    return replace(
        record, units=tally.units, functions=tally.functions, duplicates=tally.duplicates,
        refused=tally.refused, failures=failures,
    )  # fmt: skip


def units_path(out: Path, project: str) -> Path:
    return table_path(out / UNITS, project)


def functions_path(out: Path, project: str) -> Path:
    return table_path(out / FUNCTIONS, project)


def unit_schema() -> Any:
    """Columns of units/: `unit` is the sha256 of LLVM's text without the file's name.

    `function_hashes` are the canonical hashes of all its functions, in order, each once.
    """
    arrow = load_pyarrow()
    text, number = arrow.string(), arrow.int32()
    return arrow.schema(
        {
            "unit": text, "project": text, "file": text, "language": text,
            "bitcode": arrow.binary(), "instructions": number, "functions": number,
            "characters": number, "function_hashes": arrow.list_(text),
        }
    )  # fmt: skip


def function_schema() -> Any:
    """Columns of functions/: `hash` is canonical, `opcodes` has a byte per instruction."""
    arrow = load_pyarrow()
    text, number = arrow.string(), arrow.int32()
    return arrow.schema(
        {
            "hash": text, "structural": text, "project": text, "file": text, "symbol": text,
            "language": text, "instructions": number, "characters": number,
            "std_instantiation": arrow.bool_(), "opcodes": arrow.binary(),
            "bitcode": arrow.binary(),
        }
    )  # fmt: skip
