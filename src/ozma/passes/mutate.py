"""Mutation and crossover of nested pipelines.

Every result is accepted by LLVM: passes stand at their own level. Both functions take explicit
pipelines (see `levels.explicit`), from short lists to the expanded default pipeline.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ozma.passes import operators
from ozma.passes.catalogue import Catalogue
from ozma.passes.grammar import Pipeline
from ozma.passes.tree import Sequence, depth, sequences, splice

DEFAULT_LIMIT = 200
"""Most passes in a result; the expanded default<Oz> has 105 to 110."""
_MAX_DEPTH = 12
_ATTEMPTS = 20

Operator = Callable[[random.Random, Pipeline, Catalogue], Pipeline | None]

WEIGHTS: dict[Operator, int] = {
    operators.insert: 6,
    operators.substitute: 5,
    operators.reparametrize: 4,
    operators.delete: 4,
    operators.move: 3,
    operators.swap: 2,
    operators.duplicate: 2,
    operators.repeat: 1,
    operators.delete_stretch: 1,
    operators.unwrap: 1,
    operators.split: 1,
    operators.join: 1,
    operators.retype: 1,
    operators.regroup: 1,
    operators.devirt: 1,
}
"""How often each operator is tried, relative to the others."""


def mutate(
    rng: random.Random, pipeline: Pipeline, catalogue: Catalogue, limit: int = DEFAULT_LIMIT
) -> Pipeline:
    """One random change; at most `limit` passes. The same pipeline only when no draw gave
    another."""
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    for _ in range(_ATTEMPTS):
        operator = rng.choices(names, weights)[0]
        changed = operator(rng, pipeline, catalogue)
        if _is_new(changed, pipeline, limit):
            return changed
    return pipeline


def _is_new(changed: Pipeline | None, old: Pipeline, limit: int) -> bool:
    """Whether it differs and stays within bounds; deep nesting would only grow from there."""
    if changed is None or changed == old or len(changed) > limit:
        return False
    return depth(changed) <= _MAX_DEPTH


def crossover(rng: random.Random, a: Pipeline, b: Pipeline, limit: int = DEFAULT_LIMIT) -> Pipeline:
    """`a` with a stretch of siblings of `b` in place of one of its own (possibly empty) stretches.

    Both stretches come from sequences of one level, so the result needs no catalogue. Results above
    `limit` passes are drawn again; `a` comes back when no draw fits.
    """
    for _ in range(_ATTEMPTS):
        target = rng.choice(list(sequences(a)))
        sources = [s for s in sequences(b) if s.level is target.level]
        if sources:
            child = _spliced(rng, a, target, rng.choice(sources))
            if _is_new(child, a, limit):
                return child
    return a


def _spliced(
    rng: random.Random, a: Pipeline, target: Sequence, source: Sequence
) -> Pipeline | None:
    start, stop = sorted(rng.randint(0, len(target.items)) for _ in range(2))
    first = rng.randrange(len(source.items))
    last = rng.randint(first, len(source.items) - 1)
    return splice(a, target.path, start, stop, source.items[first : last + 1])
