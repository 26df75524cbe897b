"""What the drop-in compilers did, derived from their records and from nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator

from ozma.optimize.cc.records import RECORDS

_MEASURES = ("total", "loadable")


def read_records(folder: Path, session: str | None = None) -> Iterator[dict]:
    """Records in the order in which they were written; a line cut off by a full disk is skipped."""
    try:
        lines = (folder / RECORDS).read_text("utf-8", "replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not isinstance(record, dict):
            continue
        if session is None or record.get("session") == session:
            yield record


@dataclass
class Bytes:
    """Object bytes before (the real compiler's) and after, over measured translation units."""

    before: int = 0
    after: int = 0

    @property
    def share(self) -> float:
        """Part of the bytes that is gone, 0 to 1."""
        return 1 - self.after / self.before if self.before else 0.0


@dataclass
class Summary:
    """Counts over one set of records. `units` is by outcome; times are sums in seconds."""

    units: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    passed_through: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    checked: Counter = field(default_factory=Counter)
    reproducers: list[str] = field(default_factory=list)
    bytes: dict[str, Bytes] = field(default_factory=lambda: {m: Bytes() for m in _MEASURES})
    larger: int = 0
    cached: int = 0
    compiles: int = 0
    seconds: float = 0.0

    @property
    def seen(self) -> int:
        return sum(self.units.values())

    @property
    def optimized(self) -> int:
        """Units for which lists were tried, now or when their cache entry was made."""
        return self.units["improved"] + self.kept["nothing smaller found"]

    def add(self, record: dict) -> None:
        if record.get("event") == "pass-through":
            self.passed_through[record.get("reason", "")] += 1
        elif record.get("event") == "unit":
            self._add_unit(record)

    def _add_unit(self, record: dict) -> None:
        outcome, reason = record.get("outcome", ""), record.get("reason", "")
        self.units[outcome] += 1
        if outcome == "improved":
            self.checked[record.get("checked", "")] += 1
        elif outcome in ("kept", "excluded"):
            self.kept[reason] += 1
        elif outcome == "failed":
            self.failed[reason] += 1
        if record.get("reproducer"):
            self.reproducers.append(record["reproducer"])
        self.cached += bool(record.get("cached"))
        self.compiles += 0 if record.get("cached") else record.get("compiles", 0)
        self.seconds += record.get("seconds", {}).get("ours", 0.0)
        self._add_sizes(record.get("before"), record.get("after"))

    def _add_sizes(self, before: dict | None, after: dict | None) -> None:
        if not before or not after:
            return
        for measure, sums in self.bytes.items():
            sums.before += before[measure]
            sums.after += after[measure]
        self.larger += any(after[measure] > before[measure] for measure in _MEASURES)


def summarize(records: Iterable[dict]) -> Summary:
    """Adds records up."""
    summary = Summary()
    for record in records:
        summary.add(record)
    return summary


def latest_units(records: Iterable[dict]) -> list[dict]:
    """Of the units that were compiled several times to the same output, the last one each."""
    kept: dict[object, dict] = {}
    for number, record in enumerate(records):
        kept[record.get("output", number)] = record
    return list(kept.values())


def as_json(summary: Summary) -> dict:
    """One object with all figures."""
    sizes = {
        measure: {"before": sums.before, "after": sums.after, "share": round(sums.share, 6)}
        for measure, sums in summary.bytes.items()
    }
    return {
        "seen": summary.seen,
        "optimized": summary.optimized,
        "improved": summary.units["improved"],
        "larger": summary.larger,
        "bytes": sizes,
        "checked": dict(summary.checked),
        "kept": dict(summary.kept),
        "passed_through": dict(summary.passed_through),
        "failed": dict(summary.failed),
        "reproducers": summary.reproducers,
        "cached": summary.cached,
        "compiles": summary.compiles,
        "seconds": round(summary.seconds, 3),
    }


def _rows(title: str, counts: Counter) -> Iterator[str]:
    if counts:
        yield title
        for reason, count in counts.most_common():
            yield f"  {count:>8,}  {reason}"


def _size_row(label: str, sums: Bytes) -> str:
    return f"  {label:<28}{sums.before:>14,}{sums.after:>14,}{100 * (0 - sums.share):>+9.2f} %"


def render(summary: Summary) -> str:
    """The table that `ozma stats` prints."""
    lines = [
        f"Translation units seen {summary.seen:,}, optimized {summary.optimized:,}, "
        f"improved {summary.units['improved']:,}, larger {summary.larger:,}",
        f"  {'bytes':<28}{'clang':>14}{'ozma':>14}{'change':>11}",
        _size_row(".text + .data + .rodata", summary.bytes["total"]),
        _size_row("all loadable", summary.bytes["loadable"]),
        "  measured as: llvm-size -A FILE.o, rows .text* .data* .rodata* added",
        f"Time of ours {summary.seconds:,.1f} s, {summary.compiles:,} compilations tried, "
        f"{summary.cached:,} units from the cache",
        *_rows("Improved, by what was checked", summary.checked),
        *_rows("Kept as clang made them", summary.kept),
        *_rows("Handed to clang", summary.passed_through),
        *_rows("Failures of ours (clang's object was kept)", summary.failed),
    ]
    lines += [f"  reproducer: {path}" for path in dict.fromkeys(summary.reproducers)]
    return "\n".join(lines)
