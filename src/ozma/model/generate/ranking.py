"""Ranking a finite set of texts by probability after a prompt; what they share is computed once."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count as counter
from itertools import islice

import numpy as np

from ozma.model.generate.backend import Backend, State, log_softmax, require_numbers
from ozma.model.generate.trie import Node, TextTrie


@dataclass
class _Tree:
    """Nodes to score: `tokens` and `parents` as `score_tree` takes them; `texts` at leaves."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    leaves: dict[int, str] = field(default_factory=dict)

    def add(self, token: int, parent: int) -> int:
        self.tokens.append(token)
        self.parents.append(parent)
        return len(self.tokens) - 1


def rank_texts(
    backend: Backend, state: State, trie: TextTrie, whole: bool = False
) -> list[tuple[float, str]]:
    """Every text of the set with its log-probability after the state's only row, best first.

    By default it is the probability among the texts of the set: at each fork the branches share 1,
    what is forced counts nothing, and the part of a text that no other shares is never computed.
    `whole`: the model's own probability of all tokens with the end; it costs every token.
    """
    tree = _whole_tree(trie) if whole else _forks_tree(trie)
    if not tree.tokens:
        return [(0.0, trie.texts[0])]
    scores = np.asarray(backend.score_tree(state, tree.tokens, tree.parents), np.float64)
    require_numbers(scores)
    if not whole:
        scores -= _shared(scores, tree.parents)
    totals = scores.copy()
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            totals[node] += totals[parent]
    ranked = [(float(totals[node]), text) for node, text in tree.leaves.items()]
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1]))


def best_texts(
    backend: Backend, state: State, trie: TextTrie, count: int, whole: bool = False, batch: int = 8
) -> list[tuple[float, str]]:
    """The first `count` of `rank_texts`, without computing those that cannot be among them.

    Best first: a prefix's probability bounds that of every text behind it. `batch` prefixes are
    computed together; the result does not depend on it.
    """
    search = _BestFirst(backend, state, trie, whole, batch)
    return list(islice(search, count))


def _whole_tree(trie: TextTrie) -> _Tree:
    tree = _Tree()
    stack = [(trie.root, -1)]
    while stack:
        node, place = stack.pop()
        for token, child in node.children.items():
            below = tree.add(token, place)
            if child.text is not None:
                tree.leaves[below] = child.text
            stack.append((child, below))
    return tree


def _forks_tree(trie: TextTrie) -> _Tree:
    """Without the last part of each text, in which it is alone."""
    tree = _Tree()
    stack = [(trie.root, -1)]
    while stack:
        node, place = stack.pop()
        run, fork = node.run()
        if not fork.children:
            if place >= 0:
                tree.leaves[place] = fork.text
            continue
        for token in run:
            place = tree.add(token, place)
        for token, child in fork.children.items():
            stack.append((child, tree.add(token, place)))
    return tree


def _shared(scores: np.ndarray, parents: list[int]) -> np.ndarray:
    """Log of the probability that a node and its siblings have together."""
    families = np.asarray(parents) + 1
    totals = np.full(len(scores) + 1, -np.inf)
    np.logaddexp.at(totals, families, scores)
    return totals[families]


@dataclass(order=True)
class _Prefix:
    """`cost`: -log P of what is known; `node` is behind its last token. `state` holds all tokens
    before `token`; it is None when nothing is left to compute."""

    cost: float
    number: int
    token: int | None = field(compare=False)
    node: Node = field(compare=False)
    state: State | None = field(compare=False)


class _BestFirst:
    """Yields (log-probability, text), best first."""

    def __init__(
        self, backend: Backend, state: State, trie: TextTrie, whole: bool, batch: int
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch is {batch}: give 1 or more")
        self.backend, self.whole, self.batch = backend, whole, batch
        self._numbers = counter()
        self.heap = [_Prefix(0.0, next(self._numbers), None, trie.root, backend.fork(state, 1))]

    def __iter__(self) -> Iterator[tuple[float, str]]:
        while self.heap:
            if self.heap[0].state is None:
                best = heapq.heappop(self.heap)
                yield -best.cost, best.node.text
            else:
                self._expand(self._open_prefixes())

    def _open_prefixes(self) -> list[_Prefix]:
        """The best prefixes that are not texts yet, taken off the heap."""
        chosen, texts = [], []
        while self.heap and len(chosen) < self.batch and not texts:
            best = heapq.heappop(self.heap)
            (texts if best.state is None else chosen).append(best)
        for text in texts:
            heapq.heappush(self.heap, text)
        return chosen

    def _expand(self, prefixes: list[_Prefix]) -> None:
        """Computes each prefix up to its next fork or end."""
        waiting = []
        for prefix in prefixes:
            run, fork = prefix.node.run()
            if not fork.children and not (self.whole and run):
                self._push(prefix.cost, None, fork, None)
            else:
                waiting.append((prefix, run, fork))
        if waiting:
            self._feed(waiting)

    def _feed(self, waiting: list[tuple[_Prefix, list[int], Node]]) -> None:
        state = self.backend.join([prefix.state for prefix, _, _ in waiting])
        first = [[] if prefix.token is None else [prefix.token] for prefix, _, _ in waiting]
        runs = [run if fork.children else run[:-1] for _, run, fork in waiting]
        feeds = [[*token, *run] for token, run in zip(first, runs, strict=True)]
        scores = self.backend.extend(state, feeds, scores=self.whole)
        require_numbers(state.logits)
        for slot, (prefix, run, fork) in enumerate(waiting):
            cost = prefix.cost
            if self.whole:
                cost -= float(scores[slot][len(first[slot]) :].sum())
            if fork.children:
                self._push_children(cost, fork, self.backend.select(state, [slot]))
            else:
                end = log_softmax(state.logits[slot])[run[-1]]
                self._push(cost - float(end), None, fork, None)

    def _push_children(self, cost: float, fork: Node, state: State) -> None:
        tokens = list(fork.children)
        log_probs = log_softmax(state.logits[0] if self.whole else state.logits[0][tokens])
        picked = log_probs[tokens] if self.whole else log_probs
        for token, log_prob in zip(tokens, picked, strict=True):
            self._push(cost - float(log_prob), token, fork.children[token], state)

    def _push(self, cost: float, token: int | None, node: Node, state: State | None) -> None:
        heapq.heappush(self.heap, _Prefix(cost, next(self._numbers), token, node, state))
