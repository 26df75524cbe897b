"""The order in which lists are tried on a module: as trees see it, the language model, or both.

Only lists of the pack are ranked: what is chosen has been through the self-checking programs like
any other. It changes what is tried first, never what is accepted.
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
from ozma.optimize.ranker.describe import bytes_of, describe
from ozma.optimize.ranker.keys import list_key, trust_of
from ozma.tasks.question import read_question

if TYPE_CHECKING:
    from ozma.model.pack_ranker import PackRanker
    from ozma.optimize.ranker.ranker import Ranker

PACK, TREES, MODEL, HYBRID = "pack", "trees", "model", "hybrid"
RANKS = (PACK, TREES, MODEL, HYBRID)
FUNCTIONS = 6
"""Functions of a module too long for the window that are asked about, the longest that fit."""
DESCRIBED = 12
"""Functions of a unit that the trees are asked about, the longest."""
LARGEST_UNIT = 2000
"""IR instructions of a unit of several functions up to which trees order better than the pack:
they learnt on single functions, and large units live by what is inlined (LOG.md)."""


@dataclass(frozen=True)
class Advice:
    """Every list once, in the order to try; `said` is how the model was asked, in words."""

    lists: tuple[str, ...]
    said: str


def make_advisor(
    rank: str, toolchain: Toolchain, model: Path | None = None, trees: Path | None = None
) -> Advisor | None:
    """Who orders lists, by one of RANKS; None for the pack's own order. `model` and `trees` stand
    for the shipped ones. OzmaError when there is none, or one is given that is not asked."""
    for name, given, user in (("model", model, MODEL), ("trees", trees, TREES)):
        if given and rank not in (user, HYBRID):
            hint = f"give --rank {user} or {HYBRID}"
            raise OzmaError(f"--rank {rank} asks no --{name}", hint=hint)
    if rank == PACK:
        return None
    if rank == MODEL:
        return ModelAdvisor(toolchain, model or SHIPPED)
    language = ModelAdvisor(toolchain, model or SHIPPED) if rank == HYBRID else None
    return TreeAdvisor(trees or trees_path(toolchain.major), language)


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
        scores, said = self.odds(worker, bitcode, lists)
        order = sorted(lists, key=lambda passes: -scores.get(passes, float("-inf")))
        return Advice(tuple(order), said)

    def odds(
        self, worker: Worker, bitcode: bytes, lists: Sequence[str]
    ) -> tuple[dict[str, float], str]:
        """(list -> logarithm of its odds, none if the model cannot be asked; how it was asked)."""
        ranker = self._load(lists)
        scores, said = self._whole(ranker, worker, bitcode)
        return (scores, said) if scores else self._by_function(ranker, worker, bitcode)

    def _load(self, lists: Sequence[str]) -> PackRanker:
        """One model for all modules; clang's own list is ranked too: it saves nothing."""
        if self._ranker is None:
            from ozma.model.generate.answer import TokenAnswerer
            from ozma.model.pack_ranker import PackRanker

            answerer = TokenAnswerer.load(self._folder)
            known = list(dict.fromkeys([self._own, *lists]))
            self._ranker = PackRanker(answerer, known, read_question(self._folder))
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
        in proportion to a function's size: their mean weighed by size is one of bytes."""
        try:
            functions = worker.split(bitcode, "unit.c").functions
        except InvalidIR:
            return {}, "not asked: the module does not split into functions"
        together: dict[str, float] = defaultdict(float)
        asked = total = 0
        for one in sorted(functions, key=lambda one: -len(one.opcodes)):
            scores, instructions = _scores(ranker, worker, one.bitcode)
            asked += bool(scores)
            total += instructions if scores else 0
            for passes, score in scores.items():
                together[passes] += instructions * score
            if asked == self._functions:
                break
        means = {passes: score / max(total, 1) for passes, score in together.items()}
        return means, f"asked about {asked} of {len(functions)} functions"


def _scores(ranker: PackRanker, worker: Worker, bitcode: bytes) -> tuple[dict[str, float], int]:
    """(list -> log-probability, none if the module does not fit; its IR instructions)."""
    loaded = worker.load(bitcode)
    try:
        own = clang_pipeline(worker.toolchain) if ranker.question.of_optimized else ""
        text = worker.evaluate(loaded.id, own, ("ir",), skip_above=-1).ir
        return dict(ranker.rank(text)) if text else {}, loaded.instructions
    finally:
        worker.unload(loaded.id)


def trees_path(major: int) -> Path:
    """Where the trees lie that come with the package for this release of LLVM."""
    return Path(__file__).parent / "data" / f"ranker-{major}.npz"


class TreeAdvisor:
    """Trees on counts of the IR before and after clang's own pipeline (optimize/ranker), loaded
    when first asked; with a `model`, what a list adds is multiplied by its odds ** TRUST."""

    def __init__(
        self, path: Path, model: ModelAdvisor | None = None, functions: int = DESCRIBED,
        largest: int = LARGEST_UNIT,
    ) -> None:  # fmt: skip
        if not path.exists():
            raise OzmaError(f"no trees in {path}", hint="make them with `ozma train trees`")
        self._path, self._model = path, model
        self._functions, self._largest = functions, largest
        self._ranker: Ranker | None = None

    def __call__(self, worker: Worker, bitcode: bytes, lists: Sequence[str]) -> Advice:
        """Lists that the trees do not know last; all as given when LLVM refuses the module, or it
        is too large a unit."""
        ranker = self._load()
        if not set(ranker.keys).intersection(map(list_key, lists)):
            text = f"the trees in {self._path} know none of the {len(lists)} lists"
            raise OzmaError(text, hint="use the pack of their training, or another --rank")
        try:
            keys, said = self._ordered(ranker, worker, bitcode, lists)
        except InvalidIR as error:
            return Advice(tuple(lists), f"not asked: {error}")
        places = {key: place for place, key in enumerate(keys)}
        order = sorted(lists, key=lambda passes: places.get(list_key(passes), len(places)))
        return Advice(tuple(order), said)

    def _load(self) -> Ranker:
        if self._ranker is None:
            try:
                from ozma.optimize.ranker.ranker import load_ranker
            except ImportError as error:
                raise OzmaError(
                    "the trees need NumPy", hint="install it: pip install 'ozma[model]'"
                ) from error
            self._ranker = load_ranker(self._path)
        return self._ranker

    def _ordered(
        self, ranker: Ranker, worker: Worker, bitcode: bytes, lists: Sequence[str]
    ) -> tuple[list[str], str]:
        """(keys of all lists that the trees know, best first; in words who was asked)."""
        functions = worker.split(bitcode, "unit.c").functions
        if len(functions) > 1 and sum(len(one.opcodes) for one in functions) > self._largest:
            return [], f"the pack's order: a unit of more than {self._largest:,} instructions"
        odds, said = {}, ""
        if self._model:
            odds, said = self._model.odds(worker, bitcode, lists)
            said = f"; the model {said}"
        trust = trust_of(odds, ranker.keys) if odds else None
        if len(functions) < 2:
            order, _ = ranker.order(describe(worker, bitcode), trust)
            return [ranker.keys[place] for place in order], f"trees on the whole module{said}"
        longest = sorted(functions, key=lambda one: -len(one.opcodes))[: self._functions]
        values = [describe(worker, one.bitcode) for one in longest]
        order = ranker.order_together(values, list(map(bytes_of, values)), trust)
        keys = [ranker.keys[place] for place in order]
        return keys, f"trees on {len(longest)} of {len(functions)} functions{said}"
