"""Feeding a tree of tokens through a causal model in chunks, only the current path in the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class TreeChunk:
    """m nodes that are fed together, behind `kept` ancestors of the first of them.

    `seen` (m, kept + m) is true for ancestors and the node itself; `depths` (m,) counts ancestors;
    `slots` are the ancestors' places in the cache that the chunk before has left.
    """

    nodes: list[int]
    tokens: np.ndarray
    depths: np.ndarray
    slots: np.ndarray
    seen: np.ndarray

    @property
    def kept(self) -> int:
        return len(self.slots)

    def compact(self, keys: np.ndarray, values: np.ndarray, start: int) -> None:
        """Moves the ancestors' keys and values (L, 1, H, T, .) to the places from `start` on."""
        for array in (keys, values):
            row = array[:, 0]
            row[:, :, start : start + self.kept] = row[:, :, start + self.slots]


class TreeChunks:
    """The nodes that have children, depth first, in chunks of `size`.

    Token i continues token `parents[i]` < i, or the start where that is -1. Leaves are not fed:
    what precedes them predicts them. `depth` is the longest path that is fed.
    """

    def __init__(self, tokens: Sequence[int], parents: Sequence[int], size: int) -> None:
        self.tokens, self.parents, self._size = list(tokens), list(parents), size
        self._children: dict[int, list[int]] = {}
        self._depths: list[int] = []
        for node, parent in enumerate(self.parents):
            if not -1 <= parent < node:
                raise ValueError(f"parents[{node}] is {parent}: give an earlier token or -1")
            self._children.setdefault(parent, []).append(node)
            self._depths.append(self._depths[parent] + 1 if parent >= 0 else 0)
        self._order = self._depth_first()
        self.depth = 1 + max((self._depths[node] for node in self._order), default=-1)

    def _depth_first(self) -> list[int]:
        order, stack = [], [-1]
        while stack:
            node = stack.pop()
            if node in self._children:
                order.append(node)
                stack += reversed(self._children[node])
        return order[1:]

    def scores(self, node: int, log_probs: np.ndarray) -> dict[int, float]:
        """Child of `node` -> its log-probability, given those of all tokens after `node`."""
        children = self._children.get(node, [])
        return {child: float(log_probs[self.tokens[child]]) for child in children}

    def __iter__(self) -> Iterator[TreeChunk]:
        places: dict[int, int] = {}
        for low in range(0, len(self._order), self._size):
            nodes = self._order[low : low + self._size]
            path = self._ancestors(nodes[0])
            yield self._chunk(nodes, path, np.array([places[node] for node in path], np.int64))
            places = {node: place for place, node in enumerate(path + nodes)}

    def _ancestors(self, node: int) -> list[int]:
        path = []
        while (node := self.parents[node]) >= 0:
            path.append(node)
        return path[::-1]

    def _chunk(self, nodes: list[int], path: list[int], slots: np.ndarray) -> TreeChunk:
        places = {node: place for place, node in enumerate(path + nodes)}
        seen = np.zeros((len(nodes), len(places)), bool)
        for row, node in enumerate(nodes):
            place = places.get(self.parents[node], -1)
            if place >= len(path):
                seen[row] = seen[place - len(path)]
            else:
                seen[row, : place + 1] = True
            seen[row, len(path) + row] = True
        tokens = np.array([self.tokens[node] for node in nodes])
        return TreeChunk(nodes, tokens, np.array([self._depths[n] for n in nodes]), slots, seen)
