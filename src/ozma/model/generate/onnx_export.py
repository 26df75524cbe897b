"""A Llama as an ONNX file: one graph for prompts, answers and trees, float32 or int8 weights.

Needs the package `onnx`. Standard operators alone (https://onnx.ai/onnx/operators). Letters in
shapes: n rows, m new tokens in each, t = n * m, P prompt tokens that all rows share, T slots of
answers, S = T + m, H key-value heads, G query heads of each, D head width, d width, V vocabulary,
k logits; i is a layer.

    tokens, positions (n, m) int64
    hidden (n, m, S) bool: answers' slots, then new tokens, that a token must not look at
    wanted (k,) int64: of the t new tokens, those behind which logits are asked
    prompt_keys.i, prompt_values.i (H, P, D)
    answer_keys.i, answer_values.i (n, H, T, D)
    -> logits (k, V); new_keys.i, new_values.i (n, H, m, D)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.generate.onnx_graph import Graph, Name
from ozma.model.weights import GROUP, quantize
from ozma.whole_file import write_whole

STORED_BITS = {"f32": 32, "q8": 9}
"""Storage -> bits of a weight."""
CONFIG, STORAGE = "config", "storage"
"""Metadata of the file: the content of config.json, and how weights are stored."""
CACHES = ("prompt_keys", "prompt_values", "answer_keys", "answer_values")
LARGEST_FILE = 2**31
"""Bytes; a limit of the format."""


def export_onnx(
    path: Path, config: LlamaConfig, weights: Mapping[str, np.ndarray], storage: str = "f32"
) -> None:
    """Writes the file. "q8": int8 with a scale for every 32 inputs of a matrix; vectors, and
    matrices of odd widths, stay float32. OzmaError when it does not fit into an ONNX file."""
    if storage not in STORED_BITS:
        raise ValueError(f"storage is '{storage}': give one of {', '.join(STORED_BITS)}")
    size = config.parameters() * STORED_BITS[storage] // 8
    if size >= LARGEST_FILE:
        raise OzmaError(
            f"the model has {size / 1e9:.1f} GB as {storage}, an ONNX file holds 2 GB",
            hint="make a GGUF file of it for llama.cpp",
        )
    graph = _LlamaGraph(config, weights, storage == "q8")
    graph.build()
    content = graph.file("llama", {CONFIG: json.dumps(config.to_json()), STORAGE: storage})
    write_whole(path, content)


class _LlamaGraph(Graph):
    """The maths of `transformers`' Llama, as in `numpy_llama`."""

    def __init__(self, config: LlamaConfig, weights: Mapping[str, np.ndarray], small: bool) -> None:
        super().__init__()
        self._config, self._weights, self._small = config, weights, small
        heads = config.num_key_value_heads
        group = config.num_attention_heads // heads
        self._letters: dict[str, Name | int] = {
            "H": heads, "G": group, "D": config.head_dim, "d": config.hidden_size, "*": -1, "1": 1,
        }  # fmt: skip
        self._vectors: dict[str, Name] = {}
        self._stored: dict[str, list[Name]] = {}

    def build(self) -> None:
        """All inputs, nodes and outputs."""
        config = self._config
        tokens = self.input("tokens", np.int64, "n", "m")
        positions = self.input("positions", np.int64, "n", "m")
        hidden = self.input("hidden", np.bool_, "n", "m", "S")
        wanted = self.input("wanted", np.int64, "k")
        caches = [self._caches(index) for index in range(config.num_hidden_layers)]
        self._letters |= {"n": self.size(tokens, 0), "m": self.size(tokens, 1)}
        self._letters |= {"P": self.size(caches[0][0], 1), "T": self.size(caches[0][2], 2)}
        self._letters["S"] = self.size(hidden, 2)
        self._cos, self._sin = self._turns(positions)
        self._bias = self._hiding(hidden)
        x = self._embedded(tokens)
        for index, cache in enumerate(caches):
            x = self._layer(index, x, cache)
        x = self._normed(self.op("Gather", x, wanted), "model.norm")
        head = "model.embed_tokens" if config.tie_word_embeddings else "lm_head"
        self.output(self._product(x, head), "logits", "k", config.vocab_size)

    def _vector(self, letters: str) -> Name:
        """Sizes, by their letters; "*" is what is left."""
        if letters not in self._vectors:
            sizes = (self._letters[letter] for letter in letters.split())
            self._vectors[letters] = self.shape(*sizes)
        return self._vectors[letters]

    def _as(self, x: Name, letters: str) -> Name:
        return self.op("Reshape", x, self._vector(letters))

    def _caches(self, index: int) -> list[Name]:
        """Keys and values of prompt and answers."""
        heads, width = self._letters["H"], self._letters["D"]
        prompt, answer = (heads, "P", width), ("n", heads, "T", width)
        shapes = zip(CACHES, (prompt, prompt, answer, answer), strict=True)
        return [self.input(f"{name}.{index}", np.float32, *shape) for name, shape in shapes]

    def _turns(self, positions: Name) -> tuple[Name, Name]:
        """Cosines and sines (t, 1, D / 2). A window may be long: angles are doubles, until what is
        left of them within a turn is exact enough as float32."""
        half = np.arange(0, self._config.head_dim, 2) / self._config.head_dim
        rates = self.constant(self._config.rope_theta**-half)
        angles = self.cast(self._as(positions, "* 1 1"), np.float64)
        angles = self.op("Mul", angles, rates)
        angles = self.op("Mod", angles, self.constant(np.array(2 * np.pi)), fmod=1)
        angles = self.cast(angles, np.float32)
        return self.op("Cos", angles), self.op("Sin", angles)

    def _hiding(self, hidden: Name) -> Name:
        """(n, 1, m * G, S): -inf where a query must not look, else 0."""
        bias = self.op("Where", hidden, self.constant(-np.inf), self.constant(0.0))
        bias = self.op("Unsqueeze", bias, self.constant([2]))
        return self._as(self.op("Expand", bias, self._vector("n m G S")), "n 1 * S")

    def _layer(self, index: int, x: Name, cache: list[Name]) -> Name:
        """(t, d) of x (t, d)."""
        layer = f"model.layers.{index}"
        normed = self._normed(x, f"{layer}.input_layernorm")
        query, key, value = (self._product(normed, f"{layer}.self_attn.{n}_proj") for n in "qkv")
        query = self.op("Mul", self._rotated(query), self.constant(self._config.head_dim**-0.5))
        fresh = [self._fresh(self._rotated(key)), self._fresh(value)]
        for name, array in zip(("new_keys", "new_values"), fresh, strict=True):
            self.output(array, f"{name}.{index}", "n", self._letters["H"], "m", self._letters["D"])
        seen = self._attended(query, cache, fresh)
        x = self.op("Add", x, self._product(seen, f"{layer}.self_attn.o_proj"))
        return self.op("Add", x, self._gated(x, layer))

    def _fresh(self, x: Name) -> Name:
        """(n, H, m, D) of the new tokens' keys or values."""
        return self.moved(self._as(x, "n m H D"), 0, 2, 1, 3)

    def _attended(self, query: Name, cache: list[Name], fresh: list[Name]) -> Name:
        """(t, d) of queries: to the prompt for all rows at once, to each row's own tokens."""
        prompt_keys, prompt_values, keys, values = cache
        query = self._as(self.moved(self._as(query, "n m H G D"), 0, 2, 1, 3, 4), "n H * D")
        together = self._as(self.moved(query, 1, 0, 2, 3), "H * D")
        back = self.op("MatMul", together, self.moved(prompt_keys, 0, 2, 1))
        own = [self.op("MatMul", query, self.moved(k, 0, 1, 3, 2)) for k in (keys, fresh[0])]
        back, own = self._softened(back, self.op("Concat", *own, axis=-1))
        seen = self.moved(self._as(self.op("MatMul", back, prompt_values), "H n * D"), 1, 0, 2, 3)
        parts = zip(self.two_parts(own, self._vector("T m")), (values, fresh[1]), strict=True)
        own = self.op("Add", *(self.op("MatMul", part, value) for part, value in parts))
        seen = self._as(self.op("Add", seen, own), "n H m G D")
        return self._as(self.moved(seen, 0, 2, 1, 3, 4), "* d")

    def _softened(self, back: Name, own: Name) -> tuple[Name, Name]:
        """Weights of the scores `back` (H, n * m * G, P) and `own` (n, H, m * G, S), as these."""
        own = self._as(self.moved(self.op("Add", own, self._bias), 1, 0, 2, 3), "H * S")
        both = self.op("Softmax", self.op("Concat", back, own, axis=-1), axis=-1)
        back, own = self.two_parts(both, self._vector("P S"))
        return back, self.moved(self._as(own, "H n * S"), 1, 0, 2, 3)

    def _rotated(self, x: Name) -> Name:
        """(t, heads, D) of x (t, heads * D)."""
        x = self.op("Reshape", x, self.constant([0, -1, self._config.head_dim]))
        first, second = self.two_parts(x, self.constant([self._config.head_dim // 2] * 2))
        left = self.op("Sub", self.op("Mul", first, self._cos), self.op("Mul", second, self._sin))
        right = self.op("Add", self.op("Mul", second, self._cos), self.op("Mul", first, self._sin))
        return self.op("Concat", left, right, axis=-1)

    def _gated(self, x: Name, layer: str) -> Name:
        """(t, d) that the second half of a layer adds to x (t, d)."""
        normed = self._normed(x, f"{layer}.post_attention_layernorm")
        gate, up = (self._product(normed, f"{layer}.mlp.{name}_proj") for name in ("gate", "up"))
        gate = self.op("Mul", gate, self.op("Sigmoid", gate))
        return self._product(self.op("Mul", gate, up), f"{layer}.mlp.down_proj")

    def _normed(self, x: Name, name: str) -> Name:
        """RMSNorm, in the nodes that ONNX Runtime makes one of."""
        square = self.op("Pow", x, self.constant(2.0))
        mean = self.op("ReduceMean", square, self.constant([-1]))
        mean = self.op("Add", mean, self.constant(self._config.rms_norm_eps))
        x = self.op("Div", x, self.op("Sqrt", mean))
        weight = np.asarray(self._weights[f"{name}.weight"], np.float32)
        return self.op("Mul", x, self.constant(weight))

    def _embedded(self, tokens: Name) -> Name:
        """(t, d)"""
        flat = self._as(tokens, "*")
        stored = self._matrix("model.embed_tokens")
        return self.moved(self._whole([self.op("Gather", x, flat, axis=1) for x in stored]), 1, 0)

    def _product(self, x: Name, name: str) -> Name:
        """(t, out) of x (t, in)."""
        return self.op("MatMul", x, self._whole(self._matrix(name)))

    def _whole(self, stored: list[Name]) -> Name:
        """Floats (in, out) of a matrix in either storage."""
        if len(stored) == 1:
            return stored[0]
        return self.op("DequantizeLinear", *stored, axis=0, block_size=GROUP)

    def _matrix(self, name: str) -> list[Name]:
        """A matrix (in, out) as it is stored, once: floats, or integers and scales."""
        if name not in self._stored:
            array = self._weights[f"{name}.weight"]
            divides = array.shape[1] % GROUP == 0
            parts = quantize(array) if self._small and divides else (array,)
            parts = (x if x.dtype == np.int8 else np.asarray(x, np.float32) for x in parts)
            self._stored[name] = [self.constant(np.ascontiguousarray(x.T)) for x in parts]
        return self._stored[name]
