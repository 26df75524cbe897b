"""Cross-entropy of a large vocabulary without ever holding all of its logits."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 1024
"""Tokens at once: their float32 logits stay in the cache, and 16,384 tokens need no gigabyte."""


def weighted_loss(
    hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, weights_N: Tensor
) -> Tensor:
    """Sum of weight x cross-entropy in nats, float32, of N predictions; differentiable in the
    first two. Logits are float32 whatever the inputs are."""
    return _WeightedLoss.apply(hidden_ND, head_VD, targets_N, weights_N)


class _WeightedLoss(torch.autograd.Function):
    """Gradients are made in the forward pass, chunk by chunk, while the logits are at hand."""

    @staticmethod
    def forward(
        ctx, hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, weights_N: Tensor
    ) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        to_hidden = torch.empty_like(hidden_ND)
        to_head = torch.zeros_like(head_VD, dtype=torch.float32)
        for start in range(0, len(hidden_ND), _CHUNK):
            part = slice(start, start + _CHUNK)
            logits = (hidden_ND[part] @ head_VD.T).float()
            loss, slope = _chunk(logits, targets_N[part], weights_N[part].float())
            total += loss
            if not ctx.needs_input_grad[0]:
                continue
            slope = slope.to(hidden_ND.dtype)
            to_hidden[part] = slope @ head_VD
            to_head += slope.T @ hidden_ND[part]
        ctx.save_for_backward(to_hidden, to_head.to(head_VD.dtype))
        return total

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor, Tensor, None, None]:
        to_hidden, to_head = ctx.saved_tensors
        return to_hidden * slope.to(to_hidden), to_head * slope.to(to_head), None, None


def _chunk(logits_NV: Tensor, targets_N: Tensor, weights_N: Tensor) -> tuple[Tensor, Tensor]:
    """(loss, its derivative by the logits); the derivative takes the place of the logits."""
    norms_N = logits_NV.logsumexp(1)
    at_target_N = logits_NV.gather(1, targets_N[:, None])[:, 0]
    loss = ((norms_N - at_target_N) * weights_N).sum()
    slope_NV = logits_NV.sub_(norms_N[:, None]).exp_()
    rows = torch.arange(len(targets_N), device=targets_N.device)
    slope_NV[rows, targets_N] -= 1
    return loss, slope_NV.mul_(weights_N[:, None])
