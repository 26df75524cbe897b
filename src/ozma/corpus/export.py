"""Hands a split corpus to other tools: Parquet files per split, or a folder for MLGO's scripts."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ozma.corpus.dataset_card import render_card
from ozma.corpus.parquet import ParquetFile, load_pyarrow, read_columns, read_values, writing
from ozma.corpus.split import SPLITS
from ozma.corpus.split_files import SPLIT, SPLIT_UNITS, read_split
from ozma.corpus.store import function_schema, functions_path, read_projects, units_path
from ozma.errors import OzmaError

# What clang needs to compile such a bitcode file again; MLGO's tools append it to each command.
MLGO_COMMAND = ["-Oz", "-x", "ir", "-c"]


@dataclass(frozen=True)
class Place:
    """A function or unit of a split: its row in its project's file."""

    project: str
    row: int
    near_duplicate: bool = False


def places(out: Path, table: str, split: str) -> Iterator[Place]:
    """Where the members of `split` are stored; `table` is SPLIT or SPLIT_UNITS."""
    columns = ["project", "row", "split", *(["near_duplicate"] if table == SPLIT else [])]
    for project, row, name, *near in read_values(out / table, columns):
        if name == split:
            yield Place(project, row, *near)


def read_functions(out: Path, split: str) -> Iterator[dict[str, Any]]:
    """Rows (a dict by column of functions/, and `near_duplicate`) of 'train', 'validation', 'test'.

    One project's file is in memory at a time. OzmaError if the corpus has no split or is damaged.
    """
    names = function_schema().names
    for project, members in _by_project(places(out, SPLIT, split)):
        table = read_columns(functions_path(out, project), names)
        rows = table.take([place.row for place in members]).to_pylist()
        for place, row in zip(members, rows, strict=True):
            yield row | {"near_duplicate": place.near_duplicate}


def _by_project(members: Iterator[Place]) -> Iterator[tuple[str, list[Place]]]:
    groups: dict[str, list[Place]] = {}
    for place in members:
        groups.setdefault(place.project, []).append(place)
    yield from sorted(groups.items())


def export_parquet(out: Path, folder: Path) -> dict[str, int]:
    """Writes data/<split>-00000.parquet and README.md into `folder`; functions by split."""
    facts, counts = read_split(out), {}
    schema = function_schema().append(load_pyarrow().field("near_duplicate", "bool"))
    for split in SPLITS:
        with writing(folder / "data" / f"{split}-00000.parquet", schema) as file:
            counts[split] = _add_all(file, read_functions(out, split))
    records = read_projects(out)
    licences = {name: records[name].licence for name in facts["projects"] if name in records}
    _write_text(folder / "README.md", render_card(facts, licences))
    return counts


def _add_all(file: ParquetFile, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        file.add(row)
        count += 1
    return count


def export_mlgo(out: Path, folder: Path, split: str) -> int:
    """Writes the units of `split` as .bc files with MLGO's corpus_description.json; their number.

    The layout is that of llvm/utils/mlgo-utils: `modules` are paths without `.bc`, and one command
    for all of them stands in `global_command_override`.
    """
    modules: dict[str, None] = {}
    for project, members in _by_project(places(out, SPLIT_UNITS, split)):
        table = read_columns(units_path(out, project), ["file", "bitcode"])
        for row in table.take([place.row for place in members]).to_pylist():
            module = _free_name(f"{project}/{row['file']}", modules)
            _write_module(folder, module, row["bitcode"])
            modules[module] = None
    description = {
        "global_command_override": MLGO_COMMAND, "has_thinlto": False,
        "modules": list(modules),
    }  # fmt: skip
    _write_text(folder / "corpus_description.json", json.dumps(description, indent=1) + "\n")
    return len(modules)


def _free_name(module: str, taken: Container[str]) -> str:
    """A build may compile one file twice, for two libraries."""
    names = (module, *(f"{module}.{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in taken)


def _write_module(folder: Path, module: str, bitcode: bytes) -> None:
    """File names come from archives: none may lead out of `folder`."""
    path = (folder / f"{module}.bc").resolve()
    if not path.is_relative_to(folder.resolve()):
        raise OzmaError(f"the unit {module} would be written outside of {folder}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bitcode)
    except OSError as error:
        raise OzmaError(f"cannot write {path}: {error.strerror}") from error


def _write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {path}: {error.strerror}") from error
