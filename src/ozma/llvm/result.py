"""What one evaluation of a pass list on a module yields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How an evaluation ended. Everything but OK is a recorded result, never an exception."""

    OK = "ok"
    INVALID_LIST = "invalid list"
    INVALID_IR = "invalid IR"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True)
class Sizes:
    """Bytes of an object file by kind of section.

    `total` is the paper's measure and what is minimised: all `.text*`, `.data*` and `.rodata*`
    sections. `loadable` is every byte of the file that is loaded at run time (unwind tables and
    constructors too).
    """

    text: int
    data: int
    rodata: int
    loadable: int

    @property
    def total(self) -> int:
        return self.text + self.data + self.rodata

    @property
    def rank(self) -> tuple[int, int]:
        """Order of preference: the paper's measure first, ties broken by loadable bytes."""
        return (self.total, self.loadable)

    def improves_on(self, old: Sizes) -> bool:
        """Neither measure grows, and one of them shrinks."""
        no_growth = self.total <= old.total and self.loadable <= old.loadable
        return no_growth and self.rank != old.rank


@dataclass(frozen=True)
class Evaluation:
    """One pass list on one module. `sizes` is None unless code was generated; `functions` are
    bytes by function symbol, where asked for."""

    outcome: Outcome
    passes: str
    sizes: Sizes | None = None
    instructions: int | None = None
    ir_hash: str | None = None
    object_hash: str | None = None
    object: bytes | None = None
    bitcode: bytes | None = None
    ir: str | None = None
    assembly: str | None = None
    functions: dict[str, int] | None = None
    message: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK
