"""One document as a batch takes it: what goes in, what should follow, what is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ozma.model.list_tokens import ListTokens
from ozma.model.tokenizer import BOS, EOS
from ozma.model.training.choice import ANY, BYTES
from ozma.model.training.recipes import Recipe
from ozma.tasks.answers import LIST_CLOSE, Facts, flags_rest

FLAGS = "flags"


@dataclass(frozen=True)
class Document:
    """Tokens that go in (L,), and what should follow: places in it, targets and weights (N,).

    With a `choice` (lists,) the last token of the question is followed by one of the known lists:
    a row of the table of training/choice.py, `choice_place` where that token stands.
    """

    task: str
    tokens: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    choice: np.ndarray | None = None
    choice_place: int = 0

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Batch:
    """Documents one after another, as Llama.forward takes them, with M choices between lists."""

    tokens: np.ndarray
    lengths: list[int]
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    choice_places: np.ndarray
    choices: np.ndarray


def joined(documents: Sequence[Document]) -> Batch:
    """One batch of documents; of none, a token that nothing is learnt of."""
    if not documents:
        nothing = np.zeros(0, np.int64)
        empty = nothing.astype(np.float32)
        return Batch(np.array([BOS]), [1], nothing, nothing, empty, nothing, empty)
    starts = np.cumsum([0, *map(len, documents)])
    placed = list(zip(documents, starts))
    chosen = [(one, start) for one, start in placed if one.choice is not None]
    return Batch(
        np.concatenate([one.tokens for one in documents]),
        [len(one) for one in documents],
        np.concatenate([one.places + start for one, start in placed]),
        np.concatenate([one.targets for one in documents]),
        np.concatenate([one.weights for one in documents]),
        np.array([one.choice_place + start for one, start in chosen], np.int64),
        np.array([one.choice for one, _ in chosen], np.float32),
    )


class FlagAnswers:
    """Draws answers of flag tuning, and says what the choice of the list should have been."""

    def __init__(self, codec: ListTokens, lists: Sequence[str], recipe: Recipe) -> None:
        self._codec, self._lists = codec, lists
        self._target, self._recipe = recipe.target(), recipe
        self._lengths = [len(passes) for passes in lists]
        self._single = bool(len(codec.ids))

    def document(
        self, prompt: np.ndarray, tables: Mapping[str, np.ndarray], rng: np.random.Generator
    ) -> Document:
        """The question and an answer drawn from the soft target. Where lists are single tokens
        all of them are judged at once, else the one that was drawn is the target."""
        odds = self._target.weights(tables["sizes"], self._lengths)
        drawn = int(rng.choice(len(odds), p=odds))
        rest = flags_rest(Facts(*map(int, tables["before"])), _facts_of(tables, drawn))
        ids = self._codec.ids
        chosen = [ids[drawn]] if self._single else self._codec.encode(self._lists[drawn])
        answer = [*chosen, *self._codec.encode(LIST_CLOSE + rest), EOS]
        plain = question_and_answer(FLAGS, prompt, answer, self._recipe.prompt_weight)
        if not self._single:
            return plain
        place = len(prompt) - 1
        kept = plain.places != place
        return replace(
            plain, places=plain.places[kept], targets=plain.targets[kept],
            weights=plain.weights[kept], choice=self._row(tables["sizes"], odds),
            choice_place=place,
        )  # fmt: skip

    def _row(self, sizes: np.ndarray, odds: np.ndarray) -> np.ndarray:
        if self._recipe.choice == BYTES:
            return self._target.costs(sizes)
        return odds / odds.max() if self._recipe.choice == ANY else odds


def _facts_of(tables: Mapping[str, np.ndarray], place: int) -> Facts:
    return Facts(int(tables["counts"][place]), int(tables["sizes"][place]))


def question_and_answer(
    task: str,
    prompt: Sequence[int] | np.ndarray,
    answer: Sequence[int] | np.ndarray,
    prompt_weight: float,
) -> Document:
    """A document of which the answer is learnt, and the question (bos aside) with its weight."""
    tokens = np.concatenate([np.asarray(prompt, np.int64), np.asarray(answer, np.int64)])
    weights = np.ones(len(tokens) - 1, np.float32)
    weights[: len(prompt) - 1] = prompt_weight
    (places,) = np.nonzero(weights)
    return Document(task, tokens[:-1], places, tokens[1:][places], weights[places])
