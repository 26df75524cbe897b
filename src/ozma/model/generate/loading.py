"""Loading a model's folder with no more memory than it needs, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config
from ozma.model.estimate import check_memory, free_memory
from ozma.model.weights import read_weights

_PROMPT = 1024
"""Tokens of the prompt for which there must be room when a model is loaded."""


class Once(dict):
    """Arrays by name, each forgotten when it was read: the reader's copy is then the only one."""

    def __getitem__(self, name: str) -> np.ndarray:
        return self.pop(name)


def read_model(folder: Path, bits: int, free: int | None = None) -> tuple[LlamaConfig, Once]:
    """Shape and weights, each to be read once. Held as `bits` a weight by the caller.

    OzmaError, before anything is read, when the machine (`free` bytes, if given) is too small;
    then when files are missing, damaged or do not fit each other.
    """
    config = read_config(folder)
    check_memory(config, bits, _PROMPT, free=free)
    return config, Once(read_weights(folder, config))


def check_file(path: Path, kind: str) -> None:
    """OzmaError when `path` is no file, or is larger than the free memory; `kind` is what to give,
    with its article."""
    if not path.is_file():
        raise OzmaError(f"there is no file {path}", hint=f"give {kind}")
    size, free = path.stat().st_size, free_memory()
    if size > free:
        raise OzmaError(
            f"{path} has {size / 1e9:.1f} GB, {free / 1e9:.1f} GB of memory are free",
            hint="use a file with fewer bits a weight, or a model behind an endpoint",
        )
