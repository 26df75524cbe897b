"""Edits of one instruction that change others with it: its compare, its address, its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ozma.lift.editing.ir_text import Body, read
from ozma.lift.editing.rewrites import inverted, select_inverted

_BRANCH = re.compile(r"(\s*br i1 %\S+), (label \S+), (label [^\s,]+)(.*)", re.DOTALL)
_CONDITION = re.compile(r"\s*br i1 (%[^\s,]+)")
_CHOICE = re.compile(r"\s*%\S+ = select i1 (%[^\s,]+)")
_GEP = re.compile(
    r"(\s*(%\S+) = getelementptr (?:(?:inbounds|nuw|nusw) )*)([^,]+), ptr ([^\s,]+), "
    r"(i\d+ [^\s,]+)(, !.*)?"
)
_CASE = re.compile(r"^ +i\d+ (-?\d+), label \S+$")


def defining(body: Body, name: str) -> tuple[int, int, str] | None:
    """(block, place, text) of the instruction that gives this value."""
    return next((p for p in body.places() if read(p[2]).result == name), None)


def branch_inverted(body: Body, block: int, at: int) -> Body | None:
    """The other successor first: with the opposite compare, or else with a `xor`."""
    line = body.blocks[block].lines[at]
    match = _BRANCH.fullmatch(line)
    if not match:
        return None
    head, yes, no, rest = match.groups()
    condition = _CONDITION.match(line).group(1)
    defined = defining(body, condition)
    other = inverted(defined[2]) if defined else None
    if other and body.uses[condition] == 1:
        turned = body.with_line(defined[0], defined[1], other)
        return turned.with_line(block, at, f"{head}, {no}, {yes}{rest}")
    negated = f"{condition}.not"
    if f"{negated} " in str(body):
        return None
    lines = body.blocks[block].lines
    turned = f"{head.replace(condition, negated)}, {no}, {yes}{rest}"
    return body.with_lines(
        block, (*lines[:at], f"  {negated} = xor i1 {condition}, true", turned, *lines[at + 1 :])
    )


def select_turned(body: Body, block: int, at: int) -> Body | None:
    """A select and its compare, both the other way round."""
    line = body.blocks[block].lines[at]
    match = _CHOICE.match(line)
    defined = defining(body, match.group(1)) if match else None
    if not defined or body.uses[match.group(1)] != 1:
        return None
    pair = select_inverted(line, defined[2])
    if not pair:
        return None
    return body.with_line(block, at, pair[0]).with_line(defined[0], defined[1], pair[1])


def address_regrouped(body: Body, block: int, at: int) -> Body | None:
    """(p + a) + b as (p + b) + a, where the first sum has no other use."""
    outer = _GEP.fullmatch(body.blocks[block].lines[at])
    defined = defining(body, outer.group(4)) if outer else None
    inner = _GEP.fullmatch(defined[2]) if defined else None
    if not inner or body.uses[inner.group(2)] != 1 or defined[0] != block:
        return None
    index = outer.group(5)
    if index.split()[1].startswith("%") and not _stands_before(body, block, index, defined[1]):
        return None
    first = f"{inner.group(1)}{outer.group(3)}, ptr {inner.group(4)}, {index}"
    second = f"{outer.group(1)}{inner.group(3)}, ptr {outer.group(4)}, {inner.group(5)}"
    return body.with_line(block, defined[1], first).with_line(block, at, second)


def _stands_before(body: Body, block: int, index: str, place: int) -> bool:
    found = defining(body, index.split()[1])
    return not found or found[0] != block or found[1] < place


def weighted(body: Body, block: int, at: int) -> Body | None:
    """A branch said to be likely taken, or any that was said so without it."""
    line = body.blocks[block].lines[at]
    if not _BRANCH.fullmatch(line):
        return None
    if "!prof" in line:
        return body.with_line(block, at, re.sub(r", !prof !\d+", "", line))
    numbers = [int(n) for n in re.findall(r"^!(\d+) = ", body.tail, re.MULTILINE)]
    number = max(numbers, default=0) + 1
    tail = f'{body.tail}\n!{number} = !{{!"branch_weights", i32 2000, i32 1}}'
    return replace(body.with_line(block, at, f"{line}, !prof !{number}"), tail=tail)


def cases_reordered(body: Body, block: int, at: int) -> Iterator[Body]:
    """A switch with its cases by value, the other way round, or one case first."""
    lines = body.blocks[block].lines[at].split("\n")
    cases = [line for line in lines if _CASE.match(line)]
    if len(cases) < 2:
        return
    by_value = sorted(cases, key=lambda line: int(_CASE.match(line).group(1)))
    orders = [by_value, by_value[::-1], cases[::-1]]
    orders += [[case, *(other for other in cases if other != case)] for case in cases[1:8]]
    for order in orders:
        if order != cases:
            yield body.with_line(block, at, "\n".join([lines[0], *order, lines[-1]]))
