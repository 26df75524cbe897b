"""Single edits of IR that change what code is made of it, and not (or hardly) what it computes.

Order is what assembly hides most: which of two instructions, operands, blocks or successors came
first. Then poison flags, `volatile`, `tail`, and equal ways to write a computation. No edit is
trusted: one that makes the assembly equal has shown itself right, every other answer is judged by
the behaviour check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ozma.lift.editing.forms import (
    address_regrouped,
    branch_inverted,
    cases_reordered,
    defining,
    select_turned,
    weighted,
)
from ozma.lift.editing.ir_text import TERMINATORS, Body, read
from ozma.lift.editing.rewrites import LIKELY, UNLIKELY, UNSAFE, alternatives

_TAIL = re.compile(r"^(\s*(?:%\S+ = )?)(?:tail )?call\b")
_CALL_END = re.compile(r"(\))( #\d+)?$")
_NEAR, _REACH = range(1, 3), 8
PASSES = (
    "function(instcombine<no-verify-fixpoint>)",
    "function(simplifycfg)",
    "function(early-cse)",
    "function(sink)",
    "function(reassociate)",
    "function(gvn)",
    "function(sroa)",
    "function(jump-threading)",
    "function(tailcallelim)",
    "function(dse)",
    "function(loop(licm))",
    "function(loop-simplify,lcssa)",
    "function(loop(indvars))",
    "function(loop(loop-rotate))",
    "function(loop-mssa(licm))",
)
"""One of these may have run on the IR after the lifter's own passes."""


@dataclass(frozen=True)
class Edit:
    """What was done (`kind`, for people) and what came of it. One that is not `safe` may change
    what is computed: it is right only where it makes the assembly equal."""

    kind: str
    body: Body
    safe: bool = True


def likely_edits(body: Body, block: int, at: int) -> Iterator[Edit]:
    """Edits of one instruction that win often: short moves, other order, other successor."""
    line = body.blocks[block].lines[at]
    for made in _moves(body, block, at, _NEAR):
        yield Edit("move", made)
    for kind, text in alternatives(line, LIKELY):
        yield Edit(kind, body.with_line(block, at, text))
    for kind, made in (
        ("orientation", branch_inverted(body, block, at)),
        ("select", select_turned(body, block, at)),
    ):
        if made:
            yield Edit(kind, made)
    for made in cases_reordered(body, block, at):
        yield Edit("cases", made)


def other_edits(body: Body, block: int, at: int) -> Iterator[Edit]:
    """All that is left for one instruction."""
    line = body.blocks[block].lines[at]
    for kind, text in alternatives(line, UNLIKELY):
        yield Edit(kind, body.with_line(block, at, text), safe=kind not in UNSAFE)
    for kind, made in (
        ("address", address_regrouped(body, block, at)),
        ("weights", weighted(body, block, at)),
    ):
        if made:
            yield Edit(kind, made)
    for made in _other_blocks(body, block, at):
        yield Edit("block of it", made)
    for made in _moves(body, block, at, range(_NEAR.stop, _REACH + 1)):
        yield Edit("move", made)


def edits_of_whole(body: Body) -> Iterator[Edit]:
    """One change at all places at once."""
    for kind, change in (("noreturn", _never_returning), ("tail", _all_tail), ("tail", _no_tail)):
        made = change(body)
        if made != body:
            yield Edit(kind, made)


def _never_returning(body: Body) -> Body:
    """Calls before `unreachable` say that they do not return: this makes their blocks rare."""
    for number, block in enumerate(body.blocks):
        if len(block.lines) < 2 or read(block.lines[-1]).opcode != "unreachable":
            continue
        call = block.lines[-2]
        if read(call).opcode == "call" and " noreturn" not in call:
            marked = _CALL_END.sub(lambda m: f"{m[1]} noreturn{m[2] or ''}", call)
            body = body.with_line(number, len(block.lines) - 2, marked)
    return body


def _all_tail(body: Body) -> Body:
    return _each_call(body, lambda line: _TAIL.sub(r"\1tail call", line))


def _no_tail(body: Body) -> Body:
    return _each_call(body, lambda line: _TAIL.sub(r"\1call", line))


