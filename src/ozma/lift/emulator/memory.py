"""Memory that nobody made: each page's content follows from its address and the input.

A page is one of the pool's templates. Words of a template that are pointers are shifted by an
amount of the page's own, so that every page points elsewhere; whoever follows finds a page again.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from functools import cache
from typing import Sequence

PAGE = 4096
_WORDS, _PERIOD = PAGE // 8, 64
_ALL = (1 << 64) - 1
LAZY, HEAP, ARGUMENTS = 0x10_0000_0000, 0x20_0000_0000, 0x30_0000_0000
HEAP_STEP, ARGUMENT_STEP = 0x4_0000, 0x100_0000
_SYMBOLS = range(0x2000_0000, 0x7E00_0000)
ADDRESS_BITS = 52
_ADDRESSES = range(0x1_0000, (1 << ADDRESS_BITS) - 0x1_0000)
_TEXTS = (
    "", "a", "hello", "0", "42", "-7", "3.14", "0x1f", "a b c", "key=value", "/a/b.c", "1,2,,3",
    "line\nnext\n", "(a+b)*c", "<t k='v'>x</t>", "%d %s", "ABCDEFGHabcdefgh", "\xe9\xff", "  \t x",
    "--long=1",
)
_FLOATS = (0.0, 1.0, -1.0, 0.5, 2.5, 100.0, -3.25, 1e-3, 1e6)
_THEMES = ("mixed", "lazy", "text", "small", "any", "mixed", "text", "any", "zero", "lazy", "mixed")
_KINDS = ("mixed", "lazy", "text", "small", "zero", "floats")
_OTHERS = {"text": ("text", "mixed", "small"), "lazy": ("lazy", "lazy", "text", "mixed"),
           "small": ("small", "zero", "mixed"), "zero": ("zero", "zero", "mixed")}
_USUAL = ("mixed", "mixed", "text", "small", "zero", "lazy")


@dataclass(frozen=True)
class Template:
    """`content` as one number; `pointers` and `selves` have a 1 in each word that is a pointer
    elsewhere, or into the page itself."""

    content: int
    pointers: int = 0
    selves: int = 0

    def page(self, address: int, shift: int) -> bytes:
        value = self.content + self.pointers * shift + self.selves * address
        return value.to_bytes(PAGE, "little")


Pool = dict[str, list[Template]]


def make_pool(constants: Sequence[int], strings: Sequence[bytes]) -> Pool:
    """Templates of every kind; `constants` and `strings` are the function's own."""
    rng = random.Random("own pages")
    texts = [text.encode("latin-1") for text in _TEXTS] + list(strings) * 3
    mixed = [_of_words(rng, constants, 0.25) for _ in range(4)]
    return _common_pool() | {"text": [_of_texts(rng, texts) for _ in range(4)], "mixed": mixed}


@cache
def _common_pool() -> Pool:
    """The kinds that owe nothing to a function."""
    rng = random.Random("common pages")
    return {
        "zero": [Template(0)],
        "lazy": [_of_words(rng, (), 0.9) for _ in range(2)],
        "small": [
            _packed("i", [rng.randrange(-2, 12) for _ in range(1024)]),
            _packed("Q", [rng.randrange(12) for _ in range(512)]),
            _packed("H", [rng.randrange(300) for _ in range(2048)]),
            Template(int.from_bytes(rng.randbytes(PAGE), "little")),
        ],
        "bytes": [
            Template(int.from_bytes(bytes(rng.choices(range(1, 256), k=PAGE)), "little"))
            for _ in range(2)
        ],
        "floats": [
            _packed("d", [rng.choice(_FLOATS) for _ in range(512)]),
            _packed("f", [rng.choice(_FLOATS) for _ in range(1024)]),
        ],
    }


def _packed(code: str, values: Sequence) -> Template:
    return Template(int.from_bytes(struct.pack(f"<{len(values)}{code}", *values), "little"))


