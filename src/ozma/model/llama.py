"""Llama in plain torch, on packed documents: equal to `transformers`' LlamaForCausalLM.

A batch is one row of tokens, document after document, without padding; attention stays within a
document and positions restart with each. Parameters carry Hugging Face's names.

Suffixes of tensor names, one letter an axis:
    T  tokens of all documents of the batch      D  width (hidden_size)
    L  tokens of one document                    F  inner width (intermediate_size)
    H  heads                                     K  width of a head
    G  key and value heads, a divisor of H       V  vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ozma.model.config import LlamaConfig
from ozma.model.loss import weighted_loss

_BLOCK = 256
"""Queries at once on a CPU in bfloat16: their scores stay in the cache (docs/training.md)."""
_SPREAD = 0.02


class Llama(nn.Module):
    """The whole model. With `recompute`, layers are run again in the backward pass to save
    memory."""

    def __init__(self, config: LlamaConfig, recompute: bool = False) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config, recompute)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.reset()

    def reset(self) -> None:
        """Random weights; what adds to the residual stream is drawn narrower with depth."""
        narrow = _SPREAD / (2 * self.config.num_hidden_layers) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                nn.init.ones_(parameter)
            else:
                adds = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=narrow if adds else _SPREAD)

    def forward(
        self,
        tokens_T: Tensor,
        lengths: Sequence[int],
        places_N: Tensor | None = None,
        targets_N: Tensor | None = None,
        weights_N: Tensor | None = None,
        extra: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Logits (T, V), or (N, V) at `places_N` only; with targets, the sum of weight x loss.

        `lengths` are those of the documents, in order; they sum to T. Each of N targets says what
        should follow the token at its place, in nats times its weight. A place may come several
        times. `extra` of the last hidden states (T, D) and the head (V, D) is added to the loss.
        """
        hidden_TD = self.model(tokens_T, lengths)
        if targets_N is None or weights_N is None:
            return self.lm_head(hidden_TD if places_N is None else hidden_TD[places_N])
        loss = weighted_loss(hidden_TD[places_N], self.lm_head.weight, targets_N, weights_N)
        return loss if extra is None else loss + extra(hidden_TD, self.lm_head.weight)


class Trunk(nn.Module):
    """Embeddings, layers, last norm: token ids (T,) to (T, D)."""

    def __init__(self, config: LlamaConfig, recompute: bool) -> None:
        super().__init__()
        self.recompute = recompute
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config)
        self.rotation = Rotation(config)

    def forward(self, tokens_T: Tensor, lengths: Sequence[int]) -> Tensor:
        x_TD = self.embed_tokens(tokens_T)
        turn = self.rotation.of(lengths, x_TD)
        for layer in self.layers:
            if self.recompute and self.training:
                x_TD = checkpoint(layer, x_TD, turn, lengths, use_reentrant=False)
            else:
                x_TD = layer(x_TD, turn, lengths)
        return self.norm(x_TD)


class Layer(nn.Module):
    """Attention, then a gated feed-forward net, each added to what came in."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config)
        self.mlp = FeedForward(config)

    def forward(self, x_TD: Tensor, turn: tuple[Tensor, Tensor], lengths: Sequence[int]) -> Tensor:
        x_TD = x_TD + self.self_attn(self.input_layernorm(x_TD), turn, lengths)
        return x_TD + self.mlp(self.post_attention_layernorm(x_TD))


class Attention(nn.Module):
    """Causal attention within each document; G key and value heads serve H query heads."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        width, narrow = config.hidden_size, config.num_key_value_heads * config.head_dim
        self.head_dim = config.head_dim
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, narrow, bias=False)
        self.v_proj = nn.Linear(width, narrow, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x_TD: Tensor, turn: tuple[Tensor, Tensor], lengths: Sequence[int]) -> Tensor:
        q_HTK = rotate(self._heads(self.q_proj(x_TD)), turn)
        k_GTK = rotate(self._heads(self.k_proj(x_TD)), turn)
        v_GTK = self._heads(self.v_proj(x_TD))
        mixed_HTK = attend(q_HTK, k_GTK, v_GTK, lengths)
        return self.o_proj(mixed_HTK.transpose(0, 1).flatten(1))

    def _heads(self, x_TD: Tensor) -> Tensor:
        return x_TD.unflatten(1, (-1, self.head_dim)).transpose(0, 1)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_TD: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x_TD)) * self.up_proj(x_TD))


