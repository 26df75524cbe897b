"""What one run of a function was: how it ended, and everything that others can see of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.emulator.spares import NO_SPARE, Spare

RETURNED, STOPPED, TRAPPED = "returned", "does not return from", "traps"
DIVISION, FAULT, TOO_LONG = "divides by zero", "memory fault", "too long"
UNSUPPORTED = "instruction not emulated"
FINISHED = (RETURNED, STOPPED, TRAPPED)
"""Endings after which an input says something about both texts."""

Word = tuple
"""A value that means the same in both texts: ("value", bits), or what a pointer points to:
("stack", address, bytes), ("data", bytes), ("code",); ("struct", words...) is passed by value."""

LEFT: Word = ("left",)
"""An argument that the function did not set: its register holds what a callee left."""

Poke = tuple[int, tuple[int, ...]]
"""A call by its number, and addresses of bytes that it overwrites."""


@dataclass(frozen=True)
class CallRecord:
    """A call of a function that is not in the text. `words` are its arguments, `spare` the
    registers that might hold further ones."""

    name: str
    words: tuple[Word, ...]
    aligned: bool
    spare: Spare = NO_SPARE


@dataclass
class Run:
    """What a function did with one input. `pages` are those that it changed, by address; `lost`
    names registers of the caller that it did not restore; `blocks` are (address, bytes) of the code
    that ran, where the emulator watches. `left`: of a function that returns nothing, what its last
    call left where results are. `ended`: what registers of results hold after a return, of vectors
    the low half."""

    ending: str
    detail: str = ""
    results: tuple[Word, ...] = ()
    calls: list[CallRecord] = field(default_factory=list)
    pages: dict[int, bytes] = field(default_factory=dict)
    lost: str = ""
    left: int | None = None
    ended: dict[tuple[str, int], int] = field(default_factory=dict)
    blocks: frozenset[tuple[int, int]] = frozenset()

    @property
    def last_call(self) -> str:
        """The name of the last callee."""
        return self.calls[-1].name if self.calls else ""


def one_nan(value: int, bits: int, lane: int) -> int:
    """A vector in which every not-a-number has the same bits."""
    if lane not in (32, 64):
        return value
    exponent = 0x7F800000 if lane == 32 else 0x7FF << 52
    ones, found = (1 << lane) - 1, 0
    for at in range(0, bits, lane):
        part = value >> at & ones
        if part & exponent == exponent and part & ~exponent & (ones >> 1):
            part = ones
        found |= part << at
    return found


def same_word(left: int, right: int) -> bool:
    """Are 64 bits the same, but for the bits of a not-a-number, if they hold floating numbers?"""
    return any(one_nan(left, 64, lane) == one_nan(right, 64, lane) for lane in (32, 64))
