"""A corpus's labels as a small folder that can be committed, from which all is made again.

    snapshot.json            digest of the corpus and of each project, checksums of the files below
    projects.jsonl.xz        the list of projects: names, versions, addresses, checksums, licences
    split.json               configuration and groups of the split
    subjects.parquet         every function and unit that is in a split or labelled, by its hash
    labels/<set>/set.json    options of each set of labels, and its rows
    labels/<set>/rows.parquet

No code and no names of functions: facts only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ozma.corpus.digest import corpus_digest, project_digests, stored_projects
from ozma.corpus.download import file_sha256
from ozma.corpus.parquet import load_pyarrow, read_values, writing
from ozma.corpus.project_list import load_list, save_list
from ozma.corpus.split_files import SPLIT, SPLIT_JSON, SPLIT_UNITS
from ozma.errors import OzmaError
from ozma.labels.compact import Packer, packed_schema
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import EMULATION, LABELS, SET_JSON
from ozma.labels.subjects import FUNCTION, UNIT
from ozma.llvm import find_toolchain
from ozma.llvm.pipelines import catalogue_of

MANIFEST, LIST = "snapshot.json", "projects.jsonl.xz"
SUBJECTS, ROWS = "subjects.parquet", "rows.parquet"
FORMAT = 1
_LEVEL = 19
Place = tuple[str, str, str]
"""Project, kind and hash."""


@dataclass(frozen=True)
class Published:
    """What a snapshot holds: subjects, label rows by set, bytes of all of its files."""

    projects: int
    subjects: int
    rows: dict[str, int]
    bytes: int


def publish(out: Path, folder: Path, projects: Path) -> Published:
    """Writes the snapshot of the corpus in `out` into `folder`, which is made or replaced, whole or
    not at all.

    `projects` is the list that the corpus was built from (or that the build wrote). OzmaError when
    it lacks a project, or when the disk refuses.
    """
    digests = project_digests(out, stored_projects(out))
    sets = label_sets(out)
    if not sets:
        raise OzmaError(f"no labels in {out}", hint="run `ozma label` first")
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise OzmaError(f"{folder} holds something else", hint="give an empty folder")
    folder = folder.resolve()
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
        part.mkdir(parents=True)
        _write_list(projects, part / LIST, digests)
        places = _write_subjects(out, sets, part / SUBJECTS)
        rows = {labels.options.name: _write_set(labels, places, part) for labels in sets}
        if (out / SPLIT_JSON).exists():
            shutil.copyfile(out / SPLIT_JSON, part / SPLIT_JSON)
        _write_manifest(part, digests)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        raise OzmaError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(path.stat().st_size for path in _files(folder)) + (folder / MANIFEST).stat().st_size
    return Published(len(digests), len(places), rows, size)


def packer_of(labels: LabelSet) -> Packer:
    """OzmaError when this machine's LLVM would draw other lists than the set's."""
    if labels.options.task != EMULATION:
        return Packer(labels.options, None)
    toolchain = find_toolchain(labels.options.major)
    if toolchain.version != labels.options.llvm:
        raise OzmaError(
            f"{labels.options.name} is of LLVM {labels.options.llvm}, here is {toolchain.version}"
        )
    return Packer(labels.options, catalogue_of(toolchain))


def subject_schema() -> Any:
    """Columns of subjects.parquet; `split` is null where a labelled module is in no split."""
    arrow = load_pyarrow()
    text = arrow.string()
    return arrow.schema(
        {
            "project": text, "kind": text, "hash": arrow.binary(), "split": text,
            "near": arrow.bool_(),
        }
    )  # fmt: skip


def _write_list(source: Path, path: Path, digests: dict[str, str]) -> None:
    listed = load_list(source)
    kept = tuple(one for one in listed.sources if one.name in digests)
    if lacking := sorted({*digests} - {one.name for one in kept}):
        raise OzmaError(
            f"{source} lacks {len(lacking)} projects of the corpus, {lacking[0]} among them",
            hint="give the list that was written with the corpus (--write-list)",
        )
    save_list(replace(listed, sources=kept), path)


def _write_subjects(out: Path, sets: list[LabelSet], path: Path) -> dict[Place, int]:
    """The number of each subject in the table, which is sorted."""
    members = dict(_members(out))
    for labels in sets:
        for row in labels.rows(["project", "kind", "hash"]):
            members.setdefault((row["project"], row["kind"], row["hash"]), (None, None))
    with writing(path, subject_schema(), _LEVEL) as file:
        for (project, kind, digest), (split, near) in sorted(members.items()):
            file.add({"project": project, "kind": kind, "hash": bytes.fromhex(digest),
                      "split": split, "near": near})  # fmt: skip
    return {place: number for number, place in enumerate(sorted(members))}


def _members(out: Path) -> Iterator[tuple[Place, tuple[str | None, bool | None]]]:
    """What is in a split, and whether it is a near-duplicate (null for units)."""
    if (out / SPLIT).exists():
        columns = ["project", "hash", "split", "near_duplicate"]
        for project, digest, split, near in read_values(out / SPLIT, columns):
            yield (project, FUNCTION, digest), (split, near)
    if (out / SPLIT_UNITS).exists():
        for project, digest, split in read_values(out / SPLIT_UNITS, ["project", "unit", "split"]):
            yield (project, UNIT, digest), (split, None)


def _write_set(labels: LabelSet, places: dict[Place, int], folder: Path) -> int:
    packer, place, rows = packer_of(labels), folder / LABELS / labels.options.name, 0
    with writing(place / ROWS, packed_schema(labels.options.task), _LEVEL) as file:
        for row in labels.rows():
            file.add(packer.pack(row, places[row["project"], row["kind"], row["hash"]]))
            rows += 1
    shutil.copyfile(labels.folder / SET_JSON, place / SET_JSON)
    return rows


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _write_manifest(folder: Path, digests: dict[str, str]) -> None:
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in _files(folder)}
    facts = {
        "format": FORMAT, "digest": corpus_digest(digests), "projects": digests, "files": files,
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What snapshot.json says, after every file was checked; OzmaError names the first bad one."""
    try:
        facts = json.loads((folder / MANIFEST).read_text("utf-8"))
        files = facts["files"] if facts["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{folder} is no snapshot of labels: {error}") from error
    if files is None:
        raise OzmaError(f"{folder} has format {facts['format']}, this version reads {FORMAT}")
    for name, digest in files.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != digest:
            raise OzmaError(f"{path} is missing or damaged", hint="fetch the snapshot again")
    return facts
