"""A Llama as a GGUF file, for llama.cpp and OpenVINO: float32, float16, q8_0 (8.5 bits a weight) or
q4_0 (4.5 bits).

Needs the package `gguf`. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Queries
and keys are reordered, because llama.cpp turns neighbouring pairs where Hugging Face turns halves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.generate.optional import required
from ozma.whole_file import replacing

STORAGES = {"f32": 0, "f16": 1, "q8_0": 7, "q4_0": 2}
"""Storage -> the file type that other programs look for."""
_QUANTIZATION_VERSION = 2
_GROUP = 32
_NORMAL, _CONTROL, _UNUSED = 1, 3, 5
"""Kinds of tokens in a GGUF file."""

_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TOP_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def export_gguf(
    path: Path,
    config: LlamaConfig,
    weights: Mapping[str, np.ndarray],
    storage: str = "q8_0",
    tokenizer: Path | None = None,
) -> None:
    """Writes the file. `tokenizer`: a byte-level BPE's tokenizer.json, so that other programs can
    show text; without it the file works with token ids alone."""
    if storage not in STORAGES:
        raise ValueError(f"storage is '{storage}': give one of {', '.join(STORAGES)}")
    gguf = required("gguf", "pip install gguf")
    words = _read_json(tokenizer) if tokenizer else None
    with replacing(path) as part:
        _write(gguf, gguf.GGUFWriter(part, "llama"), config, weights, storage, words)


def _write(
    gguf: Any, writer: Any, config: LlamaConfig, weights: Mapping[str, np.ndarray],
    storage: str, words: Any,
) -> None:
    writer.add_file_type(STORAGES[storage])
    writer.add_quantization_version(_QUANTIZATION_VERSION)
    _add_shape(writer, config)
    _add_tokens(writer, config, words)
    for name in config.shapes():
        array = np.asarray(weights[name], np.float32)
        stored, kind = _stored(gguf, _reordered(name, array, config), storage)
        writer.add_tensor(gguf_name(name), stored, raw_dtype=kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def gguf_name(name: str) -> str:
    """GGUF's name of a tensor that Hugging Face calls `name`."""
    if name in _TOP_NAMES:
        return _TOP_NAMES[name]
    _, _, layer, rest = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{_NAMES[rest]}.weight"


def _add_shape(writer: Any, config: LlamaConfig) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)


def _add_tokens(writer: Any, config: LlamaConfig, tokenizer: dict | None) -> None:
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_pad_token_id(config.pad_token_id)
    if tokenizer is None:
        writer.add_tokenizer_model("none")
        return
    texts, kinds = _tokens(config, tokenizer)
    merges = [
        pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["model"]["merges"]
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)


def _tokens(config: LlamaConfig, tokenizer: dict) -> tuple[list[str], list[int]]:
    """Text and kind of every id; ids that the tokenizer lacks are unused."""
    texts = [f"<unused{number}>" for number in range(config.vocab_size)]
    kinds = [_UNUSED] * config.vocab_size
    entries = [(text, number, _NORMAL) for text, number in tokenizer["model"]["vocab"].items()]
    entries += [(added["content"], added["id"], _CONTROL) for added in tokenizer["added_tokens"]]
    for text, number, kind in entries:
        if number >= config.vocab_size:
            raise OzmaError(
                f"the tokenizer has token {number}, the model's vocabulary is {config.vocab_size}",
                hint="the tokenizer belongs to another model",
            )
        texts[number], kinds[number] = text, kind
    return texts, kinds


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text("utf-8"))
        content["model"]["vocab"], content["model"]["merges"], content["added_tokens"]
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{path} is not the tokenizer.json of a byte-level BPE") from error
    return content


def _reordered(name: str, array: np.ndarray, config: LlamaConfig) -> np.ndarray:
    """Rows of query and key matrices in llama.cpp's order: pairs of a head side by side."""
    if not name.endswith(("q_proj.weight", "k_proj.weight")):
        return array
    pairs = array.reshape(-1, 2, config.head_dim // 2, array.shape[1])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(array.shape)


def _stored(gguf: Any, array: np.ndarray, storage: str) -> tuple[np.ndarray, Any]:
    kinds = gguf.GGMLQuantizationType
    if array.ndim == 1 or storage == "f32":
        return array, kinds.F32
    if storage == "f16" or array.shape[1] % _GROUP:
        return array.astype(np.float16), kinds.F16
    kind = kinds[storage.upper()]
    return gguf.quants.quantize(array, kind), kind
