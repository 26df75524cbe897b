"""The caches of `cached_state` in NumPy, float32."""

from __future__ import annotations

import numpy as np

from ozma.model.generate.cached_state import CachedState, Prompt


class NumpyState(CachedState):
    """In the NumPy Llama values have a last column of ones (D + 1): a product with them sums the
    weights too."""

    @staticmethod
    def _grown(array: np.ndarray, room: int) -> np.ndarray:
        used = min(array.shape[3], room)
        grown = np.zeros((*array.shape[:3], room, array.shape[4]), np.float32)
        grown[..., :used, :] = array[..., :used, :]
        return grown

    @staticmethod
    def _concatenated(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(arrays, axis=1)


def empty_prompt(layers: int, heads: int, length: int, width: int) -> Prompt:
    """To be filled, with the ones."""
    keys = np.empty((layers, heads, length, width), np.float32)
    values = np.ones((layers, heads, length, width + 1), np.float32)
    return Prompt(keys, values)
