"""GGUF models through llama.cpp: for the published 7B and 13B on machines without a graphics card.

Rows are llama.cpp's sequences in one cache; a fork marks the prompt's cells as shared and copies
nothing. Needs the package `xllamacpp` or `llama-cpp-python`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.model.generate.backend import Backend, State, log_softmax
from ozma.model.generate.llama_cpp_api import Batch, installed_library, library_at
from ozma.model.generate.loading import check_file

BATCH = 512
"""Tokens in one call of llama_decode."""
CACHE_TYPES = {"f32": 0, "f16": 1}


class LlamaCppState(State):
    """`sequences`: one id for each row, given back when the state is dropped."""

    def __init__(
        self,
        backend: LlamaCpp,
        sequences: list[int],
        prompts: np.ndarray,
        lengths: np.ndarray,
        logits: np.ndarray,
    ) -> None:
        self.sequences, self.prompts, self.lengths, self.logits = (
            sequences,
            prompts,
            lengths,
            logits,
        )
        self._backend = backend

    @property
    def positions(self) -> np.ndarray:
        return self.prompts + self.lengths

    def __del__(self) -> None:
        self._backend.release(self.sequences)


class LlamaCpp(Backend):
    """One GGUF file. `rows`: answers that may grow at once, of `answer_tokens` each, all states
    together; the cache is made for `context` tokens and these. `context` 0: the model's window."""

    name = "llama.cpp"
    tolerance = 0.1

    def __init__(
        self,
        path: Path,
        context: int = 0,
        rows: int = 32,
        answer_tokens: int = 256,
        threads: int = 1,
        cache: str = "f16",
    ) -> None:
        if cache not in CACHE_TYPES:
            raise ValueError(f"cache is '{cache}': give one of {', '.join(CACHE_TYPES)}")
        self._library = library = library_at(installed_library())
        library.errors.clear()
        self._model = self._context = None
        self._model = self._load(path)
        self.context = context or library.llama_model_n_ctx_train(self._model)
        self.vocab_size = library.llama_vocab_n_tokens(library.llama_model_get_vocab(self._model))
        cells = self.context + rows * answer_tokens
        self._context = self._open(path, cells, rows + 1, CACHE_TYPES[cache])
        library.llama_set_n_threads(self._context, threads, threads)
        self._memory = library.llama_get_memory(self._context)
        self._free = list(range(rows + 1))[::-1]

    def _load(self, path: Path) -> int:
        library = self._library
        check_file(path, "a GGUF file")
        model = library.llama_model_load_from_file(
            str(path).encode(), library.llama_model_default_params()
        )
        if not model:
            raise OzmaError(f"llama.cpp cannot read {path}: {self._reason()}")
        return model

    def _open(self, path: Path, cells: int, sequences: int, cache_type: int) -> int:
        library = self._library
        params = library.context_params(cells, BATCH, sequences, cache_type)
        context = library.llama_init_from_model(self._model, params)
        if not context:
            raise OzmaError(
                f"llama.cpp cannot run {path}: {self._reason()}", hint="too little memory?"
            )
        if library.llama_n_ctx(context) < cells or library.llama_n_seq_max(context) != sequences:
            raise OzmaError(
                f"{library.path} did not take its parameters", hint="use another release"
            )
        return context

    def _reason(self) -> str:
        return self._library.errors[-1] if self._library.errors else "no reason given"

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self._library.llama_free(self._context)
        if getattr(self, "_model", None):
            self._library.llama_model_free(self._model)
        self._context = self._model = None

    def release(self, sequences: list[int]) -> None:
        """Empties these sequences; others keep the cells that they share with them."""
        if self._context is None:  # a cycle of garbage may drop the backend before its states
            return
        for sequence in sequences:
            self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._free += sequences

    def _taken(self, count: int) -> list[int]:
        if count > len(self._free):
            raise OzmaError(
                f"{count} more answers do not fit beside those that grow already",
                hint="ask for fewer at once",
            )
        return [self._free.pop() for _ in range(count)]

    def _encode(self, ids: list[int]) -> LlamaCppState:
        sequences = self._taken(1)
        nothing = np.zeros((1, self.vocab_size), np.float32)
        prompt, none = np.array([len(ids)]), np.zeros(1, np.int64)
        state = LlamaCppState(self, sequences, prompt, none, nothing)
        logits = self._run(
            [(token, i, sequences[0]) for i, token in enumerate(ids)], {len(ids) - 1}
        )
        state.logits = logits[len(ids) - 1][None]
        return state

    def _extend(
        self, state: LlamaCppState, ids: list[list[int]], scores: bool
    ) -> list[np.ndarray] | None:
        tokens, rows = [], []
        for row, new in enumerate(ids):
            first = len(tokens)
            start = int(state.positions[row])
            tokens += [(token, start + i, state.sequences[row]) for i, token in enumerate(new)]
            rows.append(range(first, len(tokens)))
        wanted = set(range(len(tokens))) if scores else {row[-1] for row in rows if row}
        logits = self._run(tokens, wanted)
        before = state.logits
        state.logits = np.stack(
            [logits[r[-1]] if r else old for r, old in zip(rows, before, strict=True)]
        )
        state.lengths = state.lengths + [len(new) for new in ids]
        if not scores:
            return None
        return [_scores(before[i], [logits[k] for k in r], ids[i]) for i, r in enumerate(rows)]

    def _run(self, tokens: list[tuple[int, int, int]], wanted: set[int]) -> dict[int, np.ndarray]:
        """Computes (token, position, sequence) in order; logits of the wanted indices."""
        logits: dict[int, np.ndarray] = {}
        for low in range(0, len(tokens), BATCH):
            part = tokens[low : low + BATCH]
            marked = [low + i in wanted for i in range(len(part))]
            batch, kept = _batch(part, marked)
            failed = self._library.llama_decode(self._context, batch)
            if failed:
                reason = "its cache is full" if failed == 1 else self._reason()
                raise OzmaError(
                    f"llama.cpp stopped: {reason}", hint="ask for fewer or shorter answers"
                )
            del kept
            for i in np.flatnonzero(marked):
                row = self._library.llama_get_logits_ith(self._context, int(i))
                logits[low + int(i)] = np.ctypeslib.as_array(row, (self.vocab_size,)).copy()
        return logits

    def select(
        self, state: LlamaCppState, rows: Sequence[int], lengths: Sequence[int] | None = None
    ) -> LlamaCppState:
        rows = list(rows)
        kept = state.lengths[rows]
        if lengths is not None:
            kept = np.minimum(kept, np.asarray(lengths))
        prompts = state.prompts[rows]
        sequences = self._taken(len(rows))
        for row, new, length in zip(rows, sequences, prompts + kept, strict=True):
            source = state.sequences[row]
            self._library.llama_memory_seq_cp(self._memory, source, new, 0, int(length))
        return LlamaCppState(self, sequences, prompts, kept, state.logits[rows])

    def join(self, states: Sequence[LlamaCppState]) -> LlamaCppState:
        copies = [self.select(state, range(state.rows)) for state in states]
        sequences = [sequence for copy in copies for sequence in copy.sequences]
        for copy in copies:
            copy.sequences = []
        parts = (
            (c.prompts for c in copies),
            (c.lengths for c in copies),
            (c.logits for c in copies),
        )
        return LlamaCppState(self, sequences, *(np.concatenate(list(part)) for part in parts))


def _batch(part: list[tuple[int, int, int]], marked: list[bool]) -> tuple[Batch, list]:
    """The struct, and what must live as long as it is used."""
    count = len(part)
    tokens, positions, sequences = zip(*part, strict=True)
    numbers = ctypes.c_int32 * count
    owners = numbers(*sequences)
    size = ctypes.sizeof(ctypes.c_int32)
    pointer = ctypes.POINTER(ctypes.c_int32)
    each = (pointer * count)(
        *(ctypes.cast(ctypes.byref(owners, i * size), pointer) for i in range(count))
    )
    batch = Batch(
        count, numbers(*tokens), None, numbers(*positions), numbers(*[1] * count), each,
        (ctypes.c_int8 * count)(*marked),
    )  # fmt: skip
    return batch, [owners, each]


def _scores(before: np.ndarray, after: list[np.ndarray], ids: list[int]) -> np.ndarray:
    if not ids:
        return np.empty(0, np.float32)
    return log_softmax(np.stack([before, *after[:-1]]))[np.arange(len(ids)), ids]
