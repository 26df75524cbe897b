"""Retrieval: the lists that did best on the training functions with the most similar features."""

from __future__ import annotations

import numpy as np

from ozma.evaluate.clock import timed
from ozma.evaluate.cover import best_alone, cover_order
from ozma.evaluate.feature_store import Features
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import CAP, COVERED, OWN, Ranking, digest_of, training_digest
from ozma.evaluate.table import DenseTable

MEAN, COVER = "mean", "cover"
_LEAST_SPREAD = 0.1


class Nearest:
    """k-nearest neighbours on standardized logarithms of counts, weighted by 1 / distance.

    `order`: "mean" sorts lists by what they save on the neighbours on average; "cover" takes next
    what adds most to those before it (cover.py).
    """

    def __init__(
        self, train: DenseTable, features: Features, neighbours: int = 100, order: str = COVER
    ) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours is {neighbours}: give 1 or more")
        if order not in (MEAN, COVER):
            raise ValueError(f"order is '{order}': give {MEAN} or {COVER}")
        self.name = "nearest" if order == COVER else "nearest mean"
        self.version = digest_of(training_digest(train), neighbours, order)
        self._lists, self._neighbours, self._order = train.lists, neighbours, order
        self._saved_nl = np.clip(train.relative_nl(), -CAP, CAP)
        self._weight_n = np.sqrt(train.base_n.astype(np.float64))
        scaled_nf = _logarithms(features.values_nf)
        self._mean_f, spread_f = scaled_nf.mean(axis=0), scaled_nf.std(axis=0)
        self._scale_f = np.where(spread_f > 0, 1 / np.maximum(spread_f, _LEAST_SPREAD), 0.0)
        self._place_nf = self._placed(scaled_nf)

    def rank(self, module: Module) -> Ranking:
        (order, alone), seconds = timed(lambda: self._ranked(module.features))
        lists = [self._lists[index] for index in order]
        return Ranking(lists, seconds + module.feature_seconds, self._lists[alone] if alone >= 0 else OWN)

    def _placed(self, scaled: np.ndarray) -> np.ndarray:
        return ((scaled - self._mean_f) * self._scale_f).astype(np.float32)

    def _ranked(self, features_f: np.ndarray) -> tuple[np.ndarray, int]:
        away_nf = self._place_nf - self._placed(_logarithms(features_f))
        distance_n = np.einsum("nf,nf->n", away_nf, away_nf)
        count = min(self._neighbours, len(distance_n))
        near = np.argpartition(distance_n, count - 1)[:count]
        distance = np.sqrt(distance_n[near])
        weight = self._weight_n[near] / (distance + 0.03 * distance.mean() + 1e-3)
        saved = self._saved_nl[near]
        if self._order == MEAN:
            return np.argsort(-(weight @ saved), kind="stable"), best_alone(saved, weight)
        return cover_order(saved, weight, COVERED), best_alone(saved, weight)


def _logarithms(features: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(features, 0))
