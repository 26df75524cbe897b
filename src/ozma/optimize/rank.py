"""The order in which lists are tried on a module, as the language model sees it.

Only lists of the pack are ranked: what the model chooses has been through the self-checking programs
like any other. It changes what is tried first, never what is accepted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ozma.errors import OzmaError
from ozma.llvm import InvalidIR, Toolchain, Worker
from ozma.llvm.pipelines import clang_pipeline
from ozma.model.shipped import SHIPPED

if TYPE_CHECKING:
    from ozma.model.pack_ranker import PackRanker

FUNCTIONS = 6
"""Functions of a module too long for the window that are asked about, the longest that fit."""


@dataclass(frozen=True)
class Advice:
    """Every list once, in the order to try; `said` is how the model was asked, in words."""

    lists: tuple[str, ...]
    said: str


class Advisor(Protocol):
    """Orders lists for a module."""

    def __call__(self, worker: Worker, bitcode: bytes, lists: Sequence[str]) -> Advice: ...


def fingerprint(folder: Path) -> str:
    """Changes with the model: names, sizes and times of its files."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def check_model(folder: Path) -> Path:
    """The folder; OzmaError if it holds no model."""
    if not (folder / "config.json").exists():
        raise OzmaError(f"{folder} holds no model", hint="give a folder of `ozma train export`")
    return folder


class ModelAdvisor:
    """The model in `folder`, loaded when it is first asked. `functions` as FUNCTIONS."""

    def __init__(
        self, toolchain: Toolchain, folder: Path = SHIPPED, functions: int = FUNCTIONS
    ) -> None:
        self._folder, self._functions = check_model(folder), functions
        self._own = clang_pipeline(toolchain)
        self._ranker: PackRanker | None = None

    def __call__(self, worker: Worker, bitcode: bytes, lists: Sequence[str]) -> Advice:
        """The lists as given when the model cannot be asked about this module."""
        ranker = self._load(lists)
        scores, said = self._whole(ranker, worker, bitcode)
        if not scores:
            scores, said = self._by_function(ranker, worker, bitcode)
        order = sorted(lists, key=lambda passes: -scores.get(passes, float("-inf")))
        return Advice(tuple(order), said)

    def _load(self, lists: Sequence[str]) -> PackRanker:
        """One model for all modules; clang's own list is ranked too, as an answer that saves none."""
        if self._ranker is None:
            from ozma.model.generate.answer import TokenAnswerer
            from ozma.model.pack_ranker import PackRanker

            answerer = TokenAnswerer.load(self._folder)
            self._ranker = PackRanker(answerer, list(dict.fromkeys([self._own, *lists])))
        return self._ranker

    def _whole(
        self, ranker: PackRanker, worker: Worker, bitcode: bytes
    ) -> tuple[dict[str, float], str]:
        scores, _ = _scores(ranker, worker, bitcode)
        return scores, "asked about the whole module"

    def _by_function(
        self, ranker: PackRanker, worker: Worker, bitcode: bytes
    ) -> tuple[dict[str, float], str]:
        """What the functions say together. The model's odds are exp(-(bytes saved less) / T) with T
        in proportion to a function's size: weighed by size, their logarithms add up to bytes."""
        try:
            functions = worker.split(bitcode, "unit.c").functions
        except InvalidIR:
            return {}, "not asked: the module does not split into functions"
        together: dict[str, float] = defaultdict(float)
        asked = 0
        for one in sorted(functions, key=lambda one: -len(one.opcodes)):
            scores, instructions = _scores(ranker, worker, one.bitcode)
            asked += bool(scores)
            for passes, score in scores.items():
                together[passes] += instructions * score
            if asked == self._functions:
                break
        return together, f"asked about {asked} of {len(functions)} functions"


def _scores(ranker: PackRanker, worker: Worker, bitcode: bytes) -> tuple[dict[str, float], int]:
    """(list -> log-probability, none if the module does not fit; its IR instructions)."""
    loaded = worker.load(bitcode)
    try:
        text = worker.evaluate(loaded.id, "", ("ir",)).ir
        return dict(ranker.rank(text)) if text else {}, loaded.instructions
    finally:
        worker.unload(loaded.id)
