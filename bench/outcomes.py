"""What the benches of lifted code have in common: how functions are answered, and their tables."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ozma.errors import OzmaError
from ozma.evaluate.disassembly_tables import wilson
from ozma.evaluate.disassembly_ways import WAYS
from ozma.evaluate.records import Row, read_rows
from ozma.lift.answers import AnswerOptions
from ozma.lift.behaviour.shown import Shown

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


def reason_notes(rows: Iterable[Row], most: int) -> list[str]:
    """The most frequent reasons, each with its outcome and count."""
    reasons = Counter(
        (row["behaviour"] or "failed", shortened(row["reason"])) for row in rows if row["reason"]
    )
    return [f"* {count} {kind}: {why}" for (kind, why), count in reasons.most_common(most)]


def newest_tables(out: Path, one_table: Callable[[str, Sequence[Row]], str]) -> str:
    """The table of every file of records in `out`, its newest version, as Markdown."""
    texts = []
    for path in sorted(out.glob("*.jsonl")):
        rows = read_rows(path)
        newest = [row for row in rows if row["version"] == rows[-1]["version"]]
        if newest:
            texts.append(one_table(path.stem, newest))
    return "\n\n".join(texts) + "\n"


def report(bench: str, rows: Iterable[Row], render: Callable[[], str]) -> int:
    """Goes through `rows` as they are measured, with progress, prints what `render` makes of the
    records, and returns the exit code."""
    kinds: Counter[str] = Counter()
    try:
        for row in rows:
            kinds[row["behaviour"] or "failed"] += 1
            if kinds.total() % 20 == 0:
                print(dict(kinds), file=sys.stderr)
    except OzmaError as error:
        print(f"bench/{bench}.py: error: {error}", file=sys.stderr)
        return error.exit_code
    print(render(), end="")
    return 0
