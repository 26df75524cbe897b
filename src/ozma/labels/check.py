"""Do the labels come out the same again? Random subjects of a set labelled anew, row for row."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ozma.corpus.parquet import read_values
from ozma.errors import OzmaError
from ozma.labels.chunk import chunks_of
from ozma.labels.execute import Execute
from ozma.labels.label_set import LabelSet
from ozma.labels.options import SEARCH
from ozma.labels.schemas import schema_of
from ozma.labels.subjects import Chosen, Subject, corpus_file, key_column, load_subjects

_TOLD = 10
Place = tuple[str, str, str]
"""Project, kind and hash of a subject."""


@dataclass(frozen=True)
class Checked:
    """`rows` were made again, `same` of them equal in all that is no message; `differing` says
    where the first others differ. `lost` subjects went with their process."""

    set: str
    rows: int
    same: int
    differing: tuple[str, ...] = ()
    lost: int = 0


def check_set(labels: LabelSet, count: int, seed: int, execute: Execute) -> Checked:
    """Labels subjects drawn by `seed` again until `count` rows are compared, or all.

    A search is left out: its rows follow from the dense ones. OzmaError when the corpus lacks
    one of them.
    """
    if labels.options.task == SEARCH:
        return Checked(labels.options.name, 0, 0)
    wanted = _drawn(labels, count, seed)
    stored = {place: rows for project in {one[0] for one in wanted}
              for place, rows in _stored(labels, project).items() if place in wanted}  # fmt: skip
    chunks = chunks_of(_subjects(labels, wanted), labels.options)
    rows, lost, differing = 0, 0, []
    for finished in filter(None, execute(chunks, labels.options)):
        if finished.problem and not finished.lost:
            raise OzmaError(f"checking stopped: {finished.problem}")
        lost += len(finished.task) if finished.lost else 0
        for subject, (_, again) in zip(finished.task, finished.result or (), strict=False):
            place = (subject.project, subject.kind, subject.hash)
            rows += len(stored[place])
            differing += _differences(stored[place], again, schema_of(labels.options.task).names)
    return Checked(labels.options.name, rows, rows - len(differing), tuple(differing[:_TOLD]), lost)


def _drawn(labels: LabelSet, count: int, seed: int) -> set[Place]:
    places: dict[Place, int] = {}
    for row in labels.rows(["project", "kind", "hash"]):
        place = (row["project"], row["kind"], row["hash"])
        places[place] = places.get(place, 0) + 1
    order = sorted(places)
    random.Random(seed).shuffle(order)
    drawn, rows = set(), 0
    for place in order:
        if rows >= count:
            break
        drawn.add(place)
        rows += places[place]
    return drawn


def _stored(labels: LabelSet, project: str) -> dict[Place, list[dict]]:
    found: dict[Place, list[dict]] = {}
    for row in labels.project_rows(project):
        found.setdefault((project, row["kind"], row["hash"]), []).append(row)
    return found


def _subjects(labels: LabelSet, wanted: set[Place]) -> Iterator[Subject]:
    for project, kind in sorted({place[:2] for place in wanted}):
        path = corpus_file(labels.out, kind, project)
        hashes = [one for (one,) in read_values(path, [key_column(kind)])]
        rows = [(row, digest, "") for row, digest in enumerate(hashes)
                if (project, kind, digest) in wanted]  # fmt: skip
        missing = sum(place[:2] == (project, kind) for place in wanted) - len(rows)
        if missing:
            raise OzmaError(f"{project} lacks {missing} of the labelled {kind}s",
                            hint="is it the corpus that the labels were made from?")  # fmt: skip
        yield from load_subjects(labels.out, Chosen(project, {kind: rows}))


def _differences(stored: list[dict], again: list[dict], names: Iterable[str]) -> list[str]:
    """One line for each stored row that has another value in some column."""
    empty, found = dict.fromkeys(names), []
    for place, row in enumerate(stored):
        other = empty | again[place] if place < len(again) else empty
        columns = [name for name in empty if _fact(name, row[name]) != _fact(name, other[name])]
        if columns:
            found.append(f"{row['project']} {row['hash'][:16]}: {', '.join(columns)}")
    return found


def _fact(name: str, value: Any) -> Any:
    """What LLVM said when it died is told, not promised."""
    if name == "message":
        return None
    if name == "failures" and value:
        return [(one["list"], one["outcome"]) for one in value]
    return value
