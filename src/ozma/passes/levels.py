"""Adaptors: which pass may stand where, and wrapping that makes any mix of levels acceptable.

LLVM takes `dce,globaldce` for a function pipeline and refuses it: the level of a whole list is that
of its first name. `explicit` writes the adaptors down, as LLVM prints them itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from ozma.errors import OzmaError
from ozma.passes.catalogue import Catalogue, Level, PassInfo
from ozma.passes.grammar import Pass, Pipeline, leaves

Key = TypeVar("Key")
_COUNTED = re.compile(r"[1-9][0-9]{0,8}")

ADAPTORS: dict[str, Level] = {
    "module": Level.MODULE,
    "coro-cond": Level.MODULE,
    "cgscc": Level.CGSCC,
    "devirt": Level.CGSCC,
    "function": Level.FUNCTION,
    "loop": Level.LOOP,
    "loop-mssa": Level.LOOP_MSSA,
}
"""Level of what stands inside; `repeat<n>` takes the level of where it stands."""

LAST_WITH_REPEAT = 18
"""LLVM 19 removed `repeat<n>(...)` (llvm/llvm-project pull request 96211)."""

_HOMES: dict[str, tuple[Level, ...]] = {
    "module": (Level.MODULE,),
    "coro-cond": (Level.MODULE,),
    "cgscc": (Level.MODULE, Level.CGSCC),
    "devirt": (Level.CGSCC,),
    "function": (Level.MODULE, Level.CGSCC, Level.FUNCTION),
    "loop": (Level.FUNCTION, Level.LOOP, Level.LOOP_MSSA),
    "loop-mssa": (Level.FUNCTION,),
}
"""Where an adaptor may stand, outermost first."""


class PipelineLevelError(OzmaError):
    """A pass is unknown, or stands inside an adaptor of a lower level than its own."""


def child_level(adaptor: Pass, context: Level) -> Level:
    """Level of the children of an adaptor that stands at `context`."""
    if adaptor.name == "loop" and context is Level.LOOP_MSSA:
        return context
    return ADAPTORS.get(adaptor.name, context)


def fits(item: Pass, context: Level, catalogue: Catalogue) -> bool:
    """Whether LLVM accepts and can run `item`, children included, right at `context`."""
    if item.children is None:
        return _info_at(item, context, catalogue) is not None
    if not _adaptor_fits(item, context, catalogue):
        return False
    inside = child_level(item, context)
    return all(fits(child, inside, catalogue) for child in item.children)


def _info_at(item: Pass, context: Level, catalogue: Catalogue) -> PassInfo | None:
    infos = catalogue.infos(item) if item.children is None else ()
    return next((info for info in infos if _runs_at(info, context)), None)


def _runs_at(info: PassInfo, context: Level) -> bool:
    if context is Level.LOOP_MSSA:
        return info.runs_in_loop_mssa
    return info.level is context


def _adaptor_fits(item: Pass, context: Level, catalogue: Catalogue) -> bool:
    if item.name == "repeat":
        return catalogue.major <= LAST_WITH_REPEAT and _is_counted(item)
    if context not in _HOMES.get(item.name, ()):
        return False
    if item.name == "devirt":
        return _is_counted(item)
    if item.name == "function":
        return set(item.params) <= _function_params(context)
    return not item.params


def _is_counted(item: Pass) -> bool:
    return len(item.params) == 1 and bool(_COUNTED.fullmatch(item.params[0]))


def _function_params(context: Level) -> set[str]:
    """`no-rerun` has a meaning only where `cgscc(...)` visits a function more than once."""
    if context is Level.CGSCC:
        return {"eager-inv", "no-rerun"}
    return {"eager-inv"} if context is Level.MODULE else set()


def check(pipeline: Pipeline, catalogue: Catalogue) -> None:
    """PipelineLevelError names the first element that LLVM would refuse where it stands."""
    for item in pipeline.passes:
        if not fits(item, Level.MODULE, catalogue):
            raise _misplaced(item, Level.MODULE, catalogue)


def explicit(pipeline: Pipeline, catalogue: Catalogue) -> Pipeline:
    """The same passes in the same order, each inside the adaptors that it needs.

    Neighbours that need the same adaptor share one, as in LLVM. What is explicit already stays as
    it is, except where LLVM would abort: a loop adaptor is changed or split to suit MemorySSA, and
    a bare `instcombine` becomes `instcombine<no-verify-fixpoint>`.
    Raises PipelineLevelError for an unknown pass, or a module pass inside `function(...)`.
    """
    return Pipeline(wrap(pipeline.passes, Level.MODULE, catalogue))


def wrap(items: Iterable[Pass], context: Level, catalogue: Catalogue) -> tuple[Pass, ...]:
    """`items` made acceptable at `context`."""
    placed = [_place(item, context, catalogue) for item in items]
    if context is Level.FUNCTION:
        return tuple(_join_loops(placed, catalogue))
    return tuple(_join(placed, context, catalogue))


def _place(item: Pass, context: Level, catalogue: Catalogue) -> tuple[Level, Pass]:
    """The level at which `item` can stand, as near to `context` as possible, and its explicit
    form."""
    for level in _below(context):
        info = _info_at(item, level, catalogue)
        if info:
            return level, info.hardened(item)
        if item.children is not None and _adaptor_fits(item, level, catalogue):
            inside = child_level(item, level)
            if level is Level.FUNCTION and inside.is_loop:
                return level, item
            return level, replace(item, children=wrap(item.children, inside, catalogue))
    raise _misplaced(item, context, catalogue)


def _below(context: Level) -> list[Level]:
    """Levels that can be reached from `context` by adaptors, itself first."""
    if context.is_loop:
        return [context]
    levels = list(Level)
    return levels[levels.index(context) :]


def _misplaced(item: Pass, context: Level, catalogue: Catalogue) -> PipelineLevelError:
    homes = [info.level.value for info in catalogue.infos(item)]
    if item.children is not None:
        return PipelineLevelError(
            f"pass list: '{item.head}(...)' cannot stand in a {context.value} pipeline"
        )
    if not homes:
        return _unknown(item, catalogue)
    kind = " or ".join(dict.fromkeys(homes))
    return PipelineLevelError(
        f"pass list: '{item.head}' is a {kind} pass and cannot stand in a {context.value} pipeline"
    )


def _unknown(item: Pass, catalogue: Catalogue) -> PipelineLevelError:
    near = difflib.get_close_matches(item.head, sorted({one.name for one in catalogue.passes}), 1)
    listed = f"'opt --print-passes' of LLVM {catalogue.major} lists what it has"
    return PipelineLevelError(
        f"pass list: LLVM {catalogue.major} has no pass '{item.head}'",
        hint=f"did you mean '{near[0]}'? {listed}" if near else listed,
    )


def _join(placed: list[tuple[Level, Pass]], context: Level, catalogue: Catalogue) -> list[Pass]:
    """Runs of items below `context` share one `cgscc(...)` or `function(...)`."""
    joined: list[Pass] = []
    for family, run in _runs(placed, lambda level: _adaptor_for(level, context)):
        if family is None:
            joined += run
        else:
            joined.append(Pass(family, children=wrap(run, ADAPTORS[family], catalogue)))
    return joined


def _adaptor_for(level: Level, context: Level) -> str | None:
    if level is context:
        return None
    return "cgscc" if level is Level.CGSCC else "function"


def _runs(
    placed: list[tuple[Level, Pass]], key: Callable[[Level], Key]
) -> list[tuple[Key, list[Pass]]]:
    runs: list[tuple[Key, list[Pass]]] = []
    for level, item in placed:
        if runs and runs[-1][0] == key(level):
            runs[-1][1].append(item)
        else:
            runs.append((key(level), [item]))
    return runs


def _join_loops(placed: list[tuple[Level, Pass]], catalogue: Catalogue) -> list[Pass]:
    """In a function pipeline: loop passes in `loop(...)` or `loop-mssa(...)`, whichever they
    bear."""
    joined: list[Pass] = []
    for is_bare, run in _runs(placed, lambda level: level.is_loop):
        if is_bare:
            joined += _loop_groups(run, None, catalogue)
            continue
        for item in run:
            kind = item.name if item.name in ("loop", "loop-mssa") and item.children else None
            joined += _loop_groups(item.children, kind, catalogue) if kind else [item]
    return joined


def _loop_groups(items: Iterable[Pass], written: str | None, catalogue: Catalogue) -> list[Pass]:
    """The longest stretches that agree on MemorySSA; `written` decides where both would do."""
    groups: list[tuple[set[str], list[Pass]]] = []
    for item in items:
        kinds = _loop_kinds(item, catalogue)
        if groups and groups[-1][0] & kinds:
            groups[-1][0].intersection_update(kinds)
            groups[-1][1].append(item)
        else:
            groups.append((set(kinds), [item]))
    return [Pass(_choice(kinds, written), children=tuple(run)) for kinds, run in groups]


def _choice(kinds: set[str], written: str | None) -> str:
    if written in kinds:
        return written
    return "loop" if "loop" in kinds else "loop-mssa"


def _loop_kinds(item: Pass, catalogue: Catalogue) -> set[str]:
    """The loop adaptors in which `item` can run."""
    kinds = {lv.value for lv in (Level.LOOP, Level.LOOP_MSSA) if fits(item, lv, catalogue)}
    if not kinds:
        culprit = next((x for x in leaves(item) if not catalogue.infos(x)), item)
        raise _misplaced(culprit, Level.LOOP, catalogue)
    return kinds
