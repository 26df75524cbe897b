"""Policies: each gives for a module an order of pass lists to try, and says what that cost.

Here are the ones that look at no code: fixed orders, chance, and the references. Others are in
nearest.py, ranker.py and model_policy.py.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ozma.evaluate.clock import timed
from ozma.evaluate.modules import Module
from ozma.evaluate.table import DenseTable
from ozma.labels.emulation import draw
from ozma.labels.flags import MISSING
from ozma.optimize.ranker.cover import cover_order
from ozma.passes import Catalogue

OWN = "clang -Oz"
"""Stands for clang's own pipeline as an answer."""
CAP = 0.05
"""Shares saved count up to here when an order is learnt (LOG.md, 'order of the pack')."""


@dataclass(frozen=True)
class Ranking:
    """Lists in the order in which to try them beside clang's own, and the processor seconds that
    choosing took. `alone` is the one answer to give where clang's object is not made too: it may be
    `OWN`; None for the first list."""

    lists: Sequence[str]
    seconds: float = 0.0
    alone: str | None = None


class Policy(Protocol):
    """`name` stands in the tables; `version` names all that its answers depend on."""

    name: str
    version: str

    def rank(self, module: Module) -> Ranking:
        """For one module of the test group. Never looks at that module's labels."""


@dataclass(frozen=True)
class FixedOrder:
    """The same lists for every module: no time is spent on choosing."""

    name: str
    lists: tuple[str, ...]

    @property
    def version(self) -> str:
        return digest_of(*self.lists)

    def rank(self, module: Module) -> Ranking:
        return Ranking(self.lists)


@dataclass(frozen=True)
class Shuffled:
    """The pack's lists in an order drawn for each module."""

    lists: tuple[str, ...]
    seed: int = 0
    name: str = "shuffled"

    @property
    def version(self) -> str:
        return digest_of(self.seed, *self.lists)

    def rank(self, module: Module) -> Ranking:
        order = list(self.lists)
        random.Random(f"{self.seed}:{module.hash}").shuffle(order)
        return Ranking(order)


@dataclass(frozen=True)
class RandomLists:
    """Flat lists of 1 to 50 passes, as the paper's autotuner draws them; measured live."""

    catalogue: Catalogue
    count: int
    seed: int = 0
    name: str = "random"

    @property
    def version(self) -> str:
        return digest_of(self.seed, self.count, *(info.name for info in self.catalogue.candidates))

    def rank(self, module: Module) -> Ranking:
        drawn, seconds = timed(lambda: [self._draw(module, 2 * i) for i in range(self.count)])
        return Ranking(list(dict.fromkeys(drawn)), seconds)

    def _draw(self, module: Module, index: int) -> str:
        """Even numbers are flat lists (labels/emulation.py)."""
        return draw(module.hash, self.seed, index, self.catalogue).passes


class Oracle:
    """The lists of the pack by what they really give: a bound, not a policy."""

    name = "oracle"

    def __init__(self, table: DenseTable) -> None:
        self._table = table
        self._rows = {key: row for row, key in enumerate(_keys(table))}
        self.version = digest_of(table.name)

    def rank(self, module: Module) -> Ranking:
        totals = self._table.totals_nl[self._rows[module.kind, module.hash]]
        sizes = np.where(totals == MISSING, np.iinfo(np.int32).max, totals)
        order = np.argsort(sizes, kind="stable")
        return Ranking([self._table.lists[index] for index in order])


def _keys(table: DenseTable) -> list[tuple[str, str]]:
    return list(zip(table.kind_n.tolist(), table.hash_n.tolist(), strict=True))


@dataclass(frozen=True)
class Completed:
    """A policy that learnt about some lists only: the others of `lists` follow in their order, as
    in `ozma optimize`."""

    policy: Policy
    lists: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def version(self) -> str:
        return digest_of(self.policy.version, *self.lists)

    def rank(self, module: Module) -> Ranking:
        ranking = self.policy.rank(module)
        known = set(ranking.lists)
        rest = [passes for passes in self.lists if passes not in known]
        return replace(ranking, lists=[*ranking.lists, *rest])


def static_policy(table: DenseTable) -> FixedOrder:
    """The pack in the order in which it is shipped."""
    return FixedOrder("static", table.lists)


def frequency_policy(train: DenseTable) -> FixedOrder:
    """Lists by on how many training modules they are best; a tie counts for the first."""
    relative_nl = train.relative_nl()
    best_n = np.argmax(relative_nl, axis=1)[relative_nl.max(axis=1) > 0]
    counts = np.bincount(best_n, minlength=len(train.lists))
    return _fixed("frequency", train, np.argsort(-counts, kind="stable"))


def coreset_policy(train: DenseTable) -> FixedOrder:
    """Greedy cover of the training modules by capped shares."""
    return _fixed("coreset", train, cover_order(np.minimum(train.relative_nl(), CAP)))


def _fixed(name: str, table: DenseTable, order: np.ndarray) -> FixedOrder:
    return FixedOrder(name, tuple(table.lists[index] for index in order))


def learnt_ranking(lists: Sequence[str], order: np.ndarray, alone: int, seconds: float) -> Ranking:
    """`order` and `alone` are places in `lists`; an `alone` below 0 is clang's own."""
    ranked = [lists[index] for index in order]
    return Ranking(ranked, seconds, lists[alone] if alone >= 0 else OWN)


def digest_of(*facts: object) -> str:
    """A short name of everything that an answer depends on."""
    text = "\n".join(map(str, facts))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def training_digest(train: DenseTable) -> str:
    """Changes with the modules that a policy was trained on."""
    return digest_of(train.name, *sorted(train.hash_n.tolist()))
