"""The loss of a choice between known lists, when the size under each of them is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHARED, ANY, BYTES = "shared", "any", "bytes"
CHOICES = (SHARED, ANY, BYTES)


@dataclass(frozen=True)
class Choice:
    """M choices between L lists, which are L tokens from `first` on.

    `table_ML` holds the weights of the lists ("shared": they sum to 1; "any": the best has 1), or
    for "bytes" what each costs beside the best. Calling it gives `weight` x the sum of the losses:

    shared  cross-entropy with the weights
    any     -log of the sum of weight x probability: that one good list is likely is enough
    bytes   the expected cost of the cheapest of `tries` lists drawn from what the model says
    """

    kind: str
    places_M: Tensor
    table_ML: Tensor
    first: int
    weight: float
    tries: int = 1

    def __call__(self, hidden_TD: Tensor, head_VD: Tensor) -> Tensor:
        """Of the last hidden states and the head, float32; the lists' share of all tokens, too,
        is to be 1."""
        logits_MV = (hidden_TD[self.places_M] @ head_VD.T).float()
        lists = slice(self.first, self.first + self.table_ML.shape[1])
        logs_ML = logits_MV.log_softmax(1)[:, lists]
        return self.weight * self._losses(logs_ML).sum()

    def _losses(self, logs_ML: Tensor) -> Tensor:
        if self.kind == SHARED:
            return -(self.table_ML * logs_ML).sum(1)
        if self.kind == ANY:
            return -(logs_ML + self.table_ML.clamp(min=1e-9).log()).logsumexp(1)
        return cheapest(logs_ML.softmax(1), self.table_ML, self.tries) - logs_ML.logsumexp(1)


def cheapest(odds_ML: Tensor, costs_ML: Tensor, tries: int) -> Tensor:
    """(M,) expected cost of the cheapest of `tries` independent draws.

    The sum over costs c, falling, of the step to the next lower cost times the chance that all
    draws cost at least c.
    """
    costs, order = costs_ML.sort(1, descending=True)
    steps = costs - torch.cat((costs[:, 1:], torch.zeros_like(costs[:, :1])), 1)
    at_least = odds_ML.gather(1, order).cumsum(1).clamp(max=1.0)
    return (steps * at_least**tries).sum(1)
