"""Trees and a language model together, as `ozma optimize --rank hybrid` orders lists."""

from __future__ import annotations

from ozma.evaluate.clock import timed
from ozma.evaluate.model_policy import ListRanker, text_for
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import Ranking, digest_of, learnt_ranking
from ozma.evaluate.ranker import TreeRanker
from ozma.optimize.ranker.keys import TRUST, trust_of


class HybridPolicy:
    """What the trees say that a list adds, times the model's odds ** TRUST; the trees alone where
    the model cannot be asked."""

    def __init__(self, trees: TreeRanker, model: ListRanker, name: str, version: str) -> None:
        """`name` and `version` are the model's."""
        self.name = f"hybrid {name}"
        self.version = digest_of(trees.version, version, TRUST)
        self._trees, self._model = trees, model

    def rank(self, module: Module) -> Ranking:
        text = text_for(self._model, module)
        (order, alone), seconds = timed(lambda: self._ordered(module, text))
        return learnt_ranking(self._trees.lists, order, alone, seconds + module.feature_seconds)

    def _ordered(self, module: Module, text: str):
        ranker = self._trees.ranker
        odds = dict(self._model.rank(text))
        return ranker.order(module.features, trust_of(odds, ranker.keys) if odds else None)
