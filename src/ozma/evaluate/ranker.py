"""Trees on IR features: the rival that a language model must beat, and a fallback without one.

A forest of randomized trees (Geurts, Ernst and Wehenkel 2006) predicts what every list saves. What
is used of it is not the mean but the training modules that fall into the same leaves: greedy cover
over these, by how often they do, gives a list for each of k compiles that adds to those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.evaluate.clock import timed
from ozma.evaluate.cover import best_alone, cover_order
from ozma.evaluate.feature_store import Features
from ozma.evaluate.forest import Forest
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import (
    CAP,
    COVERED,
    Ranking,
    digest_of,
    learnt_ranking,
    training_digest,
)
from ozma.evaluate.table import DenseTable


@dataclass(frozen=True)
class RankerConfig:
    """`trees` with leaves of at least `leaf` training modules, splits chosen among a share
    `features` of all features; savings are clipped at `cap`, modules weigh bytes ** `weight`. The
    trees predict the first `components` principal components of what the lists save."""

    trees: int = 100
    leaf: int = 10
    features: float = 0.33
    components: int = 16
    cap: float = CAP
    weight: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("trees", "leaf", "features", "components", "cap"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")


class TreeRanker:
    """Trained on the dense labels of the training group."""

    name = "ranker"

    def __init__(
        self, train: DenseTable, features: Features, config: RankerConfig = RankerConfig()
    ) -> None:
        self.version = digest_of(training_digest(train), config)
        self._lists = train.lists
        self._relative_nl, self._cap = train.relative_nl(), config.cap
        self._byte_n = train.base_n.astype(np.float64)
        self._weight_n = self._byte_n**config.weight
        clipped_nl = np.clip(self._relative_nl, -config.cap, config.cap)
        target_nc = _components(clipped_nl, self._weight_n, config.components)
        trees = _fitted(features.values_nf, target_nc, self._weight_n, config)
        self._forest = Forest(trees, features.values_nf)

    def rank(self, module: Module) -> Ranking:
        (order, alone), seconds = timed(lambda: self._ranked(module.features))
        return learnt_ranking(self._lists, order, alone, seconds + module.feature_seconds)

    def _ranked(self, features_f: np.ndarray) -> tuple[np.ndarray, int]:
        rows, share = self._forest.companions(features_f)
        relative_nl = self._relative_nl[rows]
        clipped_nl = np.clip(relative_nl, -self._cap, self._cap)
        order = cover_order(clipped_nl, share * self._weight_n[rows], COVERED)
        return order, best_alone(relative_nl, share * self._byte_n[rows])


def _components(saved_nl: np.ndarray, weight_n: np.ndarray, count: int) -> np.ndarray:
    """The modules on the main axes of what lists save, (n, c): six times fewer targets."""
    centred_nl = saved_nl - np.average(saved_nl, axis=0, weights=weight_n)
    covariance_ll = (centred_nl * weight_n[:, None]).T @ centred_nl
    _, axes_lc = np.linalg.eigh(covariance_ll)
    return centred_nl @ axes_lc[:, -count:]


def _fitted(
    features_nf: np.ndarray, target_nc: np.ndarray, weight_n: np.ndarray, config: RankerConfig
) -> Iterator[Any]:
    """Trees, one at a time: their predictions, which nobody needs, would fill the memory."""
    try:
        from sklearn.tree import ExtraTreeRegressor
    except ImportError as error:
        raise OzmaError(
            "the ranker needs scikit-learn", hint="install it: pip install 'ozma[evaluate]'"
        ) from error
    for number in range(config.trees):
        tree = ExtraTreeRegressor(
            min_samples_leaf=config.leaf, max_features=config.features,
            random_state=config.seed + number,
        )  # fmt: skip
        yield tree.fit(features_nf, target_nc, sample_weight=weight_n).tree_
