"""Attention of the NumPy Llama: long prompts by blocks, answers against shared prompts.

Letters in shapes: H key-value heads, G query heads of each, D head width, n rows, m new tokens in
each row, P prompt tokens, T answer tokens. Queries are already divided by the root of D. Values
have a last column of ones, so that one product gives sums and weights' total.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

KEY_BLOCK = 512
"""Keys of a block: scores of a chunk against it stay in the second-level cache."""
_MAX_SCORES = 1 << 22
"""Scores held at once when answers look at their prompt (16 MB)."""


def attend_prompt(
    query: np.ndarray, keys: np.ndarray, values: np.ndarray, start: int
) -> np.ndarray:
    """Causal attention of the prompt's tokens start..start+m: (H, m, G, D).

    `query` (H, m, G, D); `keys` (H, >= start + m, D) and `values` (H, same, D + 1) hold all tokens
    up to and with these.
    """
    heads, new, group, width = query.shape
    result = np.empty_like(query)
    later = np.triu(np.full((new, new), -np.inf, np.float32), 1)
    later = np.repeat(later, group, axis=0)
    for head in range(heads):
        flat = query[head].reshape(new * group, width)
        summed = _blockwise(flat, keys[head, : start + new], values[head, : start + new], later)
        result[head] = _divided(summed).reshape(new, group, width)
    return result


def _blockwise(
    query: np.ndarray, keys: np.ndarray, values: np.ndarray, later: np.ndarray
) -> np.ndarray:
    """Weighted sums of values and of ones (rows, D + 1) for the last tokens of `keys`.

    `later` (rows, m) is -inf where one of the m last keys comes after the row's token, else 0.

    The block on the diagonal goes first; its largest score is the reference of all blocks. Scores
    far above it would overflow: then all blocks are done again with the true maximum.
    """
    start = len(keys) - later.shape[1]
    scores = query @ keys[start:].T
    scores += later
    reference = scores.max(axis=1, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):
        summed = _weighted(scores, reference, values[start:])
        for low in range(0, start, KEY_BLOCK):
            high = min(low + KEY_BLOCK, start)
            summed += _weighted(query @ keys[low:high].T, reference, values[low:high])
    if not np.isfinite(summed).all():
        return _exact(query, keys, values, later)
    return summed


def _weighted(scores: np.ndarray, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
    scores -= reference
    np.exp(scores, out=scores)
    return scores @ values


def _exact(
    query: np.ndarray, keys: np.ndarray, values: np.ndarray, later: np.ndarray
) -> np.ndarray:
    scores = query @ keys.T
    scores[:, len(keys) - later.shape[1] :] += later
    return _weighted(scores, scores.max(axis=1, keepdims=True), values)


def attend_rows(
    query: np.ndarray,
    prompts: Iterable[tuple[np.ndarray, np.ndarray, int]],
    keys: np.ndarray,
    values: np.ndarray,
    hidden: np.ndarray | None,
) -> np.ndarray:
    """Attention of new answer tokens to prompt and answer: (n, H, m, G, D).

    `query` (n, H, m, G, D); `prompts`: keys (H, P, D), values (H, P, D + 1) and number of rows of
    each prompt, in the order of rows; `keys` (n, H, T, D) and `values` (n, H, T, D + 1) of the
    answers, the new tokens included; `hidden` (n, m, T) is true where a token must not look.
    """
    rows, heads, new, group, width = query.shape
    flat = query.reshape(rows, heads, new * group, width)
    scores = flat @ keys.swapaxes(2, 3)
    if hidden is not None:
        by_token = scores.reshape(rows, heads, new, group, -1)
        np.copyto(by_token, -np.inf, where=hidden[:, None, :, None])
    reference = scores.max(axis=3, keepdims=True)
    result = np.empty((rows, heads, new * group, width + 1), np.float32)
    low = 0
    for prompt_keys, prompt_values, count in prompts:
        part = slice(low, low + count)
        result[part], reference[part] = _look_back(
            flat[part], prompt_keys, prompt_values, reference[part]
        )
        low += count
    result += _weighted(scores, reference, values)
    return _divided(result).reshape(query.shape)


def _look_back(
    query: np.ndarray, keys: np.ndarray, values: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums (n, H, m * G, D + 1) of rows with one prompt, and the reference (n, H, m * G, 1), raised
    where the prompt has a larger score."""
    rows, heads, new, width = query.shape
    together = query.swapaxes(0, 1).reshape(heads, rows * new, width)
    reference = reference.swapaxes(0, 1).reshape(heads, rows * new, 1)
    summed = np.empty((heads, rows * new, width + 1), np.float32)
    raised = np.empty_like(reference)
    for part in _head_blocks(heads, rows * new * keys.shape[1]):
        scores = together[part] @ keys[part].swapaxes(1, 2)
        raised[part] = np.maximum(scores.max(axis=2, keepdims=True), reference[part])
        summed[part] = _weighted(scores, raised[part], values[part])
    back = (heads, rows, new, -1)
    return summed.reshape(back).swapaxes(0, 1), raised.reshape(back).swapaxes(0, 1)


def _head_blocks(heads: int, scores_per_head: int) -> list[slice]:
    size = max(1, _MAX_SCORES // max(1, scores_per_head))
    return [slice(low, min(low + size, heads)) for low in range(0, heads, size)]


def _divided(summed: np.ndarray) -> np.ndarray:
    return summed[..., :-1] / summed[..., -1:]
