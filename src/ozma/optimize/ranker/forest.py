"""A fitted forest as flat arrays: which training modules share a module's leaves; NumPy alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_LEAF = -1
_ROWS = 1000
_NAMES = ("feature", "threshold", "right", "root", "member", "ends")


class Forest:
    """t trees side by side; node 0 of a tree is its root, and a left child follows its parent.

    feature, threshold, right (nodes): goes left where the feature is at most the threshold; `right`
    is the place of the other child, -1 in a leaf. root (t): where trees begin. member: training
    modules, leaf by leaf; ends (nodes): where each leaf's end.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """`arrays` as `arrays()` gives them."""
        feature, threshold, right, root, member, ends = (arrays[name] for name in _NAMES)
        self._feature, self._threshold = feature.astype(np.int64), threshold.astype(np.float32)
        self._right, self._root_t = right.astype(np.int64), root.astype(np.int64)
        self._leaf = self._right == _LEAF
        self.member, self.ends = member.astype(np.int64), ends.astype(np.int64)
        self.starts = np.concatenate([[0], self.ends[:-1]])

    @classmethod
    def fitted(cls, trees: Iterable[Any], features_nf: np.ndarray) -> Forest:
        """`trees`: scikit-learn's (`feature`, `threshold`, `children_left`, `children_right`), each
        taken once, in turn; `features_nf`: the modules that they were fitted on, whole numbers, as
        thresholds are rounded down to them."""
        parts = [(t.feature, np.floor(t.threshold), t.children_right) for t in trees]
        feature, threshold, right = map(np.concatenate, zip(*parts, strict=True))
        sizes = [len(part[0]) for part in parts]
        root_t = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        inside = right != _LEAF
        arrays = {
            "feature": np.where(inside, feature, 0), "threshold": threshold, "root": root_t,
            "right": np.where(inside, right + np.repeat(root_t, sizes), _LEAF),
            "member": np.zeros(0), "ends": np.zeros(len(feature)),
        }  # fmt: skip
        return cls(arrays | _members(cls(arrays), features_nf, len(feature)))

    def arrays(self) -> dict[str, np.ndarray]:
        """All there is, in small types."""
        found = (
            self._feature.astype(np.uint16), self._threshold, self._right.astype(np.int32),
            self._root_t.astype(np.int32), self.member.astype(np.uint32),
            self.ends.astype(np.int32),
        )  # fmt: skip
        return dict(zip(_NAMES, found, strict=True))

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
            child_nt = np.where(goes_left, node_nt + 1, self._right[node_nt])
            node_nt = np.where(inside, child_nt, node_nt)

    def companions(
        self, features_f: np.ndarray, weight_n: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(training modules that share a leaf, their shares); a leaf's modules share 1 / t by their
        weights, so that all shares sum to 1."""
        leaves = self.leaves(features_f[None])[0]
        places, shares = [], []
        for start, end in zip(self.starts[leaves], self.ends[leaves], strict=True):
            places.append(self.member[start:end])
            weights = weight_n[places[-1]]
            shares.append(weights / (weights.sum() * len(leaves)))
        rows, where = np.unique(np.concatenate(places), return_inverse=True)
        return rows, np.bincount(where, np.concatenate(shares))


def _members(forest: Forest, features_nf: np.ndarray, nodes: int) -> dict[str, np.ndarray]:
    """The training modules of each leaf, one leaf after the other."""
    chunks = [features_nf[at : at + _ROWS] for at in range(0, len(features_nf), _ROWS)]
    leaf_nt = np.concatenate([forest.leaves(chunk) for chunk in chunks])
    order = np.argsort(leaf_nt.ravel(), kind="stable")
    counts = np.bincount(leaf_nt.ravel(), minlength=nodes)
    return {"member": order // leaf_nt.shape[1], "ends": np.cumsum(counts)}
