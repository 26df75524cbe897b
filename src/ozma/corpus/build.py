"""Build one project: from its source to units of unoptimized bitcode, whatever may go wrong."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.build_options import BuildOptions
from ozma.corpus.commands import compile_commands, load_commands
from ozma.corpus.confine import Confinement
from ozma.corpus.confined_clang import ConfinedClang
from ozma.corpus.fast_build import Harvest, build_fast
from ozma.corpus.functions import UnitRow
from ozma.corpus.held_out import load_held_out
from ozma.corpus.licence import licence_of_tree
from ozma.corpus.projects import ProjectRecord
from ozma.corpus.real_build import NoBuild, build_real
from ozma.corpus.scratch import throw_away
from ozma.corpus.source import Source
from ozma.corpus.unpack import unpack
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain

_REASONS = 20
_ENOUGH = 5


@dataclass(frozen=True)
class BuiltProject:
    """`record` has all but what `write_project` counts; `units` are at most the options' number."""

    record: ProjectRecord
    units: tuple[UnitRow, ...] = ()


def build_project(source: Source, options: BuildOptions) -> BuiltProject:
    """Build `source` in a throw-away directory. Picklable in and out, for any pool.

    A project that cannot be unpacked or built is a record with its reason and no units: no
    exception but for what is wrong on our side (no clang: OzmaError).
    """
    started = time.monotonic()
    find_toolchain(options.llvm)
    try:
        path, harvest, licence = _build(source, options)
    except OzmaError as error:
        path, harvest, licence = "none", Harvest(), source.licence
        harvest.failures[error.message[:160]] += 1
    record = ProjectRecord(
        source.name, source.version, source.sha256, source.url, licence or source.licence, path,
        tried=harvest.tried, failures=main_reasons(harvest.failures),
        seconds=round(time.monotonic() - started, 2),
    )  # fmt: skip
    return BuiltProject(record, tuple(harvest.units))


def main_reasons(failures: Counter) -> dict[str, int]:
    """The most frequent reasons; missing headers count as one, the rare rest as 'other'."""
    merged: Counter = Counter()
    for reason, count in failures.items():
        merged["a header was not found" if "' file not found" in reason else reason] += count
    kept = sorted(merged.items(), key=lambda item: (-item[1], item[0]))
    reasons = dict(kept[:_REASONS])
    if rest := sum(count for _, count in kept[_REASONS:]):
        reasons["other"] = reasons.get("other", 0) + rest
    return reasons


def _build(source: Source, options: BuildOptions) -> tuple[str, Harvest, str]:
    """The path taken, what it gave, and the licence."""
    if source.location is None:
        raise OzmaError(f"{source.name} was not fetched")
    with throw_away() as folder:
        (folder / "work").mkdir()
        if source.location.suffix == ".json":
            return "real", _build_commands(source.location, folder, options), source.licence
        root = _unpack(source.location, folder, options)
        confinement = Confinement(folder, options.limits)
        confinement.own(root, folder / "work")
        licence = source.licence or licence_of_tree(root)
        return *_build_tree(root, folder / "work", confinement, options, source.path), licence


def _unpack(location: Path, folder: Path, options: BuildOptions) -> Path:
    if location.is_dir():
        try:
            shutil.copytree(location, folder / "tree", symlinks=True)
        except (OSError, shutil.Error) as error:
            raise OzmaError(f"cannot copy {location.name}: {error}") from error
        return folder / "tree"
    return unpack(location, folder / "tree", options.unpack).resolve()


def _build_tree(
    root: Path, scratch: Path, confinement: Confinement, options: BuildOptions, recorded: str
) -> tuple[str, Harvest]:
    """By the path that was recorded, else by the options' one; 'auto' falls back to fast."""
    held_out = load_held_out()
    path = recorded if recorded in ("fast", "real") else options.path
    failed: Counter = Counter()
    if path != "fast":
        try:
            harvest = build_real(root, scratch, confinement, options, held_out)
        except NoBuild as error:
            harvest = Harvest(failures=Counter([error.message]))
        if path == "real" or len(harvest.units) >= min(_ENOUGH, options.units):
            return "real", harvest
        failed = Counter({f"real: {reason}": n for reason, n in harvest.failures.items()})
    harvest = build_fast(root, scratch, confinement, options, held_out)
    harvest.failures += failed
    return "fast", harvest


def _build_commands(database: Path, folder: Path, options: BuildOptions) -> Harvest:
    """The user's own build: compiled in its own folders, where only the user may read."""
    confinement = Confinement(folder, options.limits, trusted=True)
    clang = ConfinedClang(
        find_toolchain(options.llvm), confinement, folder, folder / "work",
        seconds=options.seconds, largest=options.largest,
    )  # fmt: skip
    harvest, root = Harvest(), database.parent.resolve()
    commands = [one for one in load_commands(database) if one.source.is_relative_to(root)]
    for unit in compile_commands(commands, clang):
        harvest.add(root, unit)
    return harvest
