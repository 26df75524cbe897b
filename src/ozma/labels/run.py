"""A labelling job: hands out chunks, writes down what comes back, goes on after any kill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ozma.corpus.crew import Finished
from ozma.errors import OzmaError
from ozma.labels.chunk import Chunk, chunks_of
from ozma.labels.execute import Execute
from ozma.labels.journal import Journal
from ozma.labels.options import LabelOptions, set_folder, write_options
from ozma.labels.schemas import schema_of
from ozma.labels.subjects import Chosen, Subject, load_subjects

Prepare = Callable[[Subject], Subject]


@dataclass
class Progress:
    """Where a job stands; `found_done` were labelled by an earlier run, `lost` can be run again.

    `damaged` names projects that cannot be read, with the reason: they are left out.
    """

    total: int
    found_done: int = 0
    labelled: int = 0
    problems: int = 0
    lost: int = 0
    damaged: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return self.found_done + self.labelled + self.lost


def label_corpus(
    out: Path,
    options: LabelOptions,
    chosen: list[Chosen],
    execute: Execute,
    prepare: Prepare = lambda subject: subject,
) -> Iterator[Progress]:
    """Labels all of `chosen`; yields where it stands now and then.

    Raises OzmaError when the disk refuses, or when a worker says that it cannot work at all.
    """
    folder = set_folder(out, options)
    write_options(folder, options)
    job = _Job(out, folder, options, chosen, prepare)
    yield job.progress
    for finished in execute(job.chunks(), options):
        if finished is not None:
            job.take(finished)
        yield job.progress
    yield job.progress


class _Job:
    def __init__(
        self,
        out: Path,
        folder: Path,
        options: LabelOptions,
        chosen: Iterable[Chosen],
        prepare: Prepare,
    ) -> None:
        self._out, self._folder, self._options, self._prepare = out, folder, options, prepare
        self._chosen = list(chosen)
        self._schema = schema_of(options.task)
        self._journals: dict[str, Journal] = {}
        self._left: dict[str, int] = {}
        self.progress = Progress(sum(map(len, self._chosen)))

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of one project after the other, without what is labelled already."""
        for chosen in self._chosen:
            yield from self._open(chosen)

    def _open(self, chosen: Chosen) -> list[Chunk]:
        journal = Journal(self._folder, chosen.project, self._schema)
        missing = [
            row for rows in chosen.rows.values() for row in rows if row[1] not in journal.done
        ]
        self.progress.found_done += len(chosen) - len(missing)
        if not missing:
            journal.finish()
            return []
        try:
            subjects = [s for s in load_subjects(self._out, chosen) if s.hash not in journal.done]
        except OzmaError as error:
            self.progress.damaged[chosen.project] = error.message
            return []
        chunks = list(chunks_of(map(self._prepare, subjects), self._options))
        self._journals[chosen.project] = journal
        self._left[chosen.project] = len(chunks)
        return chunks

    def take(self, finished: Finished) -> None:
        """Writes down one chunk; the project's file when it was the last of it."""
        chunk: Chunk = finished.task
        if finished.problem and not finished.lost:
            raise OzmaError(f"labelling stopped: {finished.problem}")
        project = chunk[0].project
        if finished.lost:
            self.progress.lost += len(chunk)
        else:
            self._write(project, finished.result)
        self._left[project] -= 1
        if not self._left[project]:
            self._journals.pop(project).finish()

    def _write(self, project: str, labelled: list[tuple[str, list[dict]]]) -> None:
        self.progress.labelled += self._journals[project].append(labelled)
        rows = (row for _, rows in labelled for row in rows)
        self.progress.problems += sum(1 for row in rows if row["problem"])
