"""The append-only store of evaluations: one JSON line per (module, pass list)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator

from ozma.lines import append_lines, read_lines
from ozma.llvm import Evaluation, Worker


@dataclass(frozen=True)
class Record:
    """One evaluation. Sizes in bytes; `total` is None when no code was generated.

    `strategy` says who proposed the list, `llvm` and `target` what compiled it, `switches` which
    back-end switches were on (empty unless asked for).
    """

    module: str
    passes: str
    outcome: str
    total: int | None
    loadable: int | None
    instructions: int | None
    ir_hash: str | None
    seconds: float
    strategy: str
    llvm: str
    target: str
    switches: str = ""

    @property
    def rank(self) -> tuple[int, int] | None:
        """Order of preference, smaller first; None for a list that gave no code."""
        return None if self.total is None else (self.total, self.loadable)


def record_of(
    evaluation: Evaluation, module: str, strategy: str, worker: Worker, target: str
) -> Record:
    """The record of one evaluation made by `worker`."""
    sizes = evaluation.sizes
    return Record(
        module=module,
        passes=evaluation.passes,
        outcome=evaluation.outcome.value,
        total=sizes.total if sizes else None,
        loadable=sizes.loadable if sizes else None,
        instructions=evaluation.instructions,
        ir_hash=evaluation.ir_hash,
        seconds=round(evaluation.seconds, 5),
        strategy=strategy,
        llvm=worker.toolchain.version,
        target=target,
        switches=" ".join(worker.options),
    )


class RecordStore:
    """A folder of record files, one per module, each appended to by one process at a time.

    A line that a kill tore is cut off before the next append (`ozma.lines`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, module: str) -> Path:
        return self.folder / (module.replace("/", "__") + ".jsonl")

    def load(self, module: str) -> list[Record]:
        """All whole records of a module, in the order in which they were made."""
        return [Record(**json.loads(line)) for line in read_lines(self.path(module))]

    def append(self, records: list[Record]) -> None:
        """Appends records of one module in one write; OzmaError when the disk refuses."""
        if not records:
            return
        text = "".join(json.dumps(asdict(record)) + "\n" for record in records)
        append_lines(self.path(records[0].module), text.encode())

    def modules(self) -> list[str]:
        """Names of the modules that have records."""
        return sorted(path.stem.replace("__", "/") for path in self.folder.glob("*.jsonl"))

    def all(self) -> Iterator[Record]:
        """Every record of every module."""
        for module in self.modules():
            yield from self.load(module)
