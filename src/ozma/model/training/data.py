"""Prepared data as batches: a function of (recipe, step, places in the sources), so that a resumed
training sees exactly what it would have seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.model.list_tokens import ListTokens, read_lists
from ozma.model.tokenizer import BOS, EOS, Tokenizer
from ozma.model.training.recipes import TASKS, Recipe
from ozma.model.training.shards import Shards
from ozma.model.training.targets import SoftTarget
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN, Facts, flags_rest

FLAGS = "flags"
_ANSWER = 120
"""Tokens kept free in the window for a flag answer of one list token."""


@dataclass(frozen=True)
class Document:
    """Tokens that go in (L,), and what should follow: places in it, targets and weights (N,)."""

    task: str
    tokens: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Batch:
    """Documents one after another, as Llama.forward takes them."""

    tokens: np.ndarray
    lengths: list[int]
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def joined(documents: Sequence[Document]) -> Batch:
    """One batch of documents; of none, a token that nothing is learnt of."""
    if not documents:
        nothing = np.zeros(0, np.int64)
        return Batch(np.array([BOS]), [1], nothing, nothing, nothing.astype(np.float32))
    starts = np.cumsum([0, *map(len, documents)])
    return Batch(
        np.concatenate([one.tokens for one in documents]),
        [len(one) for one in documents],
        np.concatenate([one.places + start for one, start in zip(documents, starts)]),
        np.concatenate([one.targets for one in documents]),
        np.concatenate([one.weights for one in documents]),
    )


class TrainingData:
    """A folder of `ozma train prepare`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = self._read_facts()
        self.tokenizer = Tokenizer.load(folder / "tokenizer.json")
        lists, first = read_lists(folder)
        self.codec = ListTokens(self.tokenizer, lists, first)
        self.lists: tuple[str, ...] = tuple(self.facts["lists"])
        self.vocabulary = max(self.tokenizer.vocab_size, first + len(lists))

    def _read_facts(self) -> dict[str, Any]:
        path = self.folder / "data.json"
        try:
            return json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise OzmaError(
                f"{self.folder} holds no training data", hint="make it with `ozma train prepare`"
            ) from error

    def shards(self, split: str, task: str) -> Shards:
        return Shards(self.folder / split / task)


class FlagAnswers:
    """Draws answers of flag tuning, and says what the choice of the list should have been."""

    def __init__(self, data: TrainingData, target: SoftTarget, recipe: Recipe) -> None:
        self._codec, self._lists, self._target = data.codec, data.lists, target
        self._list_weight, self._prompt_weight = recipe.list_weight, recipe.prompt_weight
        self._lengths = [len(passes) for passes in data.lists]
        self._single = bool(len(data.codec.ids))

    def document(
        self, prompt: np.ndarray, tables: Mapping[str, np.ndarray], rng: np.random.Generator
    ) -> Document:
        """The question and an answer drawn from the soft target. Where lists are single tokens
        the choice has all of them as targets at once, else the one that was drawn."""
        odds = self._target.weights(tables["sizes"], self._lengths)
        drawn = int(rng.choice(len(odds), p=odds))
        rest = flags_rest(Facts(*map(int, tables["before"])), _facts_of(tables, drawn))
        ids = self._codec.ids
        chosen = [ids[drawn]] if self._single else self._codec.encode(self._lists[drawn])
        answer = [*chosen, *self._codec.encode(LIST_CLOSE + rest), EOS]
        plain = question_and_answer(FLAGS, prompt, answer, self._prompt_weight)
        return self._softened(plain, len(prompt) - 1, odds) if self._single else plain

    def _softened(self, plain: Document, place: int, odds: np.ndarray) -> Document:
        """The target at `place`, one list, becomes all lists with odds."""
        kept = plain.places != place
        (likely,) = np.nonzero(odds > 1e-3)
        share = odds[likely] / odds[likely].sum() * self._list_weight
        ids = np.array(self._codec.ids)[likely]
        return Document(
            FLAGS, plain.tokens,
            np.concatenate([plain.places[kept], np.full(len(likely), place)]),
            np.concatenate([plain.targets[kept], ids]),
            np.concatenate([plain.weights[kept], share.astype(np.float32)]),
        )  # fmt: skip


def _facts_of(tables: Mapping[str, np.ndarray], place: int) -> Facts:
    return Facts(int(tables["counts"][place]), int(tables["sizes"][place]))


def question_and_answer(
    task: str, prompt: Sequence[int] | np.ndarray, answer: Sequence[int] | np.ndarray, prompt_weight: float
) -> Document:
    """A document of which the answer is learnt, and the question (bos aside) with its weight."""
    tokens = np.concatenate([np.asarray(prompt, np.int64), np.asarray(answer, np.int64)])
    weights = np.ones(len(tokens) - 1, np.float32)
    weights[: len(prompt) - 1] = prompt_weight
    (places,) = np.nonzero(weights)
    return Document(task, tokens[:-1], places, tokens[1:][places], weights[places])


