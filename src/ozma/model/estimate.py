"""What a large model needs before it is loaded: memory from its shape, seconds from one real layer.

All layers of a Llama cost the same, so one layer at full width, timed on the machine at hand, gives
the whole model's speed without its weights.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.generate.backend import Backend

LLM_COMPILER_7B = LlamaConfig(32_000, 4096, 11_008, 32, 32, 32, 16_384)
LLM_COMPILER_13B = LlamaConfig(32_000, 5120, 13_824, 40, 40, 40, 16_384)
"""The published checkpoints' shapes (arXiv 2407.02524)."""

STORED_BITS = {32: 32.0, 16: 16.0, 8: 8.5, 4: 4.5}
"""Bits asked for -> bits a weight takes, with the scales of q8_0 and q4_0."""
_CHUNK = 512
_RUNTIME = 200 << 20
"""Bytes that an interpreter with a runtime takes before any model."""
_SHORTEST = 64
_STEPS = 9
_GB = 1e9


@dataclass(frozen=True)
class Need:
    """Bytes of memory. `work` holds the tables of rotations too."""

    weights: int
    cache: int
    work: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.work

    def __str__(self) -> str:
        parts = f"weights {_gb(self.weights)}, cache {_gb(self.cache)}, work {_gb(self.work)}"
        return f"{_gb(self.total)} GB ({parts})"


def memory_need(
    config: LlamaConfig,
    bits: int,
    prompt: int,
    answer: int = 512,
    rows: int = 1,
    cache_bits: int = 16,
) -> Need:
    """For `rows` answers of `answer` tokens behind one shared prompt of `prompt` tokens."""
    if bits not in STORED_BITS:
        raise ValueError(f"bits is {bits}: give one of {', '.join(map(str, STORED_BITS))}")
    per_token = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    tokens = prompt + rows * answer
    activations = _CHUNK * (2 * config.intermediate_size + 6 * config.hidden_size) * 4
    logits = max(rows, 1) * config.vocab_size * 4
    rotations = 4 * config.max_position_embeddings * config.head_dim
    return Need(
        weights=int(config.parameters() * STORED_BITS[bits] / 8),
        cache=per_token * tokens * cache_bits // 8,
        work=_RUNTIME + activations + logits + rotations,
    )


def check_memory(
    config: LlamaConfig,
    bits: int,
    prompt: int,
    answer: int = 512,
    rows: int = 1,
    free: int | None = None,
) -> Need:
    """The need; OzmaError says what is missing and what would fit, before anything is loaded.

    `free`: bytes at hand, of a graphics card for example; those of this machine if None.
    """
    need = memory_need(config, bits, prompt, answer, rows)
    free = free_memory() if free is None else free
    if need.total > free:
        raise OzmaError(
            f"the model needs {need} of memory at {bits} bits, {_gb(free)} GB are free",
            hint=_advice(config, bits, prompt, answer, rows, free),
        )
    return need


def check_training_memory(config: LlamaConfig, copies: float) -> None:
    """OzmaError, before anything is made, when so many float32 `copies` of the weights are more
    than the memory that is free: weights, gradients and two moments; where a GPU holds the rest, 1.
    """
    need, free = 4 * copies * config.parameters(), free_memory()
    if need > free:
        raise OzmaError(
            f"{config.parameters():,} parameters need {_gb(need)} GB of memory to train, "
            f"{_gb(free)} GB are free",
            hint="take a smaller recipe, or a smaller hidden_size",
        )


def _advice(config: LlamaConfig, bits: int, prompt: int, answer: int, rows: int, free: int) -> str:
    for fewer in sorted((b for b in STORED_BITS if b < bits), reverse=True):
        need = memory_need(config, fewer, prompt, answer, rows)
        if need.total <= free:
            return f"at {fewer} bits it needs {_gb(need.total)} GB"
    least = memory_need(config, min(STORED_BITS), prompt=0, answer=answer)
    room = free - least.total
    if room > 0:
        return "a shorter prompt or fewer answers at once would fit at 4 bits"
    return "use a smaller model, or one behind an endpoint"


def free_memory() -> int:
    """Bytes that a new program can take without swapping; outside Linux, all there are."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    entries = dict(line.split(":", 1) for line in lines)
    return int(entries["MemAvailable"].split()[0]) * 1024


@dataclass(frozen=True)
class LayerCost:
    """Processor seconds of one layer: for a prompt token and for each earlier token that it looks
    at, for a generated token and for each earlier one. `head`: of the last matrix, once a token."""

    prompt_token: float
    prompt_pair: float
    token: float
    pair: float
    head: float

    def prefill_seconds(self, layers: int, prompt: int) -> float:
        return layers * (self.prompt_token * prompt + self.prompt_pair * prompt**2 / 2)

    def decode_seconds(self, layers: int, prompt: int, answer: int) -> float:
        seen = prompt + answer / 2
        return answer * (layers * (self.token + self.pair * seen) + self.head)


def one_layer(config: LlamaConfig, prompt: int) -> LlamaConfig:
    """The same width with a single layer, hardly a vocabulary, and a window for the measurement."""
    return replace(
        config, num_hidden_layers=1, vocab_size=256, max_position_embeddings=prompt + _STEPS + 1
    )


def measure_layer(
    backend_of: Callable[[LlamaConfig], Backend], config: LlamaConfig, prompt: int = 1024
) -> LayerCost:
    """Times one layer as wide as `config`, at `prompt` tokens and at a quarter of them."""
    if prompt < _SHORTEST:
        raise ValueError(f"prompt is {prompt}: give {_SHORTEST} tokens or more")
    few = prompt // 4
    backend = backend_of(one_layer(config, prompt))
    short, near = _timed_prompt(backend, few)
    long, far = _timed_prompt(backend, prompt)
    prompt_pair = max(0.0, (long / prompt - short / few) / ((prompt - few) / 2))
    pair = max(0.0, (far - near) / (prompt - few))
    token = far - pair * prompt
    head = token * config.vocab_size * config.hidden_size / _layer_parameters(config)
    return LayerCost(long / prompt - prompt_pair * prompt / 2, prompt_pair, token, pair, head)


def _timed_prompt(backend: Backend, length: int) -> tuple[float, float]:
    """Seconds to encode a prompt, and those of one token behind it, the best of several."""
    seconds, state = _timed(lambda: backend.prefill([1] * length))
    del state
    again, state = _timed(lambda: backend.prefill([1] * length))
    backend.step(state, [1])
    steps = [_timed(lambda: backend.step(state, [1]))[0] for _ in range(_STEPS - 1)]
    return min(seconds, again), min(steps)


def _layer_parameters(config: LlamaConfig) -> int:
    more, fewer = (replace(config, num_hidden_layers=count) for count in (2, 1))
    return more.parameters() - fewer.parameters()


def _timed(work: Callable) -> tuple[float, object]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _gb(size: float) -> str:
    return f"{size / _GB:.1f}"
