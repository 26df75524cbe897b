"""ONNX files (`onnx_export`) through ONNX Runtime, on the processor.

Needs the package `onnxruntime`. Caches are NumPy arrays that the graph reads in place; it gives the
keys and values of new tokens back. Letters in shapes as in `onnx_export`, L layers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.generate.cached_llama import CHUNK, CachedLlama, NewTokens
from ozma.model.generate.cached_state import Prompt
from ozma.model.generate.loading import check_file
from ozma.model.generate.numpy_cache import NumpyState
from ozma.model.generate.onnx_export import CACHES, CONFIG, STORAGE
from ozma.model.generate.optional import required

_ONLY_ERRORS = 3
_OPTIONS = {
    "session.intra_op.allow_spinning": "0",
    "session.qdq_matmulnbits_accuracy_level": "4",
}
"""Threads wait without spinning. int8 weights meet activations rounded to int8, as in llama.cpp:
else each call would make floats of them first."""


class OnnxLlama(CachedLlama):
    """One ONNX file. Rows of several prompts are computed prompt by prompt."""

    name = "onnx"

    def __init__(self, path: Path, threads: int = 1) -> None:
        check_file(path, "an ONNX file")
        self._session = _session(path, threads)
        properties = self._session.get_modelmeta().custom_metadata_map
        super().__init__(_config(path, properties))
        self.tolerance = 1e-4 if properties.get(STORAGE) == "f32" else 0.15
        self._layers = range(self.config.num_hidden_layers)
        new = (f"{name}.{index}" for name in ("new_keys", "new_values") for index in self._layers)
        self._outputs = ["logits", *new]

    def _encode(self, ids: list[int]) -> NumpyState:
        config = self.config
        shape = (len(self._layers), config.num_key_value_heads, len(ids), config.head_dim)
        prompt = Prompt(np.empty(shape, np.float32), np.empty(shape, np.float32))
        for start in range(0, len(ids), CHUNK):
            logits = self._encode_chunk(ids[start : start + CHUNK], prompt, start)
        return NumpyState.start(prompt, logits)

    def _encode_chunk(self, ids: list[int], prompt: Prompt, start: int) -> np.ndarray:
        """Logits (1, V) after prompt tokens start..start+m; fills their part of the cache."""
        end = start + len(ids)
        places = np.arange(start, end)
        before = Prompt(prompt.keys[:, :, :start], prompt.values[:, :, :start])
        nothing = NumpyState.start(prompt, np.empty(0))
        later = places > places[:, None]
        logits, keys, values = self._run(
            before, nothing.keys, nothing.values, np.array([ids]), places[None], later[None],
            np.array([len(ids) - 1]),
        )  # fmt: skip
        for index in self._layers:
            prompt.keys[index, :, start:end] = keys[index][0]
            prompt.values[index, :, start:end] = values[index][0]
        return logits

    def _through(self, state: NumpyState, new: NewTokens, wanted: np.ndarray) -> np.ndarray:
        hidden, owner = _hidden(new, state.keys.shape[3]), wanted // new.slots.shape[1]
        logits, low = [], 0
        for prompt, count in state.groups:
            rows, high = slice(low, low + count), low + count
            mine = wanted[(low <= owner) & (owner < high)] - low * new.slots.shape[1]
            some, keys, values = self._run(
                prompt, state.keys[:, rows], state.values[:, rows],
                new.tokens[rows], new.positions[rows], hidden[rows], mine,
            )  # fmt: skip
            at = (np.arange(low, high)[:, None], slice(None), new.slots[rows])
            for index in self._layers:
                state.keys[index][at] = keys[index].swapaxes(1, 2)
                state.values[index][at] = values[index].swapaxes(1, 2)
            logits.append(some)
            low = high
        return np.concatenate(logits)

    def _run(
        self,
        prompt: Prompt,
        keys: np.ndarray,
        values: np.ndarray,
        tokens: np.ndarray,
        positions: np.ndarray,
        hidden: np.ndarray,
        wanted: np.ndarray,
    ) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """Logits (k, V) and, for each layer, the new tokens' keys and values (n, H, m, D).

        Rows with one prompt; `keys` and `values` (L, n, H, T, D) of their answers so far.
        """
        feeds = {"tokens": tokens, "positions": positions, "hidden": hidden, "wanted": wanted}
        caches = (prompt.keys, prompt.values, keys, values)
        for name, cache in zip(CACHES, caches, strict=True):
            feeds |= {f"{name}.{i}": np.ascontiguousarray(cache[i]) for i in self._layers}
        logits, *new = self._session.run(self._outputs, feeds)
        return logits, new[: len(self._layers)], new[len(self._layers) :]


def _hidden(new: NewTokens, room: int) -> np.ndarray:
    """(n, m, room + m): what may not be seen of the slots as they were, then of the new tokens."""
    rows, count = new.slots.shape
    places = np.broadcast_to(new.slots[:, None], (rows, count, count))
    hidden = np.ones((rows, count, room + count), bool)
    hidden[:, :, : new.used] = new.hidden
    hidden[:, :, room:] = np.take_along_axis(hidden, places, 2)
    np.put_along_axis(hidden, places, True, 2)
    return hidden


def _session(path: Path, threads: int) -> Any:
    runtime = required("onnxruntime", "pip install onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ONLY_ERRORS
    for name, value in _OPTIONS.items():
        options.add_session_config_entry(name, value)
    try:
        return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the package's own kinds have no common one
        reason = str(error).splitlines()[0]
        raise OzmaError(f"ONNX Runtime cannot read {path}: {reason}") from error


def _config(path: Path, properties: Mapping[str, str]) -> LlamaConfig:
    try:
        return LlamaConfig.from_json(json.loads(properties[CONFIG]))
    except (KeyError, ValueError, TypeError) as error:
        raise OzmaError(
            f"{path} is not an ONNX file of Ozma's", hint="make one of a model's folder"
        ) from error
