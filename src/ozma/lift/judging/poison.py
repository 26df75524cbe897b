"""Poison flags that an exact answer does not need are taken out; those that it needs are named.

With `nsw`, `nuw`, `exact`, `disjoint`, `nneg` or `inbounds` IR may be less defined than the machine
code that it came from: equal code is no proof of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ozma.lift.editing.ir_text import Body, NotEditable, parse, read
from ozma.lift.editing.rewrites import FLAG
from ozma.lift.judging.judge import Judge, Tried

_CARRIERS = frozenset(
    "add sub mul shl lshr ashr udiv sdiv or zext trunc uitofp icmp getelementptr".split()
)
_Places = Sequence[tuple[int, int]]


def with_fewest_flags(judge: Judge, tried: Tried, name: str) -> tuple[Tried, tuple[str, ...]]:
    """An answer with the same assembly as exact `tried`, and the flags that it had to keep, such as
    "2 add nsw". About 2 k log n compiles for k needed of n flags."""
    try:
        body = parse(judge.settled(tried).candidate.ir, name)
    except NotEditable:
        return tried, ()
    flagged = [place[:2] for place in body.places() if _flags(place[2])]
    if not flagged or not _tried(judge, tried, body).exact:
        return tried, ()
    needed = _needed(judge, tried, body, flagged)
    bare = _without(body, [place for place in flagged if place not in needed])
    found = _tried(judge, tried, bare)
    if not found.exact:  # flags that are needed only together
        return tried, _named(body, flagged)
    return found, _named(body, needed)


def _flags(line: str) -> list[str]:
    return FLAG.findall(line) if read(line).opcode in _CARRIERS else []


def _without(body: Body, places: _Places) -> Body:
    for block, at in places:
        body = body.with_line(block, at, FLAG.sub("", body.blocks[block].lines[at]))
    return body


def _tried(judge: Judge, tried: Tried, body: Body) -> Tried:
    return judge(replace(tried.candidate, ir=str(body), passes=""))


def _needed(judge: Judge, tried: Tried, body: Body, places: _Places) -> list[tuple[int, int]]:
    """Of `places` those without whose flags the assembly differs, by halving."""
    if _tried(judge, tried, _without(body, places)).exact:
        return []
    if len(places) == 1:
        return list(places)
    half = len(places) // 2
    first = _needed(judge, tried, body, places[:half])
    return first + _needed(judge, tried, body, places[half:])


def _named(body: Body, places: _Places) -> tuple[str, ...]:
    lines = [body.blocks[block].lines[at] for block, at in places]
    counts = Counter(f"{read(line).opcode}{''.join(_flags(line))}" for line in lines)
    return tuple(f"{number} {text}" for text, number in sorted(counts.items()))
