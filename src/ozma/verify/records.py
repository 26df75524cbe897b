"""What was found, kept append-only: one line per list and suite, one per object judged."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterable

from ozma.errors import OzmaError
from ozma.lines import append_lines, read_lines
from ozma.verify.judge import Finding
from ozma.verify.suites.program import Program, Suite
from ozma.verify.verdict import Verdict


@dataclass(frozen=True)
class SuiteVerdict:
    """One list on one suite. `failures` holds every program that did not pass, in suite order.

    `reused` programs had the very object that was already judged; `seconds` is wall time.
    """

    suite: str
    fingerprint: str
    programs: int
    failures: tuple[Finding, ...]
    reused: int
    seconds: float

    @property
    def counts(self) -> dict[Verdict, int]:
        """Programs by verdict, TESTS_PASSED included."""
        counts = Counter(finding.verdict for finding in self.failures)
        counts[Verdict.TESTS_PASSED] = self.programs - len(self.failures)
        return {verdict: count for verdict, count in counts.items() if count}

    @property
    def verdict(self) -> Verdict:
        """The most frequent failure; NOT_CHECKED if any program was not run and none failed."""
        failed = Counter(f.verdict for f in self.failures if f.verdict.failed)
        if failed:
            return failed.most_common(1)[0][0]
        return Verdict.NOT_CHECKED if self.failures or not self.programs else Verdict.TESTS_PASSED


class RecordFile:
    """JSON lines, one per (list, suite, LLVM release, target); a broken last line is ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[tuple[str, ...], dict] = {}
        for row in _json_lines(path):
            try:
                self._known[_record_key(row)] = row
                _verdict_of(row)
            except (KeyError, TypeError, ValueError):
                raise OzmaError(
                    f"{path} holds other lines than the verdicts of lists",
                    hint="give records of ozma validate",
                ) from None

    @property
    def rows(self) -> list[dict]:
        """The newest line of each list and suite, as it was written."""
        return list(self._known.values())

    def find(self, passes: str, suite: Suite) -> SuiteVerdict | None:
        key = (passes, suite.name, suite.fingerprint, suite.llvm, suite.target)
        row = self._known.get(key)
        return _verdict_of(row) if row else None

    def add(self, passes: str, suite: Suite, verdict: SuiteVerdict) -> None:
        row = {
            "passes": passes,
            "suite": suite.name,
            "fingerprint": suite.fingerprint,
            "llvm": suite.llvm,
            "target": suite.target,
            "programs": verdict.programs,
            "counts": {key.value: count for key, count in verdict.counts.items()},
            "failures": [asdict(f) | {"verdict": f.verdict.value} for f in verdict.failures],
            "reused": verdict.reused,
            "seconds": round(verdict.seconds, 3),
        }
        self._known[_record_key(row)] = row
        append_lines(self.path, json.dumps(row, sort_keys=True).encode() + b"\n")


def _record_key(row: dict) -> tuple[str, ...]:
    return tuple(row[name] for name in ("passes", "suite", "fingerprint", "llvm", "target"))


def _verdict_of(row: dict) -> SuiteVerdict:
    failures = tuple(Finding(**f | {"verdict": Verdict(f["verdict"])}) for f in row["failures"])
    return SuiteVerdict(
        row["suite"],
        row["fingerprint"],
        row["programs"],
        failures,
        row["reused"],
        row["seconds"],
    )


class JudgedObjects:
    """Verdicts by optimized IR and by object code: the same program need not run again.

    Time limits are not kept: they say something about the machine too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = (line.decode("utf-8", "replace").split("\t") for line in read_lines(path))
        self._known = {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: str, program: Program) -> Finding | None:
        name, detail = self._known.get(key, ("", ""))
        return Finding(program.name, Verdict[name], "run", detail, reused=True) if name else None

    def add(self, found: dict[str, Finding]) -> None:
        kept = {
            key: (finding.verdict.name, finding.detail)
            for key, finding in found.items()
            if finding.verdict in (Verdict.TESTS_PASSED, Verdict.OUTPUT_DIFFERS)
        }
        self._known |= kept
        if kept:
            lines = (f"{key}\t{name}\t{detail}\n" for key, (name, detail) in kept.items())
            append_lines(self.path, "".join(lines).encode())


def program_key(program: Program, parts: Iterable[str]) -> str:
    """Names what would be run: the program, what it must print, and its modules' hashes."""
    expected = f"{program.name} {program.stdout} {program.fixed}"
    return hashlib.sha256(" ".join([expected, *parts]).encode()).hexdigest()[:32]


def _json_lines(path: Path) -> list[dict]:
    rows = []
    for line in read_lines(path):
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue  # damaged by an older release, which did not cut off unfinished lines
    return rows
