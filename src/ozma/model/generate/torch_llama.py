"""Llama in torch with a shared prompt cache, for graphics cards and for what NumPy is too slow for.

Letters in shapes: n rows, m new tokens in each, d width, H key-value heads, G query heads of each,
D head width, P prompt tokens, T answer tokens, V vocabulary. The same maths as `numpy_llama`, in
any float type; scores and logits are float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ozma.model.config import LlamaConfig
from ozma.model.generate.cached_llama import CachedLlama, NewTokens
from ozma.model.generate.cached_state import Prompt
from ozma.model.generate.loading import read_model
from ozma.model.generate.optional import required
from ozma.model.generate.torch_cache import Tensor, TorchState, two_parts

torch = required("torch", "pip install torch")
F = torch.nn.functional

CHUNK = 1024
"""Prompt tokens encoded at once."""


class TorchLlama(CachedLlama):
    """`device` and `dtype` are torch's names ("cuda", "bfloat16"). Runs without gradients."""

    name = "torch"

    def __init__(
        self,
        config: LlamaConfig,
        weights: Mapping[str, Any],
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        super().__init__(config)
        self.tolerance = 1e-4 if dtype == "float32" else 0.1
        self._like = torch.empty(0, device=device, dtype=getattr(torch, dtype))
        self._weights = {name: _tensor(weights[name]).to(self._like) for name in config.shapes()}
        if config.tie_word_embeddings:
            self._weights["lm_head.weight"] = self._weights["model.embed_tokens.weight"]
        self._cos, self._sin = self._rotations()

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", dtype: str = "float32") -> TorchLlama:
        """A Hugging Face folder, or one of Ozma's own; OzmaError also when memory is short."""
        free = torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else None
        config, weights = read_model(folder, 32 if dtype == "float32" else 16, free)
        return cls(config, weights, device, dtype)

    def _rotations(self) -> tuple[Tensor, Tensor]:
        config = self.config
        half = torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
        angles = torch.outer(
            torch.arange(self.context, dtype=torch.float64), config.rope_theta**-half
        )
        return angles.cos().to(self._like), angles.sin().to(self._like)

    @torch.inference_mode()
    def _encode(self, ids: list[int]) -> TorchState:
        config = self.config
        shape = (config.num_hidden_layers, config.num_key_value_heads, len(ids), config.head_dim)
        prompt = Prompt(self._like.new_empty(shape), self._like.new_empty(shape))
        for start in range(0, len(ids), CHUNK):
            x = self._encode_chunk(ids[start : start + CHUNK], prompt, start)
        return TorchState.start(prompt, self._logits(x[-1:]))

    def _encode_chunk(self, ids: list[int], prompt: Prompt, start: int) -> Tensor:
        end = start + len(ids)
        positions = torch.arange(start, end, device=self._like.device)
        x = self._embed(ids)
        seen_all = torch.arange(end, device=self._like.device)[None] <= positions[:, None]
        for index in range(self.config.num_hidden_layers):
            query, key, value = self._heads(index, x, positions)
            prompt.keys[index, :, start:end] = key.transpose(0, 1)
            prompt.values[index, :, start:end] = value.transpose(0, 1)
            seen = F.scaled_dot_product_attention(
                query.flatten(1, 2).transpose(0, 1)[None],
                prompt.keys[index, None, :, :end],
                prompt.values[index, None, :, :end],
                attn_mask=seen_all,
                enable_gqa=query.shape[2] > 1,
            )
            x = self._finish(index, x, seen[0].transpose(0, 1))
        return x

    @torch.inference_mode()
    def _through(self, state: TorchState, new: NewTokens, wanted: np.ndarray) -> np.ndarray:
        tokens, positions, slots, hidden = (
            torch.as_tensor(array, device=self._like.device)
            for array in (new.tokens, new.positions, new.slots, new.hidden)
        )
        at = torch.arange(len(slots), device=self._like.device)[:, None]
        x = self._embed(tokens.flatten())
        for index in range(self.config.num_hidden_layers):
            query, key, value = self._heads(index, x, positions.flatten())
            state.keys[index][at, :, slots] = key.unflatten(0, slots.shape)
            state.values[index][at, :, slots] = value.unflatten(0, slots.shape)
            seen = self._attend(index, state, query.unflatten(0, slots.shape), hidden)
            x = self._finish(index, x, seen)
        return self._logits(x[torch.as_tensor(wanted, device=self._like.device)])

    @torch.inference_mode()
    def score_tree(
        self, state: TorchState, tokens: Sequence[int], parents: Sequence[int]
    ) -> np.ndarray:
        return super().score_tree(state, tokens, parents)

    def _attend(self, index: int, state: TorchState, query: Tensor, hidden: Tensor) -> Tensor:
        """(n * m, H * G, D) of queries (n, m, H, G, D), prompt and answer together."""
        rows, new, heads, group, width = query.shape
        query = query.permute(0, 2, 1, 3, 4).reshape(rows, heads, new * group, width)
        query = query * width**-0.5
        hidden = hidden.repeat_interleave(group, 1)[:, None]
        keys, values = (
            cache[index, :, :, : hidden.shape[-1]] for cache in (state.keys, state.values)
        )
        answer = (query @ keys.transpose(2, 3)).float().masked_fill(hidden, -torch.inf)
        parts, low = [], 0
        for prompt, count in state.groups:
            part = slice(low, low + count)
            parts.append(
                two_parts(
                    query[part],
                    prompt.keys[index],
                    prompt.values[index],
                    answer[part],
                    values[part],
                )
            )
            low += count
        seen = torch.cat(parts).unflatten(2, (new, group)).permute(0, 2, 1, 3, 4)
        return seen.reshape(rows * new, heads * group, width)

    def _embed(self, ids: Any) -> Tensor:
        """(t, d) of a list or vector."""
        at = torch.as_tensor(ids, device=self._like.device)
        return self._weights["model.embed_tokens.weight"][at]

    def _matrix(self, index: int, name: str) -> Tensor:
        return self._weights[f"model.layers.{index}.{name}.weight"]

    def _heads(self, index: int, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries (t, H, G, D) and keys (t, H, D), and values (t, H, D), of x (t, d)."""
        config = self.config
        x = self._normed(x, self._matrix(index, "input_layernorm"))
        query, key, value = (
            (x @ self._matrix(index, f"self_attn.{name}_proj").T).unflatten(
                1, (-1, config.head_dim)
            )
            for name in "qkv"
        )
        cos, sin = self._cos[positions, None], self._sin[positions, None]
        query = _rotated(query, cos, sin).unflatten(1, (config.num_key_value_heads, -1))
        return query, _rotated(key, cos, sin), value

    def _finish(self, index: int, x: Tensor, seen: Tensor) -> Tensor:
        x = x + seen.flatten(1) @ self._matrix(index, "self_attn.o_proj").T
        normed = self._normed(x, self._matrix(index, "post_attention_layernorm"))
        gate = F.silu(normed @ self._matrix(index, "mlp.gate_proj").T)
        up = normed @ self._matrix(index, "mlp.up_proj").T
        return x + (gate * up) @ self._matrix(index, "mlp.down_proj").T

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self.config.rms_norm_eps)

    def _logits(self, x: Tensor) -> np.ndarray:
        """(t, V) float32 of hidden x (t, d)."""
        normed = self._normed(x, self._weights["model.norm.weight"])
        return (normed @ self._weights["lm_head.weight"].T).float().cpu().numpy()


def _tensor(array: Any) -> Tensor:
    return array.detach() if isinstance(array, torch.Tensor) else torch.from_numpy(np.array(array))


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
