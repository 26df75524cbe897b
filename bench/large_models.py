"""Estimates for 7B and 13B from one real layer in each storage, for `generation.py --large`."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ozma.model.config import LlamaConfig

if TYPE_CHECKING:
    from ozma.model.estimate import LayerCost

_TOKENS = 16


def large(folder: Path, prompt: int) -> str:
    """Rows for 7B and 13B: memory, and minutes of one core, from one layer in each storage."""
    from ozma.model.estimate import LLM_COMPILER_7B, LLM_COMPILER_13B

    lines = [
        "| model | bits | GB at 2k / 16k tokens | one layer: ms a prompt token / a new token "
        "| prompt of 2k / 16k, min | new tokens/s at 2k |",
        "|---" * 6 + "|",
    ]
    for name, config in (("7B", LLM_COMPILER_7B), ("13B", LLM_COMPILER_13B)):
        for bits, cost in layer_costs(folder, config, prompt).items():
            lines.append(large_row(name, config, bits, cost))
    return "\n".join(lines)


def layer_costs(folder: Path, config: LlamaConfig, prompt: int) -> dict[int, LayerCost]:
    """Bits -> cost. How weights are stored does not change attention: its median is that of all."""
    from ozma.model.estimate import measure_layer
    from ozma.model.generate.gguf_export import export_gguf
    from ozma.model.generate.llama_cpp import LlamaCpp

    costs = {}
    for bits, storage in ((16, "f16"), (8, "q8_0"), (4, "q4_0")):

        def made(shape: LlamaConfig, storage: str = storage) -> LlamaCpp:
            path = folder / f"layer-{storage}.gguf"
            export_gguf(path, shape, Tiled(shape), storage)
            return LlamaCpp(path, rows=2, answer_tokens=_TOKENS)

        costs[bits] = measure_layer(made, config, prompt)
    prompt_pair = statistics.median(cost.prompt_pair for cost in costs.values())
    pair = statistics.median(cost.pair for cost in costs.values())
    return {b: replace(c, prompt_pair=prompt_pair, pair=pair) for b, c in costs.items()}


def large_row(name: str, config: LlamaConfig, bits: int, cost: LayerCost) -> str:
    from ozma.model.estimate import memory_need

    layers, lengths = config.num_hidden_layers, (2000, 15_800)
    needs = [memory_need(config, bits, tokens).total / 1e9 for tokens in lengths]
    minutes = [cost.prefill_seconds(layers, tokens) / 60 for tokens in lengths]
    return (
        f"| {name} | {bits} | {needs[0]:.1f} / {needs[1]:.1f} | "
        f"{1e3 * cost.prompt_token:.2f} / {1e3 * cost.token:.2f} | "
        f"{minutes[0]:.1f} / {minutes[1]:.0f} | "
        f"{100 / cost.decode_seconds(layers, 2000, 100):.1f} |"
    )


class Tiled(dict):
    """Weights by name, made of one small random block when they are asked for."""

    def __init__(self, config: LlamaConfig) -> None:
        self._shapes = config.shapes()
        self._block = np.random.default_rng(0).standard_normal((64, 1 << 14), np.float32) * 0.02

    def __missing__(self, name: str) -> np.ndarray:
        shape = self._shapes[name]
        return np.resize(self._block, shape) if len(shape) == 2 else np.ones(shape, np.float32)
