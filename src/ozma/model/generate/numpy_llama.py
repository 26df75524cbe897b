"""The embedded default: Llama in NumPy, float32, no other dependency.

Letters in shapes: n rows, m new tokens in each, d width, F inner width, H key-value heads, G query
heads of each, D head width, V vocabulary. Follows `transformers`' Llama: RMSNorm before each half,
rotary positions by halves, SiLU gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ozma.model.config import LlamaConfig
from ozma.model.generate.cached_llama import CHUNK, CachedLlama, NewTokens
from ozma.model.generate.cached_state import Prompt
from ozma.model.generate.loading import read_model
from ozma.model.generate.numpy_attention import attend_prompt, attend_rows
from ozma.model.generate.numpy_cache import NumpyState, empty_prompt


@dataclass(frozen=True, eq=False)
class Layer:
    """Matrices (out, in); those after a norm hold its weights, queries the root of D."""

    attention_in: np.ndarray
    attention_out: np.ndarray
    gate_up: np.ndarray
    down: np.ndarray


class NumpyLlama(CachedLlama):
    """A Llama of float32 matrices in memory. Reads HF folders and Ozma's own int8 ones."""

    name = "numpy"

    def __init__(self, config: LlamaConfig, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__(config)
        self._embedding = np.ascontiguousarray(weights["model.embed_tokens.weight"], np.float32)
        self._layers = [_layer(config, weights, i) for i in range(config.num_hidden_layers)]
        self._norm = weights["model.norm.weight"].astype(np.float32)
        tied = config.tie_word_embeddings
        self._head = self._embedding if tied else np.asarray(weights["lm_head.weight"], np.float32)
        self._cos, self._sin = _rotations(config)

    @classmethod
    def load(cls, folder: Path) -> NumpyLlama:
        """OzmaError when memory is short, or files are missing, damaged or do not fit together."""
        return cls(*read_model(folder, bits=32))

    def _encode(self, ids: list[int]) -> NumpyState:
        config = self.config
        prompt = empty_prompt(
            config.num_hidden_layers, config.num_key_value_heads, len(ids), config.head_dim
        )
        for start in range(0, len(ids), CHUNK):
            hidden = self._encode_chunk(np.array(ids[start : start + CHUNK]), prompt, start)
        return NumpyState.start(prompt, self._logits(hidden[-1:]))

    def _encode_chunk(self, ids: np.ndarray, prompt: Prompt, start: int) -> np.ndarray:
        """Hidden (m, d) of prompt tokens start..start+m; fills their part of the cache."""
        x = self._embedding[ids]
        end = start + len(ids)
        positions = np.arange(start, end)
        for layer, keys, values in zip(self._layers, prompt.keys, prompt.values, strict=True):
            query, key, value = self._heads(layer, x, positions)
            keys[:, start:end] = key.swapaxes(0, 1)
            values[:, start:end, :-1] = value.swapaxes(0, 1)
            query = np.ascontiguousarray(query.swapaxes(0, 1))
            seen = attend_prompt(query, keys, values, start)
            self._finish(layer, x, seen.swapaxes(0, 1))
        return x

    def _through(self, state: NumpyState, new: NewTokens, wanted: np.ndarray) -> np.ndarray:
        at = (np.arange(len(new.slots))[:, None], slice(None), new.slots)
        hidden = new.hidden if new.hidden.any() else None
        x = self._embedding[new.tokens.ravel()]
        for index, layer in enumerate(self._layers):
            query, key, value = self._heads(layer, x, new.positions.ravel())
            keys, values = state.keys[index], state.values[index]
            keys[at] = _by_row(key, new)
            values[at] = _by_row(_with_ones(value), new)
            query = np.ascontiguousarray(_by_row(query, new).swapaxes(1, 2))
            prompts = ((p.keys[index], p.values[index], count) for p, count in state.groups)
            seen = attend_rows(
                query, prompts, keys[:, :, : new.used], values[:, :, : new.used], hidden
            )
            self._finish(layer, x, seen.swapaxes(1, 2))
        return self._logits(x[wanted])

    def _heads(
        self, layer: Layer, x: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rotated queries (t, H, G, D) and keys (t, H, D), and values (t, H, D), of x (t, d)."""
        config = self.config
        heads, width = config.num_key_value_heads, config.head_dim
        mixed = _normed(x, config.rms_norm_eps) @ layer.attention_in.T
        mixed = mixed.reshape(len(x), -1, width)
        rotated = mixed[:, : config.num_attention_heads + heads]
        _rotate(rotated, self._cos[positions, None], self._sin[positions, None])
        query, key = rotated[:, :-heads], rotated[:, -heads:]
        return query.reshape(len(x), heads, -1, width), key, mixed[:, -heads:]

    def _finish(self, layer: Layer, x: np.ndarray, seen: np.ndarray) -> None:
        """Adds to x (t, d) what attention saw, then what the gated layer makes of that."""
        x += seen.reshape(len(x), -1) @ layer.attention_out.T
        both = _normed(x, self.config.rms_norm_eps) @ layer.gate_up.T
        gate, up = both[:, : len(layer.gate_up) // 2], both[:, len(layer.gate_up) // 2 :]
        up *= gate
        with np.errstate(over="ignore"):
            up /= 1 + np.exp(np.negative(gate, out=gate), out=gate)
        x += up @ layer.down.T

    def _logits(self, x: np.ndarray) -> np.ndarray:
        """(t, V) of hidden x (t, d)."""
        return (_normed(x, self.config.rms_norm_eps) * self._norm) @ self._head.T


def _layer(config: LlamaConfig, weights: Mapping[str, np.ndarray], index: int) -> Layer:
    def matrix(name: str) -> np.ndarray:
        return np.asarray(weights[f"model.layers.{index}.{name}.weight"], np.float32)

    attention = [matrix(f"self_attn.{name}_proj") for name in "qkv"]
    attention[0] = attention[0] * np.float32(config.head_dim**-0.5)
    inner = [matrix(f"mlp.{name}_proj") for name in ("gate", "up")]
    return Layer(
        np.concatenate(attention) * matrix("input_layernorm"),
        np.ascontiguousarray(matrix("self_attn.o_proj")),
        np.concatenate(inner) * matrix("post_attention_layernorm"),
        np.ascontiguousarray(matrix("mlp.down_proj")),
    )


def _rotations(config: LlamaConfig) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines (window, D / 2)."""
    half = np.arange(0, config.head_dim, 2) / config.head_dim
    angles = np.outer(np.arange(config.max_position_embeddings), config.rope_theta**-half)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotate(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> None:
    """Turns each pair (i, i + D / 2) of x (t, heads, D) by its position's angle, in place."""
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    turned = second * sin
    second *= cos
    second += first * sin
    first *= cos
    first -= turned


def _normed(x: np.ndarray, epsilon: float) -> np.ndarray:
    """RMSNorm without its weight."""
    mean = np.einsum("td,td->t", x, x) / x.shape[1]
    return x * (1 / np.sqrt(mean + np.float32(epsilon)))[:, None]


def _by_row(x: np.ndarray, new: NewTokens) -> np.ndarray:
    """(n, m, ...) of what was computed for the n * m new tokens."""
    return x.reshape(*new.slots.shape, *x.shape[1:])


def _with_ones(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.ones((*values.shape[:-1], 1), np.float32)], axis=-1)
