"""What is in the test group for good: MiBench's families, the bench packages, validation suites."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

from ozma.corpus.groups import base_name
from ozma.corpus.held_out import HeldOut, load_held_out
from ozma.corpus.packages import load_packages


@dataclass(frozen=True)
class HeldForTest:
    """Judges projects by base name, and files by the names of MiBench's programs."""

    names: frozenset[str]
    held_out: HeldOut

    def has_project(self, project: str) -> bool:
        return base_name(project) in self.names or self.held_out.names_package(project)

    def has_file(self, file: str) -> bool:
        """Is this path, in whatever project, one of a held-out program's files?"""
        return self.held_out.names_file(file)


def load_held_for_test() -> HeldForTest:
    """The rules that ship with Ozma."""
    text = resources.files("ozma.corpus").joinpath("data/test_group.json").read_text("utf-8")
    held_out = load_held_out()
    bench = [package.name for package in load_packages("bench")]
    named = [*json.loads(text)["projects"], *bench, *held_out.packages]
    return HeldForTest(frozenset(map(base_name, named)), held_out)
