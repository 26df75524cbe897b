"""AdamW as in the paper, or Muon for the matrices of layers with AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ozma.model.training.recipes import Recipe


class Optimizers:
    """One or two torch optimizers as one; each group knows its peak rate."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        matrices = [p for name, p in model.named_parameters() if _is_matrix(name, p)]
        others = [p for name, p in model.named_parameters() if not _is_matrix(name, p)]
        if recipe.optimizer == "muon":
            muon = torch.optim.Muon(
                matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, momentum=0.95,
                nesterov=True,
            )  # fmt: skip
            self.all = [muon, _adamw(others, recipe)]
        else:
            self.all = [_adamw(matrices + others, recipe)]
        self._peaks = [[group["lr"] for group in one.param_groups] for one in self.all]

    def step(self, factor: float) -> None:
        """Moves the weights with `factor` of the peak rates, and forgets the gradients."""
        for one, peaks in zip(self.all, self._peaks, strict=True):
            for group, peak in zip(one.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            one.step()
        self.zero()

    def zero(self) -> None:
        for one in self.all:
            one.zero_grad(set_to_none=True)


def _is_matrix(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and ".layers." in name


def _adamw(parameters: Iterable[Tensor], recipe: Recipe) -> torch.optim.AdamW:
    """Vectors (the norms) do not decay."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(recipe.beta1, recipe.beta2))