def _of_texts(rng: random.Random, texts: Sequence[bytes]) -> Template:
    """A text at every 64th byte."""
    slots = (rng.choice(texts)[:63].ljust(64, b"\0") for _ in range(PAGE // 64))
    return Template(int.from_bytes(b"".join(slots), "little"))


def _of_words(rng: random.Random, constants: Sequence[int], pointers: float) -> Template:
    """`_PERIOD` words, repeated to fill the page."""
    content, there, selves = [], [], []
    steps = [c for c in constants if 0 < c <= 512] or [8]
    for _ in range(_PERIOD):
        kind = rng.random()
        if there and there[-1] and kind < 0.2:  # the end of an array, after its beginning
            content.append(content[-1] + rng.choice(steps) * rng.randrange(4))
            there.append(1)
            selves.append(0)
            continue
        there.append(int(kind < pointers))
        selves.append(int(pointers <= kind < pointers + 0.04))
        if kind < pointers:
            content.append(LAZY + 64 * rng.randrange(1024))
        elif kind < pointers + 0.04:
            content.append(8 * rng.randrange(64))
        else:
            content.append(_plain_word(rng, constants))
    return Template(*(_repeated(words) for words in (content, there, selves)))


def _repeated(words: Sequence[int]) -> int:
    return int.from_bytes(struct.pack(f"<{_PERIOD}Q", *words) * (_WORDS // _PERIOD), "little")


def _plain_word(rng: random.Random, constants: Sequence[int]) -> int:
    kind = rng.random()
    if kind < 0.45:
        return 0
    if kind < 0.7:
        return rng.randrange(9) | rng.randrange(9) << 32
    if kind < 0.85 and constants:
        return rng.choice(constants) & _ALL
    return rng.randrange(256)


def mix(*words: int) -> int:
    """A 64-bit hash (splitmix64's finalizer over each word)."""
    value = 0x9E3779B97F4A7C15
    for word in words:
        value = (value ^ word) & _ALL
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _ALL
        value = (value ^ value >> 27) * 0x94D049BB133111EB & _ALL
        value ^= value >> 31
    return value


class World:
    """What memory holds before one input: the same for every text that gets this input."""

    def __init__(self, pool: Pool, number: int) -> None:
        self._pool, self.number = pool, number
        self._theme = _THEMES[number % len(_THEMES)]
        self._pages: dict[int, bytes] = {}
        self.zeroed: set[int] = set()
        """Heap pages that are asked for with zeros in them."""

    def _heap_page(self, address: int) -> bytes:
        """Left-overs, most of them not zero: a dropped initialization is then seen."""
        return self._pool["bytes"][mix(address) % 2].page(address, 0)

    @property
    def fill(self) -> int:
        """The byte that the stack is full of: what a callee 'writes' through a pointer into it."""
        return (0x21, 0x00, 0x21, 0x01, 0x41)[self.number % 5]

    def page(self, address: int) -> bytes | None:
        """The content of a page before the call; None where no page can be (near null)."""
        if address not in _ADDRESSES:
            return None
        if address not in self._pages:
            self._pages[address] = self._make(address)
        return self._pages[address]

    def _make(self, address: int) -> bytes:
        if HEAP <= address < ARGUMENTS:
            return bytes(PAGE) if address in self.zeroed else self._heap_page(address)
        code = mix(self.number, address)
        kinds = self._kinds(address)
        templates = self._pool[kinds[code % len(kinds)]]
        template = templates[(code >> 8) % len(templates)]
        return template.page(address, (code >> 16 & 0xFFFFF) << 12)

    def _kinds(self, address: int) -> Sequence[str]:
        if address in _SYMBOLS:
            return ("zero", "small", "mixed", "lazy", "bytes", "text")
        if self._theme == "any":
            return _KINDS
        if address >= ARGUMENTS and self._theme != "mixed":
            return (self._theme,)
        return _OTHERS.get(self._theme, _USUAL)
