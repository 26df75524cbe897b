"""Fetch and build many projects: resumed where it stopped, one project's trouble stays its own."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ozma.corpus.build import build_project
from ozma.corpus.build_options import BuildOptions
from ozma.corpus.crew import Crew, Finished
from ozma.corpus.fetch import Missed
from ozma.corpus.projects import ProjectRecord, append_record
from ozma.corpus.scratch import sweep
from ozma.corpus.source import Source
from ozma.corpus.store import write_project
from ozma.errors import OzmaError

_AHEAD = 24
_MISSES = 12
_STORE_SECONDS = 900.0


@dataclass(frozen=True)
class RunOptions:
    """`jobs` processes; `time_limit` in seconds, after which no project is begun (0: none)."""

    out: Path
    build: BuildOptions = field(default_factory=BuildOptions)
    jobs: int = 1
    time_limit: float = 0.0

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {self.jobs}")
        if self.time_limit < 0:
            raise ValueError(f"time_limit must be seconds or 0 for none, got {self.time_limit}")


@dataclass(frozen=True)
class Task:
    """What a worker needs to build one project and store it; any process or machine can."""

    source: Source
    options: BuildOptions
    out: Path


@dataclass
class Summary:
    """Counts of one run. `seconds` of wall time; `build_seconds` and `store_seconds` are summed
    over the workers."""

    projects: int = 0
    empty: int = 0
    not_fetched: int = 0
    tried: int = 0
    units: int = 0
    functions: int = 0
    seconds: float = 0.0
    build_seconds: float = 0.0
    store_seconds: float = 0.0
    paths: Counter = field(default_factory=Counter)
    failures: Counter = field(default_factory=Counter)

    def add(self, record: ProjectRecord, seconds: float = 0.0) -> None:
        self.projects += record.units > 0
        self.empty += record.units == 0
        self.tried += record.tried
        self.units += record.units
        self.functions += record.functions
        self.build_seconds += record.seconds
        self.store_seconds += max(seconds - record.seconds, 0.0)
        self.paths[record.path] += 1
        self.failures.update(record.failures)

    def facts(self, jobs: int) -> dict:
        """JSON-ready, with the rate; of the failures the most frequent."""
        rate = 60 * self.units / max(self.seconds, 1e-6) / jobs
        counts = asdict(self) | {"units_per_minute_and_job": round(rate, 1)}
        counts |= {name: round(counts[name], 1)
                   for name in ("seconds", "build_seconds", "store_seconds")}  # fmt: skip
        return counts | {"paths": dict(self.paths), "failures": dict(self.failures.most_common(20))}


def build_and_store(task: Task) -> tuple[ProjectRecord, float]:
    """Build one project and write it; the record as stored and the seconds for both."""
    started = time.monotonic()
    built = build_project(task.source, task.options)
    record = write_project(task.out, built.record, built.units, llvm=task.options.llvm)
    return record, time.monotonic() - started


class BuildRun:
    """One run over `sources`, which are fetched in a thread while earlier ones are built.

    `note` gets a line for whatever the person should know, `show` the summary so far.
    """

    def __init__(
        self, options: RunOptions, *, note: Callable[[str], None] = lambda line: None,
        show: Callable[[Summary], None] = lambda summary: None,
        work: Callable[[Task], tuple[ProjectRecord, float]] = build_and_store,
    ) -> None:  # fmt: skip
        self.options, self._note, self._show, self._work = options, note, show, work
        self.summary = Summary()
        self._trouble: OzmaError | None = None

    def run(self, sources: Iterable[Source | Missed]) -> Summary:
        """Build each source. Raises OzmaError when fetching as such fails (no network, no mirror).

        What was built until then is stored: the same call goes on from there.
        """
        started = time.monotonic()
        sweep()
        build = self.options.build
        longest = build.project_seconds + build.limits.wall + _STORE_SECONDS
        crew = Crew(self._work, self.options.jobs, longest)
        stop = threading.Event()
        try:
            with closing(crew.run(self._tasks(sources, stop, started))) as ends:
                for finished in ends:
                    self.summary.seconds = time.monotonic() - started
                    if finished:
                        self._count(finished)
                    self._show(self.summary)
        finally:
            stop.set()
        if self._trouble:
            raise self._trouble
        return self.summary

    def _tasks(
        self, sources: Iterable[Source | Missed], stop: threading.Event, started: float
    ) -> Iterator[Task | None]:
        ready: queue.Queue = queue.Queue(_AHEAD)
        threading.Thread(target=_feed, args=(sources, ready, stop), daemon=True).start()
        limit = self.options.time_limit
        while not limit or time.monotonic() - started < limit:
            try:
                one = ready.get_nowait()
            except queue.Empty:
                yield None
                continue
            if one is None:
                return
            if isinstance(one, OzmaError):
                self._trouble = one
                return
            if isinstance(one, Missed):
                self._miss(one)
            else:
                yield Task(one, self.options.build, self.options.out)
        self._note(f"time limit of {limit:g} s: no further project is begun")

    def _miss(self, missed: Missed) -> None:
        """A 'no' of the server is recorded, so that it is not asked again."""
        self.summary.not_fetched += 1
        if missed.final:
            self._record(ProjectRecord(missed.name, path="none", failures={"not served": 1}))
        else:
            self._note(f"{missed.name}: {missed.reason}")

    def _count(self, finished: Finished) -> None:
        if not finished.problem:
            record, seconds = finished.result
            self.summary.add(record, seconds)
            return
        source = finished.task.source
        self._note(f"{source.name}: {finished.problem}")
        record = ProjectRecord(
            source.name, source.version, source.sha256, source.url, source.licence, "none",
            failures={finished.problem[:160]: 1},
        )  # fmt: skip
        self.summary.add(record)
        if finished.lost:  # else the trouble is ours, and the next run comes back to it
            self._record(record)

    def _record(self, record: ProjectRecord) -> None:
        try:
            append_record(self.options.out, record)
        except OzmaError as error:  # a full disk: the next run comes back to this project
            self._note(f"{record.project}: {error.message}")


def _feed(
    sources: Iterable[Source | Missed], ready: queue.Queue, stop: threading.Event
) -> None:
    """Fetch ahead of the builders, until all is fetched or nobody wants more."""
    try:
        for one in _give_up(sources):
            if not _put(one, ready, stop):
                return
        end = None
    except OzmaError as error:
        end = error
    except Exception as error:  # a surprise here would leave the builders waiting for ever
        end = OzmaError(f"fetching failed: {type(error).__name__}: {error}")
    _put(end, ready, stop)


def _put(one: object, ready: queue.Queue, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            ready.put(one, timeout=0.2)
            return True
        except queue.Full:
            continue
    return False


def _give_up(sources: Iterable[Source | Missed]) -> Iterator[Source | Missed]:
    """A server that fails again and again, without a clear no, is left alone."""
    misses = 0
    for one in sources:
        misses = misses + 1 if isinstance(one, Missed) and not one.final else 0
        if misses >= _MISSES:
            raise OzmaError(
                f"{misses} fetches in a row failed, the last: {one.reason}",
                hint="run the same command again when the mirror answers",
            )
        yield one
