"""The deny-list: passes that a search must not use, each with a reason.

Rows live in `data/deny.json`. A row whose evidence is "by nature" follows from what the pass is
for; a row with evidence "measured" was found by running programs, and names its reproducer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files


class DenyKind(Enum):
    UNSAFE = "unsafe"
    CRASHES = "crashes"
    HANGS = "hangs"
    INSTRUMENTATION = "instrumentation"
    OUTPUT = "output"
    NOT_FOR_SIZE = "not for size"
    NEEDS_CONTEXT = "needs context"


class Evidence(Enum):
    BY_NATURE = "by nature"
    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class DenyRow:
    """One denied pass, in LLVM majors `first` to `last` (None: no bound).

    `name` may hold `*`. With `params` the row denies only uses with one of these parameters.
    `reproducer` is a folder in `passes/data` (`run.sh` exits with 1 while the failure is there).
    """

    name: str
    kind: DenyKind
    reason: str
    evidence: Evidence
    params: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None
    reproducer: str | None = None

    def __post_init__(self) -> None:
        if not self.reason:
            raise ValueError(f"reason of deny row '{self.name}' is empty: say why it is denied")

    def covers(self, major: int) -> bool:
        return (self.first or 0) <= major and (self.last is None or major <= self.last)

    def matches(self, name: str, params: Iterable[str]) -> bool:
        if not fnmatchcase(name, self.name):
            return False
        return not self.params or not set(self.params).isdisjoint(params)


@cache
def _all_rows() -> tuple[DenyRow, ...]:
    text = files("ozma.passes").joinpath("data/deny.json").read_text(encoding="utf-8")
    return tuple(map(_row, json.loads(text)["rows"]))


def _row(entry: dict) -> DenyRow:
    first, last = entry["versions"]
    return DenyRow(
        name=entry["pass"],
        kind=DenyKind(entry["kind"]),
        reason=entry["reason"],
        evidence=Evidence(entry["evidence"]),
        params=tuple(entry.get("params", ())),
        first=first,
        last=last,
        reproducer=entry.get("reproducer"),
    )


@cache
def deny_rows(major: int) -> tuple[DenyRow, ...]:
    """Every row that holds for one LLVM major."""
    return tuple(row for row in _all_rows() if row.covers(major))


def find_row(rows: Iterable[DenyRow], name: str, params: Iterable[str]) -> DenyRow | None:
    """The first row that denies this pass with these parameters."""
    params = tuple(params)
    return next((row for row in rows if row.matches(name, params)), None)


def denied(name: str, params: Iterable[str], major: int) -> DenyRow | None:
    """Why `name<params>` is kept out of every search on LLVM `major`, or None when it is allowed.

    Passes whose listed name holds parameters (`print<domtree>`) are found under either spelling.
    """
    params = tuple(params)
    rows = deny_rows(major)
    whole = f"{name}<{';'.join(params)}>" if params else name
    return find_row(rows, name, params) or find_row(rows, whole, params)
