"""Translation units that keep the real compiler's object, because the user's tests said so.

One rule a line: `ir:<sha256 of the unoptimized bitcode>`, `source:<absolute path>` for sources
whose bitcode changes from build to build, or `*` for everything. The rest of a line after ` #` is
a note.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from ozma.whole_file import write_whole

EVERYTHING = "*"


def names_of(ir: str, source: str) -> tuple[str, str]:
    """The two names that a rule may use for one translation unit."""
    return (f"ir:{ir}", f"source:{os.path.abspath(source)}")


@dataclass(frozen=True)
class Exclusions:
    """The rules of one file."""

    rules: frozenset[str]

    def holds(self, ir: str, source: str) -> bool:
        """Must this translation unit be left as the real compiler made it?"""
        return EVERYTHING in self.rules or any(name in self.rules for name in names_of(ir, source))


def read_exclusions(path: Path) -> Exclusions:
    """Rules of a file; no file means no rule."""
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        text = ""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return Exclusions(frozenset(line for line in lines if line and not line.startswith("#")))


def write_exclusions(path: Path, rules: Iterable[str]) -> None:
    """Replaces the rules of a file."""
    text = "".join(f"{rule}\n" for rule in rules)
    write_whole(path, text.encode("utf-8", "surrogateescape"))


def add_exclusion(path: Path, rule: str, note: str) -> None:
    """Adds one rule with its reason."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{rule} # {' '.join(note.split())}\n")
