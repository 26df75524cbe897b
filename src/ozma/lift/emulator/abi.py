"""Where arguments and results are: System V AMD64 and AAPCS64, as LLVM lowers IR types.

First-class structs and arrays are taken apart into scalars; what the tables do not hold is
Unplaced, with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ozma.lift.emulator.signature import Signature

INTEGER, VECTOR, STACK, INDIRECT = "integer", "vector", "stack", "indirect"
_PARTS = re.compile(r"<?\{(.*)\}>?|\[\s*(\d+)\s+x\s+([\w.]+)\s*\]|<\s*(\d+)\s+x\s+([\w.]+)\s*>")
_FLOATS = {"half": 16, "float": 32, "double": 64, "fp128": 128}
_COPIED = re.compile(r"byval\((\d+)(?:, *(\d+))?\)")


class Unplaced(Exception):
    """No rule says where a value of this type goes; the text is the reason."""


@dataclass(frozen=True)
class Scalar:
    """One value: `kind` is integer, pointer, float or bytes (a struct copied to the stack);
    `lane` is the width of a vector's elements; all widths in bits."""

    kind: str
    bits: int
    lane: int = 0
    extension: str = ""
    alignment: int = 8
    hidden: bool = False


@dataclass(frozen=True)
class Place:
    """Where a scalar is: `index` counts registers, or bytes on the stack. `second` is the second
    register of a 128-bit integer."""

    where: str
    index: int
    scalar: Scalar


@dataclass(frozen=True)
class Convention:
    """Registers of an ABI; `pairs_even`: 128-bit integers start at even registers."""

    integers: int
    vectors: int
    result_integers: int
    result_vectors: int
    indirect: bool
    pairs_even: bool


CONVENTIONS = {
    "x86-64": Convention(6, 8, 3, 2, False, False),
    "aarch64": Convention(8, 8, 8, 8, True, True),
}


@lru_cache(maxsize=4096)
def parameter_places(signature: Signature, target: str) -> tuple[tuple[Place, ...], ...]:
    """The places of each parameter, in order."""
    taking = _Taking(CONVENTIONS[target])
    return tuple(taking.take(scalars_of(text)) for text in signature.parameters)


@lru_cache(maxsize=4096)
def result_places(text: str, target: str) -> tuple[Place, ...]:
    """Result registers that mean something."""
    convention = CONVENTIONS[target]
    used = {INTEGER: 0, VECTOR: 0}
    limits = {INTEGER: convention.result_integers, VECTOR: convention.result_vectors}
    places = []
    for scalar in () if text == "void" else scalars_of(text):
        where = VECTOR if scalar.kind == "float" else INTEGER
        step = 2 if where == INTEGER and scalar.bits > 64 else 1
        if used[where] + step > limits[where]:
            raise Unplaced(f"returns {text} in memory")
        places.append(Place(where, used[where], scalar))
        used[where] += step
    return tuple(places)


def scalars_of(text: str) -> tuple[Scalar, ...]:
    """The scalars of a type in the words of a `Signature`."""
    copied = _COPIED.search(text)
    if copied:
        size, alignment = int(copied[1]), int(copied[2] or 8)
        return (Scalar("bytes", 8 * size, alignment=max(alignment, 8)),)
    structure = _PARTS.match(text)
    if structure and structure[1] is not None:
        parts = [part.strip() for part in structure[1].split(",") if part]
        return tuple(scalar for part in parts for scalar in scalars_of(part))
    if structure and structure[3]:
        return scalars_of(structure[3]) * int(structure[2])
    if structure:
        return (_vector(int(structure[4]), structure[5], text),)
    return (_scalar(text),)


def _scalar(text: str) -> Scalar:
    name, *attributes = text.split()
    extension = next((a for a in attributes if a in ("zeroext", "signext")), "")
    if name == "ptr":
        return Scalar("pointer", 64, hidden="sret" in attributes)
    if name in _FLOATS:
        return Scalar("float", _FLOATS[name], _FLOATS[name])
    if re.fullmatch(r"i\d+", name) and int(name[1:]) <= 128:
        return Scalar("integer", int(name[1:]), extension=extension)
    raise Unplaced(f"a value of type {text}")


def _vector(count: int, element: str, text: str) -> Scalar:
    lane = 64 if element == "ptr" else _FLOATS.get(element) or int(element.removeprefix("i"))
    if lane < 8 or lane & (lane - 1) or count & (count - 1) or count * lane > 128:
        raise Unplaced(f"a value of type {text}")
    if element not in _FLOATS and count * lane < 64:
        raise Unplaced(f"a value of type {text}")  # widened, in a way that depends on the release
    return Scalar("float", count * lane, lane)


class _Taking:
    """Hands out registers from left to right, then the stack."""

    def __init__(self, convention: Convention) -> None:
        self._convention = convention
        self._integers = self._vectors = self._stack = 0

    def take(self, scalars: tuple[Scalar, ...]) -> tuple[Place, ...]:
        return tuple(self._take(scalar) for scalar in scalars)

    def _take(self, scalar: Scalar) -> Place:
        if scalar.hidden and self._convention.indirect:
            return Place(INDIRECT, 0, scalar)
        if scalar.kind == "bytes":
            return self._on_stack(scalar)
        if scalar.kind == "float":
            return self._in_vector(scalar)
        return self._in_integers(scalar)

    def _in_vector(self, scalar: Scalar) -> Place:
        if self._vectors == self._convention.vectors:
            return self._on_stack(scalar)
        self._vectors += 1
        return Place(VECTOR, self._vectors - 1, scalar)

    def _in_integers(self, scalar: Scalar) -> Place:
        step = 2 if scalar.bits > 64 else 1
        if step == 2 and self._convention.pairs_even:
            self._integers += self._integers % 2
        if self._integers + step > self._convention.integers:
            return self._on_stack(scalar)
        self._integers += step
        return Place(INTEGER, self._integers - step, scalar)

    def _on_stack(self, scalar: Scalar) -> Place:
        alignment = 16 if scalar.bits > 64 and scalar.kind != "bytes" else scalar.alignment
        self._stack += -self._stack % alignment
        place = Place(STACK, self._stack, scalar)
        self._stack += max(8, -(-scalar.bits // 64) * 8)
        return place
