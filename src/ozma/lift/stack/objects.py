"""What is in a frame: accesses, memory with an address, slots."""

from __future__ import annotations

from dataclasses import dataclass, field


GIVEN = "%given"
"""Name of the parameter for a struct on the stack."""


@dataclass
class Access:
    """A direct access: `size` in bytes."""

    offset: int
    size: int
    writes: bool
    line: int


@dataclass(frozen=True)
class Region:
    """An alloca: [offset, end) with `align` in bytes; or, `given`, what the caller put on the
    stack."""

    offset: int
    end: int
    align: int
    given: bool = False


@dataclass
class Frame:
    """`regions` by ascending offset; `low`: the deepest stack pointer at a call; `realigned`: to
    how many bytes the function aligns its stack itself (0: it does not)."""

    accesses: list[Access] = field(default_factory=list)
    escapes: dict[int, int] = field(default_factory=dict)
    strides: dict[int, int] = field(default_factory=dict)
    """Bytes between elements where an offset is only indexed."""
    indexed: set[int] = field(default_factory=set)
    """Offsets to which something variable is added."""
    plain: set[int] = field(default_factory=set)
    """Offsets whose address goes somewhere as it is."""
    vectors: set[int] = field(default_factory=set)
    """Offsets that are accessed by instructions which need an address aligned to 16."""
    sizes: dict[int, int] = field(default_factory=dict)
    """Bytes of the objects whose size is known."""
    copied: dict[int, int] = field(default_factory=dict)
    """Bytes of the structs there that calls take by value."""
    regions: list[Region] = field(default_factory=list)
    slots: list[tuple[int, int]] = field(default_factory=list)
    saved: set[int] = field(default_factory=set)
    low: int = 0
    realigned: int = 0
    uses_frame_pointer: bool = False
    changed: set[str] = field(default_factory=set)
    """Registers that were set so far: storing them saves nothing of the caller's."""
