"""From a snapshot to a labelled corpus: the split and the labels put onto a corpus built again.

Every function and unit is found by its hash; what the rebuilt corpus lacks is counted, not guessed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ozma.corpus.digest import project_digests
from ozma.corpus.parquet import read_columns, read_values, table_path, write_rows
from ozma.corpus.projects import read_projects
from ozma.corpus.split_files import (
    SPLIT,
    SPLIT_JSON,
    SPLIT_UNITS,
    function_split_schema,
    unit_split_schema,
)
from ozma.errors import OzmaError
from ozma.labels.compact import SUBJECT, packed_schema
from ozma.labels.label_set import LabelSet
from ozma.labels.options import LABELS, read_options, set_folder, write_options
from ozma.labels.schemas import schema_of
from ozma.labels.snapshot import ROWS, SUBJECTS, packer_of, read_manifest
from ozma.labels.subjects import FUNCTION, KINDS, UNIT, corpus_file, key_column


@dataclass(frozen=True)
class Rebuilt:
    """`same` projects have the published digest, `differing` are named; of `subjects` so many were
    `found` by hash, and of the label `rows` so many were `restored`."""

    same: int
    differing: tuple[str, ...]
    subjects: int
    found: int
    rows: int
    restored: int

    @property
    def whole(self) -> bool:
        return not self.differing and self.found == self.subjects


@dataclass(frozen=True)
class _Subject:
    """One published subject and, where the corpus has it, its identity columns and row."""

    split: str | None
    near: bool | None
    identity: dict[str, Any] | None
    row: int = 0


def rebuild(out: Path, folder: Path) -> Rebuilt:
    """Writes split and labels of the snapshot in `folder` into the corpus in `out`."""
    manifest = read_manifest(folder)
    stored = {name for name, record in read_projects(out).items() if record.units}
    digests = project_digests(out, stored & {*manifest["projects"]})
    wanted = manifest["projects"].items()
    differing = sorted(name for name, digest in wanted if digests.get(name) != digest)
    subjects = list(_subjects(out, folder, stored))
    _write_split(out, folder, subjects)
    counts = [_restore(out, path, subjects) for path in sorted((folder / LABELS).iterdir())]
    return Rebuilt(
        len(manifest["projects"]) - len(differing), tuple(differing), len(subjects),
        sum(one.identity is not None for one in subjects),
        sum(rows for rows, _ in counts), sum(restored for _, restored in counts),
    )  # fmt: skip


def _subjects(out: Path, folder: Path, stored: set[str]) -> Iterator[_Subject]:
    """In the order of subjects.parquet."""
    columns = ["project", "kind", "hash", "split", "near"]
    known: dict[str, dict] = {}
    current = ""
    for project, kind, digest, split, near in read_values(folder / SUBJECTS, columns):
        if project != current:
            current, known = project, _identities(out, project) if project in stored else {}
        identity, row = known.get((kind, digest.hex()), (None, 0))
        yield _Subject(split, near, identity, row)


def _identities(out: Path, project: str) -> dict[tuple[str, str], tuple[dict, int]]:
    """Identity columns and row of every function and unit of a project, by kind and hash."""
    found: dict[tuple[str, str], tuple[dict, int]] = {}
    for kind in KINDS:
        extra = ["symbol"] if kind == FUNCTION else []
        names = [key_column(kind), "file", "language", "instructions", *extra]
        for row, values in enumerate(read_values(corpus_file(out, kind, project), names)):
            digest, file, language, instructions, *symbol = values
            identity = {
                "hash": digest, "kind": kind, "project": project, "file": file,
                "symbol": "".join(symbol), "language": language, "instructions": instructions,
            }  # fmt: skip
            found.setdefault((kind, digest), (identity, row))
    return found


def _write_split(out: Path, folder: Path, subjects: list[_Subject]) -> None:
    if not (folder / SPLIT_JSON).exists():
        return
    rows = {kind: list(_split_rows(subjects, kind)) for kind in KINDS}
    write_rows(out / SPLIT, function_split_schema(), rows[FUNCTION])
    write_rows(out / SPLIT_UNITS, unit_split_schema(), rows[UNIT])
    try:
        shutil.copyfile(folder / SPLIT_JSON, out / SPLIT_JSON)
    except OSError as error:
        raise OzmaError(f"cannot write {out / SPLIT_JSON}: {error.strerror}") from error


def _split_rows(subjects: list[_Subject], kind: str) -> Iterator[dict]:
    """Sorted by project and place, as a split is written."""
    found = [one for one in subjects if one.split and one.identity]
    members = [one for one in found if one.identity["kind"] == kind]
    names = function_split_schema().names if kind == FUNCTION else unit_split_schema().names
    for one in sorted(members, key=lambda one: (one.identity["project"], one.row)):
        values = one.identity | {"unit": one.identity["hash"], "row": one.row, "split": one.split,
                                 "near_duplicate": one.near}  # fmt: skip
        yield {name: values[name] for name in names}


def _restore(out: Path, place: Path, subjects: list[_Subject]) -> tuple[int, int]:
    """One set of labels; the numbers of its rows and of those that were written."""
    options = read_options(place)
    folder = set_folder(out, options)
    write_options(folder, options)
    packer, schema = packer_of(LabelSet(out, folder)), schema_of(options.task)
    packed = read_columns(place / ROWS, packed_schema(options.task).names).to_pylist()
    by_project: dict[str, list[dict]] = {}
    for row in packed:
        identity = subjects[row[SUBJECT]].identity
        if identity:
            by_project.setdefault(identity["project"], []).append(packer.unpack(row, identity))
    for project, rows in by_project.items():
        _put(folder, project, schema, rows)
    return len(packed), sum(map(len, by_project.values()))


def _put(folder: Path, project: str, schema: Any, rows: list[dict]) -> None:
    """What OUT has labelled beyond the snapshot stays; published rows take the place of its own."""
    path = table_path(folder, project)
    published = {row["hash"] for row in rows}
    own = read_columns(path, schema.names).to_pylist() if path.exists() else []
    kept = rows + [row for row in own if row["hash"] not in published]
    write_rows(path, schema, sorted(kept, key=lambda row: row["hash"]))
