"""Caches of a shared prompt and of the answers to it, and attention to both.

Letters in shapes as in `torch_llama`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ozma.model.generate.backend import State
from ozma.model.generate.optional import required

torch = required("torch", "pip install torch")
F = torch.nn.functional
Tensor = Any

FIRST_ROOM = 32
"""Answer tokens for which a state has room at first; it doubles when they are used up."""


@dataclass(eq=False)
class Prompt:
    """Cache of a prompt: `keys` and `values` (layers, H, P, D)."""

    keys: Tensor
    values: Tensor

    @property
    def length(self) -> int:
        return self.keys.shape[2]


class TorchState(State):
    """`keys` and `values` (layers, n, H, T, D) of the answers; `lengths` (n,) are filled."""

    def __init__(
        self,
        owners: list[Prompt],
        keys: Tensor,
        values: Tensor,
        lengths: np.ndarray,
        logits: np.ndarray,
    ) -> None:
        self.owners, self.keys, self.values = owners, keys, values
        self.lengths, self.logits = lengths, logits

    @property
    def positions(self) -> np.ndarray:
        return np.array([owner.length for owner in self.owners]) + self.lengths


def grown(cache: Tensor, room: int) -> Tensor:
    """(layers, n, H, room, D), zero where it is new."""
    return F.pad(cache, (0, 0, 0, room - cache.shape[3]))


def two_parts(
    query: Tensor, prompt_keys: Tensor, prompt_values: Tensor, answer: Tensor, values: Tensor
) -> Tensor:
    """(n, H, m * G, D): attention to a prompt that all rows share and to each row's own answer."""
    rows, heads, new, width = query.shape
    together = query.transpose(0, 1).reshape(heads, rows * new, width)
    look = (together @ prompt_keys.transpose(1, 2)).float()
    look = look.unflatten(1, (rows, new)).transpose(0, 1)
    weights = torch.cat([look, answer], -1).softmax(-1).to(query.dtype)
    before = weights[..., : look.shape[-1]].transpose(0, 1).reshape(heads, rows * new, -1)
    seen = (before @ prompt_values).unflatten(1, (rows, new)).transpose(0, 1)
    return seen + weights[..., look.shape[-1] :] @ values
