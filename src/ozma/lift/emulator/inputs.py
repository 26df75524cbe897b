"""Arguments and answers of callees, the same for equal seeds: edge cases, the text's constants."""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ozma.lift.emulator.abi import Scalar, scalars_of
from ozma.lift.emulator.memory import ARGUMENT_STEP, ARGUMENTS, LAZY, Pool, make_pool, mix
from ozma.lift.emulator.signature import Signature

EXTRA_WORDS = 16
VARIABLE_ARGUMENTS = 6
_ALL = (1 << 64) - 1
_EDGES = (0, 1, -1, 2, -2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256,
          1000, 1024, 4095, 4096, 32767, 65535, 2**31 - 1, -(2**31), 2**31, 2**32 - 1,
          2**63 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.14159, 1e-9, 1e10, -123.75, float("inf"),
           float("nan"), 5e-324, 2.0**31, 1e300)
_IMMEDIATE = re.compile(r"(\w+)\s[^\n]*?[$#](-?(?:0x[0-9a-fA-F]+|\d+))\b")
_COMPARES = ("cmp", "sub", "add", "test", "ccmp")
_TEXT = re.compile(r'\.(?:asciz|string|ascii)\s+"((?:[^"\\\n]|\\.)*)"')
_MAX_CONSTANTS, _MAX_TEXTS = 48, 24


@dataclass(frozen=True)
class Known:
    """What inputs are made from: integers and texts that occur in the assembly, and the pool."""

    constants: tuple[int, ...]
    pool: Pool


@lru_cache(maxsize=8)
def read_known(assembly: str) -> Known:
    """Immediates (with their neighbours) and string literals of a text."""
    compared: dict[int, None] = {}
    others: dict[int, None] = {}
    for match in _IMMEDIATE.finditer(assembly):
        value = abs(int(match[2], 0))
        (compared if match[1].startswith(_COMPARES) else others)[value] = None
    near = [v + d for v in list(compared)[:_MAX_CONSTANTS] for d in (0, 0, 1, -1)]
    constants = tuple(v & _ALL for v in (*near, *list(others)[:_MAX_CONSTANTS]))
    texts = [t[1].encode("latin-1", "replace") for t in _TEXT.finditer(assembly)][:_MAX_TEXTS]
    return Known(constants, make_pool(constants, texts))


@dataclass(frozen=True)
class Arguments:
    """Values of each parameter's scalars as little-endian numbers, and the words that every other
    argument register and stack slot holds."""

    parameters: tuple[tuple[int, ...], ...]
    extra: tuple[int, ...]
    extra_floats: tuple[int, ...]

    @cached_property
    def stack_area(self) -> bytes:
        """What lies where arguments on the stack may be."""
        return b"".join(word.to_bytes(8, "little") for word in self.extra) * 2

    @cached_property
    def registers(self) -> bytes:
        """Eight words and eight vectors for the argument registers."""
        words = b"".join(word.to_bytes(8, "little") for word in self.extra[:8])
        return words + b"".join(word.to_bytes(16, "little") for word in self.extra_floats)

    def __str__(self) -> str:
        words = ", ".join(" ".join(f"{v:#x}" for v in values) for values in self.parameters)
        return f"({words})"


def draw_arguments(signature: Signature, known: Known, number: int) -> Arguments:
    """Arguments of input `number`; the first ones are the simplest."""
    rng = random.Random(mix(number, 1))
    draw = _Draw(rng, known, number)
    texts = signature.parameters + ("i64",) * (VARIABLE_ARGUMENTS if signature.variadic else 0)
    parameters = tuple(tuple(draw.value(s) for s in scalars_of(text)) for text in texts)
    extra = tuple(
        draw.pointer() + 8 * i if i % 2 else draw.integer(64) for i in range(EXTRA_WORDS)
    )  # no round addresses: who clears a low byte shows
    floats = tuple(_double(rng.choice(_FLOATS[:8])) for _ in range(8))
    return Arguments(parameters, extra, floats)


def draw_answer(scalar: Scalar, known: Known, number: int, name: str, nth: int) -> int:
    """What the `nth` call, of the function `name`, returns."""
    rng = random.Random(mix(number, nth, hash_name(name)))
    if scalar.kind == "pointer":
        return 0 if rng.random() < 0.15 else LAZY + rng.randrange(1 << 20) * 4096
    if scalar.kind == "integer" and rng.random() < 0.45:
        return rng.choice((0, 0, 1, 1, -1 & _ALL, 2)) & ((1 << scalar.bits) - 1)
    return _Draw(rng, known, number).value(scalar)


def hash_name(name: str) -> int:
    """A number for a name, the same in every process."""
    return mix(*name.encode()[:64])


class _Draw:
    def __init__(self, rng: random.Random, known: Known, number: int) -> None:
        self._rng, self._known, self._number = rng, known, number
        self._pointers = 0

    def value(self, scalar: Scalar) -> int:
        if scalar.kind == "pointer":
            return self.pointer(hidden=scalar.hidden)
        if scalar.kind == "integer":
            return self.integer(scalar.bits)
        if scalar.kind == "bytes":
            words = range(0, scalar.bits, 64)
            return sum(self._member() << at for at in words) & ((1 << scalar.bits) - 1)
        lanes = range(0, scalar.bits, scalar.lane)
        return sum(self._lane(scalar.lane) << at for at in lanes)

    def _member(self) -> int:
        kind = self._rng.random()
        return self.pointer() if kind < 0.4 else self.integer(64) if kind < 0.6 else self.integer(4)

    def pointer(self, hidden: bool = False) -> int:
        """Mostly a page of its own; sometimes null, an earlier one, or inside."""
        rng, chance = self._rng, 1.0 if self._number < 3 or hidden else self._rng.random()
        if chance < 0.04:
            return 0
        if chance < 0.08 and self._pointers:
            return ARGUMENTS + ARGUMENT_STEP * rng.randrange(1, self._pointers + 1)
        if chance < 0.2 and self._pointers:
            return self._array_end()
        self._pointers += 1
        inside = 64 * rng.randrange(1, 5) if chance < 0.27 else 0
        return ARGUMENTS + ARGUMENT_STEP * self._pointers + inside

    def _array_end(self) -> int:
        """A few elements behind the last pointer, of a size that the text knows."""
        steps = [c for c in self._known.constants if 0 < c <= 512] or [8]
        start = ARGUMENTS + ARGUMENT_STEP * self._pointers
        return start + self._rng.choice(steps) * self._rng.randrange(4)

    def integer(self, bits: int) -> int:
        rng, mask = self._rng, (1 << bits) - 1
        if self._number < 2:
            return self._number & mask
        kind = rng.random()
        if kind < 0.3:
            return rng.randrange(17) & mask
        if kind < 0.65 and self._known.constants:
            return rng.choice(self._known.constants) & mask
        if kind < 0.75:
            return rng.choice(_EDGES) & mask
        return (rng.randrange(257) if kind < 0.85 else rng.getrandbits(bits)) & mask

    def _lane(self, bits: int) -> int:
        rng = self._rng
        value = rng.choice(_FLOATS) if rng.random() < 0.5 else rng.uniform(-100, 100)
        if self._number < 2:
            value = float(self._number)
        if bits == 64:
            return _double(value)
        if bits == 32:
            return struct.unpack("<I", struct.pack("<f", max(min(value, 3e38), -3e38)))[0]
        if bits == 16:
            return struct.unpack("<H", struct.pack("<e", max(min(value, 6e4), -6e4)))[0]
        return rng.getrandbits(bits)


def _double(value: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", value))[0]
