"""From what a person asks for to sources in the order in which they are built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ozma.corpus.build_options import NEWEST_RULES, BuildOptions
from ozma.corpus.bulk import BulkOptions, choose_candidates
from ozma.corpus.debian import CACHE
from ozma.corpus.fetch import Fetcher, Missed, fetch_each, today
from ozma.corpus.packages import load_packages
from ozma.corpus.project_list import ProjectList, load_list, save_list
from ozma.corpus.projects import ProjectRecord, read_projects
from ozma.corpus.source import TEST, TRAIN, Source, local_source
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain

LIST = "list.jsonl.xz"
"""In a corpus: from which projects it was built, if they are public."""


@dataclass(frozen=True)
class Wanted:
    """What to build: `local` paths and `pypi` names first; else a recorded `recorded` list, else
    `count` packages chosen in bulk.

    `count` counts projects that could be fetched. With `local` or `pypi` alone nothing else is.
    """

    count: int = 600
    local: tuple[Path, ...] = ()
    pypi: tuple[str, ...] = ()
    recorded: Path | None = None
    bulk: BulkOptions = field(default_factory=BulkOptions)
    mirror: str = ""
    cache: Path = CACHE

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count}")

    @property
    def named(self) -> bool:
        return bool(self.local or self.pypi)


def count_wanted(wanted: Wanted) -> int:
    """How many projects there will be, for a bar."""
    if wanted.named:
        return len(wanted.local) + len(wanted.pypi)
    return len(load_list(wanted.recorded).sources) if wanted.recorded else wanted.count


def count_done(wanted: Wanted, done: dict[str, ProjectRecord]) -> int:
    """How many of `count_wanted` an earlier run recorded."""
    if wanted.named:
        names = [local_source(path).name for path in wanted.local] + list(wanted.pypi)
    elif wanted.recorded:
        names = [one.name for one in load_list(wanted.recorded).sources]
    else:
        return min(_fetched_before(done), wanted.count)
    return sum(name in done for name in names)


def _fetched_before(done: dict[str, ProjectRecord]) -> int:
    return sum(bool(record.sha256) for record in done.values())


def list_wanted(wanted: Wanted) -> ProjectList:
    """The list that is built again; else an empty one, by the newest rules."""
    return load_list(wanted.recorded) if wanted.recorded else ProjectList((), rules=NEWEST_RULES)


def sources_of(
    wanted: Wanted, done: dict[str, ProjectRecord] | None = None
) -> Iterator[Source | Missed]:
    """Fetch what `wanted` names, but for projects that are `done`; lazily, one after another."""
    done = done or {}
    yield from (one for one in map(local_source, wanted.local) if one.name not in done)
    if wanted.named and not wanted.pypi:
        return
    fetcher = _fetcher(wanted)
    try:
        yield from _fetched(wanted, fetcher, done)
    finally:
        fetcher.close()


def _fetcher(wanted: Wanted) -> Fetcher:
    date = load_list(wanted.recorded).date if wanted.recorded else ""
    return Fetcher(mirror=wanted.mirror, date=date, cache=wanted.cache)


def _fetched(
    wanted: Wanted, fetcher: Fetcher, done: dict[str, ProjectRecord]
) -> Iterator[Source | Missed]:
    if wanted.pypi:
        yield from fetch_each(_left(wanted.pypi, done), fetcher.fetch_pypi)
    elif wanted.recorded:
        recorded = load_list(wanted.recorded).sources
        yield from fetch_each((one for one in recorded if one.name not in done),
                              fetcher.fetch_recorded)  # fmt: skip
    else:
        candidates = choose_candidates(wanted.bulk, mirror=fetcher.archive, cache=wanted.cache)
        yield from fetch_each((one for one in candidates if one.name not in done),
                              fetcher.fetch_candidate,
                              wanted.count - _fetched_before(done))  # fmt: skip


def _left(names: Iterable[str], done: dict[str, ProjectRecord]) -> list[str]:
    return [name for name in names if name not in done]


def write_list(out: Path, path: Path, options: BuildOptions) -> int:
    """Write the list from which the corpus at `out` is built again; returns its projects.

    Only projects that gave units and come from a public address are on it.
    """
    test = {package.name for package in load_packages("bench")}
    records = [one for one in read_projects(out).values() if one.units and one.url]
    if not records:
        raise OzmaError(f"{out} holds no project that could be listed")
    sources = tuple(_as_source(one, TEST if one.project in test else TRAIN) for one in records)
    compiler = f"clang {find_toolchain(options.llvm).version}"
    made = ProjectList(sources, today(), compiler, options.system.version(),
                       options.units, options.cxx_units, options.rules)  # fmt: skip
    save_list(made, path)
    return len(sources)


def _as_source(record: ProjectRecord, role: str) -> Source:
    source = Source(record.project, record.version, record.url, record.sha256, role=role)
    return replace(source, licence=record.licence, path=record.path)
