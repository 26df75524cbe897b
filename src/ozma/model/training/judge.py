"""How good a model is on the validation split: loss of each task, and bytes that its lists save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ozma.errors import OzmaError
from ozma.model.training.choice import Choice
from ozma.model.training.data import Examples, TrainingData, groups_of
from ozma.model.training.distributed import Computing
from ozma.model.training.documents import Document, joined
from ozma.model.training.recipes import TASKS, Recipe
from ozma.model.training.targets import bytes_left

TRIES = (1, 2, 5, 10)


class Judge:
    """The first documents of each task of the validation split, always the same ones."""

    def __init__(self, data: TrainingData, recipe: Recipe) -> None:
        every = [Examples(data, "validation", task, recipe) for task in TASKS]
        self._examples = {one.task: one for one in every if len(one)}
        self._recipe, self._data = recipe, data

    def __call__(self, model: Computing) -> dict[str, float]:
        """Nats a token of each task, and of flag tuning the bytes saved over -Oz, in percent."""
        model.model.eval()
        with torch.no_grad():
            found = {f"validation {task}": self._loss(model, task) for task in self._examples}
            if "flags" in self._examples and len(self._data.codec.ids):
                found |= flag_gains(model, self._data, self._examples["flags"], self._some("flags"))
        model.model.train()
        return found

    def _some(self, task: str) -> range:
        return range(min(len(self._examples[task]), self._recipe.check_documents))

    def _loss(self, model: Computing, task: str) -> float:
        rng = np.random.default_rng(0)
        documents = [self._examples[task].document(index, rng) for index in self._some(task)]
        total = sum(self._batch_loss(model, group) for group in _groups(documents, self._recipe))
        return float(total) / whole_weight(documents, self._recipe)

    def _batch_loss(self, model: Computing, documents: list[Document]) -> torch.Tensor:
        return batch_loss(model, documents, self._recipe, self._data.codec.first)


def _groups(documents: list[Document], recipe: Recipe) -> list[list[Document]]:
    (groups,) = groups_of(documents, recipe.micro_tokens, 1)
    return groups


def batch_loss(
    model: Computing, documents: list[Document], recipe: Recipe, first: int
) -> torch.Tensor:
    """Sum of weight x loss over the documents; `first` is the token of the first list."""
    batch = joined(documents)
    _require_known(batch.tokens, model.model.config.vocab_size)
    device = next(model.model.parameters()).device
    places, targets, weights, at, table = (
        torch.from_numpy(x).to(device)
        for x in (batch.places, batch.targets, batch.weights, batch.choice_places, batch.choices)
    )
    choice = Choice(recipe.choice, at, table, first, recipe.list_weight, recipe.tries)
    tokens = torch.from_numpy(batch.tokens).to(device)
    return model(tokens, batch.lengths, places, targets, weights, choice if len(at) else None)


def _require_known(tokens: np.ndarray, vocabulary: int) -> None:
    """OzmaError for a token that the model does not have: the data are damaged."""
    if tokens.max() >= vocabulary:
        raise OzmaError(
            f"the data hold token {tokens.max()}, the model has {vocabulary:,}",
            hint="prepare the data again",
        )


def whole_weight(documents: list[Document], recipe: Recipe) -> float:
    """What the losses of the documents weigh together."""
    choices = sum(one.choice is not None for one in documents)
    return sum(float(one.weights.sum()) for one in documents) + recipe.list_weight * choices


def list_scores(model: Computing, data: TrainingData, prompt: np.ndarray) -> np.ndarray:
    """(lists,) what the model gives each list as the answer to the prompt."""
    tokens = torch.from_numpy(prompt).to(next(model.model.parameters()).device)
    end = torch.tensor([len(prompt) - 1], device=tokens.device)
    ids = data.codec.ids
    return model(tokens, [len(prompt)], end)[0, ids.start : ids.stop].float().cpu().numpy()


def flag_gains(
    model: Computing, data: TrainingData, examples: Examples, places: range
) -> dict[str, float]:
    """Percent of the bytes under -Oz that the best of the model's first k lists saves, -Oz the
    backup; "first list" without it; "best" is what all lists together would save."""
    sizes = [examples.tables(index)["sizes"] for index in places]
    scores = (list_scores(model, data, examples.prompt(index)) for index in places)
    orders = [np.argsort(-row, kind="stable") for row in scores]
    return gains_of(sizes, orders)


def gains_of(sizes: list[np.ndarray], orders: list[Any]) -> dict[str, float]:
    """The same for any order of lists, one for each module."""
    base = sum(int(row[0]) for row in sizes)

    def saved(left: Callable[[np.ndarray, Any], int]) -> float:
        rows = zip(sizes, orders, strict=True)
        return 100 * (1 - sum(left(row, order) for row, order in rows) / max(base, 1))

    gains = {f"gain {k}": saved(lambda row, order, k=k: bytes_left(row, order, k)) for k in TRIES}
    gains["gain first list"] = saved(lambda row, order: first_alone(row, order[0]))
    gains["gain best"] = saved(lambda row, order: int(row[row >= 0].min()))
    return gains


def first_alone(sizes: np.ndarray, place: int) -> int:
    """Bytes under one list, those of -Oz where it gives no code."""
    return int(sizes[place] if sizes[place] >= 0 else sizes[0])
