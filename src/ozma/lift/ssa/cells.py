"""What a register holds: a chain of writes to its parts, down to what it held before the block."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.ssa.values import Value


@dataclass(frozen=True, slots=True)
class Origin:
    """As the register was when the block began."""

    block: int
    register: str


@dataclass(slots=True)
class Cell:
    """A write of `value` to `width` bits from `offset`; `keeps`: above them `below` still holds.
    `cache`: parts read before."""

    value: Value
    offset: int
    width: int
    keeps: bool
    below: Cell | Origin
    line: int = 0
    copied: bool = False
    """By a move from another register."""
    cache: dict[tuple[str, int], Value] = field(default_factory=dict)


Content = Cell | Origin
