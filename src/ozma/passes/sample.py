"""Random passes, parameters, flat lists (as in the paper) and nested pipelines.

Everything is a function of the given `random.Random`: the same seed gives the same list.
"""

from __future__ import annotations

import random

from ozma.passes.catalogue import OPTIMIZATION_LEVELS, Catalogue, Level, PassInfo
from ozma.passes.grammar import Pass, Pipeline
from ozma.passes.levels import explicit, wrap

NUMBERS: dict[str, tuple[int, ...]] = {
    "bonus-inst-threshold": (0, 1, 2, 3, 4, 8),
    "max-iterations": (1, 2, 3, 4),
    "full-unroll-max": (0, 1, 2, 4, 8, 16),
    "max-offset": (16, 64, 128, 256, 1024, 4095),
    "min-bits": (8, 16, 32, 64),
}
"""Values worth trying for `option=N`; options that are not named here are left at their default."""

_ONE_OF = (frozenset(OPTIMIZATION_LEVELS), frozenset({"preserve-cfg", "modify-cfg"}))
"""Options of which LLVM takes one at most."""

MAX_DEVIRT = 4


def random_pass(rng: random.Random, infos: tuple[PassInfo, ...]) -> Pass:
    """One of `infos`, half of the time with parameters of its own."""
    return with_random_params(rng, rng.choice(infos))


def with_random_params(rng: random.Random, info: PassInfo) -> Pass:
    """The pass as LLVM runs it by default, or with one to three options set."""
    groups = _option_groups(info)
    if not groups or (not info.requires_option and rng.random() < 0.5):
        return info.use()
    names = rng.sample(sorted(groups), k=min(len(groups), rng.randint(1, 3)))
    return info.use(*(_value(rng, rng.choice(groups[name])) for name in sorted(names)))


def _option_groups(info: PassInfo) -> dict[str, list[str]]:
    """Alternatives by switch: `keep-loops` and `no-keep-loops` are one group."""
    groups: dict[str, list[str]] = {}
    for option in info.options:
        name, has_value, _ = option.partition("=")
        if not has_value or name in NUMBERS:
            groups.setdefault(_group_name(option, name), []).append(option)
    return groups


def _group_name(option: str, name: str) -> str:
    for alternatives in _ONE_OF:
        if option in alternatives:
            return min(alternatives)
    return name.removeprefix("no-")


def _value(rng: random.Random, option: str) -> str:
    name, has_value, _ = option.partition("=")
    return f"{name}={rng.choice(NUMBERS[name])}" if has_value else option


def random_list(
    rng: random.Random, catalogue: Catalogue, shortest: int = 1, longest: int = 50
) -> Pipeline:
    """The paper's draw: `shortest` to `longest` passes of any level, one after the other."""
    length = rng.randint(shortest, longest)
    passes = tuple(random_pass(rng, catalogue.candidates) for _ in range(length))
    return explicit(Pipeline(passes), catalogue)


def candidates_below(catalogue: Catalogue, level: Level) -> tuple[PassInfo, ...]:
    """Candidates that can stand in a sequence of this level, inside adaptors if need be."""
    if level is Level.LOOP_MSSA:
        return tuple(info for info in catalogue.candidates if info.runs_in_loop_mssa)
    if level is Level.LOOP:
        return tuple(info for info in catalogue.candidates if info.runs_in_loop)
    order = list(Level)
    outermost = order.index(level)
    return tuple(info for info in catalogue.candidates if order.index(info.level) >= outermost)


def random_pipeline(rng: random.Random, catalogue: Catalogue, size: int = 12) -> Pipeline:
    """A nested tree of exactly `size` passes, with call-graph, function and loop adaptors."""
    items = _grow(rng, catalogue, Level.MODULE, size)
    return Pipeline(wrap(items, Level.MODULE, catalogue))


_INNER: dict[Level, tuple[tuple[str, Level], ...]] = {
    Level.MODULE: (
        ("function", Level.FUNCTION),
        ("function", Level.FUNCTION),
        ("cgscc", Level.CGSCC),
    ),
    Level.CGSCC: (("function", Level.FUNCTION), ("devirt", Level.CGSCC)),
    Level.FUNCTION: (("loop", Level.LOOP), ("loop-mssa", Level.LOOP_MSSA)),
    Level.LOOP: (),
    Level.LOOP_MSSA: (),
}


def _grow(rng: random.Random, catalogue: Catalogue, level: Level, size: int) -> tuple[Pass, ...]:
    """`size` passes for a sequence of `level`, some of them inside adaptors."""
    items: list[Pass] = []
    while size:
        part = rng.randint(1, size)
        if _INNER[level] and part > 1 and rng.random() < 0.5:
            items.append(_grown_adaptor(rng, catalogue, level, part))
            size -= part
        else:
            items.append(random_pass(rng, candidates_below(catalogue, level)))
            size -= 1
    return tuple(items)


def _grown_adaptor(rng: random.Random, catalogue: Catalogue, level: Level, size: int) -> Pass:
    name, inside = rng.choice(_INNER[level])
    params = (random_count(rng),) if name == "devirt" else ()
    return Pass(name, params, _wrapped(rng, catalogue, inside, size))


def _wrapped(rng: random.Random, catalogue: Catalogue, level: Level, size: int) -> tuple[Pass, ...]:
    items = _grow(rng, catalogue, level, size)
    return items if level.is_loop else wrap(items, level, catalogue)


def random_count(rng: random.Random) -> str:
    """How often `devirt<n>(...)` may start again after it found new direct calls."""
    return str(rng.randint(1, MAX_DEVIRT))
