"""Which projects belong together: versions of one name, and projects that share code.

The group, not the package, is what a split divides: lua5.3 and lua5.4, or a program and the
library that it carries a copy of, must not stand on both sides.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

_VERSION = re.compile(r"(?<=[A-Za-z])[-.+_]?v?\d+(?:\.\d+)*$")
# Code in more projects than this is common property (a header of a popular library): it does not
# make two projects one.
_COMMON = 25
_FEWEST = 3


def base_name(project: str) -> str:
    """The name without version suffixes: lua5.4 -> lua, gcc-12 -> gcc, libpng1.6 -> libpng."""
    name = project
    while (shorter := _VERSION.sub("", name)) != name:
        name = shorter
    return name


def shared_pairs(
    hashes: Mapping[str, Collection[str]], share: float
) -> Iterator[tuple[str, str, int]]:
    """(project, project, shared hashes) where the smaller has at least `share` of its own in both.

    `hashes` are those of the functions that say something: not of the C++ library, not trivial.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for project in sorted(hashes):
        for digest in set(hashes[project]):
            holders[digest].append(project)
    counts: Counter[tuple[str, str]] = Counter()
    for projects in holders.values():
        if 1 < len(projects) <= _COMMON:
            counts.update(combinations(projects, 2))
    for (first, second), count in sorted(counts.items()):
        smaller = min(len(set(hashes[first])), len(set(hashes[second])))
        if count >= max(_FEWEST, share * smaller):
            yield first, second, count


def group_projects(hashes: Mapping[str, Collection[str]], share: float = 0.2) -> dict[str, str]:
    """Project -> name of its group, which is the least base name in it."""
    forest = _Forest()
    for project in hashes:
        forest.join(project, "name " + base_name(project))
    for first, second, _ in shared_pairs(hashes, share):
        forest.join(first, second)
    names: dict[str, str] = {}
    for project in sorted(hashes):
        root = forest.root(project)
        names[root] = min(names.get(root, base_name(project)), base_name(project))
    return {project: names[forest.root(project)] for project in sorted(hashes)}


class _Forest:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, member: str) -> str:
        parents = self._parents
        parents.setdefault(member, member)
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    def join(self, first: str, second: str) -> None:
        self._parents[self.root(first)] = self.root(second)
