"""What a corpus holds: counts, sizes, failures, duplicates; derived from its files only."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ozma.corpus.digest import corpus_digest, project_digests
from ozma.corpus.parquet import read_columns, read_values
from ozma.corpus.projects import ProjectRecord
from ozma.corpus.split import SPLITS, TEST, VALIDATION
from ozma.corpus.split_files import SPLIT, SPLIT_JSON, SPLIT_UNITS, read_split
from ozma.corpus.store import functions_path, read_projects, units_path
from ozma.errors import OzmaError

QUANTILES = (10, 50, 90, 99)
CHARACTERS_PER_TOKEN = 3  # of LLVM-IR text, measured with a trained byte-level BPE
TOKEN_LIMITS = (1024, 2048, 4096, 8192, 16384)
LONG = 20  # instructions: near-duplicates among shorter functions say little
_COLUMNS = ["language", "instructions", "characters"]


@dataclass(frozen=True, slots=True)
class Member:
    """A function or unit that is in a split; the last two are of functions only."""

    split: str
    language: str
    hash: str
    instructions: int = 0
    near: bool = False


@dataclass
class Sizes:
    """Sizes of units or functions: parallel lists, and counts by language."""

    instructions: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    languages: Counter = field(default_factory=Counter)

    def add(self, path: Path) -> None:
        for language, instructions, characters in read_values(path, _COLUMNS):
            self.languages[language] += 1
            self.instructions.append(instructions)
            self.characters.append(characters)


@dataclass
class CorpusSizes:
    """Sizes of everything stored, the different function hashes, and the damaged projects."""

    units: Sizes = field(default_factory=Sizes)
    functions: Sizes = field(default_factory=Sizes)
    hashes: set[str] = field(default_factory=set)
    std: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)


def read_sizes(out: Path, records: dict[str, ProjectRecord]) -> CorpusSizes:
    """Reads each project's files once; a damaged one is noted and left out."""
    sizes = CorpusSizes()
    for project, record in records.items():
        if not record.units:
            continue
        try:
            path = functions_path(out, project)
            table = read_columns(path, ["hash", "std_instantiation"])
            sizes.units.add(units_path(out, project))
            sizes.functions.add(path)
        except OzmaError as error:
            sizes.unreadable[project] = error.message
            continue
        sizes.hashes.update(table.column("hash").to_pylist())
        sizes.std += sum(table.column("std_instantiation").to_pylist())
    return sizes


