"""Prepared data as batches: a function of (recipe, step, places in the sources), so that a resumed
training sees exactly what it would have seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.model.list_tokens import ListTokens, read_lists
from ozma.model.tokenizer import Tokenizer
from ozma.model.training.documents import FLAGS, Document, FlagAnswers, question_and_answer
from ozma.model.training.recipes import TASKS, Recipe
from ozma.model.training.shards import Shards

_ANSWER = 120
"""Tokens kept free in the window for a flag answer, beside a list that is spelled out."""
_FACTS = frozenset(("lists", "labels", "llvm", "counts"))


class TrainingData:
    """A folder of `ozma train prepare`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = self._read_facts()
        self.tokenizer = Tokenizer.load(folder / "tokenizer.json")
        lists, first = read_lists(folder)
        self.codec = ListTokens(self.tokenizer, lists, first)
        self.lists: tuple[str, ...] = tuple(self.facts["lists"])
        if self._has_lost_lists():
            raise OzmaError(f"{folder} has lost its lists.json", hint="prepare the data again")
        self.vocabulary = max(self.tokenizer.vocab_size, first + len(lists))

    def _read_facts(self) -> dict[str, Any]:
        path = self.folder / "data.json"
        try:
            facts = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise OzmaError(
                f"{self.folder} holds no training data", hint="make it with `ozma train prepare`"
            ) from error
        if not isinstance(facts, dict) or not facts.keys() >= _FACTS:
            raise OzmaError(f"{path} is damaged", hint="prepare the data again")
        return facts

    def _has_lost_lists(self) -> bool:
        """Lists were made tokens, and these are gone: the model would learn to spell them."""
        made = self.facts.get("options", {}).get("list_tokens", False)
        return bool(made and self.lists and not self.codec.lists)

    def shards(self, split: str, task: str) -> Shards:
        return Shards(self.folder / split / task)


class Examples:
    """Documents of one split and task as a recipe wants them, those that fit its window."""

    def __init__(self, data: TrainingData, split: str, task: str, recipe: Recipe) -> None:
        self.task, self._recipe = task, recipe
        self._shards = data.shards(split, task)
        room = min(recipe.max_position_embeddings, recipe.micro_tokens)
        lengths = self._shards.lengths() + (_longest_answer(data) if task == FLAGS else 0)
        (self.fitting,) = np.nonzero(lengths <= room)
        if task == FLAGS and split == "train":
            self.fitting = np.repeat(self.fitting, self._times(self.fitting))
        self.mean_length = float(lengths[self.fitting].mean()) if len(self.fitting) else 0.0
        self._answers = FlagAnswers(data.codec, data.lists, recipe) if task == FLAGS else None

    def __len__(self) -> int:
        return len(self.fitting)

    def _times(self, documents: np.ndarray) -> np.ndarray:
        """How often each comes in an epoch: more often where some list saves bytes."""
        tables = [shard.tables["sizes"] for shard in self._shards.shards]
        sizes = np.concatenate(tables)[documents] if tables else np.zeros((0, 1))
        gains = ((sizes >= 0) & (sizes < sizes[:, :1])).any(1)
        return np.where(gains, self._recipe.gaining, 1)

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


def _longest_answer(data: TrainingData) -> int:
    """Tokens of a flag answer at most."""
    spelled = () if data.codec.lists else data.lists
    return _ANSWER + max((len(data.codec.encode(one)) for one in spelled), default=0)


class Mixture:
    """The training split of all tasks; each is read in a new random order every epoch.

    `cursors` (documents taken of each task) are all the state there is.
    """

    def __init__(self, data: TrainingData, recipe: Recipe) -> None:
        self._recipe = recipe
        every = [Examples(data, "train", task, recipe) for task in TASKS]
        self.examples = {one.task: one for one in every if len(one)}
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
