"""The single changes that `mutate` draws from. Each takes an explicit pipeline and gives one back.

The signature is shared: (rng, pipeline, catalogue) to the changed pipeline, or None when this
change is not possible here. Limits on size are the caller's.
"""

from __future__ import annotations

import random
from dataclasses import replace

from ozma.passes.catalogue import Catalogue, Level
from ozma.passes.grammar import Pass, Pipeline
from ozma.passes.levels import fits, wrap
from ozma.passes.sample import candidates_below, random_count, random_pass, with_random_params
from ozma.passes.tree import Node, Sequence, put, remove, sequences, splice, walk


def insert(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """A random pass at a random place, inside the adaptors that it needs there."""
    place = rng.choice(list(sequences(pipeline)))
    new = random_pass(rng, candidates_below(catalogue, place.level))
    return _inserted(rng, pipeline, place, new, catalogue)


def _inserted(
    rng: random.Random, pipeline: Pipeline, place: Sequence, new: Pass, catalogue: Catalogue
) -> Pipeline | None:
    index = rng.randint(0, len(place.items))
    return splice(pipeline, place.path, index, index, wrap((new,), place.level, catalogue))


def delete(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Drops one pass."""
    return remove(pipeline, _random_leaf(rng, pipeline).path)


def delete_stretch(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Drops a stretch of siblings, adaptors included."""
    place = rng.choice(list(sequences(pipeline)))
    start, stop = sorted(rng.randint(0, len(place.items)) for _ in range(2))
    return splice(pipeline, place.path, start, stop, ())


def substitute(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Another pass in the place of one."""
    node = _random_leaf(rng, pipeline)
    new = random_pass(rng, candidates_below(catalogue, node.level))
    return put(pipeline, node.path, *wrap((new,), node.level, catalogue))


def swap(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Exchanges two neighbouring siblings."""
    places = [s for s in sequences(pipeline) if len(s.items) > 1]
    if not places:
        return None
    place = rng.choice(places)
    index = rng.randrange(len(place.items) - 1)
    pair = place.items[index : index + 2]
    return splice(pipeline, place.path, index, index + 2, pair[::-1])


def move(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Takes an element out and puts it back elsewhere."""
    node = rng.choice(list(walk(pipeline)))
    rest = remove(pipeline, node.path)
    return rest and _put_somewhere(rng, rest, node.item, catalogue)


def duplicate(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Puts a copy of an element, children included, elsewhere."""
    node = rng.choice(list(walk(pipeline)))
    return _put_somewhere(rng, pipeline, node.item, catalogue)


def _put_somewhere(
    rng: random.Random, pipeline: Pipeline, item: Pass, catalogue: Catalogue
) -> Pipeline | None:
    places = [s for s in sequences(pipeline) if _can_reach(item, s.level, catalogue)]
    return _inserted(rng, pipeline, rng.choice(places), item, catalogue) if places else None


def _can_reach(item: Pass, level: Level, catalogue: Catalogue) -> bool:
    """Whether `item` can stand in a sequence of `level`, wrapped when it is a pass of a lower
    level."""
    if fits(item, level, catalogue):
        return True
    if item.children is not None or level.is_loop:
        return False
    order = list(Level)
    return any(order.index(i.level) > order.index(level) for i in catalogue.infos(item))


def reparametrize(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Draws the parameters of one pass anew."""
    options = {info.name: info for info in catalogue.candidates if info.options}
    nodes = [n for n in walk(pipeline) if n.item.is_leaf and n.item.name in options]
    if not nodes:
        return None
    node = rng.choice(nodes)
    return put(pipeline, node.path, with_random_params(rng, options[node.item.name]))


def repeat(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Runs a stretch of siblings twice (LLVM 19 has no `repeat<n>(...)` any more)."""
    place = rng.choice(list(sequences(pipeline)))
    start, stop = _stretch(rng, place)
    return splice(pipeline, place.path, stop, stop, place.items[start:stop])


def devirt(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Puts a stretch of call-graph passes inside `devirt<n>(...)`."""
    places = [place for place in sequences(pipeline) if place.level is Level.CGSCC]
    if not places:
        return None
    return _enclosed(rng, pipeline, rng.choice(places), "devirt", (random_count(rng),))


def regroup(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Puts neighbouring `function(...)` of the module inside a walk of the call graph,
    bottom-up."""
    place = next(iter(sequences(pipeline)))
    changed = _enclosed(rng, pipeline, place, "cgscc", ())
    return changed if changed and _all_fit(changed, catalogue) else None


def _stretch(rng: random.Random, place: Sequence) -> tuple[int, int]:
    """One to three neighbours."""
    start = rng.randrange(len(place.items))
    return start, min(len(place.items), start + rng.randint(1, 3))


def _enclosed(
    rng: random.Random, pipeline: Pipeline, place: Sequence, name: str, params: tuple[str, ...]
) -> Pipeline | None:
    start, stop = _stretch(rng, place)
    adaptor = Pass(name, params, place.items[start:stop])
    return splice(pipeline, place.path, start, stop, (adaptor,))


def unwrap(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Removes an adaptor whose children can stand where it stood."""
    nodes = [node for node in _adaptors(pipeline) if _children_fit(node, catalogue)]
    if not nodes:
        return None
    node = rng.choice(nodes)
    return put(pipeline, node.path, *node.item.children)


def _children_fit(node: Node, catalogue: Catalogue) -> bool:
    return all(fits(child, node.level, catalogue) for child in node.item.children)


def split(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Makes two adaptors of one: the first then finishes the module before the second starts."""
    nodes = [node for node in _adaptors(pipeline) if len(node.item.children) > 1]
    if not nodes:
        return None
    node = rng.choice(nodes)
    at = rng.randrange(1, len(node.item.children))
    halves = (node.item.children[:at], node.item.children[at:])
    return put(pipeline, node.path, *(replace(node.item, children=half) for half in halves))


def join(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """Makes one adaptor of two neighbouring ones of the same kind."""
    pairs = [
        (place, index)
        for place in sequences(pipeline)
        for index, (left, right) in enumerate(zip(place.items, place.items[1:], strict=False))
        if left.children and right.children and left.name == right.name
    ]
    if not pairs:
        return None
    place, index = rng.choice(pairs)
    left, right = place.items[index : index + 2]
    both = replace(left, children=left.children + right.children)
    return splice(pipeline, place.path, index, index + 2, (both,))


def retype(rng: random.Random, pipeline: Pipeline, catalogue: Catalogue) -> Pipeline | None:
    """`loop` to `loop-mssa` and back, or another count, or another way to run a function
    adaptor."""
    nodes = list(_adaptors(pipeline))
    if not nodes:
        return None
    node = rng.choice(nodes)
    changed = put(pipeline, node.path, _retyped(rng, node.item))
    return changed if changed and _all_fit(changed, catalogue) else None


def _retyped(rng: random.Random, item: Pass) -> Pass:
    if item.name == "devirt":
        return replace(item, params=(random_count(rng),))
    if item.name in ("loop", "loop-mssa"):
        return replace(item, name="loop" if item.name == "loop-mssa" else "loop-mssa")
    if item.name == "function":
        return replace(item, params=rng.choice(((), ("eager-inv",), ("eager-inv", "no-rerun"))))
    return item


def _all_fit(pipeline: Pipeline, catalogue: Catalogue) -> bool:
    return all(fits(item, Level.MODULE, catalogue) for item in pipeline.passes)


def _random_leaf(rng: random.Random, pipeline: Pipeline) -> Node:
    return rng.choice([node for node in walk(pipeline) if node.item.is_leaf])


def _adaptors(pipeline: Pipeline) -> list[Node]:
    return [node for node in walk(pipeline) if not node.item.is_leaf]