class RMSNorm(nn.Module):
    """Root mean square norm, computed in float32."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden_size))
        self.eps = config.rms_norm_eps

    def forward(self, x_TD: Tensor) -> Tensor:
        return F.rms_norm(x_TD, self.weight.shape, self.weight, self.eps)


class Rotation:
    """Cosines and sines of rotary positions, (window, K) each, made when first used."""

    def __init__(self, config: LlamaConfig) -> None:
        self._config = config
        self._tables: tuple[Tensor, Tensor] | None = None

    def of(self, lengths: Sequence[int], like: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (T, K) of each token's place in its document, as `like` is stored."""
        longest = max(lengths)
        if longest > self._config.max_position_embeddings:
            raise ValueError(
                f"a document has {longest} tokens: the window is "
                f"{self._config.max_position_embeddings}"
            )
        tables = self._for(like)
        cosine, sine = ([table[:length] for length in lengths] for table in tables)
        return torch.cat(cosine), torch.cat(sine)

    def _for(self, like: Tensor) -> tuple[Tensor, Tensor]:
        if (
            self._tables is None
            or self._tables[0].device != like.device
            or (self._tables[0].dtype != like.dtype)
        ):
            self._tables = self._made(like)
        return self._tables

    def _made(self, like: Tensor) -> tuple[Tensor, Tensor]:
        steps = torch.arange(0, self._config.head_dim, 2, dtype=torch.float32)
        speeds = 1.0 / self._config.rope_theta ** (steps / self._config.head_dim)
        places = torch.arange(self._config.max_position_embeddings, dtype=torch.float32)
        angles = torch.outer(places, speeds).repeat(1, 2)
        return angles.cos().to(like), angles.sin().to(like)


def rotate(x_HTK: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turns pairs (i, i + K/2) of each head by their position's angle, as Hugging Face pairs
    them."""
    cosine_TK, sine_TK = turn
    first, second = x_HTK.chunk(2, dim=-1)
    return x_HTK * cosine_TK + torch.cat((-second, first), dim=-1) * sine_TK


def attend(q_HTK: Tensor, k_GTK: Tensor, v_GTK: Tensor, lengths: Sequence[int]) -> Tensor:
    """Causal attention (H, T, K) of each document to itself."""
    one = _blockwise if q_HTK.device.type == "cpu" and q_HTK.dtype == torch.bfloat16 else _fused
    documents = zip(*(x.split(list(lengths), dim=1) for x in (q_HTK, k_GTK, v_GTK)), strict=True)
    return torch.cat([one(q, k, v) for q, k, v in documents], dim=1)


def _fused(q_HLK: Tensor, k_GLK: Tensor, v_GLK: Tensor) -> Tensor:
    grouped = q_HLK.shape[0] != k_GLK.shape[0]
    return F.scaled_dot_product_attention(
        q_HLK[None], k_GLK[None], v_GLK[None], is_causal=True, enable_gqa=grouped
    )[0]


def _blockwise(q_HLK: Tensor, k_GLK: Tensor, v_GLK: Tensor) -> Tensor:
    """The same through plain products: torch's fused kernel leaves a CPU's matrix unit idle."""
    heads, length, width = q_HLK.shape
    k_HKL = k_GLK.repeat_interleave(heads // k_GLK.shape[0], 0).transpose(1, 2)
    v_HLK = v_GLK.repeat_interleave(heads // v_GLK.shape[0], 0)
    parts = []
    for start in range(0, length, _BLOCK):
        end = min(start + _BLOCK, length)
        bias = _causal(start, end, q_HLK)
        scores = torch.baddbmm(bias, q_HLK[:, start:end], k_HKL[:, :, :end], alpha=width**-0.5)
        parts.append(torch.bmm(scores.softmax(-1), v_HLK[:, :end]))
    return torch.cat(parts, dim=1)


def _causal(start: int, end: int, like: Tensor) -> Tensor:
    """(end - start, end): minus infinity where a query would look ahead."""
    bias = torch.full((end - start, end), float("-inf"), dtype=like.dtype)
    return bias.triu_(start + 1)