class Examples:
    """Documents of one split and task as a recipe wants them. `skipped` do not fit its window."""

    def __init__(self, data: TrainingData, split: str, task: str, recipe: Recipe) -> None:
        self.task, self._recipe = task, recipe
        self._shards = data.shards(split, task)
        room = min(recipe.max_position_embeddings, recipe.micro_tokens)
        lengths = self._shards.lengths() + (_ANSWER if task == FLAGS else 0)
        (self.fitting,) = np.nonzero(lengths <= room)
        self.skipped = len(lengths) - len(self.fitting)
        self.mean_length = float(lengths[self.fitting].mean()) if len(self.fitting) else 0.0
        self._answers = FlagAnswers(data, recipe.target(), recipe) if task == FLAGS else None

    def __len__(self) -> int:
        return len(self.fitting)

    def document(self, index: int, rng: np.random.Generator) -> Document:
        """Number `index` of those that fit."""
        shard, place = self._shards.locate(int(self.fitting[index]))
        tokens, prompt = shard.document(place), int(shard.prompts[place])
        if self._answers:
            return self._answers.document(tokens, self.tables(index), rng)
        weight = 1.0 if self.task == "pretraining" else self._recipe.prompt_weight
        return question_and_answer(self.task, tokens[:prompt], tokens[prompt:], weight)

    def tables(self, index: int) -> dict[str, np.ndarray]:
        shard, place = self._shards.locate(int(self.fitting[index]))
        return {name: table[place] for name, table in shard.tables.items()}

    def prompt(self, index: int) -> np.ndarray:
        """Tokens of the question alone."""
        shard, place = self._shards.locate(int(self.fitting[index]))
        return shard.document(place)[: int(shard.prompts[place])].astype(np.int64)


class Mixture:
    """The training split of all tasks; each is read in a new random order every epoch.

    `cursors` (documents taken of each task) are all the state there is.
    """

    def __init__(self, data: TrainingData, recipe: Recipe) -> None:
        self._recipe = recipe
        every = [Examples(data, "train", task, recipe) for task in TASKS]
        self.examples = {one.task: one for one in every if len(one)}
        self.skipped = {one.task: one.skipped for one in every if one.skipped}
        self.cursors = dict.fromkeys(TASKS, 0)
        self._orders: dict[tuple[str, int], np.ndarray] = {}
        if not self.examples:
            raise OzmaError(f"{data.folder} has no document that fits the window of the recipe")

    def batch(self, step: int, shares: Mapping[str, float]) -> list[Document]:
        """Documents of one step, `batch_tokens` together at most; `shares` are those of tokens."""
        rng = np.random.default_rng([self._recipe.seed, step])
        tasks = [task for task in shares if task in self.examples]
        odds = np.array([shares[task] / self.examples[task].mean_length for task in tasks])
        odds /= odds.sum()
        taken: list[Document] = []
        left = self._recipe.batch_tokens
        while True:
            task = tasks[int(rng.choice(len(tasks), p=odds))]
            document = self._next(task, rng)
            if len(document) > left:
                return taken
            self.cursors[task] += 1
            left -= len(document)
            taken.append(document)

    def _next(self, task: str, rng: np.random.Generator) -> Document:
        epoch, place = divmod(self.cursors[task], len(self.examples[task]))
        return self.examples[task].document(int(self._order(task, epoch)[place]), rng)

    def _order(self, task: str, epoch: int) -> np.ndarray:
        if (task, epoch) not in self._orders:
            self._orders = {key: order for key, order in self._orders.items() if key[0] != task}
            rng = np.random.default_rng([self._recipe.seed, TASKS.index(task), epoch])
            self._orders[task, epoch] = rng.permutation(len(self.examples[task]))
        return self._orders[task, epoch]


def groups_of(documents: Sequence[Document], most: int, ranks: int) -> list[list[list[Document]]]:
    """Documents dealt to ranks, longest first, then in groups of at most `most` tokens.

    [rank][group]; all ranks have as many groups, as each group is a step of all of them together.
    """
    if ranks == 1:
        return [_grouped(documents, most)]
    by_length = sorted(documents, key=len, reverse=True)
    dealt = [_grouped(by_length[rank::ranks], most) for rank in range(ranks)]
    longest = max(map(len, dealt))
    return [groups + [[]] * (longest - len(groups)) for groups in dealt]


def _grouped(documents: Sequence[Document], most: int) -> list[list[Document]]:
    groups: list[list[Document]] = []
    room = 0
    for document in documents:
        if not groups or len(document) > room:
            groups.append([])
            room = most
        groups[-1].append(document)
        room -= len(document)
    return groups
