"""Is this the same assembly, strictly or up to the numbers of labels; if not, where does it differ?

Comments are no part of assembly: they are taken off both sides before anything is compared.

* strict: every character, but for `.file` and `.ident` lines;
* normalized: labels are renumbered by first use, and `.addrsig` and the mark of a stack that is not
  executable are dropped too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ozma.lift.asm.lines import first_word, function_places, normalized_lines, strict_lines
from ozma.tasks.assembly import code_lines

_NUMBER = re.compile(r"(?<=[\w.$])#\d+")  # of a label; a number of AArch64 stands after a blank
LIMIT = 80
"""Differing lines up to which a difference is located; beyond it only their number is estimated."""


@dataclass(frozen=True)
class Difference:
    """How far an answer is from the reference, in lines of normalized assembly.

    `missing` are places in the reference, `extra` in the answer, both empty when `far`: then the
    two differ in more than `LIMIT` lines, and `lines` is only a lower bound. Which label a line
    names counts only where nothing else differs, as one label more shifts the numbers of all that
    follow. `distance` ranks answers: lines that differ, and once more those whose opcode is not
    there at all.
    """

    lines: int
    distance: int
    missing: tuple[int, ...] = ()
    extra: tuple[int, ...] = ()
    far: bool = False

    @property
    def exact(self) -> bool:
        return self.lines == 0


class Reference:
    """The assembly to be matched, prepared for many comparisons. `target` as in `TARGETS`.

    With `name` only that function is compared: its lines and the local data that they name.
    """

    def __init__(self, assembly: str, target: str = "x86-64", name: str | None = None) -> None:
        self.target, self._name = target, name
        numbered = [
            (number, code)
            for number, line in enumerate(assembly.splitlines(), 1)
            for code in code_lines(line, target)
        ]
        code = [line for _, line in numbered]
        places = self.own_places(code)
        self._code = [code[place] for place in places]
        self._numbers = [
            numbered[place][0] for place in places if normalized_lines([self.kept(code[place])])
        ]
        self.lines = self.normalized_code(self._code)
        self._masked = _masked(self.lines)
        self._opcodes = Counter(map(first_word, self.lines))

    def kept(self, line: str) -> str:
        """The line as it is compared, "" for one that is not."""
        return line

    @cached_property
    def strict(self) -> list[str]:
        return strict_lines(self._code)

    def source_line(self, place: int) -> int:
        """Number of the line in the given text, from 1, that `lines[place]` comes from."""
        return self._numbers[place]

    def normalized(self, assembly: str) -> list[str]:
        """The lines of an answer as they are compared here."""
        return self.normalized_code(self._own(assembly))

    def normalized_code(self, code: Sequence[str]) -> list[str]:
        """The same of `code_lines` of which `own_places` were taken."""
        return normalized_lines([kept for line in code if (kept := self.kept(line))])

    def same_strictly(self, assembly: str) -> bool:
        return strict_lines(self._own(assembly)) == self.strict

    def _own(self, assembly: str) -> list[str]:
        code = code_lines(assembly, self.target)
        return code if self._name is None else [code[place] for place in self.own_places(code)]

    def own_places(self, code: Sequence[str]) -> Sequence[int]:
        """Places of the lines of `code` that are compared here."""
        return range(len(code)) if self._name is None else function_places(code, self._name)

    def compare(self, assembly: str) -> Difference:
        return self.compare_lines(self.normalized(assembly))

    def compare_lines(self, lines: Sequence[str]) -> Difference:
        """`lines` as `normalized` gives them."""
        if lines == self.lines:
            return Difference(0, 0)
        masked = _masked(lines)
        if masked == self._masked:
            return _labels_only(self.lines, lines)
        opcodes = _bag_distance(self._opcodes, Counter(map(first_word, masked)))
        found = locate(self._masked, masked)
        if found is None:
            number = max(LIMIT + 1, _bag_distance(Counter(self._masked), Counter(masked)))
            return Difference(number, number + opcodes, far=True)
        missing, extra = found
        number = len(missing) + len(extra)
        return Difference(number, number + opcodes, missing, extra)


def _masked(lines: Sequence[str]) -> list[str]:
    return [_NUMBER.sub("#", line) if "#" in line else line for line in lines]


def _labels_only(old: Sequence[str], new: Sequence[str]) -> Difference:
    places = tuple(i for i, pair in enumerate(zip(old, new)) if pair[0] != pair[1])
    return Difference(len(places), len(places), places, places)


def _bag_distance(ours: Counter, theirs: Counter) -> int:
    return sum((ours - theirs).values()) + sum((theirs - ours).values())


def locate(
    old: Sequence[str], new: Sequence[str], limit: int = LIMIT
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Places in `old` and in `new` that a shortest edit script leaves out and puts in.

    None when it is longer than `limit` (Myers 1986, the greedy algorithm).
    """
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    trace = _trace(left, right, limit)
    if trace is None:
        return None
    missing, extra = _walk_back(trace, len(left), len(right))
    return tuple(start + i for i in missing), tuple(start + i for i in extra)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Length of the common beginning."""
    count = 0
    for one, other in zip(old, new):
        if one != other:
            break
        count += 1
    return count


def _trace(old: Sequence[str], new: Sequence[str], limit: int) -> list[dict[int, int]] | None:
    """The furthest place in `old` on each diagonal, before each step; None above `limit` steps."""
    reach, trace = {1: 0}, []
    for steps in range(limit + 1):
        trace.append(dict(reach))
        for diagonal in range(-steps, steps + 1, 2):
            down = diagonal == -steps or (
                diagonal != steps and reach[diagonal - 1] < reach[diagonal + 1]
            )
            x = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            if x >= len(old) and y >= len(new):
                return trace
    return None


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> tuple[list[int], list[int]]:
    missing, extra = [], []
    for steps in range(len(trace) - 1, 0, -1):
        reach, diagonal = trace[steps], x - y
        down = diagonal == -steps or (
            diagonal != steps and reach[diagonal - 1] < reach[diagonal + 1]
        )
        x = reach[diagonal + 1 if down else diagonal - 1]
        y = x - (diagonal + 1 if down else diagonal - 1)
        (extra if down else missing).append(y if down else x)
    return missing[::-1], extra[::-1]
