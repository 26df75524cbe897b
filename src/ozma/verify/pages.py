"""The pool of 4096-byte pages that pointer arguments point to, made once per module.

Words with LAZY in their upper half become lazy pointers in the runner: whoever follows one gets a
fresh page, whoever takes it for integers sees small numbers. SELF becomes a pointer into the page.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Mapping, Sequence

PAGE = 4096
LAZY, SELF = 0x4C415A59 << 32, 0x53454C46 << 32
LAZY_WORDS = 128
_WORDS = PAGE // 8
_OWN_TEXTS = 8
_TEXTS = (
    b"", b"a", b"hello", b"0", b"42", b"-7", b"3.14", b"0x1f", b"a b c", b"key=value", b"/a/b.c",
    b"one,two,,three", b"line\nnext\n", b"(a+b)*c", b"<t k=\"v\">x</t>", b"{\"a\": [1, 2]}", b"%d %s",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef", b"\xc3\xa9\xe2\x82\xac\xff", b"  \t x", b"--long=1",
)
_FLOATS = (0.0, 1.0, -1.0, 0.5, 2.5, 100.0, -3.25, 1e-3, 1e6)


@dataclass(frozen=True)
class Pool:
    """`pages` in order of their number; `kinds` lists the numbers of each kind."""

    pages: tuple[bytes, ...]
    kinds: dict[str, tuple[int, ...]]


def _page(words: Sequence[int]) -> bytes:
    used = words[:_WORDS]
    return struct.pack(f"<{len(used)}Q", *used).ljust(PAGE, b"\0")


def _pack(code: str, values: Sequence) -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values).ljust(PAGE, b"\0")


def _text(rng: random.Random, text: bytes) -> bytes:
    padded = text + b"\0"
    if rng.random() < 0.3:
        padded += b"\0" * (-len(padded) % 8) + rng.choice(_TEXTS) + b"\0"
    return padded[:PAGE].ljust(PAGE, b"\0")


def _mixed_word(rng: random.Random, constants: Sequence[int]) -> int:
    kind = rng.random()
    if kind < 0.35:
        return 0
    if kind < 0.65:
        return LAZY | rng.randrange(5)
    if kind < 0.8:
        return rng.randrange(9) | rng.randrange(9) << 32
    if kind < 0.9:
        return rng.randrange(20)
    if kind < 0.95 and constants:
        return rng.choice(constants) & 0xFFFFFFFFFFFFFFFF
    return SELF | 8 * rng.randrange(32)


def _lazy(rng: random.Random, words: int) -> bytes:
    return _page([LAZY | rng.randrange(4) for _ in range(words)])


def _spell(rng: random.Random, alphabet: Sequence[int], count: int) -> list[bytes]:
    """Texts of the characters that a function knows, each with another first character."""
    letters = [c for c in alphabet if 9 <= c <= 13 or 32 <= c < 127] + [97, 49]
    starts = rng.sample(letters, len(letters)) * count
    lengths = [rng.choice((1, 2, 3, 5, 8, 16, 40)) for _ in range(count)]
    return [bytes([start, *rng.choices(letters, k=n)]) for start, n in zip(starts, lengths)]


def make_pool(
    rng: random.Random, constants: Mapping[str, Sequence[int]], strings: Sequence[bytes]
) -> Pool:
    """Pages of every kind; `constants` (by function) and `strings` are the module's own.

    Kind "of NAME" holds texts for the function of that name.
    """
    texts = [*_TEXTS, *rng.sample(list(strings), min(len(strings), 16))]
    every = [constant for group in constants.values() for constant in group]
    floats = [rng.choice(_FLOATS) for _ in range(64)]
    made = {
        "zero": [bytes(PAGE)],
        "text": [_text(rng, text) for text in texts],
        "lazy": [_lazy(rng, words) for words in (1, 2, 4, LAZY_WORDS, LAZY_WORDS, LAZY_WORDS)],
        "mixed": [_page([_mixed_word(rng, every) for _ in range(96)]) for _ in range(12)],
        "small": [
            _pack("i", [rng.randrange(-2, 12) for _ in range(64)]),
            _pack("Q", [rng.randrange(12) for _ in range(64)]),
            _pack("i", list(range(1, 65))),
            _pack("H", [rng.randrange(300) for _ in range(64)]),
        ],
        "bytes": [rng.randbytes(64).ljust(PAGE, b"\0"), rng.randbytes(512).ljust(PAGE, b"\0")],
        "float": [_pack("d", floats), _pack("f", floats)],
        "strings": [_lazy(rng, words) for words in (1, 2, 3, 4, 6)],
        "self": [_page([SELF | 8 * (i + 1) for i in range(16)])],
    }
    for name, alphabet in constants.items():
        made[f"of {name}"] = [_text(rng, text) for text in _spell(rng, alphabet, _OWN_TEXTS)]
    return _number(made)


def _number(made: dict[str, list[bytes]]) -> Pool:
    pages: list[bytes] = []
    kinds: dict[str, tuple[int, ...]] = {}
    for kind, group in made.items():
        kinds[kind] = tuple(range(len(pages), len(pages) + len(group)))
        pages += group
    return Pool(tuple(pages), kinds)
