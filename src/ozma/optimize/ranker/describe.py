"""A module as the trees see it: its unoptimized IR, the IR that clang's own pipeline makes of it,
and the sizes of that object. Counts alone, so that thresholds between them are whole numbers.

clang's object is made in any case, as the backup; the second IR costs one run of its passes here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ozma.llvm import Evaluation, InvalidIR, Worker
from ozma.llvm.pipelines import clang_pipeline
from ozma.optimize.ranker.features import feature_names, features_of

_BODY = re.compile(r"^define .*?^}", re.M | re.S)
_INSTRUCTION = re.compile(
    r"^  (?:%[^ ]+ = )?(?:(?:tail|musttail|notail) )?([a-z_]+)"
    r"(?: (?:nuw|nsw|exact|disjoint|inbounds|samesign|nneg|fast|nnan|volatile|atomic))*"
    r"(?: ([^ ,(]+))?",
    re.M,
)
_RUNS = (2, 3, 4, 6, 8, 12, 16, 24)
_SIZES = ("text", "data", "rodata", "loadable", "instructions", "functions", "largest", "second")
WANTED = ("ir", "functions")
"""What an evaluation of clang's own pipeline must bring."""


def described_names() -> list[str]:
    """In the order of `described`."""
    runs = [f"{what} run of {length}" for length in _RUNS for what in ("repeated", "commonest")]
    return [
        *(f"front end {name}" for name in feature_names()),
        *(f"Oz {name}" for name in feature_names()),
        *(f"Oz {name}" for name in _SIZES),
        *(f"front end {name}" for name in runs),
        *(f"Oz {name}" for name in runs),
    ]


def describe(worker: Worker, bitcode: bytes) -> list[float]:
    """A number for each of `described_names()`. InvalidIR if LLVM refuses the module."""
    loaded = worker.load(bitcode)
    try:
        text = worker.evaluate(loaded.id, "", ("ir",), skip_above=-1).ir or ""
        own = worker.evaluate(loaded.id, clang_pipeline(worker.toolchain), WANTED)
    finally:
        worker.unload(loaded.id)
    if own.sizes is None:
        raise InvalidIR(f"clang's own pipeline: {own.outcome.value}")
    return described(text, own)


def described(text: str, own: Evaluation) -> list[float]:
    """`text`: the module without any pass; `own`: clang's pipeline on it, with WANTED."""
    optimized = own.ir or ""
    return [
        *features_of(text), *features_of(optimized), *_sizes(own), *_runs(text), *_runs(optimized),
    ]  # fmt: skip


def bytes_of(values: Sequence[float]) -> float:
    """Bytes of clang's object, of what `describe` gave."""
    first = 2 * len(feature_names())
    return sum(values[first : first + _SIZES.index("loadable")])


def _sizes(own: Evaluation) -> list[float]:
    functions = sorted((own.functions or {}).values(), reverse=True)
    largest, second, *_ = [*functions, 0, 0]
    sizes = own.sizes
    counts = (
        sizes.text, sizes.data, sizes.rodata, sizes.loadable, own.instructions or 0,
        len(functions), largest, second,
    )  # fmt: skip
    return [float(count) for count in counts]


def _runs(text: str) -> list[float]:
    """Of runs of instructions with their types: how many stand somewhere else too, and how often
    the commonest does. The IR outliner folds such runs."""
    words = [found for body in _BODY.findall(text) for found in _INSTRUCTION.findall(body)]
    values: list[float] = []
    for length in _RUNS:
        counts = Counter(zip(*(words[start:] for start in range(length))))
        values += [float(counts.total() - len(counts)), float(max(counts.values(), default=0))]
    return values
