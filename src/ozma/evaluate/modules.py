"""The modules that policies are asked about: features, bitcode and text, read when wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.labels.subjects import Choice, Chosen, choose, load_subjects
from ozma.llvm import Worker


@dataclass(frozen=True)
class Module:
    """One module to order lists for.

    `features` are those of features.py, None where the policy does not use them;
    `feature_seconds` is what they cost. `ir()` gives the text of the module, without any pass;
    `optimized()` what clang's own pipeline makes of it.
    """

    hash: str
    kind: str
    project: str
    instructions: int
    features: np.ndarray | None = None
    feature_seconds: float = 0.0
    ir: Callable[[], str] = field(default=str, repr=False)
    optimized: Callable[[], str] = field(default=str, repr=False)


class Code:
    """Bitcode of a corpus's modules by hash; keeps one project's in memory."""

    def __init__(self, out: Path, kind: str) -> None:
        self._kind, self._out = kind, out
        self._project, self._bitcode = "", {}

    @cached_property
    def _places(self) -> dict[str, Chosen]:
        """Looks at every project of the corpus: only once something is wanted."""
        chosen = choose(self._out, Choice((self._kind,), largest=2**31 - 1))
        return {one.project: one for one in chosen}

    def __call__(self, project: str, digest: str) -> bytes:
        """OzmaError when the corpus does not have it any more."""
        if project != self._project:
            self._bitcode = dict(self._load(project))
            self._project = project
        if digest not in self._bitcode:
            raise OzmaError(
                f"{project} has no {self._kind} {digest}", hint="is this the corpus of the labels?"
            )
        return self._bitcode[digest]

    def _load(self, project: str) -> list[tuple[str, bytes]]:
        chosen = self._places.get(project, Chosen(project, {}))
        return [(subject.hash, subject.bitcode) for subject in load_subjects(self._out, chosen)]


def ir_text(worker: Worker, bitcode: bytes, passes: str = "") -> str:
    """The module as text, after these passes; no code is made. InvalidIR if LLVM refuses it."""
    loaded = worker.load(bitcode)
    try:
        return worker.evaluate(loaded.id, passes, ("ir",), skip_above=-1).ir or ""
    finally:
        worker.unload(loaded.id)
