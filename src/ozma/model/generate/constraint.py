"""What an answer may be, as a mask over the next token: a grammar (`trie` has sets of texts)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ozma.errors import OzmaError


class Cursor(Protocol):
    """A place inside an answer. Starts before its first token."""

    @property
    def finished(self) -> bool:
        """Whether the answer is complete and nothing can follow, the end token included."""

    def mask(self) -> np.ndarray:
        """(vocabulary,) bool: tokens that may follow; the end token where the answer may end."""

    def forced(self) -> list[int]:
        """The tokens that must follow, as far as there is no choice; they are not taken yet."""

    def advance(self, token: int) -> None:
        """Takes a token; OzmaError if it may not follow."""


class Constraint(Protocol):
    """A set of answers."""

    def start(self) -> Cursor: ...


class Grammar:
    """Answers of a Lark grammar (llguidance's dialect), over the tokens of an llguidance tokenizer.

    OzmaError if the grammar does not compile. `vocab_size`: the model's, of which the tokenizer may
    lack the last ones.
    """

    def __init__(self, tokenizer: Any, lark: str, vocab_size: int) -> None:
        from llguidance import LLMatcher

        self.vocab_size = vocab_size
        self._matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0)
        if self._matcher.is_error():
            fault = self._matcher.get_error().splitlines()[0]
            raise OzmaError(f"the grammar of answers does not compile: {fault}")

    def start(self) -> GrammarCursor:
        return GrammarCursor(self._matcher.deep_copy(), self.vocab_size)


class GrammarCursor:
    def __init__(self, matcher: Any, vocab_size: int) -> None:
        self._matcher, self._vocab_size = matcher, vocab_size

    @property
    def finished(self) -> bool:
        return self._matcher.is_stopped()

    def mask(self) -> np.ndarray:
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        mask = np.zeros(self._vocab_size, bool)
        known = np.unpackbits(bits, bitorder="little")[: self._vocab_size]
        mask[: len(known)] = known
        return mask

    def forced(self) -> list[int]:
        return self._matcher.compute_ff_tokens()

    def advance(self, token: int) -> None:
        if not self._matcher.consume_token(token):
            raise OzmaError(f"token {token} may not follow here: the grammar refuses it")
