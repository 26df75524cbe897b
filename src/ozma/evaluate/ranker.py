"""Trees on IR features: the rival that a language model must beat, and what `--rank trees` ships.

A forest of randomized trees (Geurts, Ernst and Wehenkel 2006) predicts what every list saves. What
is used of it is not the mean but the training modules that fall into the same leaves
(optimize/ranker): greedy cover over these gives a list for each of k compiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.evaluate.clock import timed
from ozma.evaluate.feature_store import Features
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import Ranking, digest_of, learnt_ranking, training_digest
from ozma.evaluate.table import DenseTable
from ozma.optimize.ranker.forest import Forest
from ozma.optimize.ranker.keys import list_key
from ozma.optimize.ranker.ranker import Ranker


@dataclass(frozen=True)
class RankerConfig:
    """`trees` with leaves of at least `leaf` training modules, splits chosen among a share
    `features` of all features; savings count from 0 (clang's object is the backup) to `cap`,
    modules weigh bytes ** `weight`. The trees predict the first `components` principal components
    of what the lists save."""

    trees: int = 40
    leaf: int = 10
    features: float = 0.2
    components: int = 16
    cap: float = 0.2
    weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("trees", "leaf", "features", "components", "cap"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")


def fit_ranker(
    train: DenseTable, features_nf: np.ndarray, config: RankerConfig = RankerConfig()
) -> Ranker:
    """Trained on these modules (n, described_names()). OzmaError without scikit-learn."""
    relative_nl, byte_n = train.relative_nl(), train.base_n.astype(np.float64)
    weight_n = byte_n**config.weight
    target_nc = _components(np.clip(relative_nl, 0, config.cap), weight_n, config.components)
    forest = Forest.fitted(_fitted(features_nf, target_nc, weight_n, config), features_nf)
    keys = tuple(map(list_key, train.lists))
    return Ranker(forest, keys, relative_nl, byte_n, config.cap, config.weight)


class TreeRanker:
    """A policy: the ranker trained on the dense labels of the training group."""

    name = "ranker"

    def __init__(
        self, train: DenseTable, features: Features, config: RankerConfig = RankerConfig()
    ) -> None:
        self.version = digest_of(training_digest(train), config)
        self.lists = train.lists
        self.ranker = fit_ranker(train, features.values_nf, config)

    def rank(self, module: Module) -> Ranking:
        (order, alone), seconds = timed(lambda: self.ranker.order(module.features))
        return learnt_ranking(self.lists, order, alone, seconds + module.feature_seconds)


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
