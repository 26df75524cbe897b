"""Which IR instructions to edit first: those behind the lines of assembly that differ."""

from __future__ import annotations

from collections.abc import Sequence

from ozma.lift.editing.ir_text import Body, read
from ozma.lift.judging.equality import Difference
from ozma.lift.searching.debug_lines import Place


def aimed_places(
    body: Body, made_by: Sequence[Place | None], difference: Difference
) -> list[list[Place]]:
    """All places of the body in tiers: behind the differing lines, joined to those by a value, in
    the same blocks, all others. One tier only when nothing is known."""
    everything = [(block, at) for block, at, _ in body.places()]
    first = _behind(made_by, difference)
    if not first:
        return [everything]
    second = _joined(body, first)
    blocks = {block for block, _ in first}
    third = [place for place in everything if place[0] in blocks]
    return _disjoint([first, second, third, everything])


def _behind(made_by: Sequence[Place | None], difference: Difference) -> list[Place]:
    """Instructions of the extra lines, and of the lines around each missing one."""
    lines = list(difference.extra)
    for place in landing(difference, len(made_by)):
        lines += [place - 1, place]
    found = [made_by[line] for line in lines if 0 <= line < len(made_by)]
    return [place for place in dict.fromkeys(found) if place is not None]


def landing(difference: Difference, length: int) -> list[int]:
    """For each missing line of the reference: the line of the answer before which it belongs."""
    extra, missing = set(difference.extra), set(difference.missing)
    common = [line for line in range(length) if line not in extra]
    found, matched, line = [], 0, 0
    for wanted in sorted(missing):
        matched += wanted - line
        line = wanted + 1
        found.append(common[matched] if matched < len(common) else length)
    return found


def _joined(body: Body, places: Sequence[Place]) -> list[Place]:
    """Where the operands of these come from, and who uses their results."""
    facts = [read(body.blocks[block].lines[at]) for block, at in places]
    used = frozenset().union(*(one.uses for one in facts))
    made = {one.result for one in facts if one.result}
    return [
        (block, at)
        for block, at, line in body.places()
        if read(line).result in used or not made.isdisjoint(read(line).uses)
    ]


def _disjoint(tiers: Sequence[Sequence[Place]]) -> list[list[Place]]:
    seen: set[Place] = set()
    found = []
    for tier in tiers:
        found.append([place for place in tier if place not in seen])
        seen.update(tier)
    return [tier for tier in found if tier]
