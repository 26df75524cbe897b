"""Reading a set of labels, and making the texts again that the labels are facts of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ozma.corpus.parquet import read_columns, table_path
from ozma.errors import OzmaError
from ozma.labels.chunk import fitting
from ozma.labels.disassembly import LEVELS, lower
from ozma.labels.emulation import ASSEMBLY, IR, text_hash
from ozma.labels.flags import MISSING
from ozma.labels.journal import labelled_projects
from ozma.labels.options import LABELS, read_options
from ozma.labels.schemas import schema_of
from ozma.labels.subjects import Subject, choose_hash
from ozma.llvm import Evaluation, Worker, find_toolchain
from ozma.llvm.pipelines import clang_pipeline


def label_sets(out: Path) -> list[LabelSet]:
    """All sets of a corpus, by name."""
    folders = sorted(path.parent for path in (out / LABELS).glob("*/set.json"))
    return [LabelSet(out, folder) for folder in folders]


class LabelSet:
    """One folder below OUT/labels."""

    def __init__(self, out: Path, folder: Path) -> None:
        self.out, self.folder, self.options = out, folder, read_options(folder)

    def rows(self, columns: list[str] | None = None) -> Iterator[dict]:
        """Rows of all projects that are done; OzmaError names a damaged file."""
        for project in labelled_projects(self.folder):
            yield from self.project_rows(project, columns)

    def project_rows(self, project: str, columns: list[str] | None = None) -> list[dict]:
        wanted = columns or schema_of(self.options.task).names
        return read_columns(table_path(self.folder, project), wanted).to_pylist()


class Regenerator:
    """Makes the texts of a set's rows again, with one warm worker. A context manager.

    Each text is checked against the hash in its row: OzmaError when this machine's LLVM or corpus
    is not the one that the labels were made with.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels, options = labels, labels.options
        self._worker = Worker(find_toolchain(options.major), options.timeout, options.memory)

    def __enter__(self) -> Regenerator:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def optimized_ir(self, row: dict) -> str:
        """Of a "flags" row: the IR that its best list (or clang's own pipeline) makes."""
        best, lists = row["best"], self._labels.options.lists
        passes = clang_pipeline(self._worker.toolchain) if best == MISSING else lists[best]
        found = self._evaluate(self._bitcode(row), passes, IR)
        if found.sizes is None or found.sizes.total != row["best_total"]:
            raise _differs(row)
        return found.ir

    def emulation(self, row: dict) -> tuple[str, str]:
        """(input IR, answer) of an "emulation" row whose list did not fail."""
        bitcode = self._bitcode(row)
        source = self._evaluate(bitcode, "", IR).ir
        answer = getattr(self._evaluate(bitcode, row["passes"], row["answer"]), row["answer"])
        return source, _checked(row, answer, row["answer_hash"])

    def disassembly(self, row: dict) -> tuple[str, str]:
        """(assembly, IR that it was lowered from) of a "disassembly" row."""
        level = next(level for level in LEVELS if level.name == row["level"])
        found = lower(self._worker, self._bitcode(row), level)
        return (
            _checked(row, found.assembly, row[f"{ASSEMBLY}_hash"]),
            _checked(row, found.ir, row[f"{IR}_hash"]),
        )

    def _bitcode(self, row: dict) -> bytes:
        subject: Subject = choose_hash(self._labels.out, row["project"], row["kind"], row["hash"])
        return fitting(self._worker, subject.bitcode, self._labels.options)

    def _evaluate(self, bitcode: bytes, passes: str, want: str) -> Evaluation:
        loaded = self._worker.load(bitcode)
        try:
            return self._worker.evaluate(loaded.id, passes, (want,))
        finally:
            self._worker.unload(loaded.id)


def _checked(row: dict, text: str | None, digest: str) -> str:
    if text is None or text_hash(text) != digest:
        raise _differs(row)
    return text


def _differs(row: dict) -> OzmaError:
    return OzmaError(
        f"{row['hash'][:16]} of {row['project']} does not give what its label says",
        hint="is it the same corpus, and the same release of LLVM?",
    )
