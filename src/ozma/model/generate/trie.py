"""A finite set of texts as a tree of tokens: what they share is one path, each leaf is one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ozma.errors import OzmaError


class Node:
    """A prefix. `children` by token; `text` is set where one is complete, end token included."""

    __slots__ = ("_run", "children", "text")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.text: str | None = None
        self._run: tuple[list[int], Node] | None = None

    def run(self) -> tuple[list[int], Node]:
        """Tokens that follow without a choice, and the node behind them: a fork or a leaf.

        Kept once found: only for a trie that is complete.
        """
        if self._run is None:
            tokens, node = [], self
            while len(node.children) == 1:
                ((token, node),) = node.children.items()
                tokens.append(token)
            self._run = (tokens, node)
        return self._run


class TextTrie:
    """The texts that an answer may be, tokenized by `encode` as in training.

    `end`: the token that follows a complete text; None where the answer goes on behind it, and then
    no text may begin with another. OzmaError for no texts, and for ids outside the vocabulary.
    """

    def __init__(
        self,
        texts: Iterable[str],
        encode: Callable[[str], list[int]],
        end: int | None,
        vocab_size: int,
    ) -> None:
        self.vocab_size = vocab_size
        self.texts = tuple(dict.fromkeys(texts))
        self.root = Node()
        for text in self.texts:
            self._add(text, encode(text) + ([] if end is None else [end]))
        if not self.texts:
            raise OzmaError("there is no text to choose from")

    def _add(self, text: str, ids: list[int]) -> None:
        node = self.root
        for token in ids:
            if not 0 <= token < self.vocab_size:
                raise OzmaError(
                    f"token {token} is outside the model's vocabulary of {self.vocab_size}",
                    hint="the tokenizer belongs to another model",
                )
            if node.text is not None:
                raise OzmaError(f"the text {node.text[:60]!r} is the beginning of another")
            node = node.children.setdefault(token, Node())
        if node.text is not None or node.children or node is self.root:
            raise OzmaError(f"the text {text[:60]!r} is empty or the beginning of another")
        node.text = text

    def start(self) -> TrieCursor:
        return TrieCursor(self)


class TrieCursor:
    """A place in a TextTrie; a `generate.constraint.Cursor`."""

    def __init__(self, trie: TextTrie) -> None:
        self._trie, self._node = trie, trie.root

    @property
    def finished(self) -> bool:
        return self._node.text is not None

    def mask(self) -> np.ndarray:
        mask = np.zeros(self._trie.vocab_size, bool)
        mask[list(self._node.children)] = True
        return mask

    def forced(self) -> list[int]:
        return list(self._node.run()[0])

    def advance(self, token: int) -> None:
        if token not in self._node.children:
            raise OzmaError(f"token {token} may not follow here: no text goes on with it")
        self._node = self._node.children[token]
