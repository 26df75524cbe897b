"""Which policies a run compares, made from their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ozma.corpus.split import TRAIN
from ozma.errors import OzmaError
from ozma.evaluate.feature_store import Features
from ozma.evaluate.nearest import Nearest
from ozma.evaluate.policies import (
    Completed,
    Oracle,
    Policy,
    RandomLists,
    Shuffled,
    coreset_policy,
    frequency_policy,
    static_policy,
)
from ozma.evaluate.ranker import TreeRanker
from ozma.evaluate.table import DenseTable
from ozma.labels.subjects import KINDS
from ozma.llvm import Toolchain
from ozma.llvm.pipelines import catalogue_of

if TYPE_CHECKING:
    from ozma.evaluate.model_policy import ModelPolicy

POLICIES = (
    "static", "frequency", "coreset", "shuffled", "random", "nearest", "ranker", "oracle",
)  # fmt: skip
DEFAULT = tuple(name for name in POLICIES if name != "random")
WITH_FEATURES = frozenset(("nearest", "ranker"))
_LEARN = ("frequency", "coreset", "nearest", "ranker")
_ENOUGH = 200
LEAST = 30
"""IR instructions of what the policies with features learn from: smaller training functions were
47 % of all and held 2 % of what can be saved."""


@dataclass(frozen=True)
class Choice:
    """`policies` by name, `models` folders with `methods` to ask them; `kinds` of modules;
    `modules` of each kind at most; `random` lists drawn for each; `split` is what is measured."""

    policies: tuple[str, ...] = DEFAULT
    models: tuple[Path, ...] = ()
    methods: tuple[str, ...] = ("pack",)
    kinds: tuple[str, ...] = KINDS
    modules: int | None = None
    random: int = 10
    answers: int = 10
    split: str = "test"

    def __post_init__(self) -> None:
        for name in self.policies:
            if name not in POLICIES:
                raise ValueError(f"policies holds '{name}': give any of {', '.join(POLICIES)}")
        for name in ("modules", "random", "answers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: it must be at least 1")

    @property
    def need_features(self) -> bool:
        return bool(WITH_FEATURES.intersection(self.policies))


def training_rows(table: DenseTable, kind: str) -> np.ndarray:
    """Training modules to learn from for `kind`: its own where there are enough, else all."""
    training = (table.split_n == TRAIN) & (table.base_n > 0)
    own = training & (table.kind_n == kind)
    rows = np.flatnonzero(own if own.sum() >= _ENOUGH else training)
    if not len(rows):
        raise OzmaError(f"no training labels in {table.name}", hint="label the train split too")
    return rows


def large_rows(table: DenseTable, rows: np.ndarray) -> np.ndarray:
    """Those of at least LEAST instructions where there are enough, else all."""
    large = rows[table.instructions_n[rows] >= LEAST]
    return large if len(large) >= _ENOUGH else rows


@dataclass(frozen=True)
class Lessons:
    """What policies learn from: training modules, the `large` ones among them, and these ones'
    features where the policies want them."""

    train: DenseTable
    large: DenseTable
    features: Features | None


def make_policies(
    choice: Choice, kind: str, table: DenseTable, lessons: Lessons, toolchain: Toolchain
) -> Sequence[Policy]:
    """The policies of `choice` for modules of one kind, measured with `table`; what learns, learns
    here. Lists that `lessons` do not know come last."""
    makers = {
        "static": lambda: static_policy(table),
        "frequency": lambda: frequency_policy(lessons.train),
        "coreset": lambda: coreset_policy(lessons.train),
        "shuffled": lambda: Shuffled(table.lists),
        "random": lambda: RandomLists(catalogue_of(toolchain), choice.random),
        "nearest": lambda: Nearest(lessons.large, lessons.features),
        "ranker": lambda: TreeRanker(lessons.large, lessons.features),
        "oracle": lambda: Oracle(table.of(kind=kind)),
    }
    made = {name: makers[name]() for name in choice.policies}
    models = _models(choice, table, toolchain)
    hybrids = _hybrids(made.get("ranker"), models)
    learnt = [made.pop(name) for name in _LEARN if name in made] + hybrids
    if lessons.train.lists != table.lists:
        learnt = [Completed(one, table.lists) for one in learnt]
    return [*made.values(), *models, *learnt]


def _models(choice: Choice, table: DenseTable, toolchain: Toolchain) -> list[ModelPolicy]:
    if not choice.models:
        return []
    from ozma.evaluate.model_policy import load_model_policy

    return [
        load_model_policy(folder, table.lists, toolchain, method, choice.answers)
        for folder in choice.models
        for method in choice.methods
    ]


def _hybrids(trees: TreeRanker | None, models: Sequence[ModelPolicy]) -> list[Policy]:
    """Of the trees, where they are compared, with each model that ranks the pack's lists."""
    if trees is None or not models:
        return []
    from ozma.evaluate.hybrid_policy import HybridPolicy

    return [
        HybridPolicy(trees, one.ranker, one.name.removeprefix("model "), one.version)
        for one in models
        if one.ranks_all
    ]
