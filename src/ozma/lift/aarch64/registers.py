"""Registers of AArch64 by every name that assembly gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

_SCALAR_BITS = {"b": 8, "h": 16, "s": 32, "d": 64, "q": 128}
_FLOAT_TYPES = {8: "i8", 16: "half", 32: "float", 64: "double", 128: "<16 x i8>"}
_GENERAL = re.compile(r"([xw])(\d|[12]\d|30)$")
_SCALAR = re.compile(r"([bhsdq])(\d|[12]\d|3[01])$")
_VECTOR = re.compile(r"v(\d|[12]\d|3[01])(?:\.(\d*)([bhsdq])(?:\[(\d+)\])?)?$")
_NAMED = {
    "sp": ("sp", 64), "wsp": ("sp", 32), "xzr": ("zr", 64), "wzr": ("zr", 32),
    "fp": ("x29", 64), "lr": ("x30", 64), "ip0": ("x16", 64), "ip1": ("x17", 64),
}  # fmt: skip


@dataclass(frozen=True)
class Register:
    """`name` is the whole register: "x0" to "x30", "sp", "zr", "v0" to "v31".

    `bits` are those that this use sees. For vectors `lanes` x `lane_bits` is the arrangement
    (4 x 32 is `.4s`), and `lane` the chosen element of `v0.s[1]`; both None for scalars.
    """

    name: str
    bits: int
    lanes: int | None = None
    lane_bits: int | None = None
    lane: int | None = None

    @property
    def is_vector(self) -> bool:
        return self.name[0] == "v"

    @property
    def is_zero(self) -> bool:
        return self.name == "zr"

    @property
    def is_address(self) -> bool:
        """May it be the base of a memory operand?"""
        return self.bits == 64 and self.name[0] in "xs"

    @property
    def type(self) -> str:
        """The type of LLVM that this use has: of scalar FP registers the float of that width."""
        if not self.is_vector:
            return f"i{self.bits}"
        if self.lane is not None or self.lanes is None:
            return _FLOAT_TYPES[self.bits]
        return self.vector_type

    @property
    def vector_type(self) -> str:
        """The arrangement as a vector of integers."""
        return f"<{self.lanes} x i{self.lane_bits}>"

    @property
    def float_vector_type(self) -> str:
        """The arrangement as a vector of floats."""
        return f"<{self.lanes} x {_FLOAT_TYPES[self.lane_bits]}>"

    @property
    def number(self) -> int:
        """Of x and v registers."""
        return int(self.name[1:])

    def sibling(self, number: int) -> Register:
        """The register of another number, seen the same way."""
        return replace(self, name=f"{self.name[0]}{number}")


@lru_cache(maxsize=4096)
def register_named(text: str) -> Register | None:
    """The register of this lower-case name, or None."""
    if text in _NAMED:
        return Register(*_NAMED[text])
    if match := _GENERAL.match(text):
        return Register(f"x{match.group(2)}", 64 if match.group(1) == "x" else 32)
    if match := _SCALAR.match(text):
        return Register(f"v{match.group(2)}", _SCALAR_BITS[match.group(1)])
    if match := _VECTOR.match(text):
        return _vector(*match.groups())
    return None


def _vector(number: str, count: str | None, element: str | None, lane: str | None) -> Register:
    name = f"v{number}"
    if element is None:
        return Register(name, 128)
    width = _SCALAR_BITS[element]
    lanes = int(count) if count else 128 // width
    if lane is not None:
        return Register(name, width, lanes, width, int(lane))
    return Register(name, lanes * width, lanes, width)
