"""What is trained and how: functions that return one `Recipe`. No other configuration exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any, get_type_hints

from ozma.model.config import LlamaConfig, read_config
from ozma.model.training.choice import BYTES, CHOICES
from ozma.model.training.targets import SoftTarget

TASKS = ("pretraining", "emulation", "flags", "disassembly")
"""The four stages in the paper's order, each named after the data that it brings."""
_ABOVE_ZERO = (
    "steps", "batch_tokens", "micro_tokens", "rate", "muon_rate", "log_every", "check_every",
    "check_documents", "gaining", "tries",
)  # fmt: skip
_NOT_NEGATIVE = (
    "minutes", "warmup", "clip", "weight_decay", "prompt_weight", "list_weight", "rate_end", "seed",
    "save_minutes",
)  # fmt: skip
PRECISIONS = ("bf16", "fp32")
OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class Recipe:
    """All settings of one training.

    The shape has Hugging Face's names; `vocab_size` 0 takes the tokenizer's. `shares` are those of
    the whole budget for the four stages of TASKS; each stage draws the share `kept` of its tokens
    from the stages before. The budget is `steps`, or `minutes` of wall clock if these are over
    first (0: no limit). A step has `batch_tokens` tokens, `micro_tokens` at once. `restart` warms
    up and anneals in each stage anew, as the paper does; else once. `rate_end` is the fraction of
    the peak `rate` that is left. `muon_rate` is for the matrices of layers if `optimizer` says so.
    `prompt_weight` is what a token of a question weighs in the loss. `list_weight` is what the
    choice of the list weighs, whose loss is the expected bytes of the best of `tries` answers
    (`choice` "bytes"), or another of training/choice.py. A function that some list makes smaller
    comes `gaining` times an epoch of flag tuning. `start` is a Hugging Face folder to go on from,
    "" for random weights.
    """

    name: str
    hidden_size: int = 256
    intermediate_size: int = 704
    num_hidden_layers: int = 6
    num_attention_heads: int = 2
    num_key_value_heads: int = 2
    max_position_embeddings: int = 4096
    tie_word_embeddings: bool = True
    vocab_size: int = 0
    rope_theta: float = 1e6
    start: str = ""
    shares: tuple[float, ...] = (0.25, 0.2, 0.4, 0.15)
    kept: float = 0.15
    steps: int = 1000
    minutes: float = 0.0
    batch_tokens: int = 8192
    micro_tokens: int = 8192
    optimizer: str = "adamw"
    rate: float = 1e-3
    muon_rate: float = 0.02
    rate_end: float = 1 / 30
    warmup: int = 100
    restart: bool = False
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1
    clip: float = 1.0
    precision: str = "bf16"
    recompute: bool = False
    prompt_weight: float = 0.0
    list_weight: float = 10.0
    choice: str = BYTES
    tries: int = 1
    gaining: int = 2
    temperature: float = 0.01
    ties: str = "all"
    seed: int = 0
    log_every: int = 10
    check_every: int = 200
    check_documents: int = 200
    save_minutes: float = 5.0

    def __post_init__(self) -> None:
        self._check_ranges()
        if len(self.shares) != len(TASKS) or min(self.shares) < 0 or not sum(self.shares):
            raise ValueError(f"shares is {self.shares}: give {len(TASKS)}, 0 or more, not all 0")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is '{self.precision}': give {' or '.join(PRECISIONS)}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is '{self.optimizer}': give {' or '.join(OPTIMIZERS)}")
        if self.choice not in CHOICES:
            raise ValueError(f"choice is '{self.choice}': give one of {', '.join(CHOICES)}")
        if self.micro_tokens > self.batch_tokens:
            raise ValueError(f"micro_tokens is {self.micro_tokens}: at most batch_tokens")
        self.target()
        self.config(self.vocab_size or 8)

    def _check_ranges(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(isfinite(one) for one in numbers if isinstance(one, float)):
                raise ValueError(f"{field.name} is {value}: give a number")
        for name in _ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be 0 or more")
        for name in ("kept", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 0 or more, below 1")

    def config(self, vocabulary: int) -> LlamaConfig:
        """The model's shape for a tokenizer of so many entries."""
        return LlamaConfig(
            self.vocab_size or vocabulary, self.hidden_size, self.intermediate_size,
            self.num_hidden_layers, self.num_attention_heads, self.num_key_value_heads,
            self.max_position_embeddings, self.rope_theta,
            tie_word_embeddings=self.tie_word_embeddings,
        )  # fmt: skip

    def target(self) -> SoftTarget:
        return SoftTarget(self.temperature, ties=self.ties)


def debug_cpu() -> Recipe:
    """A minute on one core: shows that all stages run and learn. Same losses everywhere."""
    return Recipe(
        "debug_cpu", hidden_size=64, intermediate_size=160, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024, steps=40,
        batch_tokens=1024, micro_tokens=1024, rate=3e-3, warmup=5, precision="fp32",
        check_every=20, check_documents=8, log_every=5,
    )  # fmt: skip


def small_cpu() -> Recipe:
    """An hour on two cores with AMX; `--minutes` and `--set` make it longer or wider."""
    return Recipe("small_cpu", steps=1_000_000, minutes=60, micro_tokens=8192)


def small_gpu() -> Recipe:
    """Some 50 M parameters, 2 G tokens: hours on one large GPU."""
    return Recipe(
        "small_gpu", hidden_size=640, intermediate_size=1728, num_hidden_layers=10,
        num_attention_heads=5, num_key_value_heads=5, max_position_embeddings=16384,
        tie_word_embeddings=False, steps=8000, batch_tokens=262144, micro_tokens=65536, rate=1e-3,
        warmup=200,
    )  # fmt: skip


def llm_compiler_7b() -> Recipe:
    """The paper's hyper-parameters (section 2) on Code Llama 7B: give its folder as `start`."""
    return Recipe(
        "llm_compiler_7b", hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=32, max_position_embeddings=16384,
        tie_word_embeddings=False, vocab_size=32000,
        shares=(401 / 710, 145 / 710, 84 / 710, 80 / 710), steps=710_000_000_000 // (4 << 20),
        batch_tokens=4 << 20, micro_tokens=16384, rate=2e-5, warmup=1000, restart=True,
        recompute=True, check_every=1000, save_minutes=60,
    )  # fmt: skip


def llm_compiler_13b() -> Recipe:
    """As llm_compiler_7b, for 13B."""
    return replace(
        llm_compiler_7b(), name="llm_compiler_13b", hidden_size=5120, intermediate_size=13824,
        num_hidden_layers=40, num_attention_heads=40, num_key_value_heads=40,
    )  # fmt: skip


def continued(folder: Path) -> Recipe:
    """Goes on from a Llama checkpoint (Code Llama, a published one, ours) in its own shape, with
    the paper's rates."""
    config = read_config(folder)
    names = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "tie_word_embeddings", "vocab_size",
        "rope_theta",
    )  # fmt: skip
    shape: dict[str, Any] = {name: getattr(config, name) for name in names}
    return replace(
        llm_compiler_7b(), name="continued", start=str(folder), **shape, recompute=False,
        batch_tokens=65536, micro_tokens=16384, steps=1000, warmup=100,
    )  # fmt: skip


RECIPES: dict[str, Callable[[], Recipe]] = {
    one.__name__: one
    for one in (debug_cpu, small_cpu, small_gpu, llm_compiler_7b, llm_compiler_13b)
}


def overridden(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """The recipe with `name=value` settings; ValueError names one that is unknown or no such type.

    A width alone also gives the usual inner width, 8/3 of it, in steps of 32.
    """
    known = {field.name for field in fields(Recipe)}
    kinds = get_type_hints(Recipe)
    changes: dict[str, Any] = {}
    for setting in settings:
        name, mark, text = setting.partition("=")
        if not mark or name not in known:
            names = ", ".join(sorted(known))
            raise ValueError(f"'{setting}' sets nothing: give NAME=VALUE, NAME one of {names}")
        changes[name] = _parsed(name, text, kinds[name])
    if "hidden_size" in changes and "intermediate_size" not in changes:
        changes["intermediate_size"] = round(changes["hidden_size"] * 8 / 3 / 32) * 32
    return replace(recipe, **changes)


def _parsed(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind in (int, float, str):
            return kind(text)
        return tuple(float(part) for part in text.split(","))
    except (ValueError, KeyError) as error:
        raise ValueError(f"{name} is '{text}': give {_expected(kind)}") from error


def _expected(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    return names.get(kind, "numbers with commas between")
