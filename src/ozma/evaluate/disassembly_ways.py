"""The rows of the disassembly table: each is a way to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.evaluate.retrieval_index import index_path
from ozma.lift.answers import AnswerOptions, Proposer
from ozma.llvm import Toolchain
from ozma.search.budget import Budget


@dataclass(frozen=True)
class Way:
    """Settings of the lifter tried, whether edits are searched, in which budget, whether the ranker
    orders both, and who adds candidates (`PROPOSERS`). `identical_only`: what is not identical is
    no answer."""

    name: str
    settings: int = 1
    search: bool = False
    budget: str = "1000"
    proposers: tuple[str, ...] = ()
    ranked: bool = False
    identical_only: bool = False

    def options(self, target: str) -> AnswerOptions:
        budget = Budget.parse(self.budget)
        return AnswerOptions(target, self.settings, self.search, budget, ranked=self.ranked)


_ALL = 25
WAYS = {
    way.name: way
    for way in (
        Way("one setting"),
        Way("settings", _ALL),
        Way("settings ranked", _ALL, ranked=True),
        Way("search 200", _ALL, True, "200"),
        Way("ranker 200", _ALL, True, "200", ranked=True),
        Way("search 2s", _ALL, True, "2s"),
        Way("ranker", _ALL, True, "2s", ranked=True),
        Way("ranker and model", _ALL, True, "2s", ("model",), ranked=True),
        Way("search 15s", _ALL, True, "15s"),
        Way("ranker 15s", _ALL, True, "15s", ranked=True),
        Way("ranker and model 15s", _ALL, True, "15s", ("model",), ranked=True),
        Way("model alone", 0, False, "100", ("model",)),
        Way("retrieval alone", 0, False, "100", ("retrieval",), identical_only=True),
    )
}
"""In the order in which tables show them."""


def _model(toolchain: Toolchain, target: str, level: str, index: Path | None) -> Proposer:
    from ozma.lift.searching.model_proposer import ModelProposer

    return ModelProposer(toolchain, target)


def _retrieval(toolchain: Toolchain, target: str, level: str, index: Path | None) -> Proposer:
    from ozma.lift.searching.retrieval import Index

    return Index(index_path(index, target, level), target).propose


PROPOSERS: dict[str, Callable[[Toolchain, str, str, Path | None], Proposer]] = {
    "model": _model,
    "retrieval": _retrieval,
}


def make_proposer(
    name: str, toolchain: Toolchain, target: str, level: str, index: Path | None
) -> Proposer:
    """One proposer of `PROPOSERS` for this process."""
    return PROPOSERS[name](toolchain, target, level, index)


def check_proposer(name: str, target: str, level: str, index: Path | None) -> None:
    """OzmaError when this row cannot be measured here."""
    if name != "retrieval":
        return
    if index is None or not index_path(index, target, level).exists():
        raise OzmaError(
            f"no index of training functions at {level} for {target}",
            hint="python bench/lift_ranker.py index FOLDER --corpus CORPUS; then give --index "
            "FOLDER",
        )
