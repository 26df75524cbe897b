"""The split of whole translation units: by project, like their functions, and each unit once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ozma.corpus.held_test import HeldForTest
from ozma.corpus.split import TEST, TRAIN, VALIDATION, Split


@dataclass(frozen=True, slots=True)
class UnitKey:
    """What the split needs to know of one stored unit; `row` is its place in the file."""

    unit: str
    file: str
    hashes: tuple[str, ...]
    row: int
    language: str = ""


@dataclass
class UnitSplit:
    """(project, unit, split) of each unit in a split; the others counted by why they are not."""

    kept: list[tuple[str, UnitKey, str]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)


def split_units(units: Mapping[str, list[UnitKey]], split: Split, named: HeldForTest) -> UnitSplit:
    """Divide the units of all projects as their functions were divided.

    A training unit that holds a function of the named test group is left out: a copy of zlib
    inside a program would else teach what zlib is tested with. No other training unit holds a
    tested function, as validation and test have none that a training project has.
    """
    result, taken = UnitSplit(), set()
    for wanted in (TEST, TRAIN, VALIDATION):
        for project in sorted(units):
            for unit in units[project]:
                name = TEST if named.has_file(unit.file) else split.projects[project]
                if name != wanted:
                    continue
                reason = _refusal(unit, name, taken, split.test_for_good)
                taken.add(unit.unit)
                if reason:
                    result.dropped[reason] = result.dropped.get(reason, 0) + 1
                else:
                    result.kept.append((project, unit, name))
    return result


def _refusal(unit: UnitKey, split: str, taken: set[str], forbidden: set[str]) -> str:
    if unit.unit in taken:
        return "kept before"
    if split == TRAIN and not forbidden.isdisjoint(unit.hashes):
        return "holds functions of the test group"
    return ""
