"""A text as read: functions with their lines, data, and what directives say of symbols."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ozma.lift.reading.architecture import Instruction

GCC_START = r"\.LFB\d+"
"""gcc's label at the beginning of each function."""


@dataclass(frozen=True)
class Label:
    name: str
    number: int


@dataclass(frozen=True)
class Directive:
    """Within a function: `.cfi_*` and others that say something about the code."""

    number: int
    name: str
    arguments: str


Line = Instruction | Label | Directive


@dataclass
class AsmFunction:
    """Lines of a function; `number` is its label's. `alignment`: bytes, 1 where nothing says.
    `flags`: what `.section` says after the name."""

    name: str
    number: int
    lines: list[Line] = field(default_factory=list)
    alignment: int = 1
    section: str = ".text"
    flags: str = ""

    @property
    def is_of_gcc(self) -> bool:
        names = (one.name for one in self.lines if isinstance(one, Label))
        return any(re.fullmatch(GCC_START, name) for name in names)


@dataclass
class DataObject:
    """A label in a data section: `items` are (directive, arguments) up to the next label."""

    name: str
    number: int
    section: str
    flags: str = ""
    alignment: int = 1
    items: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Symbols:
    """What directives say of symbols, each list in order of the text."""

    globals: list[str] = field(default_factory=list)
    weak: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    protected: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    thread_local: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    """Line of each symbol's first `.hidden`, `.protected` or `.weak`."""


@dataclass
class Listing:
    """A whole text."""

    functions: list[AsmFunction] = field(default_factory=list)
    data: dict[str, DataObject] = field(default_factory=dict)
    symbols: Symbols = field(default_factory=Symbols)
