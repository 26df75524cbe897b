"""Weights of a Hugging Face folder as NumPy arrays, and the small int8 form that is shipped.

Int8 ("q8"): a matrix `NAME` is two tensors, `NAME.q8` (int8, same shape) and `NAME.scale`
(float16, one for every 32 neighbours of a row): 8.5 bits a weight. value = q8 * scale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.safetensors import BF16, dtype_name, read_tensors, write_tensors

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
STORAGES = ("f32", "f16", "bf16", "q8")
GROUP = 32
_Q8, _SCALE = ".q8", ".scale"
_LARGEST = 127


def read_weights(folder: Path, config: LlamaConfig | None = None) -> dict[str, np.ndarray]:
    """Hugging Face's name -> float32 array, (out, in) for matrices; int8 is made float again.

    With a `config`, exactly its tensors must be there. OzmaError names what is damaged, missing
    or of another shape.
    """
    stored = {name: pair for path in _files(folder) for name, pair in read_tensors(path).items()}
    weights = {}
    for name, (kind, array) in stored.items():
        if name.endswith(_Q8):
            weights[name.removesuffix(_Q8)] = _dequantized(folder, name, array, stored)
        elif not (name.endswith(_SCALE) and name.removesuffix(_SCALE) + _Q8 in stored):
            weights[name] = from_bf16(array) if kind == BF16 else array.astype(np.float32)
    if config:
        weights = _checked(folder, config, weights)
    return weights


def write_weights(
    folder: Path, weights: Mapping[str, np.ndarray], storage: str = "f32", shard: int = 5 << 30
) -> None:
    """Writes float arrays as model.safetensors, or as shards of at most `shard` bytes each with
    an index, as Hugging Face names them. Vectors and odd widths stay float16 in "q8"."""
    if storage not in STORAGES:
        raise ValueError(f"storage is '{storage}': give one of {', '.join(STORAGES)}")
    folder.mkdir(parents=True, exist_ok=True)
    groups: list[dict[str, tuple[str, np.ndarray]]] = [{}]
    for name, array in weights.items():
        stored = _stored(name, array, storage)
        used = sum(array.nbytes for _, array in groups[-1].values())
        if used and used + sum(array.nbytes for _, array in stored.values()) > shard:
            groups.append({})
        groups[-1] |= stored
    _write_groups(folder, groups)


def quantize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8 of the same shape, float16 scales with the last axis a 32nd) of float (R, C)."""
    rows, columns = values.shape
    grouped = values.astype(np.float32).reshape(rows, columns // GROUP, GROUP)
    scale = (np.abs(grouped).max(axis=2) / _LARGEST).astype(np.float16)
    divisor = np.where(scale == 0, 1, scale).astype(np.float32)[:, :, None]
    whole = np.clip(np.rint(grouped / divisor), -_LARGEST, _LARGEST).astype(np.int8)
    return whole.reshape(rows, columns), scale


def dequantize(whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """float32 (R, C) of int8 (R, C) and scales (R, C / 32)."""
    rows, columns = whole.shape
    grouped = whole.reshape(rows, columns // GROUP, GROUP).astype(np.float32)
    grouped *= scale.astype(np.float32)[:, :, None]
    return grouped.reshape(rows, columns)


def from_bf16(bits: np.ndarray) -> np.ndarray:
    """float32 of the 16 bits of a bfloat16: the upper half of a float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_bf16(values: np.ndarray) -> np.ndarray:
    """The 16 bits of each float32, rounded to nearest even. NaN stays NaN."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), 0x7FC0, rounded).astype(np.uint16)


def _files(folder: Path) -> list[Path]:
    if (folder / FILE).exists():
        return [folder / FILE]
    if not (folder / INDEX).exists():
        raise OzmaError(f"{folder} holds no {FILE}", hint="give a model's folder")
    try:
        names = set(json.loads((folder / INDEX).read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise OzmaError(f"{folder / INDEX} is damaged") from error
    return [folder / name for name in sorted(names)]


def _dequantized(
    folder: Path, name: str, whole: np.ndarray, stored: Mapping[str, tuple[str, np.ndarray]]
) -> np.ndarray:
    _, scale = stored.get(name.removesuffix(_Q8) + _SCALE, ("", np.empty(0)))
    if whole.ndim != 2 or scale.shape != (whole.shape[0], whole.shape[1] // GROUP):
        raise OzmaError(f"{folder}: {name} has no scales that fit it", hint="copy the model again")
    return dequantize(whole, scale)


def _checked(
    folder: Path, config: LlamaConfig, weights: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The tensors of `config`, in its order; one that it does not know is an error, but for a
    stored copy of tied embeddings and the tables of rotations of old checkpoints."""
    shapes = config.shapes()
    for name, shape in shapes.items():
        if name not in weights:
            raise OzmaError(
                f"{folder} lacks the tensor {name}", hint="does config.json belong to it?"
            )
        if weights[name].shape != shape:
            raise OzmaError(
                f"{folder}: {name} has shape {weights[name].shape}, config.json says {shape}"
            )
    for name in weights.keys() - shapes.keys():
        if name != "lm_head.weight" and not name.endswith("rotary_emb.inv_freq"):
            raise OzmaError(f"{folder} holds {name}, of which config.json knows nothing")
    return {name: weights[name] for name in shapes}


def _stored(name: str, array: np.ndarray, storage: str) -> dict[str, tuple[str, np.ndarray]]:
    if storage == "q8" and array.ndim == 2 and array.shape[1] % GROUP == 0:
        whole, scale = quantize(array)
        return {name + _Q8: ("I8", whole), name + _SCALE: ("F16", scale)}
    if storage == "bf16":
        return {name: (BF16, to_bf16(array))}
    kept = array.astype(np.float32 if storage == "f32" else np.float16)
    return {name: (dtype_name(kept), kept)}


def _write_groups(folder: Path, groups: list[dict[str, tuple[str, np.ndarray]]]) -> None:
    if len(groups) == 1:
        return write_tensors(folder / FILE, groups[0])
    where = {}
    for number, tensors in enumerate(groups, 1):
        name = f"model-{number:05}-of-{len(groups):05}.safetensors"
        write_tensors(folder / name, tensors)
        where |= dict.fromkeys(tensors, name)
    size = sum(array.nbytes for tensors in groups for _, array in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")
