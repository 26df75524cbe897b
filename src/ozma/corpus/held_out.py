"""What the search set must not contain: named programs, and copies of the bench packages' code."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

from ozma.corpus.headers import walk_files
from ozma.errors import OzmaError

_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_CODE = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".inc", ".def")
_LINE = 24
_SHARED = 0.5


class HeldOut:
    """Judges files by name and by the share of their lines that a held-out tree has too."""

    def __init__(self, packages: frozenset[str], patterns: tuple[str, ...]) -> None:
        self.packages = packages
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._lines: set[int] = set()

    def add_tree(self, root: Path) -> None:
        """Learn the code of a held-out package, unpacked at `root`."""
        for path in walk_files(root):
            if path.suffix in _CODE:
                self._lines |= code_lines(path.read_bytes())

    def names_package(self, package: str) -> bool:
        return package in self.packages

    def names_file(self, relative: str) -> bool:
        """Whether the path inside a package is one of a held-out program's."""
        return any(pattern.search(relative) for pattern in self._patterns)

    def copies(self, source: bytes) -> bool:
        """Whether at least half of the source's long code lines stand in a held-out tree."""
        lines = code_lines(source)
        return bool(lines) and len(lines & self._lines) >= _SHARED * len(lines)


def code_lines(source: bytes) -> set[int]:
    """Hashes of the lines that say something: no comments, includes or short lines."""
    lines = (b"".join(line.split()) for line in _COMMENT.sub(b"", source).splitlines())
    return {hash(line) for line in lines if len(line) >= _LINE and not line.startswith(b"#include")}


def load_held_out() -> HeldOut:
    """The rules that ship with Ozma, without any tree learned yet."""
    text = resources.files("ozma.corpus").joinpath("data/held_out.json").read_text("utf-8")
    rules = json.loads(text)
    return HeldOut(frozenset(rules["packages"]), tuple(rules["file_patterns"]))


def check_disjoint(search: list[str], bench: list[str], held_out: HeldOut) -> None:
    """Raises OzmaError when a package is in both sets or is held out by name."""
    shared = sorted(set(search) & set(bench))
    named = sorted(name for name in {*search, *bench} if held_out.names_package(name))
    if shared or named:
        raise OzmaError(f"package sets overlap: {', '.join(shared + named)}")
