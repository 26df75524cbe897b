"""What a tokenizer's splitting is worth to a model: bits of unseen text under two of them.

For `tokenizer.py rules`.
"""

from __future__ import annotations

import math
import time


def ngram_bits(training: list[int], held: list[int], order: int, vocabulary: int) -> float:
    """Bits of `held` under an n-gram model (Witten-Bell) with contexts of up to `order` tokens.

    The order of each tokenizer is such that the context has equally many characters.
    """
    import numpy as np

    learned, test = (np.array(ids, np.uint64) for ids in (training, held))
    chance = np.full(len(test), 1 / vocabulary)
    before = [np.zeros(len(ids), np.uint64) for ids in (learned, test)]  # hash of the context
    for size in range(order + 1):
        if size:
            before = [_longer(context, ids, size) for context, ids in zip(before, (learned, test), strict=True)]
        grams = [context * np.uint64(_MIX) ^ (ids + np.uint64(1)) * np.uint64(_MIX2) for context, ids in zip(before, (learned, test), strict=True)]
        unique, first, counts = np.unique(grams[0], return_index=True, return_counts=True)
        contexts, place = np.unique(before[0][first], return_inverse=True)
        kinds, total = np.bincount(place), np.bincount(place, weights=counts)
        seen = _found(unique, counts, grams[1])
        followed, together = _found(contexts, kinds, before[1]), _found(contexts, total, before[1])
        known = together > 0
        chance[known] = (seen[known] + followed[known] * chance[known]) / (together + followed)[known]
    return float(-np.log2(chance).sum())


_MIX, _MIX2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F


def _longer(context, ids, size: int):
    """Hashes of the contexts with one token more, the one `size` places back."""
    import numpy as np

    older = np.zeros_like(ids)
    older[size:] = ids[:-size] + np.uint64(1)
    return (context ^ older * np.uint64(_MIX2 + 2 * size)) * np.uint64(_MIX) >> np.uint64(1)


def _found(keys, values, wanted):
    """values of the keys that equal `wanted`; 0 where there is none."""
    import numpy as np

    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def judge(vocabulary: int, training: list[int], held: list[int], seconds: float) -> tuple[float, int]:
    """(bits of `held` under a small transformer trained for `seconds`, its steps)."""
    if not seconds:
        return math.nan, 0
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    ids, model = torch.tensor(training), _network(vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    started, steps = time.process_time(), 0
    while (spent := time.process_time() - started) < seconds:
        starts = torch.randint(len(ids) - 257, (8,)).tolist()
        batch = torch.stack([ids[start : start + 257] for start in starts])
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, steps / 30) * (1 - 0.9 * spent / seconds)
        loss = model(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    with torch.no_grad():
        parts = [held[start : start + 257] for start in range(0, len(held) - 1, 256)]
        nats = sum(model(torch.tensor([part])).item() * (len(part) - 1) for part in parts if len(part) > 1)
    return nats / math.log(2), steps


def _network(vocabulary: int):
    """Two layers, 128 wide, window of 256 tokens; called on ids (batch, 257) it gives the loss."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, 128), nn.Embedding(256, 128)
            layer = nn.TransformerEncoderLayer(128, 4, 384, 0.0, "gelu", batch_first=True, norm_first=True)
            self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(128), enable_nested_tensor=False)
            nn.init.normal_(self.tokens.weight, std=0.05)
            self.mask = nn.Transformer.generate_square_subsequent_mask(256)

        def forward(self, ids):
            size = ids.shape[1] - 1
            x = self.tokens(ids[:, :-1]) + self.places.weight[:size]
            with torch.autocast("cpu", torch.bfloat16):
                x = self.layers(x, self.mask[:size, :size], is_causal=True)
                scores = x @ self.tokens.weight.T
            return nn.functional.cross_entropy(scores.flatten(0, 1).float(), ids[:, 1:].flatten())

    return Network()
