"""The shape of a Llama model, under Hugging Face's names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError

CONFIG_JSON = "config.json"
_COUNTS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "max_position_embeddings",
)  # fmt: skip
_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
_OWN_NAMES = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"}


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes and constants of a Llama (the paper: section 2; Code Llama's base of 1e6).

    `max_position_embeddings` is the window in tokens. Ids: 0 pads, 1 begins, 2 ends a text.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rope_theta: float = 1e6
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = False
    bos_token_id: int = 1
    eos_token_id: int = 2
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        for name in (*_COUNTS, *_IDS):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} is {getattr(self, name)!r}: give a whole number")
        for name in (*_COUNTS, "rope_theta", "rms_norm_eps"):
            if not (getattr(self, name) > 0 and isfinite(getattr(self, name))):
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")
        self._check_heads()
        for name in _IDS:
            if not 0 <= getattr(self, name) < self.vocab_size:
                raise ValueError(
                    f"{name} is {getattr(self, name)}: give an id below vocab_size "
                    f"{self.vocab_size}"
                )

    def _check_heads(self) -> None:
        heads, groups = self.num_attention_heads, self.num_key_value_heads
        if self.hidden_size % (2 * heads):
            raise ValueError(
                f"hidden_size is {self.hidden_size}: give a multiple of {2 * heads}, "
                f"twice num_attention_heads"
            )
        if heads % groups:
            raise ValueError(f"num_key_value_heads is {groups}: give a divisor of {heads} heads")

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every stored tensor, in Hugging Face's order of (out, in)."""
        shapes: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocab_size, self.hidden_size)
        }
        for layer in range(self.num_hidden_layers):
            for name, shape in self._layer_shapes().items():
                shapes[f"model.layers.{layer}.{name}.weight"] = shape
        shapes["model.norm.weight"] = (self.hidden_size,)
        if not self.tie_word_embeddings:
            shapes["lm_head.weight"] = (self.vocab_size, self.hidden_size)
        return shapes

    def _layer_shapes(self) -> dict[str, tuple[int, ...]]:
        width, inner = self.hidden_size, self.intermediate_size
        narrow = self.num_key_value_heads * self.head_dim
        return {
            "self_attn.q_proj": (width, width),
            "self_attn.k_proj": (narrow, width),
            "self_attn.v_proj": (narrow, width),
            "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (inner, width),
            "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
            "input_layernorm": (width,),
            "post_attention_layernorm": (width,),
        }

    def parameters(self) -> int:
        """How many numbers the model holds; tied embeddings count once."""
        layer = sum(map(prod, self._layer_shapes().values()))
        matrices = 1 if self.tie_word_embeddings else 2
        ends = self.hidden_size * (1 + matrices * self.vocab_size)
        return self.num_hidden_layers * layer + ends

    def flops_per_token(self, length: int) -> float:
        """Operations of one token, forward and backward, in a text of `length` tokens.

        6 per weight that multiplies (embeddings are looked up, the head multiplies), and
        12 x layers x width per position attended to, half of them causal.
        """
        embedding = self.vocab_size * self.hidden_size
        lookups = 0 if self.tie_word_embeddings else embedding
        attention = 6 * self.num_hidden_layers * self.hidden_size * length
        return 6.0 * (self.parameters() - lookups) + attention

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LlamaConfig:
        """Of the content of a config.json, new or legacy; a key that lacks has the value that
        `transformers` gives it. ValueError when it is not a plain Llama."""
        _require_plain_llama(values)
        theta = (values.get("rope_parameters") or {}).get("rope_theta", values.get("rope_theta"))
        heads = values["num_attention_heads"]
        made = cls(
            vocab_size=values["vocab_size"],
            hidden_size=values["hidden_size"],
            intermediate_size=values["intermediate_size"],
            num_hidden_layers=values["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=values.get("num_key_value_heads") or heads,
            max_position_embeddings=values.get("max_position_embeddings", 2048),
            rope_theta=float(theta or 1e4),
            rms_norm_eps=float(values.get("rms_norm_eps", 1e-6)),
            tie_word_embeddings=bool(values.get("tie_word_embeddings", False)),
            bos_token_id=_one_id(values.get("bos_token_id"), 1),
            eos_token_id=_one_id(values.get("eos_token_id"), 2),
            pad_token_id=_one_id(values.get("pad_token_id"), 0),
        )
        width = values.get("head_dim") or made.head_dim
        if width != made.head_dim:
            raise ValueError(f"head_dim is {width}: only {made.head_dim} is supported")
        return made

    def to_json(self, dtype: str = "float32") -> dict[str, Any]:
        """The content of a config.json that new and old `transformers` read."""
        return (
            asdict(self)
            | _OWN_NAMES
            | {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "head_dim": self.head_dim,
                "rope_parameters": {"rope_theta": self.rope_theta, "rope_type": "default"},
                "dtype": dtype,
                "torch_dtype": dtype,
            }
        )


def _require_plain_llama(values: Mapping[str, Any]) -> None:
    if values.get("model_type", "llama") != "llama":
        raise ValueError(f"model_type is '{values['model_type']}': give a Llama")
    for name, plain in _OWN_NAMES.items():
        if values.get(name, plain) != plain:
            raise ValueError(f"{name} is {values[name]}: only {plain} is supported")
    for name in ("rope_parameters", "rope_scaling"):
        form = values.get(name) or {}
        kind = form.get("rope_type", form.get("type", "default"))
        if kind != "default":
            raise ValueError(f"{name} asks for '{kind}': only 'default' is supported")


def _one_id(value: int | list[int] | None, default: int) -> int:
    """Some checkpoints name several ids for an end; the first is the one that they write."""
    if isinstance(value, list):
        value = value[0] if value else None
    return default if value is None else value


def read_config(folder: Path) -> LlamaConfig:
    """The shape of the model in a Hugging Face folder; OzmaError if there is none."""
    path = folder / CONFIG_JSON
    try:
        return LlamaConfig.from_json(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise OzmaError(
            f"cannot read {path}: {error.strerror}", hint="give a model's folder"
        ) from error
    except KeyError as error:
        raise OzmaError(f"{path} has no {error}", hint="is it a Llama's config.json?") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise OzmaError(f"{path} is not a Llama's: {error}") from error


def write_config(folder: Path, config: LlamaConfig, dtype: str = "float32") -> None:
    text = json.dumps(config.to_json(dtype), indent=2, sort_keys=True)
    (folder / CONFIG_JSON).write_text(text + "\n", "utf-8")
