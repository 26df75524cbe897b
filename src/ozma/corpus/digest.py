"""One number for all that a corpus holds, and where two corpora differ.

A project's digest is over the hashes of its units (LLVM's whole text) and of its functions, in
order; the corpus's is over the projects' names and digests. What is not part of it: sizes and
order of the files on disk, records of projects that gave nothing, times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.parquet import read_values
from ozma.corpus.projects import read_projects
from ozma.corpus.store import functions_path, units_path
from ozma.errors import OzmaError


@dataclass(frozen=True)
class Contents:
    """Hashes of one project's units and functions, sorted."""

    units: tuple[str, ...]
    functions: tuple[str, ...]

    @property
    def digest(self) -> str:
        named = [("unit", one) for one in self.units] + [
            ("function", one) for one in self.functions
        ]
        return _sha256(f"{kind} {one}\n" for kind, one in named)


@dataclass(frozen=True)
class Difference:
    """One project that differs: how many hashes only the first and only the second corpus has."""

    project: str
    units: tuple[int, int]
    functions: tuple[int, int]


def contents_of(out: Path, project: str) -> Contents:
    """Raises OzmaError for a damaged file."""
    units = sorted(one for (one,) in read_values(units_path(out, project), ["unit"]))
    functions = sorted(one for (one,) in read_values(functions_path(out, project), ["hash"]))
    return Contents(tuple(units), tuple(functions))


def stored_projects(out: Path) -> list[str]:
    """Names of the projects with units; OzmaError if there is none."""
    names = [name for name, record in read_projects(out).items() if record.units]
    if not names:
        raise OzmaError(f"no project is stored in {out}", hint="run `ozma corpus build` first")
    return names


def project_digests(out: Path, projects: Iterable[str]) -> dict[str, str]:
    return {project: contents_of(out, project).digest for project in projects}


def corpus_digest(digests: dict[str, str]) -> str:
    """Of all projects' digests by name."""
    return _sha256(f"{project} {digest}\n" for project, digest in sorted(digests.items()))


def compare(first: Path, second: Path) -> tuple[int, list[Difference]]:
    """The number of projects that are the same, and the others."""
    names = stored_projects(first), stored_projects(second)
    same, differing = 0, []
    for project in sorted({*names[0], *names[1]}):
        found = [contents_of(out, project) if project in there else Contents((), ())
                 for out, there in zip((first, second), names, strict=True)]  # fmt: skip
        if found[0] == found[1]:
            same += 1
        else:
            differing.append(_difference(project, *found))
    return same, differing


def _difference(project: str, first: Contents, second: Contents) -> Difference:
    def only(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[int, int]:
        return len({*left} - {*right}), len({*right} - {*left})

    return Difference(
        project, only(first.units, second.units), only(first.functions, second.functions)
    )


def _sha256(lines: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for line in lines:
        whole.update(line.encode())
    return whole.hexdigest()
