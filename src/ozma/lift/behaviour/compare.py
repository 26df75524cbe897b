"""Did two runs of one input do the same? The first difference, in words."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Iterable, Iterator

from ozma.lift.emulator.execute import Emulator
from ozma.lift.emulator.layout import FUNCTION, RETURN, STACK_LOW, STACK_TOP
from ozma.lift.emulator.memory import PAGE, World
from ozma.lift.emulator.run import LEFT, STOPPED, CallRecord, Run, Word, same_word

_MOST = 128


@dataclass(frozen=True)
class Difference:
    """`kind` is ending, result, registers, call or write; the rest says where, and both values.

    `doubt`: the bytes may belong to no object that the callee gets, but to the function alone: the
    number of the call and their addresses in the original.
    """

    kind: str
    where: str
    expected: str
    found: str
    doubt: tuple[int, tuple[int, ...]] | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.found} instead of {self.expected}"


@dataclass(frozen=True)
class Pair:
    """The two emulators after one input, and what memory held before it."""

    original: Emulator
    other: Emulator
    world: World

    def difference(self, expected: Run, found: Run) -> Difference | None:
        """None where both did the same: ending, results, registers, calls, memory."""
        certain = _Ends(expected, found, self.world.fill)
        for difference in (
            _calls(expected, found, certain),
            _ending(expected, found),
            _results(expected, found),
            _registers(expected, found),
        ):
            if difference:
                return difference
        written = next(self._writes(expected, found), None)
        return written or _calls(expected, found, _Ends(expected, found, self.world.fill, True))

    def _writes(self, expected: Run, found: Run) -> Iterator[Difference]:
        for page in sorted(expected.pages.keys() | found.pages.keys()):
            left = expected.pages.get(page) or self._before(self.original, page)
            right = found.pages.get(page) or self._before(self.other, page)
            if left == right:
                continue
            for at in range(0, PAGE, 8):
                pair = left[at : at + 8], right[at : at + 8]
                if pair[0] != pair[1] and not self._same_word(*pair):
                    yield Difference("write", f"memory at {page + at:#x}", *map(_number, pair))

    def _before(self, emulator: Emulator, page: int) -> bytes:
        return emulator.space.before(page) or self.world.page(page) or bytes(PAGE)

    def _same_word(self, left: bytes, right: bytes) -> bool:
        a, b = int.from_bytes(left, "little"), int.from_bytes(right, "little")
        if same_word(a, b):
            return True
        left, right = self.original.space, self.other.space
        words = left.canonical(a, peek=False), right.canonical(b, peek=False)
        return words[0] == words[1] or words[0][0] == words[1][0] == "stack"


def _number(data: bytes) -> str:
    return f"{int.from_bytes(data, 'little'):#x}"


def _ending(expected: Run, found: Run) -> Difference | None:
    texts = [f"{run.ending} {run.detail}".strip() for run in (expected, found)]
    if texts[0] == texts[1] or expected.ending == found.ending != STOPPED:
        return None
    return Difference("ending", "end", *texts)


def _results(expected: Run, found: Run) -> Difference | None:
    for number, (left, right) in enumerate(zip(expected.results, found.results)):
        if left != right and not left[0] == right[0] == "stack":
            return Difference("result", f"result {number}", _show(left), _show(right))
    return None


def _registers(expected: Run, found: Run) -> Difference | None:
    if found.lost and not expected.lost:
        return Difference("registers", "registers of the caller", "kept", f"changed {found.lost}")
    return None


def _calls(expected: Run, found: Run, ends: _Ends) -> Difference | None:
    for number, (left, right) in enumerate(zip(expected.calls, found.calls)):
        difference = _call(number, left, right, ends)
        if difference:
            return difference
    shorter = min(len(expected.calls), len(found.calls))
    names = [run.calls[shorter].name if len(run.calls) > shorter else "the end"
             for run in (expected, found)]
    return Difference("call", f"call {shorter}", *names) if names[0] != names[1] else None


def _call(number: int, left: CallRecord, right: CallRecord, same: _Ends) -> Difference | None:
    if left.name != right.name:
        return Difference("call", f"call {number}", left.name, right.name)
    same.enter(left, right)
    for place, (a, b) in enumerate(zip(left.words, right.words)):
        if not same.words(a, b):
            where = f"call {number} of {left.name}, argument {place}"
            doubt = (number, tuple(same.differing)) if same.wide else None
            return Difference("call", where, _show(a), _show(b), doubt)
    if left.aligned and not right.aligned:
        return Difference("call", f"call {number} of {left.name}", "aligned stack", "misaligned")
    return None


class _Ends:
    """Compares words. Nobody knows where objects on the stack end: at the latest where the next one
    begins that a callee gets to see, and as many bytes are compared as the address is aligned to,
    which is what a compiler gives an object of that size.

    `wide`, in frames that look alike, it ends where the next one of the same call begins.
    `differing` are then the addresses of the bytes that differ.
    """

    def __init__(self, expected: Run, found: Run, fill: int, wide: bool = False) -> None:
        self._starts = [_seen(run.calls) for run in (expected, found)]
        self.wide = wide and self._starts[0] == self._starts[1]
        self._fill = fill
        self.differing: list[int] = []

    def enter(self, left: CallRecord, right: CallRecord) -> None:
        """The words of this call come next."""
        if self.wide:
            self._starts = [_seen([left]), _seen([right])]

    def words(self, left: Word, right: Word) -> bool:
        if left == LEFT:
            return True
        if left[0] != right[0]:
            return False
        if left[0] == "stack":
            return self._objects(left, right)
        if left[0] == "struct":
            return all(self.words(a, b) for a, b in zip(left[1:], right[1:]))
        return left == right

    def _objects(self, left: Word, right: Word) -> bool:
        """Bytes that the original never wrote do not count, nor do pointers into a text."""
        size = min(self._room(0, left[1]), self._room(1, right[1]))
        if not self.wide or left[1] != right[1]:
            size = min(size, left[1] & -left[1], right[1] & -right[1], 8)
        pairs = list(zip(left[2][:size], right[2][:size]))
        self.differing = [
            left[1] + at
            for at, (a, b) in enumerate(pairs)
            if a != b and a != self._fill and not self._both_point(left, right, at & -8, size)
        ]
        return not self.differing

    def _both_point(self, left: Word, right: Word, at: int, size: int) -> bool:
        return at + 8 <= size and all(_points(word[2][at : at + 8]) for word in (left, right))

    def _room(self, side: int, address: int) -> int:
        starts = self._starts[side]
        after = bisect_right(starts, address)
        return starts[after] - address if after < len(starts) else _MOST


def _seen(calls: Iterable[CallRecord]) -> list[int]:
    """Addresses on the stack that callees get, in order."""
    words = [word for call in calls for word in call.words]
    words += [part for word in words if word[0] == "struct" for part in word[1:]]
    return sorted({word[1] for word in words if word[0] == "stack"})


def same_but_stack(first: Run, second: Run) -> bool:
    """Are two runs of one text the same, whatever the stack holds?"""
    seen = [
        [(call.name, *map(_without_stack, call.words)) for call in run.calls]
        + [run.ending, run.detail, run.lost, run.pages, *map(_without_stack, run.results)]
        for run in (first, second)
    ]
    return seen[0] == seen[1]


def _without_stack(word: Word) -> Word:
    return word[:2] if word[0] == "stack" else word


def _points(data: bytes) -> bool:
    """Is it an address that may differ between the texts?"""
    address = int.from_bytes(data, "little")
    return FUNCTION <= address < RETURN or STACK_LOW <= address < STACK_TOP


def _show(word: Word) -> str:
    if word[0] == "value":
        return f"{word[1]:#x}"
    if word[0] == "stack":
        return f"the stack at {word[1]:#x} ({word[2].hex()})"
    return " ".join(str(part) for part in word)
