"""Shared by the tests of generation: toy models and a toy tokenizer, made on the spot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from ozma.model.config import LlamaConfig
from ozma.model.generate.backend import Backend, State
from ozma.model.tokenizer import Tokenizer

TOY = LlamaConfig(
    vocab_size=320,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=8,
    num_key_value_heads=2,
    max_position_embeddings=160,
    rope_theta=1e6,
)
"""The published architecture at toy width, with grouped queries."""


def random_weights(config: LlamaConfig, seed: int = 0, scale: float = 0.1) -> dict[str, np.ndarray]:
    """Weights large enough that logits differ clearly from each other."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in config.shapes().items():
        values = rng.standard_normal(shape) * (scale if len(shape) == 2 else 0.1)
        weights[name] = (values + (len(shape) == 1)).astype(np.float32)
    return weights


def ids_of(count: int, seed: int = 0, vocab_size: int = TOY.vocab_size) -> list[int]:
    return np.random.default_rng(seed).integers(3, vocab_size, count).tolist()


class TableState(State):
    def __init__(self, rows: list[tuple[int, ...]], base: int, logits: np.ndarray) -> None:
        self.sequences, self.base, self.logits = rows, base, logits

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(row) - self.base for row in self.sequences])

    @property
    def positions(self) -> np.ndarray:
        return np.array([len(row) for row in self.sequences])


class BigramTable(Backend):
    """The next token depends on the last one alone: every probability can be worked out by hand.

    `fed` counts the tokens that were computed, not counting the prompt.
    """

    name = "table"

    def __init__(self, table: np.ndarray, context: int = 64) -> None:
        self.table = np.asarray(table, np.float32)
        self.vocab_size, self.context, self.fed = len(table), context, 0

    def _encode(self, ids: list[int]) -> TableState:
        return TableState([tuple(ids)], len(ids), self.table[[ids[-1]]])

    def _extend(
        self, state: TableState, ids: list[list[int]], scores: bool
    ) -> list[np.ndarray] | None:
        self.fed += sum(map(len, ids))
        result = []
        for row, new in enumerate(ids):
            before = [state.sequences[row][-1], *new]
            log_probs = [_log_softmax(self.table[a])[b] for a, b in zip(before, new, strict=False)]
            result.append(np.array(log_probs))
            state.sequences[row] += tuple(new)
        state.logits = self.table[[row[-1] for row in state.sequences]]
        return result if scores else None

    def select(
        self, state: TableState, rows: Sequence[int], lengths: Sequence[int] | None = None
    ) -> TableState:
        kept = [state.sequences[row] for row in rows]
        if lengths is not None:
            kept = [row[: state.base + length] for row, length in zip(kept, lengths, strict=True)]
        return TableState(kept, state.base, state.logits[list(rows)])

    def join(self, states: Sequence[TableState]) -> TableState:
        rows = [row for state in states for row in state.sequences]
        return TableState(rows, states[0].base, np.concatenate([state.logits for state in states]))


def _log_softmax(row: np.ndarray) -> list[float]:
    total = math.log(sum(math.exp(value) for value in row))
    return [value - total for value in row]


@cache
def toy_tokenizer_json() -> str:
    """A byte-level BPE of 320 tokens (0 pad, 1 begin, 2 end), trained on shipped pass lists."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from ozma.optimize.pack import load_pack, pack_path

    lists = [entry.passes for entry in load_pack(pack_path(19)).lists]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOY.vocab_size,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lists, trainer)
    return tokenizer.to_str()


@cache
def toy_tokenizer() -> Tokenizer:
    return Tokenizer(toy_tokenizer_json())
