"""What registers of arguments hold at a call, where its signature does not say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ozma.lift.emulator.abi import (
    INDIRECT, INTEGER, STACK, VECTOR, Place, Unplaced, parameter_places,
)  # fmt: skip
from ozma.lift.emulator.calls import known_callee
from ozma.lift.emulator.signature import Signature
from ozma.lift.reading.mangled import parameters_of

if TYPE_CHECKING:
    from ozma.lift.emulator.prepared import Prepared
    from ozma.lift.emulator.registers import Registers
    from ozma.lift.emulator.run import Word
    from ozma.lift.emulator.space import Space


@dataclass(frozen=True)
class Spare:
    """Of a call: whole argument registers of which its signature says nothing, or not all.

    `words` are those that it leaves over, from number `first` on; in `held` of them an earlier
    call has left nothing. `narrow` are those in which it names at most 32 bits, by number.
    `stack`: where the signature fills all registers, or overlooks a struct, what lies on the stack
    beyond its arguments, as far as somebody wrote there. `indirect`: what the function was given as
    the place of its own result (AArch64), where that register still holds it at a first call that
    takes the function's place, and the signature does not name it; else 0. `alone`: registers, of
    vectors the low half, that it does not name and the original sets for this callee and nobody
    else, by what they may be.
    """

    first: int = 0
    words: tuple[Word, ...] = ()
    held: int = 0
    narrow: tuple[tuple[int, Word], ...] = ()
    stack: tuple[Word, ...] = ()
    indirect: int = 0
    alone: tuple[tuple[str, Word], ...] = ()


NO_SPARE = Spare()
_WORDS = 8
"""Of the stack that are looked at."""


class Spares:
    """Looks at the registers of arguments against what they held when the function began, or when
    its last call came back. Where signatures are guessed, `prepared` is what else the original
    sets up for calls; where it is None, nothing is left open."""

    result: int | None
    """What the last call left in the first register of results; None before any call."""

    def __init__(
        self, target: str, space: Space, registers: Registers, prepared: Prepared | None
    ) -> None:
        self._target, self._space, self._registers = target, space, registers
        self._prepared = prepared

    def enter(self, fill: int) -> None:
        """The function begins, on a stack that is full of this byte."""
        self._unwritten = bytes([fill]) * 8
        self._before, self._given = self._registers.integers, self._registers.indirect
        self.result = None

    def come_back(self) -> None:
        """A call is over; what it may change is changed."""
        self._before = self._registers.integers
        self.result = self._registers.get(self._registers.machine.results[0])

    def is_left(self, index: int, value: int) -> bool:
        """Is the value of a register what the last call left there, and no result?"""
        machine = self._registers.machine
        if self.result is None or machine.integers[index] in machine.results:
            return False
        return value == self._before[index]

    def at_call(self, name: str, signature: Signature | None, is_tail: bool) -> Spare:
        """Of a call that is about to be made."""
        if self._prepared is None or known_callee(name):
            return NO_SPARE
        try:
            groups = parameter_places(signature, self._target) if signature else ()
        except Unplaced:
            return NO_SPARE
        places = [place for group in groups for place in group]
        integers = sum(place.where == INTEGER for place in places)
        certain = signature and _is_certain(name, signature, integers)
        found = NO_SPARE if certain else self._left_open(name, places, integers)
        indirect = self._indirect(places) if is_tail else 0
        return replace(found, indirect=indirect, alone=self._alone(name, signature, places))

    def _left_open(self, name: str, places: Sequence[Place], used: int) -> Spare:
        values = self._registers.integers
        words = [self._space.canonical(value, peek=False) for value in values]
        narrow = tuple(
            (place.index, words[place.index]) for place in places
            if place.where == INTEGER and place.scalar.bits <= 32
            and not self.is_left(place.index, values[place.index])
        )  # fmt: skip
        overlooked = name in self._prepared.copied and all(p.where != STACK for p in places)
        stacked = used >= len(values) or overlooked
        stack = tuple(self._on_stack(places)) if stacked else ()
        return Spare(used, tuple(words[used:]), self._held(values, used), narrow, stack)

    def _on_stack(self, places: Sequence[Place]) -> Iterator[Word]:
        stacked = [place for place in places if place.where == STACK]
        taken = [place.index + max(8, place.scalar.bits // 8) for place in stacked]
        for number in range(_WORDS):
            word = self._registers.on_stack(max(taken, default=0) + 8 * number)
            if word.to_bytes(8, "little") == self._unwritten:
                return
            yield self._space.canonical(word, peek=False)

    def _alone(
        self, name: str, signature: Signature | None, places: Sequence[Place]
    ) -> tuple[tuple[str, Word], ...]:
        """(what it may be, its value) of each. How many integers a variadic callee takes differs
        from call to call."""
        named = {(place.where, place.index) for place in places}
        left = sorted(self._prepared.registers.get(name, frozenset()) - named)
        if signature and signature.variadic:
            left = [(kind, number) for kind, number in left if kind == VECTOR]
        return tuple((f"{kind} argument {n}", self._content(kind, n)) for kind, n in left)

    def _content(self, kind: str, number: int) -> Word:
        machine = self._registers.machine
        if kind == VECTOR:
            return ("floating", self._registers.low_half(machine.vectors[number]))
        return self._space.canonical(self._registers.get(machine.integers[number]), peek=False)

    def _held(self, values: Sequence[int], used: int) -> int:
        """How many registers from `used` on come before one where the last call left something."""
        rest = values[used:]
        if self.result is None:
            return len(rest)
        pairs = enumerate(zip(rest, self._before[used:]))
        return next((count for count, (a, b) in pairs if a == b), len(rest))

    def _indirect(self, places: Sequence[Place]) -> int:
        value = self._registers.indirect
        same = self.result is None and value == self._given
        return value if same and not any(place.where == INDIRECT for place in places) else 0


def _is_certain(name: str, signature: Signature, integers: int) -> bool:
    """Is it known how many arguments the callee takes in `integers` registers?"""
    shape = parameters_of(name)
    if shape is None or not shape.certain:
        return False
    told = shape.kinds.count("i")
    return shape.member is False or integers > told
