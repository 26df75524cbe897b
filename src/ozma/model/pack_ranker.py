"""All lists of a pack by their probability as the model's answer: one look at a module ranks
them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ozma.errors import OzmaError
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN
from ozma.tasks.normal import NotShortened
from ozma.tasks.question import Question

if TYPE_CHECKING:
    from ozma.model.generate.answer import TokenAnswerer

Ranked = Sequence[tuple[str, float]]
"""(list, log-probability), best first."""


class PackRanker:
    """Ranks the same `lists` for one module after the other, asked by `question`. Where the model
    has tokens for known lists, lists without one are left out: it never saw them. OzmaError when
    none is left."""

    def __init__(
        self, answerer: TokenAnswerer, lists: Sequence[str], question: Question = Question()
    ) -> None:
        self.answerer, self.question = answerer, question
        known = set(answerer.known_lists)
        asked = [passes for passes in lists if not known or passes in known]
        if not asked:
            raise OzmaError(
                f"the model knows none of the {len(lists)} lists",
                hint="use the pack that it was trained with, or another --rank",
            )
        answers = {f"{LIST_OPEN}{passes}{LIST_CLOSE}": passes for passes in asked}
        self._answers, self._trie = answers, answerer.texts(list(answers), ends=False)

    def rank(self, ir_text: str) -> Ranked:
        """No lists when the module does not fit the window, or has no short form. The IR is what
        `question` wants: the front end's, or that of clang's own pipeline."""
        from ozma.model.generate.backend import ContextOverflow

        try:
            state = self.answerer.state(self.question.prompt(ir_text))
            ranked = self.answerer.ranked(state, self._trie)  # may need room for an answer's start
        except (ContextOverflow, NotShortened):
            return []
        return [(self._answers[text], logprob) for logprob, text in ranked]
