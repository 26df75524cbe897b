"""Build a project on the fast path: a bounded mix of its files, each compiled on its own."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ozma.corpus.build_options import BuildOptions
from ozma.corpus.confine import Confinement
from ozma.corpus.confined_clang import ConfinedClang
from ozma.corpus.fastpath import (
    LANGUAGES,
    FastPackage,
    FastPath,
    Unit,
    compile_tree,
    list_sources,
)
from ozma.corpus.foresight import ForesightPackage
from ozma.corpus.front_ends import compile_others, language_of, other_sources
from ozma.corpus.held_out import HeldOut
from ozma.corpus.store import UnitRow
from ozma.llvm.toolchain import find_toolchain

_SMALLEST = 80
"""Bytes of a source file: under it there is hardly a function."""

_FAILED_AT_FIRST, _FAILED_PER_UNIT = 10, 3
GIVEN_UP = "given up: most of its files fail"


@dataclass
class Harvest:
    """What one build path gave: units so far, files tried, and how many failed for what.

    `together`: whether there is hope is said of all languages at once, as the first rules have it.
    """

    units: list[UnitRow] = field(default_factory=list)
    tried: int = 0
    failures: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    """Files that the compiler refused, by language."""
    together: bool = False

    def add(self, root: Path, unit: Unit) -> None:
        self.tried += 1
        if unit.bitcode is None:
            self.failures[unit.reason or "no reason given"] += 1
            self.failed[unit.language] += not unit.foreseen
            return
        name = unit.source.relative_to(root).as_posix()
        self.units.append(UnitRow(name, unit.language, unit.bitcode))

    def hopeless(self, language: str) -> bool:
        """Most files fail, so the rest will: such projects take half of a bulk build's time. By
        language, since a library's few files of C may lack a header that its Fortran never asks
        for.
        """
        failed = self.failed.total() if self.together else self.failed[language]
        compiled = len(self.units) if self.together else self.compiled(language)
        return failed > _FAILED_AT_FIRST + _FAILED_PER_UNIT * compiled

    def compiled(self, language: str) -> int:
        return sum(unit.language == language for unit in self.units)

    def given_up(self) -> int:
        """Of how many languages; all together are one."""
        given_up = sum(map(self.hopeless, self.failed))
        return min(given_up, 1) if self.together else given_up


def build_fast(
    root: Path, scratch: Path, confinement: Confinement, options: BuildOptions, held_out: HeldOut
) -> Harvest:
    """Compile files of the tree at `root` until `options.units` succeeded or enough were tried."""
    deadline = time.monotonic() + options.project_seconds
    harvest = Harvest(together=options.rules == 1)
    for unit in _compile_each(root, scratch, confinement, options, held_out, harvest):
        harvest.add(root, unit)
        if len(harvest.units) >= options.units:
            break
        if time.monotonic() > deadline:
            harvest.failures[f"project over {options.project_seconds:g} s"] += 1
            break
    if languages := harvest.given_up():
        harvest.failures[GIVEN_UP] += languages
    return harvest


def _compile_each(
    root: Path,
    scratch: Path,
    confinement: Confinement,
    options: BuildOptions,
    held_out: HeldOut,
    harvest: Harvest,
) -> Iterator[Unit]:
    """Lazily: what `harvest` holds by then decides which files are still compiled."""
    toolchain = find_toolchain(options.llvm)
    clang = ConfinedClang(toolchain, confinement, root, scratch,
                          seconds=options.seconds, largest=options.largest)  # fmt: skip
    chosen = choose_files(root, list_sources(root), options, held_out)
    wanted = (path for path in chosen if _is_wanted(LANGUAGES[path.suffix], harvest, options))
    limits = FastPath(toolchain, options.seconds, options.attempts, options.system)
    kind = ForesightPackage if options.rules > 1 else FastPackage
    yield from compile_tree(root, wanted, limits, clang, kind)
    others = choose_files(root, other_sources(root, toolchain), options, held_out)
    wanted = (path for path in others if not harvest.hopeless(language_of(path, toolchain)))
    yield from compile_others(root, wanted, toolchain, clang)


def _is_wanted(language: str, harvest: Harvest, options: BuildOptions) -> bool:
    if harvest.hopeless(language):
        return False
    return language != "c++" or not options.cxx_units or harvest.compiled("c++") < options.cxx_units


def choose_files(
    root: Path, sources: list[Path], options: BuildOptions, held_out: HeldOut
) -> list[Path]:
    """At most `options.tried` of `sources`, mixed over the tree in an order that depends on
    nothing but their names: no held-out file, no second copy, none empty or huge.
    """
    chosen, seen = [], set()
    for path in sorted(sources, key=lambda path: mix_key(root, path)):
        if len(chosen) >= options.tried:
            break
        size = path.stat().st_size
        if not _SMALLEST <= size <= options.source_bytes:
            continue
        if held_out.names_file(path.relative_to(root).as_posix()):
            continue
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest not in seen:
            seen.add(digest)
            chosen.append(path)
    return chosen


def mix_key(root: Path, path: Path) -> str:
    """A stable shuffle of a tree's files."""
    return hashlib.sha256(path.relative_to(root).as_posix().encode("utf-8", "replace")).hexdigest()
