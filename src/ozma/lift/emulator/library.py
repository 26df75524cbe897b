"""Models of functions that only move memory or compute: they work, and leave no record, since
compilers expand them in place.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from ozma.lift.emulator.calls import OutOfReach
from ozma.lift.emulator.memory import LAZY
from ozma.lift.emulator.signature import Signature

if TYPE_CHECKING:
    from ozma.lift.emulator.answers import Answers

_LIMIT = 1 << 20  # bytes that one call may move
_TEXT_LIMIT = 1 << 16


@dataclass(frozen=True)
class Effect:
    """A known function: its signature, and its work on memory and the arguments."""

    signature: Signature
    work: Callable[[Answers, list[int]], int]


def effect_of(name: str) -> Effect | None:
    """The model of a function that only moves memory or computes."""
    return _EFFECTS.get(name)


def _read(answers: Answers, address: int, size: int) -> bytes:
    if size > _LIMIT:
        raise OutOfReach(f"a call that moves {size} bytes")
    return answers.read(address, size)


def _text(answers: Answers, address: int, limit: int = _TEXT_LIMIT) -> bytes:
    """Up to the zero, or `limit` bytes."""
    found = b""
    while len(found) < limit:
        size = min(64 - address % 64, limit - len(found))
        piece = answers.read(address, size)
        if b"\0" in piece:
            return found + piece[: piece.index(b"\0")]
        found, address = found + piece, address + size
    return found


def _copy(answers: Answers, a: list[int]) -> int:
    answers.write(a[0], _read(answers, a[1], a[2]))
    return a[0]


def _copy_past(answers: Answers, a: list[int]) -> int:
    return _copy(answers, a) + a[2]


def _fill(answers: Answers, a: list[int]) -> int:
    if a[2] > _LIMIT:
        raise OutOfReach(f"a call that moves {a[2]} bytes")
    answers.write(a[0], bytes([a[1] & 0xFF]) * a[2])
    return a[0]


def _zero(answers: Answers, a: list[int]) -> int:
    return _fill(answers, [a[0], 0, a[1]])


def _order(left: bytes, right: bytes) -> int:
    return (left > right) - (left < right) & 0xFFFFFFFF


def _compare(answers: Answers, a: list[int]) -> int:
    return _order(_read(answers, a[0], a[2]), _read(answers, a[1], a[2]))


def _compare_texts(answers: Answers, a: list[int]) -> int:
    return _order(_text(answers, a[0]) + b"\0", _text(answers, a[1]) + b"\0")


def _compare_texts_n(answers: Answers, a: list[int]) -> int:
    limit = min(a[2], _TEXT_LIMIT)
    left, right = (_text(answers, x, limit) + b"\0" for x in a[:2])
    return _order(left[:limit], right[:limit])


def _length(answers: Answers, a: list[int]) -> int:
    return len(_text(answers, a[0]))


def _length_n(answers: Answers, a: list[int]) -> int:
    return len(_text(answers, a[0], min(a[1], _TEXT_LIMIT)))


def _find_byte(answers: Answers, a: list[int]) -> int:
    at = _read(answers, a[0], a[2]).find(a[1] & 0xFF)
    return a[0] + at if at >= 0 else 0


def _find(answers: Answers, a: list[int]) -> int:
    at = (_text(answers, a[0]) + b"\0").find(a[1] & 0xFF)
    return a[0] + at if at >= 0 else 0


def _find_last(answers: Answers, a: list[int]) -> int:
    at = (_text(answers, a[0]) + b"\0").rfind(a[1] & 0xFF)
    return a[0] + at if at >= 0 else 0


def _find_text(answers: Answers, a: list[int]) -> int:
    at = _text(answers, a[0]).find(_text(answers, a[1]))
    return a[0] + at if at >= 0 else 0


def _copy_text(answers: Answers, a: list[int]) -> int:
    answers.write(a[0], _text(answers, a[1]) + b"\0")
    return a[0]


def _copy_text_past(answers: Answers, a: list[int]) -> int:
    text = _text(answers, a[1])
    answers.write(a[0], text + b"\0")
    return a[0] + len(text)


def _copy_text_n(answers: Answers, a: list[int]) -> int:
    if a[2] > _LIMIT:
        raise OutOfReach(f"a call that moves {a[2]} bytes")
    answers.write(a[0], _text(answers, a[1], a[2]).ljust(a[2], b"\0"))
    return a[0]


def _append_text(answers: Answers, a: list[int]) -> int:
    _copy_text(answers, [a[0] + len(_text(answers, a[0])), a[1]])
    return a[0]


def _append_text_n(answers: Answers, a: list[int]) -> int:
    text = _text(answers, a[1], min(a[2], _TEXT_LIMIT))
    answers.write(a[0] + len(_text(answers, a[0])), text + b"\0")
    return a[0]


def _double(word: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", word))[0]


def _single(word: int) -> float:
    return struct.unpack("<f", struct.pack("<I", word & 0xFFFFFFFF))[0]


def _on_doubles(function: Callable[..., float]) -> Callable[[Answers, list[int]], int]:
    def work(_answers: Answers, a: list[int]) -> int:
        return struct.unpack("<Q", struct.pack("<d", _safely(function, map(_double, a))))[0]

    return work


def _on_singles(function: Callable[..., float]) -> Callable[[Answers, list[int]], int]:
    def work(_answers: Answers, a: list[int]) -> int:
        value = _safely(function, map(_single, a))
        if math.isfinite(value) and abs(value) > 3.4e38:
            value = math.copysign(math.inf, value)
        return struct.unpack("<I", struct.pack("<f", value))[0]

    return work


def _safely(function: Callable[..., float], values: map) -> float:
    try:
        return float(function(*values))
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.nan


def _rounded(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda x: math.copysign(function(x), x) if math.isfinite(x) else x


_ONE_NUMBER = {
    "sqrt": math.sqrt, "fabs": math.fabs, "floor": _rounded(math.floor),
    "ceil": _rounded(math.ceil), "trunc": _rounded(math.trunc), "rint": _rounded(round),
    "nearbyint": _rounded(round),
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "exp": math.exp,
    "exp2": lambda x: 2.0**x, "log": math.log, "log2": math.log2, "log10": math.log10,
    "log1p": math.log1p, "expm1": math.expm1, "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x),
    "round": _rounded(lambda x: math.floor(abs(x) + 0.5)),
}
_TWO_NUMBERS = {"pow": math.pow, "fmod": math.fmod, "atan2": math.atan2, "hypot": math.hypot,
                "fmin": min, "fmax": max, "copysign": math.copysign}


def _mathematics() -> dict[str, Effect]:
    found = {}
    for table, count in ((_ONE_NUMBER, 1), (_TWO_NUMBERS, 2)):
        for name, function in table.items():
            doubles, singles = ("double",) * count, ("float",) * count
            found[name] = Effect(Signature(doubles, "double"), _on_doubles(function))
            found[name + "f"] = Effect(Signature(singles, "float"), _on_singles(function))
    return found


def _own_address(number: int) -> Callable[[Answers, list[int]], int]:
    return lambda _answers, _arguments: LAZY + 0x8000_0000 + 0x10_0000 * number


_ADDRESSES = ("__errno_location", "__ctype_b_loc", "__ctype_tolower_loc", "__ctype_toupper_loc",
              "__h_errno_location", "__res_state")
"""Functions that always return one address, which compilers may ask for once."""


def _effects() -> dict[str, Effect]:
    rows = [
        ("memcpy memmove", "ptr ptr i64", "ptr", _copy),
        ("__memcpy_chk __memmove_chk", "ptr ptr i64 i64", "ptr", _copy),
        ("mempcpy", "ptr ptr i64", "ptr", _copy_past),
        ("memset", "ptr i32 i64", "ptr", _fill),
        ("__memset_chk", "ptr i32 i64 i64", "ptr", _fill),
        ("bzero", "ptr i64", "void", _zero),
        ("memcmp bcmp", "ptr ptr i64", "i32", _compare),
        ("memchr", "ptr i32 i64", "ptr", _find_byte),
        ("strlen", "ptr", "i64", _length),
        ("strnlen", "ptr i64", "i64", _length_n),
        ("strcmp", "ptr ptr", "i32", _compare_texts),
        ("strncmp", "ptr ptr i64", "i32", _compare_texts_n),
        ("strchr", "ptr i32", "ptr", _find),
        ("strrchr", "ptr i32", "ptr", _find_last),
        ("strstr", "ptr ptr", "ptr", _find_text),
        ("strcpy", "ptr ptr", "ptr", _copy_text),
        ("__strcpy_chk", "ptr ptr i64", "ptr", _copy_text),
        ("stpcpy", "ptr ptr", "ptr", _copy_text_past),
        ("strncpy", "ptr ptr i64", "ptr", _copy_text_n),
        ("strcat", "ptr ptr", "ptr", _append_text),
        ("strncat", "ptr ptr i64", "ptr", _append_text_n),
    ]
    found = {
        name: Effect(Signature((), "ptr"), _own_address(number))
        for number, name in enumerate(_ADDRESSES)
    }
    for names, parameters, result, work in rows:
        signature = Signature(tuple(parameters.split()), result)
        found |= {name: Effect(signature, work) for name in names.split()}
    return found


_EFFECTS = _effects() | _mathematics()
