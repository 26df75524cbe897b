"""Text in, texts out: what the tasks ask, whatever runs the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ozma.errors import OzmaError
from ozma.model.generate.backend import Backend, ContextOverflow, State
from ozma.model.generate.backends import load_backend
from ozma.model.generate.constraint import Constraint, Grammar
from ozma.model.generate.priority import priority
from ozma.model.generate.ranking import best_texts, rank_texts
from ozma.model.generate.rows import Limits, Sample
from ozma.model.generate.sampling import draw, greedy
from ozma.model.generate.trie import TextTrie
from ozma.model.list_tokens import Codec, ListTokens, read_lists
from ozma.model.tokenizer import Tokenizer

METHODS = ("greedy", "temperature", "priority")


@dataclass(frozen=True)
class Sampling:
    """How answers are found. `count` of them for each prompt; greedy knows one only.

    `max_tokens` is the limit of one answer; `seed` and `temperature` are for "temperature" alone.
    `batch` rows are computed together.
    """

    method: str = "greedy"
    count: int = 1
    max_tokens: int = 512
    temperature: float = 0.7
    seed: int = 0
    batch: int = 16

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is '{self.method}': give one of {', '.join(METHODS)}")
        for name in ("count", "max_tokens", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 1 or more")
        if self.method == "greedy" and self.count > 1:
            raise ValueError(
                f"count is {self.count}: greedy gives 1; choose priority or temperature"
            )
        if self.method == "temperature" and self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature}: give more than 0")


@dataclass(frozen=True)
class Answer:
    """`logprob`: natural, of the answer's choices; None where the server does not say.

    Not `finished`: cut at max_tokens or at the window. `tokens`: its length; None as before.
    """

    text: str
    finished: bool
    logprob: float | None = None
    tokens: int | None = None


class Answerer(Protocol):
    """Anything that answers prompts."""

    name: str

    def answers(self, prompt: str, sampling: Sampling) -> list[Answer]:
        """Answers to one prompt, the most probable first where that is known; OzmaError when there
        is none."""


class TokenAnswerer:
    """A backend with its tokenizer. OzmaError if they do not belong together.

    `codec` encodes and decodes in the place of the tokenizer, where known lists are single tokens.
    """

    def __init__(self, backend: Backend, tokenizer: Tokenizer, codec: Codec | None = None) -> None:
        if tokenizer.vocab_size > backend.vocab_size:
            raise OzmaError(
                f"the tokenizer has {tokenizer.vocab_size} tokens, the model {backend.vocab_size}",
                hint="the tokenizer belongs to another model",
            )
        self.name = backend.name
        self.backend, self.tokenizer, self._codec = backend, tokenizer, codec or tokenizer
        self._special = frozenset((tokenizer.pad, tokenizer.bos, tokenizer.eos))
        unknown = range(tokenizer.vocab_size, backend.vocab_size)
        self._banned = (tokenizer.pad, tokenizer.bos, *unknown)

    @classmethod
    def load(cls, folder: Path, backend: Backend | str = "numpy") -> TokenAnswerer:
        """A model's folder: its tokenizer, known lists, and weights in a backend, which is one that
        has loaded them or its name (`backends.load_backend`)."""
        tokenizer = Tokenizer.load(folder / "tokenizer.json")
        lists, first = read_lists(folder)
        if lists and tokenizer.vocab_size != first + len(lists):
            text = f"{folder}: lists.json and tokenizer.json do not belong together"
            raise OzmaError(text, hint="copy the model again")
        if isinstance(backend, str):
            backend = load_backend(backend, folder)
        return cls(backend, tokenizer, ListTokens(tokenizer, lists, first))

    @property
    def known_lists(self) -> Sequence[str]:
        """Pass lists that are single tokens."""
        return getattr(self._codec, "lists", ())

    def ids(self, prompt: str | bytes) -> list[int]:
        """Begin token and prompt; what looks like a special token in it is ordinary text."""
        return [self.tokenizer.bos, *self._encode(prompt)]

    def state(self, prompt: str | bytes) -> State:
        """The prompt, encoded once: for `answers_from`, `ranked` and `best`. ContextOverflow says
        how long it is."""
        return self.backend.prefill(self.ids(prompt))

    def answers(
        self, prompt: str | bytes, sampling: Sampling, constraint: Constraint | None = None
    ) -> list[Answer]:
        return self.answers_from(self.state(prompt), sampling, constraint)

    def answers_from(
        self, state: State, sampling: Sampling, constraint: Constraint | None = None
    ) -> list[Answer]:
        """Answers behind a state of one row. Distinct texts under "priority"."""
        limits = self._limits(sampling)
        if self.backend.room(state) < 1:
            raise ContextOverflow(
                "the prompt fills the model's window: there is no room for an answer"
            )
        if sampling.method == "greedy":
            samples = greedy(self.backend, state, limits, constraint)
        elif sampling.method == "temperature":
            samples = self._drawn(state, sampling, limits, constraint)
        else:
            samples = priority(
                self.backend, state, limits, sampling.count, constraint, sampling.batch, self._text
            )
        return [self._answer(sample) for sample in samples]

    def answers_to_all(
        self,
        prompts: Sequence[str | bytes],
        sampling: Sampling,
        constraint: Constraint | None = None,
    ) -> list[Answer]:
        """One greedy answer for each prompt, `batch` prompts computed together."""
        if sampling.method != "greedy":
            raise ValueError(
                f"method is '{sampling.method}': prompts are batched for greedy answers"
            )
        answers: list[Answer] = []
        for low in range(0, len(prompts), sampling.batch):
            states = [self.state(prompt) for prompt in prompts[low : low + sampling.batch]]
            answers += self.answers_from(self.backend.join(states), sampling, constraint)
        return answers

    def grammar(self, lark: str) -> Grammar:
        """A constraint of answers to this model."""
        return Grammar(self.tokenizer.ll, lark, self.backend.vocab_size)

    def texts(self, texts: Sequence[str], ends: bool = True) -> TextTrie:
        """A finite set of answers; without `ends`, what the answers begin with."""
        end = self.tokenizer.eos if ends else None
        return TextTrie(texts, self._encode, end, self.backend.vocab_size)

    def ranked(self, state: State, texts: TextTrie, whole: bool = False) -> list[tuple[float, str]]:
        """All texts, most probable first; see `ranking.rank_texts`."""
        return rank_texts(self.backend, state, texts, whole)

    def best(
        self, state: State, texts: TextTrie, count: int, whole: bool = False
    ) -> list[tuple[float, str]]:
        """The first `count` of `ranked`, for less."""
        return best_texts(self.backend, state, texts, count, whole)

    def _encode(self, text: str | bytes) -> list[int]:
        return plain_ids(self._codec, self._special, text)

    def _limits(self, sampling: Sampling) -> Limits:
        return Limits((self.tokenizer.eos,), sampling.max_tokens, self._banned)

    def _drawn(
        self, state: State, sampling: Sampling, limits: Limits, constraint: Constraint | None
    ) -> list[Sample]:
        samples = []
        for low in range(0, sampling.count, sampling.batch):
            count = min(sampling.batch, sampling.count - low)
            how = (sampling.temperature, sampling.seed, constraint, low)
            samples += draw(self.backend, state, limits, count, *how)
        return sorted(samples, key=lambda sample: -sample.logprob)

    def _text(self, sample: Sample) -> str:
        return self._codec.decode(sample.tokens)

    def _answer(self, sample: Sample) -> Answer:
        return Answer(self._text(sample), sample.finished, sample.logprob, len(sample.tokens))


_SPECIAL = re.compile(r"(?<=<)(?=(?:pad|s|/s|unk|\|list\d+\|)>)")
"""Where a text that looks like a special token is cut in two."""


def plain_ids(codec: Codec, special: frozenset[int], text: str | bytes) -> list[int]:
    """Ids of `text`, any bytes, none of them `special`.

    A tokenizer that takes "</s>" for the end token, or "<|list7|>" for a list, gets such texts in
    two parts.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    ids = codec.encode(text)
    if special.isdisjoint(ids) and "<|list" not in text:
        return ids
    ids = [token for part in _SPECIAL.split(text) for token in codec.encode(part)]
    if not special.isdisjoint(ids):
        raise OzmaError("the prompt holds a special token of the model", hint="change that text")
    return ids
