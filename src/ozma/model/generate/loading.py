"""Loading a model's folder with no more memory than it needs, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ozma.model.config import LlamaConfig, read_config
from ozma.model.estimate import check_memory
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
