"""What a run cannot show under an answer's own signatures, and where it may matter.

An argument that the lifter overlooked lies in its register, or in its upper half, as the caller of
the function put it there or as the function itself did, or on the stack; a result that it
overlooked lies where a callee or an instruction left it. Where the answer does not leave such a
register as the original does, nobody knows whether both do the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from ozma.lift.emulator.calls import known_callee
from ozma.lift.emulator.run import Run, Word, same_word
from ozma.lift.emulator.spares import Spare


def gives_nothing(name: str) -> bool:
    """Is it known that the callee returns nothing?"""
    known = known_callee(name)
    return known is not None and known.result == "void"


def doubt(expected: Run, found: Run, returned: Iterable[tuple[str, int]]) -> str:
    """Two runs that did the same: what the answer may have overlooked, in words, or "". `returned`:
    registers of results that the original sets and the signature does not name."""
    for number, (left, right) in enumerate(zip(expected.calls, found.calls)):
        if words := _overlooked(left.spare, right.spare):
            return f"call {number} of {left.name} {words}"
    if expected.left is not None and expected.left != found.left:
        return "it may return what its last call left, and changes that"
    for kind, number in sorted(returned):
        if expected.ended.get((kind, number)) != found.ended.get((kind, number)):
            return f"it may return what it computes last ({kind} result {number}), and changes that"
    return ""


def _overlooked(left: Spare, right: Spare) -> str:
    if left.indirect and left.indirect != right.indirect:
        return "may put its result where the function's own goes, which it changes"
    for place, (a, b) in enumerate(zip(left.words[: left.held], right.words), left.first):
        if not _alike(a, b):
            return f"may take argument {place}, which it changes"
    for (name, a), (_, b) in zip(left.alone, right.alone):
        if not _alike(a, b):
            return f"may take {name}, which it changes"
    alike = [_alike(*pair) for pair in zip(left.stack, right.stack)]
    if not all(alike) or len(alike) < len(left.stack):
        return "may take an argument on the stack, which it changes"
    others = dict(right.narrow)
    for place, word in left.narrow:
        if not _alike(word, others.get(place, word)):
            return f"may take 64 bits of argument {place}, and it changes the upper ones"
    return ""


def _alike(left: Word, right: Word) -> bool:
    """Frames differ, so addresses of the stack are not compared; of not-a-numbers no bits are."""
    if left[0] == right[0] == "floating":
        return same_word(left[1], right[1])
    return left == right or left[0] == right[0] == "stack"
