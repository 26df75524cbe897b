"""The caches of `cached_state` in torch, and attention to a prompt and its answers together.

Letters in shapes as in `torch_llama`.
"""

from __future__ import annotations

from typing import Any

from ozma.model.generate.cached_state import CachedState
from ozma.model.generate.optional import required

torch = required("torch", "pip install torch")
F = torch.nn.functional
Tensor = Any


class TorchState(CachedState):
    """On the device and in the type of the weights."""

    @staticmethod
    def _grown(array: Tensor, room: int) -> Tensor:
        return F.pad(array, (0, 0, 0, room - array.shape[3]))

    @staticmethod
    def _concatenated(arrays: list[Tensor]) -> Tensor:
        return torch.cat(arrays, 1)


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
