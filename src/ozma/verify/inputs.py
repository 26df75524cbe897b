"""Inputs for the functions of a module, equal for equal seeds: edge cases, dictionary, random.

The first inputs of each function are the simplest (zeros, ones, texts, lazy structures), so that
evidence tends to be small.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from typing import Sequence

from ozma.verify.abi import Signature, Slot, STACK_WORDS
from ozma.verify.pages import Pool

BUFFERS, VARIABLES, ARGUMENT_BUFFERS = 16, 112, 10
ANSWERS = 8
BUFFER_BASE, BUFFER_STRIDE, PAGE = 0x2000000000, 0x3000, 4096
_FILE = 0x46494C45 << 32
_FILE_INPUTS = 10  # one input in so many passes open files where it has pointers
_MASK = 0xFFFFFFFFFFFFFFFF
_EDGES = (0, 1, -1, 2, -2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256,
          1000, 1024, 4095, 4096, 32767, 65535, 2**31 - 1, -(2**31), 2**31, 2**32 - 1,
          2**63 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.14159, 1e-9, 1e10, -123.75, float("inf"),
           float("nan"), 5e-324, 2.0**31, 2.0**63)
_THEMES = ("zero", "text", "lazy", "mixed", "strings", "own", "small", "mixed", "own", "strings",
           "text", "lazy", "any", "own", "float", "mixed", "own", "any", "strings", "self")
_ANY = ("zero", "text", "lazy", "mixed", "small", "bytes", "float", "strings")
_NEAR = {"lazy": "lazy", "zero": "zero", "strings": "own", "own": "own", "text": "text"}
_VARIABLE = ("zero", "mixed", "small", "lazy")
_DEEP = ("zero", "zero", "text", "own", "mixed", "small")


def buffer_address(page: int) -> int:
    """Where the runner maps the first byte of a buffer."""
    return BUFFER_BASE + page * BUFFER_STRIDE + PAGE


@dataclass
class Call:
    """One call: register and stack words, what undefined functions answer, which pages the buffers
    hold, the page that is standard input, and a call that is made before, whose state remains."""

    id: int
    function: int
    input: int = 0
    integers: list[int] = field(default_factory=lambda: [0] * 8)
    floats: list[int] = field(default_factory=lambda: [0] * 8)
    stack: list[int] = field(default_factory=list)
    indirect: int = 0
    answers: list[int] = field(default_factory=lambda: [0] * ANSWERS)
    buffers: int = 0
    pages: list[int] = field(default_factory=list)
    patches: tuple[int, ...] = ()
    prelude: Call | None = None

    def put(self, slot: Slot, word: int) -> None:
        if slot.place == "stack":
            self.stack += [0] * (slot.index + 1 - len(self.stack))
            self.stack[slot.index] = word
        elif slot.place == "indirect":
            self.indirect = word
        else:
            (self.integers if slot.place == "integer" else self.floats)[slot.index] = word


class Generator:
    """Draws the calls of one function; `constants` occur in it, the module lacks `variables`."""

    def __init__(
        self,
        name: str,
        signature: Signature,
        constants: Sequence[int],
        pool: Pool,
        variables: int,
        seed: int,
    ) -> None:
        self._signature, self._pool, self._variables = signature, pool, variables
        self._name, self._seed = name, seed
        self._own = f"of {name}" if f"of {name}" in pool.kinds else "text"
        self._constants = [*constants, *(c + d for c in constants for d in (1, -1))]
        self._next_constant = 0

    def call(self, id_: int, function: int, number: int) -> Call:
        """Input `number` of the function: 0 is the simplest."""
        rng = random.Random(f"{self._seed}:{self._name}:{number}")
        theme = _THEMES[number % len(_THEMES)]
        call = Call(id_, function)
        for slot in self._signature.slots:
            call.put(slot, self._word(rng, slot, call, number))
        call.pages = self._pages(rng, theme, call.buffers)
        call.input = rng.choice(self._pool.kinds[rng.choice((self._own, "text"))])
        call.answers = [self._answer(rng, number) for _ in range(ANSWERS)]
        return call

    def _word(self, rng: random.Random, slot: Slot, call: Call, number: int) -> int:
        if "member" in slot.attributes:
            choices = (0, rng.randrange(9), rng.randrange(9) | rng.randrange(9) << 32)
            return rng.choice((*choices, self._pointer(rng, frozenset(), call)))
        if slot.type.kind == "pointer" and number % _FILE_INPUTS == _FILE_INPUTS - 1:
            if rng.random() < 0.5:
                return _FILE | rng.randrange(2)
        if slot.type.kind == "pointer":
            return self._pointer(rng, slot.attributes, call, simple=number < 3)
        if slot.type.kind == "int":
            value = number if number < 3 else self._integer(rng, slot.type.bits)
            return extend(value, slot.type.bits, slot.attributes)
        return float_word(number if number < 3 else _float(rng), slot.type.kind)

    def _pointer(
        self, rng: random.Random, attributes: frozenset[str], call: Call, simple: bool = False
    ) -> int:
        chance = 1.0 if simple or "sret" in attributes else rng.random()
        if chance < 0.05 and not attributes & {"nonnull", "dereferenceable"}:
            return 0
        if chance < 0.09 and call.buffers and "noalias" not in attributes:
            return buffer_address(rng.randrange(call.buffers))
        if call.buffers == ARGUMENT_BUFFERS:
            return buffer_address(call.buffers - 1)
        call.buffers += 1
        offset = 16 * rng.randrange(1, 5) if chance < 0.12 else 0
        return buffer_address(call.buffers - 1) + offset

    def _integer(self, rng: random.Random, bits: int) -> int:
        kind = rng.random()
        if kind < 0.25:
            return rng.randrange(17)
        if kind < 0.6 and self._constants:
            self._next_constant += 1  # in turn: a switch has many cases
            return self._constants[self._next_constant % len(self._constants)]
        if kind < 0.72:
            return rng.choice(_EDGES)
        if kind < 0.8:
            return rng.randrange(257)
        if kind < 0.9:
            return rng.randrange(32, 127)
        return rng.getrandbits(bits)

    def _answer(self, rng: random.Random, number: int) -> int:
        """What an undefined function returns: mostly what its caller compares with."""
        if number < 3:
            return number
        if rng.random() < 0.5 and self._constants:
            return rng.choice(self._constants) & _MASK
        return rng.randrange(17)

    def _pages(self, rng: random.Random, theme: str, arguments: int) -> list[int]:
        kinds = self._pool.kinds

        def draw(kind: str) -> int:
            if kind == "any":
                kind = rng.choice(_ANY)
            if kind == "own":
                kind = rng.choice((self._own, self._own, "text"))
            return rng.choice(kinds[kind])

        first = [draw(theme) for _ in range(max(arguments, 1))]
        near = [draw(_NEAR.get(theme, "mixed")) for _ in range(3)]
        deep = [draw(rng.choice(_DEEP)) for _ in range(BUFFERS - len(first) - len(near))]
        variables = [draw(rng.choice(_VARIABLE)) for _ in range(self._variables)]
        return [*first, *near, *deep, *variables, *[0] * (VARIABLES - self._variables)]


def extend(value: int, bits: int, attributes: frozenset[str]) -> int:
    """The register word that holds an integer argument, extended as its attribute demands."""
    low = value & ((1 << bits) - 1)
    if "zeroext" not in attributes and bits > 1 and low >> (bits - 1):
        low -= 1 << bits
    return low & _MASK


def float_word(value: float, kind: str) -> int:
    """The register word that holds a floating-point argument."""
    if kind == "double":
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    return struct.unpack("<I", struct.pack("<f", _to_single(value)))[0]


def _to_single(value: float) -> float:
    return value if abs(value) < 3e38 or value in (float("inf"), float("-inf")) else 1e30


def _float(rng: random.Random) -> float:
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(_FLOATS)
    if kind < 0.7:
        return float(rng.randrange(-20, 200))
    return rng.uniform(-1000, 1000)


assert STACK_WORDS == 16  # the plan's layout (runner.h) holds that many
