"""What the benches of lifted code have in common: how functions are answered, and their tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ozma.evaluate.disassembly_ways import WAYS
from ozma.evaluate.disassembly_tables import wilson
from ozma.lift.attempt import AnswerOptions
from ozma.lift.shown import Shown

_NUMBERS = re.compile(r"0x[0-9a-f]+|(?<![\w%])-?\d+\b")
_LINE = re.compile(r"^line \d+: ")


def answer_options(target: str) -> AnswerOptions:
    """The lifter's settings, each compiled back, without a search over edits."""
    return WAYS["settings"].options(target)


def behaviour(shown: Shown) -> str:
    """What a record says of it."""
    return {True: "same", False: "differs", None: "could not run"}[shown.same]


def shortened(reason: str) -> str:
    """A reason without what is particular to one function, for counting."""
    text = _LINE.sub("", reason.splitlines()[0]) if reason else ""
    if text.startswith("differs on input"):
        text = text.rpartition("}: ")[2] if "}: " in text else text.partition(": ")[2]
    return _NUMBERS.sub("N", text)[:90]


def table(name: str, total: int, counts: Mapping[str, int], notes: Sequence[str]) -> str:
    """A Markdown table of shares with their 95 % intervals (Wilson), and notes below it."""
    lines = [f"### {name}: {total:,} functions", "", "| outcome | functions | % (95 %) |", "| --- | --- | --- |"]
    for outcome, count in counts.items():
        share, low, high = wilson(count, total)
        lines.append(f"| {outcome} | {count:,} | {100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f}) |")
    return "\n".join([*lines, "", *notes])
