"""A model as a Hugging Face folder: for `transformers`, llama.cpp, vLLM, and our own runtimes.

    config.json, generation_config.json (greedy), model.safetensors, tokenizer.json,
    tokenizer_config.json, lists.json (what the list tokens stand for), README.md (the card)
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config, write_config
from ozma.model.list_tokens import LISTS_JSON, write_lists
from ozma.model.llama import Llama
from ozma.model.weights import read_weights, write_weights

_DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "q8": "float16"}


def load_model(folder: Path) -> Llama:
    """The model of a folder in float32; OzmaError if config and weights do not fit."""
    model = Llama(read_config(folder))
    load_into(model, folder)
    return model


def load_into(model: Llama, folder: Path) -> None:
    """Puts the weights of a folder into a model. Entries that the model's vocabulary has beyond
    the folder's (list tokens) keep their random values."""
    config = read_config(folder)
    weights = read_weights(folder, config)
    own = model.state_dict()
    for name, shape in model.config.shapes().items():
        values = torch.from_numpy(weights[name].copy()) if name in weights else None
        if values is None or values.shape[1:] != shape[1:] or len(values) > shape[0]:
            raise OzmaError(
                f"{folder} is a model of another shape: {name} is "
                f"{None if values is None else tuple(values.shape)}, not {shape}",
                hint="`ozma train run --start FOLDER` takes the folder's shape",
            )
        if len(values) < shape[0] and values.ndim == 1:
            raise OzmaError(f"{folder} is a model of another shape: {name}")
        own[name][: len(values)] = values
    model.load_state_dict(own)


def export_model(
    model: Llama,
    folder: Path,
    tokenizer_json: str,
    card: str,
    lists: tuple[tuple[str, ...], int] = ((), 0),
    storage: str = "f32",
) -> None:
    """Writes the whole folder. `lists` are those of the list tokens, and the id of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.config
    weights = model.state_dict()
    ordered = {name: weights[name].float().numpy() for name in config.shapes()}
    write_weights(folder, ordered, storage)
    write_config(folder, config, _DTYPES[storage])
    ids = {name: getattr(config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(folder / "generation_config.json", ids | {"do_sample": False})
    (folder / "tokenizer.json").write_text(tokenizer_json, "utf-8")
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(tokenizer_json, config))
    (folder / LISTS_JSON).unlink(missing_ok=True)  # of another model that was here
    if lists[0]:
        write_lists(folder, *lists)
    (folder / "README.md").write_text(card, "utf-8")


def _tokenizer_config(tokenizer_json: str, config: LlamaConfig) -> dict:
    added = json.loads(tokenizer_json).get("added_tokens", [])
    names = {one["id"]: one["content"] for one in added}
    special = {
        f"{name}_token": names[getattr(config, f"{name}_token_id")]
        for name in ("bos", "eos", "pad")
        if getattr(config, f"{name}_token_id") in names
    }
    return special | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_position_embeddings,
        "clean_up_tokenization_spaces": False,
    }


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
