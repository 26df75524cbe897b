"""What a run cannot show under an answer's own signatures, and where it may matter.

A parameter that the lifter overlooked lies in its register as the caller put it there; a result
that it overlooked lies where a callee left it, or where an instruction put it that nobody reads. Where
the answer does not leave such a register as the original does, nobody knows whether both do the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ozma.lift.emulator.calls import KNOWN_SIGNATURES
from ozma.lift.emulator.signature import Signature
from ozma.lift.reading.mangled import parameters_of
from ozma.lift.reading.prototypes import prototypes

if TYPE_CHECKING:
    from ozma.lift.emulator.run import Run


@dataclass(frozen=True)
class Spare:
    """Of a call: the argument registers that its signature leaves over, from the first on. As many
    as `untouched` still hold what the function itself was given."""

    first: int
    values: tuple[int, ...]
    untouched: int


NO_SPARE = Spare(0, (), 0)


def is_certain(name: str, signature: Signature, integers: int) -> bool:
    """Is it known how many arguments the callee takes in `integers` registers?"""
    if signature.variadic or name in KNOWN_SIGNATURES or name in prototypes():
        return True
    shape = parameters_of(name)
    if shape is None or not shape.certain:
        return False
    told = shape.kinds.count("i")
    return shape.member is False or integers > told


def gives_nothing(name: str) -> bool:
    """Is it known that the callee returns nothing?"""
    known = KNOWN_SIGNATURES.get(name) or prototypes().get(name)
    return known is not None and known.result == "void"


def spare(values: tuple[int, ...], entry: tuple[int, ...], used: int) -> Spare:
    """`values` of all argument registers at a call, `entry` when the function began."""
    untouched = 0
    while used + untouched < len(entry) and values[used + untouched] == entry[used + untouched]:
        untouched += 1
    return Spare(used, values[used:], untouched)


def doubt(expected: Run, found: Run, unread: Iterable[tuple[str, int]]) -> str:
    """Two runs that did the same: what the answer may have overlooked, in words, or "". `unread`:
    registers of results that the original computes for nobody and the signature does not name."""
    for number, (left, right) in enumerate(zip(expected.calls, found.calls)):
        pairs = list(zip(left.spare.values, right.spare.values))[: left.spare.untouched]
        for place, (a, b) in enumerate(pairs, left.spare.first):
            if a != b:
                return f"call {number} of {left.name} may take argument {place}, which it changes"
    if expected.left is not None and expected.left != found.left:
        return "it may return what its last call left, and changes that"
    for kind, number in sorted(unread):
        if expected.ended.get((kind, number)) != found.ended.get((kind, number)):
            return f"it may return what it computes last ({kind} result {number}), and changes that"
    return ""