def _each_call(body: Body, change: Callable[[str], str]) -> Body:
    blocks = tuple(replace(b, lines=tuple(map(change, b.lines))) for b in body.blocks)
    return replace(body, blocks=blocks)


def edits_of_block(body: Body, block: int) -> Iterator[Edit]:
    """Places that a block may have instead; the entry stays first."""
    if block == 0:
        return
    count = len(body.blocks)
    for to in _places(block, 1, count, range(1, _REACH + 1)):
        yield Edit("block order", _block_moved(body, block, to))


def _places(here: int, low: int, high: int, distances: range) -> Iterator[int]:
    """Places of [low, high) at these distances, neighbours first; with the nearest, both ends."""
    for distance in distances:
        yield from (to for to in (here - distance, here + distance) if low <= to < high)
    if distances.start == 1:
        yield from (to for to in (low, high - 1) if abs(to - here) > _REACH)


def _block_moved(body: Body, block: int, to: int) -> Body:
    blocks = list(body.blocks)
    blocks.insert(to, blocks.pop(block))
    return replace(body, blocks=tuple(blocks))


def _moves(body: Body, block: int, at: int, distances: range) -> Iterator[Body]:
    """The instruction elsewhere in its block, as its operands, users and memory allow."""
    lines = body.blocks[block].lines
    if read(lines[at]).opcode in TERMINATORS or read(lines[at]).opcode == "phi":
        return
    low, high = _room(lines, at)
    for to in _places(at, low, high, distances):
        made = list(lines)
        made.insert(to, made.pop(at))
        yield body.with_lines(block, tuple(made))


def _room(lines: tuple[str, ...], at: int) -> tuple[int, int]:
    """[low, high) of places where this instruction may stand."""
    low = at
    while low > 0 and _may_swap(lines[low - 1], lines[at]):
        low -= 1
    high = at + 1
    while high < len(lines) and _may_swap(lines[at], lines[high]):
        high += 1
    return low, high


def _may_swap(first: str, second: str) -> bool:
    """May two neighbours change places?"""
    one, two = read(first), read(second)
    if one.opcode == "phi" or two.opcode in TERMINATORS:
        return False
    if one.result and one.result in two.uses:
        return False
    if one.opcode == two.opcode == "alloca":
        return True
    return not (one.memory and two.memory and "barrier" in (one.memory, two.memory))


def _other_blocks(body: Body, block: int, at: int) -> Iterator[Body]:
    """Without effect on memory: at the end of the one predecessor, or where all its users are."""
    lines = body.blocks[block].lines
    one = read(lines[at])
    if one.memory or not one.result or one.opcode in TERMINATORS or one.opcode == "phi":
        return
    for to in (_only_predecessor(body, block), _only_user_block(body, block, one.result)):
        if to is None or to == block or not _available(body, to, one.uses):
            continue
        rest = body.with_lines(block, (*lines[:at], *lines[at + 1 :]))
        there = rest.blocks[to].lines
        places = _landing(there, one.result)
        yield rest.with_lines(to, (*there[:places], lines[at], *there[places:]))


def _landing(lines: tuple[str, ...], result: str) -> int:
    """Before the first user in the block; else before its end."""
    for at, line in enumerate(lines):
        facts = read(line)
        if result in facts.uses or facts.opcode in TERMINATORS:
            return at
    return len(lines)


def _only_predecessor(body: Body, block: int) -> int | None:
    label = f"%{body.blocks[block].label}"
    found = [n for n, other in enumerate(body.blocks) if label in read(other.lines[-1]).uses]
    return found[0] if len(found) == 1 else None


def _only_user_block(body: Body, block: int, result: str) -> int | None:
    users = {
        (number, read(line).opcode)
        for number, _, line in body.places()
        if result in read(line).uses
    }
    return next(iter(users))[0] if len(users) == 1 and next(iter(users))[1] != "phi" else None


def _available(body: Body, to: int, uses: frozenset[str]) -> bool:
    """Is nothing that the instruction needs defined only later, as far as blocks' order shows?

    LLVM's verifier has the last word.
    """
    for name in uses:
        defined = defining(body, name)
        if defined and defined[0] > to:
            return False
    return True
