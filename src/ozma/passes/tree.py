"""Reading and rewriting a pipeline by path: `path` is the child index at each depth, outermost
first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ozma.passes.grammar import Pass, Pipeline
from ozma.passes.levels import Level, child_level

Path = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """An element with its place. `level` is that of the sequence in which it stands."""

    path: Path
    item: Pass
    level: Level


def walk(pipeline: Pipeline) -> Iterator[Node]:
    """Every element, adaptors before what is inside them."""
    yield from _walk(pipeline.passes, (), Level.MODULE)


def _walk(items: tuple[Pass, ...], parent: Path, level: Level) -> Iterator[Node]:
    for index, item in enumerate(items):
        yield Node((*parent, index), item, level)
        if item.children is not None:
            yield from _walk(item.children, (*parent, index), child_level(item, level))


@dataclass(frozen=True, slots=True)
class Sequence:
    """The children at `path` (the pipeline itself at the empty path) and their level."""

    path: Path
    items: tuple[Pass, ...]
    level: Level


def sequences(pipeline: Pipeline) -> Iterator[Sequence]:
    """Every list of siblings, outermost first."""
    yield Sequence((), pipeline.passes, Level.MODULE)
    for node in walk(pipeline):
        if node.item.children is not None:
            yield Sequence(node.path, node.item.children, child_level(node.item, node.level))


def get(pipeline: Pipeline, path: Path) -> Pass:
    """The element at `path`."""
    item = pipeline.passes[path[0]]
    for index in path[1:]:
        item = item.children[index]
    return item


def splice(
    pipeline: Pipeline, path: Path, start: int, stop: int, new: tuple[Pass, ...]
) -> Pipeline | None:
    """Replaces siblings start..stop of the sequence at `path`; None when no pass would be left."""

    def edit(items: tuple[Pass, ...]) -> tuple[Pass, ...]:
        return items[:start] + new + items[stop:]

    return edit_sequence(pipeline, path, edit)


def put(pipeline: Pipeline, path: Path, *new: Pass) -> Pipeline | None:
    """Replaces the element at `path` by any number of others."""
    return splice(pipeline, path[:-1], path[-1], path[-1] + 1, new)


def remove(pipeline: Pipeline, path: Path) -> Pipeline | None:
    """Drops the element at `path`, and adaptors that it leaves empty."""
    return put(pipeline, path)


def edit_sequence(
    pipeline: Pipeline, path: Path, edit: Callable[[tuple[Pass, ...]], tuple[Pass, ...]]
) -> Pipeline | None:
    """Applies `edit` to the children at `path`; emptied adaptors go, None when nothing is left."""
    items = _edited(pipeline.passes, path, edit)
    return Pipeline(items) if items else None


def _edited(items: tuple[Pass, ...], path: Path, edit: Callable) -> tuple[Pass, ...]:
    if not path:
        return edit(items)
    index = path[0]
    children = _edited(items[index].children, path[1:], edit)
    kept = (replace(items[index], children=children),) if children else ()
    return items[:index] + kept + items[index + 1 :]


def depth(pipeline: Pipeline) -> int:
    """Levels of nesting; a flat list has 1."""
    return max(len(node.path) for node in walk(pipeline))


def concat(first: Pipeline, *others: Pipeline) -> Pipeline:
    """All passes of the first, then those of the others."""
    return Pipeline(sum((other.passes for other in others), first.passes))


def joined(pipeline: Pipeline) -> Pipeline:
    """Neighbouring `function(...)` adaptors with equal parameters made one, at every depth.

    Function passes see one function at a time, so this only saves visits. `cgscc` and `loop`
    adaptors are left apart: one walk with two passes is not two walks.
    """
    return Pipeline(_joined(pipeline.passes))


def _joined(items: tuple[Pass, ...]) -> tuple[Pass, ...]:
    result: list[Pass] = []
    for item in items:
        previous = result[-1] if result else None
        if previous and item.children and item.name == "function" and item.head == previous.head:
            result[-1] = replace(previous, children=previous.children + item.children)
        else:
            result.append(item)
    return tuple(
        replace(item, children=_joined(item.children)) if item.children else item for item in result
    )
