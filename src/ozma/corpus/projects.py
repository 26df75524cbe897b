"""projects.jsonl: what is known of each project, a line appended when the project is done."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ozma.lines import append_lines, read_lines

PROJECTS = "projects.jsonl"


@dataclass(frozen=True)
class ProjectRecord:
    """A line of projects.jsonl. `path` is 'fast', 'real' or 'none' (nothing could be tried).

    The builder fills all but `units`, `functions`, `duplicates` and `refused`, which
    `write_project` counts. `failures` maps a reason to the number of files (of `tried`) that
    failed for it. `functions` are different ones; `duplicates` are further copies of these in the
    same project; `refused` are those that LLVM could not split off.
    """

    project: str
    version: str = ""
    sha256: str = ""
    url: str = ""
    licence: str = ""
    path: str = "fast"
    tried: int = 0
    units: int = 0
    functions: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    duplicates: int = 0
    refused: int = 0


_FIELDS = frozenset(entry.name for entry in fields(ProjectRecord))


def append_record(out: Path, record: ProjectRecord) -> None:
    """Appends the project's line; safe between processes. OzmaError if it cannot be written."""
    append_lines(out / PROJECTS, json.dumps(asdict(record)).encode() + b"\n")


def read_projects(out: Path) -> dict[str, ProjectRecord]:
    """Newest record of each project that is done, by name, sorted; torn lines are left out."""
    records = filter(None, map(_parse, read_lines(out / PROJECTS)))
    newest = {record.project: record for record in records}
    return dict(sorted(newest.items()))


def _parse(line: bytes) -> ProjectRecord | None:
    """The record of one line; keys of a later release are ignored."""
    try:
        values = json.loads(line)
        return ProjectRecord(**{key: values[key] for key in values if key in _FIELDS})
    except (ValueError, TypeError):
        return None
