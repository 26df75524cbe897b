"""Retrieval: the lists that did best on the training functions with the most similar features."""

from __future__ import annotations

import numpy as np

from ozma.evaluate.clock import timed
from ozma.evaluate.cover import best_alone, cover_order
from ozma.evaluate.feature_store import Features
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

_LEAST_SPREAD = 0.1


class Nearest:
    """k-nearest neighbours on standardized logarithms of counts, weighted by 1 / distance; lists in
    the order in which they cover the neighbours (cover.py)."""

    name = "nearest"

    def __init__(self, train: DenseTable, features: Features, neighbours: int = 100) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours is {neighbours}: give 1 or more")
        self.version = digest_of(training_digest(train), neighbours)
        self._lists, self._neighbours = train.lists, neighbours
        self._relative_nl = train.relative_nl()
        self._byte_n = train.base_n.astype(np.float64)
        scaled_nf = _logarithms(features.values_nf)
        self._mean_f, spread_f = scaled_nf.mean(axis=0), scaled_nf.std(axis=0)
        self._scale_f = np.where(spread_f > 0, 1 / np.maximum(spread_f, _LEAST_SPREAD), 0.0)
        self._place_nf = self._placed(scaled_nf)

    def rank(self, module: Module) -> Ranking:
        (order, alone), seconds = timed(lambda: self._ranked(module.features))
        return learnt_ranking(self._lists, order, alone, seconds + module.feature_seconds)

    def _placed(self, scaled: np.ndarray) -> np.ndarray:
        return ((scaled - self._mean_f) * self._scale_f).astype(np.float32)

    def _ranked(self, features_f: np.ndarray) -> tuple[np.ndarray, int]:
        away_nf = self._place_nf - self._placed(_logarithms(features_f))
        distance_n = np.einsum("nf,nf->n", away_nf, away_nf)
        count = min(self._neighbours, len(distance_n))
        near = np.argpartition(distance_n, count - 1)[:count]
        distance = np.sqrt(distance_n[near])
        weight = 1 / (distance + 0.03 * distance.mean() + 1e-3)
        relative_nl, byte_n = self._relative_nl[near], self._byte_n[near]
        clipped_nl = np.clip(relative_nl, -CAP, CAP)
        order = cover_order(clipped_nl, weight * np.sqrt(byte_n), COVERED)
        return order, best_alone(relative_nl, weight * byte_n)


def _logarithms(features: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(features, 0))
