"""Train, validation and test: whole groups of projects, and no function in two of them.

Rules, in this order:

1. Named test projects, and files of MiBench's programs anywhere, are test for good; what of their
   telling code (not tiny, not the C++ library's) stands elsewhere is left out of training.
2. The other groups fall to train, validation and test by a salted hash of their name.
3. Validation and test lose every other function that any training project has too.
4. Each hash is kept once, and each project gives a bounded number of functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ozma.corpus.groups import group_projects
from ozma.corpus.held_test import HeldForTest

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True)
class SplitConfig:
    """Shares of groups in `validation` and `test` (the rest trains), and bounds per project.

    `shared` is the share of functions that makes two projects one group, counted over functions
    of at least `telling` instructions; `functions` are kept of a project at most, of these at
    most `std_share` from the C++ standard library; `near` is the Jaccard index of
    near-duplicates. A change of `salt` is another split.
    """

    salt: str = "ozma-corpus-1"
    validation: float = 0.05
    test: float = 0.05
    shared: float = 0.2
    telling: int = 10
    functions: int = 2000
    std_share: float = 0.2
    near: float = 0.7

    def __post_init__(self) -> None:
        for name in ("validation", "test", "std_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        for name in ("shared", "near"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave something to train on")
        for name in ("telling", "functions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class FunctionKey:
    """What the split needs to know of one stored function; `row` is its place in the file."""

    hash: str
    file: str
    instructions: int
    std: bool
    row: int
    language: str = ""


@dataclass
class Split:
    """The result. `kept` has each project's rows with their split, in file order.

    `dropped` counts functions by why they are in no split; `test_for_good` are the hashes that
    nothing in training may have.
    """

    projects: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    kept: dict[str, list[tuple[FunctionKey, str]]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    test_for_good: set[str] = field(default_factory=set)


def assign_group(group: str, config: SplitConfig) -> str:
    """The split of a group by the hash of its name; the same on every machine."""
    digest = hashlib.sha256(f"{config.salt}:{group}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < config.test:
        return TEST
    return VALIDATION if place < config.test + config.validation else TRAIN


def split_functions(
    functions: Mapping[str, list[FunctionKey]], named: HeldForTest, config: SplitConfig
) -> Split:
    """Divide the functions of all projects (name -> functions) by the rules above."""
    return _Splitting(functions, named, config).run()


def is_telling(function: FunctionKey, telling: int) -> bool:
    """Is it long enough, and not the C++ library's, so that a copy of it says something?"""
    return function.instructions >= telling and not function.std


def telling_hashes(functions: Iterable[FunctionKey], telling: int) -> set[str]:
    """Hashes by which two projects can be said to share code."""
    return {function.hash for function in functions if is_telling(function, telling)}


class _Splitting:
    def __init__(
        self, functions: Mapping[str, list[FunctionKey]], named: HeldForTest, config: SplitConfig
    ) -> None:
        self._functions, self._named, self._config = functions, named, config
        self._split = Split()
        self._trained: set[str] = set()
        self._taken: set[str] = set()

    def run(self) -> Split:
        self._assign_projects()
        self._find_boundaries()
        for split in (TEST, TRAIN, VALIDATION):
            for project in sorted(self._functions):
                self._keep(project, split)
        return self._split

    def _assign_projects(self) -> None:
        telling = self._config.telling
        hashes = {name: telling_hashes(rows, telling) for name, rows in self._functions.items()}
        groups = group_projects(hashes, self._config.shared)
        named = {groups[name] for name in groups if self._named.has_project(name)}
        self._split.groups = groups
        self._split.projects = {
            name: TEST if group in named else assign_group(group, self._config)
            for name, group in groups.items()
        }

    def _find_boundaries(self) -> None:
        """The hashes that no training function may have, and those that training projects have."""
        for project, rows in self._functions.items():
            for function in rows:
                if self._for_good(project, function):
                    self._split.test_for_good.add(function.hash)
        for project, rows in self._functions.items():
            if self._split.projects[project] == TRAIN:
                self._trained.update(function.hash for function in rows)
        self._trained -= self._split.test_for_good

    def _for_good(self, project: str, function: FunctionKey) -> bool:
        named = self._named.has_project(project) or self._named.has_file(function.file)
        return named and is_telling(function, self._config.telling)

    def _keep(self, project: str, split: str) -> None:
        fitting = []
        for function in self._functions[project]:
            if self._split_of(project, function) == split and self._is_free(function, split):
                self._taken.add(function.hash)
                fitting.append(function)
        kept = bounded(fitting, self._config)
        self._count("over the bound of its project", len(fitting) - len(kept))
        rows = self._split.kept.setdefault(project, [])
        rows.extend((function, split) for function in kept)
        rows.sort(key=lambda entry: entry[0].row)

    def _split_of(self, project: str, function: FunctionKey) -> str:
        return TEST if self._named.has_file(function.file) else self._split.projects[project]

    def _is_free(self, function: FunctionKey, split: str) -> bool:
        reason = ""
        if function.hash in self._taken:
            reason = "kept from another project"
        if split == TRAIN and function.hash in self._split.test_for_good:
            reason = "stands in the test group"
        if split != TRAIN and function.hash in self._trained:
            reason = "stands in a training project"
        if reason:
            self._count(reason, 1)
        return not reason

    def _count(self, reason: str, number: int) -> None:
        if number:
            self._split.dropped[reason] = self._split.dropped.get(reason, 0) + number


def bounded(functions: list[FunctionKey], config: SplitConfig) -> list[FunctionKey]:
    """A stable choice of at most `config.functions`, few of them the standard library's."""
    own = _mixed(f for f in functions if not f.std)
    library = _mixed(f for f in functions if f.std)
    # Of n own functions, at most n * s / (1 - s) of the library's make a share of s in the sum.
    room = int(min(len(own), config.functions) * config.std_share / (1 - config.std_share))
    chosen = library[: min(room, int(config.functions * config.std_share))]
    return own[: config.functions - len(chosen)] + chosen


def _mixed(functions: Iterator[FunctionKey]) -> list[FunctionKey]:
    """In the order of their hashes: a shuffle that is the same everywhere."""
    return sorted(functions, key=lambda function: function.hash)
