"""The index of training functions for the row "retrieval alone"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ozma.corpus.split import TRAIN
from ozma.evaluate.disassembly_set import truths
from ozma.lift.judging.compile_back import OPTIMIZED, UNOPTIMIZED
from ozma.lift.searching.retrieval import Index

_SAVED_EVERY = 200


def index_path(folder: Path, target: str, level: str) -> Path:
    return folder / f"{target}-{level}.sqlite"


def build_index(
    corpus: Path, folder: Path, target: str, level: str, count: int | None = None
) -> Iterator[int]:
    """Adds the training functions at one level, in the order of their hashes, each assembly once,
    and yields how many there are, now and then. Run again, it goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    index = Index(index_path(folder, target, level), target)
    codegen = UNOPTIMIZED if level == "O0" else OPTIMIZED
    found = truths(corpus, level, target, TRAIN, skip=index.__contains__)
    try:
        for number, truth in enumerate(islice(found, count), 1):
            index.add(truth.hash, truth.assembly, truth.ir, codegen)
            if number % _SAVED_EVERY == 0:
                index.save()
                yield len(index)
        index.save()
        yield len(index)
    finally:
        index.close()
