"""The order in which lists are worth trying, given what each saved on weighted modules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ALONE = (-0.2, 0.3)


def cover_order(
    worth_nl: np.ndarray,
    weight_n: np.ndarray | None = None,
    most: int | None = None,
    trust_l: Sequence[float] | None = None,
) -> np.ndarray:
    """All L lists: each next one adds most to the best of those before it (greedy cover).

    worth_nl: what list l saves on module n, any unit, below 0 where it costs; a module without a
    list that saves has its -Oz object, worth 0. `trust_l` multiplies what a list adds. Lists that
    add nothing follow by their own mean, and so do all after the first `most`.
    """
    weight_n = np.ones(len(worth_nl)) if weight_n is None else weight_n
    trust_l = np.ones(worth_nl.shape[1]) if trust_l is None else np.asarray(trust_l)
    mean_l = weight_n @ worth_nl
    saves = worth_nl.max(axis=1) > 0
    worth_nl, weight_n = worth_nl[saves], weight_n[saves]
    best_n = np.zeros(len(worth_nl), worth_nl.dtype)
    left = np.ones(worth_nl.shape[1], bool)
    order: list[int] = []
    while left.any() and (most is None or len(order) < most):
        added_l = trust_l * (weight_n @ np.maximum(worth_nl - best_n[:, None], 0))
        added_l[~left] = -1.0
        chosen = int(np.argmax(added_l))
        if added_l[chosen] <= 0:
            break
        order.append(chosen)
        left[chosen] = False
        best_n = np.maximum(best_n, worth_nl[:, chosen])
    rest = np.flatnonzero(left)
    return np.array([*order, *rest[np.argsort(-mean_l[rest], kind="stable")]], dtype=np.int64)


def best_alone(relative_nl: np.ndarray, byte_n: np.ndarray) -> int:
    """The list that saves the largest share of the modules' bytes, -1 where none saves anything and
    clang's own is best. One module's share counts within ALONE only."""
    mean_l = byte_n @ np.clip(relative_nl, *ALONE)
    best = int(np.argmax(mean_l))
    return best if mean_l[best] > 0 else -1
