"""Retrieval: the lists that did best on the training functions with the most similar features."""

from __future__ import annotations

import numpy as np

from ozma.evaluate.clock import timed
from ozma.evaluate.feature_store import Features
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import Ranking, digest_of, learnt_ranking, training_digest
from ozma.evaluate.table import DenseTable
from ozma.optimize.ranker.cover import best_alone, cover_order
from ozma.optimize.ranker.ranker import COVERED

_LEAST_SPREAD, _FURTHEST = 0.1, 6.0
_CAP, _SCALE, _WEIGHT = 0.2, 3.0, 0.75


class Nearest:
    """k-nearest neighbours on standardized logarithms of counts, weighted by exp(-3 distance / mean
    distance of the nearest 50) and bytes ** 0.75; lists in the order in which they cover the
    neighbours (cover.py)."""

    name = "nearest"

    def __init__(self, train: DenseTable, features: Features, neighbours: int = 200) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours is {neighbours}: give 1 or more")
        self.version = digest_of(training_digest(train), neighbours, _CAP, _SCALE, _WEIGHT)
        self._lists, self._neighbours = train.lists, neighbours
        self._relative_nl = train.relative_nl()
        self._weight_n = train.base_n.astype(np.float64) ** _WEIGHT
        scaled_nf = _logarithms(features.values_nf)
        self._mean_f, spread_f = scaled_nf.mean(axis=0), scaled_nf.std(axis=0)
        self._scale_f = np.where(spread_f > 0, 1 / np.maximum(spread_f, _LEAST_SPREAD), 0.0)
        self._place_nf = self._placed(scaled_nf)

    def rank(self, module: Module) -> Ranking:
        (order, alone), seconds = timed(lambda: self._ranked(module.features))
        return learnt_ranking(self._lists, order, alone, seconds + module.feature_seconds)

    def _placed(self, scaled: np.ndarray) -> np.ndarray:
        placed = (scaled - self._mean_f) * self._scale_f
        return np.clip(placed, -_FURTHEST, _FURTHEST).astype(np.float32)

    def _ranked(self, features_f: np.ndarray) -> tuple[np.ndarray, int]:
        away_nf = self._place_nf - self._placed(_logarithms(features_f))
        distance_n = np.sqrt(np.einsum("nf,nf->n", away_nf, away_nf))
        count = min(self._neighbours, len(distance_n))
        near = np.argpartition(distance_n, count - 1)[:count]
        distance = distance_n[near]
        local = np.sort(distance)[:50].mean() + 1e-3
        weight = np.exp(-_SCALE * distance / local) * self._weight_n[near]
        relative_nl = self._relative_nl[near]
        order = cover_order(np.clip(relative_nl, 0, _CAP), weight, COVERED)
        return order, best_alone(relative_nl, weight)


def _logarithms(features: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(features, 0))