def quantiles(values: Iterable[int]) -> dict[str, int]:
    """The 10 %, 50 %, 90 % and 99 % quantiles (nearest rank) by name, empty without values."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {f"{q}%": ordered[round(last * q / 100)] for q in QUANTILES} if ordered else {}


def shares_within(characters: Iterable[int]) -> dict[str, float]:
    """Share of texts of at most 1k, 2k, ... tokens, at 3 characters each."""
    ordered = sorted(characters)
    if not ordered:
        return {}
    fitting = (bisect_right(ordered, limit * CHARACTERS_PER_TOKEN) for limit in TOKEN_LIMITS)
    return {
        f"{limit // 1024}k": round(count / len(ordered), 4)
        for limit, count in zip(TOKEN_LIMITS, fitting, strict=True)
    }


def summarize(out: Path) -> tuple[dict[str, Any], CorpusSizes]:
    """The facts that `ozma corpus stats` prints, and the sizes that its plots show.

    Raises OzmaError when no project was recorded.
    """
    records = read_projects(out)
    if not records:
        raise OzmaError(f"no project is recorded in {out}", hint="run `ozma corpus build` first")
    sizes = read_sizes(out, records)
    facts = {
        "projects": _project_facts(records.values()),
        "units": _size_facts(sizes.units),
        "functions": _size_facts(sizes.functions) | _duplicate_facts(records, sizes),
        "digest": corpus_digest(project_digests(out, _readable(records, sizes))),
        "failures": dict(failures_of(records.values()).most_common()),
        "unreadable": sizes.unreadable,
    }
    return facts | ({"split": split_facts(out)} if (out / SPLIT_JSON).exists() else {}), sizes


def _readable(records: dict[str, ProjectRecord], sizes: CorpusSizes) -> list[str]:
    return [name for name, one in records.items() if one.units and name not in sizes.unreadable]


def _project_facts(records: Iterable[ProjectRecord]) -> dict[str, Any]:
    rows = list(records)
    with_units = [row for row in rows if row.units]
    return {
        "recorded": len(rows),
        "with_units": len(with_units),
        "by_path": dict(Counter(row.path for row in with_units)),
        "files_tried": sum(row.tried for row in rows),
        "seconds": round(sum(row.seconds for row in rows), 1),
        "licences": dict(Counter(row.licence or "unknown" for row in with_units).most_common()),
    }


def failures_of(records: Iterable[ProjectRecord]) -> Counter[str]:
    """Files that failed, by reason, over all projects."""
    total: Counter[str] = Counter()
    for record in records:
        total.update(record.failures)
    return total


def _size_facts(sizes: Sizes) -> dict[str, Any]:
    return {
        "stored": len(sizes.characters),
        "by_language": dict(sizes.languages),
        "instructions": quantiles(sizes.instructions),
        "characters": quantiles(sizes.characters),
        "within_tokens": shares_within(sizes.characters),
    }


def _duplicate_facts(records: dict[str, ProjectRecord], sizes: CorpusSizes) -> dict[str, int]:
    readable = [r for name, r in records.items() if name not in sizes.unreadable]
    within = sum(record.duplicates for record in readable)
    stored = len(sizes.functions.characters)
    return {
        "extracted": stored + within,
        "refused": sum(record.refused for record in readable),
        "duplicates_in_project": within,
        "duplicates_across_projects": stored - len(sizes.hashes),
        "different": len(sizes.hashes),
        "standard_library": sizes.std,
    }


def split_facts(out: Path) -> dict[str, Any]:
    """Counts of the split, near-duplicates among them, and the check that nothing leaks."""
    told = read_split(out)
    functions, units = read_members(out, SPLIT), read_members(out, SPLIT_UNITS)
    return {
        "projects": told["projects_by_split"],
        "units": told["units"],
        "functions": told["functions"],
        "dropped_functions": told["dropped_functions"],
        "dropped_units": told["dropped_units"],
        "units_by_language": _by_language(units),
        "functions_by_language": _by_language(functions),
        "instructions": _instructions_by_split(functions),
        "near_duplicate_share": _near_shares(functions, 0),
        f"near_duplicate_share_from_{LONG}_instructions": _near_shares(functions, LONG),
        "hashes_in_two_splits": len(functions) - len({member.hash for member in functions}),
        "units_in_two_splits": len(units) - len({member.hash for member in units}),
    }


def read_members(out: Path, table: str) -> list[Member]:
    """All rows of split.parquet (SPLIT) or split_units.parquet (SPLIT_UNITS)."""
    columns = ["split", "language"]
    columns += ["hash", "instructions", "near_duplicate"] if table == SPLIT else ["unit"]
    return [Member(*row) for row in read_values(out / table, columns)]


def _by_language(members: list[Member]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter] = {split: Counter() for split in SPLITS}
    for member in members:
        counts[member.split][member.language] += 1
    return {split: dict(sorted(found.items())) for split, found in counts.items()}


def _instructions_by_split(members: list[Member]) -> dict[str, dict[str, int]]:
    return {
        split: quantiles(member.instructions for member in members if member.split == split)
        for split in SPLITS
    }


def _near_shares(members: list[Member], least: int) -> dict[str, float]:
    """Share of near-duplicates of training among the others of at least so many instructions."""
    shares = {}
    for split in (VALIDATION, TEST):
        asked = [m.near for m in members if m.split == split and m.instructions >= least]
        if asked:
            shares[split] = round(sum(asked) / len(asked), 4)
    return shares
