"""Is what two builds did with one input the same?

Words that differ between two runs of the reference (left-over stack bytes in padding) are masked;
two not-a-numbers are equal; everything else has to be equal bit for bit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ozma.llvm.interface import Function
from ozma.verify.abi import Signature
from ozma.verify.plan import ENTRY, EXITED, RETURNED, SIGNALLED, STATUS, Result

_ALL = 0xFFFFFFFFFFFFFFFF
_GLOBALS, _OUTPUT, _TRACE, _RETURN, _ERRNO, _REST, _HEAP = (
    0x1000, 0x4000, 0x5000, 0x6000, 0x7000, 0x7800, 0x8000,
)
_RAW = 0
_POINTERS = {
    1: "a pointer into the module",
    2: "a pointer to allocated memory",
    3: "a pointer to the stack",
}

RESULT = (_RETURN, 1)
Masks = dict[tuple[int, int], int]
Words = dict[tuple[int, int], tuple[int, int, int]]
"""(region, offset) -> (kind, value, value before the call)"""


def returned_words(result: Result, function: Function, signature: Signature) -> tuple[int, ...]:
    """The bits of the result registers that mean something; pointers are compared as entries."""
    if result.status != RETURNED:
        return ()
    words = []
    for slot in signature.results:
        word = result.registers[slot.index + (2 if slot.place == "float" else 0)]
        if function.result.kind == "pointer":
            continue
        words.append(_meaningful(word, slot.type.kind, slot.type.bits, function))
    return tuple(words)


def _meaningful(word: int, kind: str, bits: int, function: Function) -> int:
    if kind == "int":
        # A truth value fills its byte; LLVM promises callers no more, on either machine.
        extended = function.result_attributes & {"zeroext", "signext"}
        return word & ((1 << max(bits, 8 if extended else 0)) - 1)
    if kind == "float":
        return _one_nan(word & 0xFFFFFFFF, "<I", "<f")
    if kind == "double":
        return _one_nan(word, "<Q", "<d")
    return word


def _one_nan(word: int, integer: str, floating: str) -> int:
    (value,) = struct.unpack(floating, struct.pack(integer, word))
    return word if value == value else _ALL


def words_of_entries(entries: bytes) -> Words:
    return {(r, offset): (kind, value, before)
            for r, kind, offset, value, before in ENTRY.iter_unpack(entries)}


def unstable(
    first: Result, second: Result, function: Function, signature: Signature
) -> Masks | None:
    """Bytes (as a mask per word) in which two runs of one build differ; None if they differ in
    more than that. RESULT is there when the result differs: the function does not return one."""
    words = returned_words(first, function, signature), returned_words(second, function, signature)
    masks = {} if words[0] == words[1] else {RESULT: _ALL}
    if first.entries == second.entries:
        return masks
    left, right = words_of_entries(first.entries), words_of_entries(second.entries)
    for key in left.keys() | right.keys():
        if key not in left or key not in right:
            return None
        (kind, value, _), (other_kind, other, _) = left[key], right[key]
        if kind != other_kind:
            return None
        if value != other:
            if kind != _RAW or key[0] in (_OUTPUT, _TRACE, _RETURN):
                return None
            masks[key] = _byte_mask(value ^ other)
    return masks


def _byte_mask(difference: int) -> int:
    return sum(0xFF << shift for shift in range(0, 64, 8) if difference >> shift & 0xFF)


@dataclass(frozen=True)
class Difference:
    """Where two results part: `where` in words, and both values."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found} instead of {self.expected}"


def difference(
    expected: Result,
    found: Result,
    function: Function,
    signature: Signature,
    masks: Masks,
) -> Difference | None:
    """First difference between two results of one input, None if they are the same."""
    if (expected.status, expected.code) != (found.status, found.code):
        return Difference("end of the call", _ending(expected), _ending(found))
    words = returned_words(expected, function, signature), returned_words(found, function, signature)
    if words[0] != words[1] and RESULT not in masks:
        return Difference("returned value", *(" ".join(f"{w:#x}" for w in ws) for ws in words))
    if expected.entries == found.entries:
        return None
    return _entry_difference(words_of_entries(expected.entries), words_of_entries(found.entries), masks)


def _entry_difference(
    left: Words, right: Words, masks: Masks
) -> Difference | None:
    for key in sorted(left.keys() | right.keys()):
        expected, found = _value(left, right, key), _value(right, left, key)
        if expected == found or _equal_masked(expected, found, masks.get(key, 0)):
            continue
        return Difference(_place(*key), _show(*expected), _show(*found))
    return None


def _value(own: Words, other: Words, key: tuple[int, int]) -> tuple[int, int]:
    """(kind, value) of a word; a word that was not changed holds what it held before."""
    if key in own:
        return own[key][:2]
    return _RAW, other[key][2]


def _equal_masked(expected: tuple[int, int], found: tuple[int, int], mask: int) -> bool:
    if expected[0] != found[0]:
        return False
    left, right = expected[1] | mask, found[1] | mask
    return left == right or expected[0] == _RAW and _same_numbers(left, right)


def _same_numbers(left: int, right: int) -> bool:
    """Equal as doubles or as pairs of floats, where only not-a-numbers' bits differ."""
    for code, integer, bits in (("d", "Q", 64), ("f", "I", 32)):
        parts = range(0, 64, bits)
        halves = [((left >> p) & ((1 << bits) - 1), (right >> p) & ((1 << bits) - 1)) for p in parts]
        if all(a == b or _is_nan(a, integer, code) and _is_nan(b, integer, code) for a, b in halves):
            return True
    return False


def _is_nan(word: int, integer: str, code: str) -> bool:
    (value,) = struct.unpack("<" + code, struct.pack("<" + integer, word))
    return value != value


def _ending(result: Result) -> str:
    name = STATUS[result.status]
    return name if result.status not in (EXITED, SIGNALLED) else f"{name} {result.code}"


def _place(region: int, offset: int) -> str:
    if region >= _HEAP:
        return f"allocated block {region - _HEAP}, byte {offset}"
    if region == _REST:
        return "the rest of a long result"
    if region == _ERRNO:
        return "errno"
    if region == _RETURN:
        return "returned pointer"
    if region == _TRACE:
        return f"calls of undefined functions, word {offset}"
    if region == _OUTPUT:
        return f"standard output, byte {offset}"
    if region >= _GLOBALS:
        return f"global variable {region - _GLOBALS}, byte {offset}"
    return f"buffer {region}, byte {offset}"


def _show(kind: int, value: int) -> str:
    return _POINTERS.get(kind, f"{value:#x}")
