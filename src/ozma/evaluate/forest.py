"""A fitted forest as flat arrays: which training modules share a module's leaves; NumPy alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_LEAF = -1
_ROWS = 1000


class Forest:
    """t trees side by side; node 0 of a tree is its root, children are places in the arrays."""

    def __init__(self, trees: Iterable[Any], features_nf: np.ndarray) -> None:
        """`trees`: scikit-learn's (`feature`, `threshold`, `children_left`, `children_right`), each
        taken once, in turn; `features_nf`: the modules that they were fitted on."""
        parts = [
            (tree.feature, tree.threshold, tree.children_left, tree.children_right)
            for tree in trees
        ]
        feature, self._threshold, left, right = map(np.concatenate, zip(*parts, strict=True))
        sizes = [len(part[0]) for part in parts]
        self._root_t = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        starts = np.repeat(self._root_t, sizes)
        self._leaf = left == _LEAF
        self._feature = np.where(self._leaf, 0, feature)
        self._left = np.where(self._leaf, 0, left + starts)
        self._right = np.where(self._leaf, 0, right + starts)
        self._index(features_nf)

    def _index(self, features_nf: np.ndarray) -> None:
        """The training modules of each leaf, one leaf after the other."""
        chunks = [features_nf[at : at + _ROWS] for at in range(0, len(features_nf), _ROWS)]
        leaf_nt = np.concatenate([self.leaves(chunk) for chunk in chunks])
        self._member = np.argsort(leaf_nt.ravel(), kind="stable") // leaf_nt.shape[1]
        count = np.bincount(leaf_nt.ravel(), minlength=len(self._leaf))
        self._end = np.cumsum(count)
        self._start = self._end - count

    def leaves(self, features_nf: np.ndarray) -> np.ndarray:
        """The leaf of each module in each tree, (n, t). Scikit-learn compares in float32 too."""
        features_nf = features_nf.astype(np.float32)
        rows = np.arange(len(features_nf))[:, None]
        node_nt = np.tile(self._root_t, (len(features_nf), 1))
        while True:
            inside = ~self._leaf[node_nt]
            if not inside.any():
                return node_nt
            goes_left = features_nf[rows, self._feature[node_nt]] <= self._threshold[node_nt]
            child_nt = np.where(goes_left, self._left[node_nt], self._right[node_nt])
            node_nt = np.where(inside, child_nt, node_nt)

    def companions(self, features_f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(training modules that share a leaf, their shares of all trees); shares sum to 1."""
        leaves = self.leaves(features_f[None])[0]
        places, shares = [], []
        for leaf in leaves:
            start, end = self._start[leaf], self._end[leaf]
            places.append(self._member[start:end])
            shares.append(np.full(end - start, 1 / (max(end - start, 1) * len(leaves))))
        rows, where = np.unique(np.concatenate(places), return_inverse=True)
        return rows, np.bincount(where, np.concatenate(shares))
