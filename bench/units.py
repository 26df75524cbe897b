"""What benches over whole packages share: their units as their own builds compile them, an
append-only file of one JSON record per unit, options, and the table of sizes."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from build import load_recipe, record_build
from cross import CROSS, Compilation, portable, read_compilations

from ozma.errors import OzmaError
from ozma.llvm import TARGETS
from ozma.optimize.file import OptimizeConfig


@dataclass(frozen=True)
class Package:
    """A package as its own build system compiled it."""

    name: str
    version: str
    top: Path
    units: list[Compilation]

    def path_of(self, unit: Compilation) -> str:
        """The unit's object, from the top of the sources."""
        return str((unit.folder / unit.output).resolve().relative_to(self.top.resolve()))

    def name_of(self, unit: Compilation) -> dict[str, str]:
        """What names the unit in a record."""
        return {"package": self.name, "version": self.version, "object": self.path_of(unit)}


def load_package(name: str, options: argparse.Namespace) -> Package:
    """Builds it once with the plain compiler below `--work`, and notes each compilation."""
    folder = options.work / f"{name}-recorded"
    _, top, version = record_build(load_recipe(name), folder, options)
    return Package(name, version, top, list(read_compilations(folder / "records", top)))


def unit_config(unit: Compilation, target: str) -> OptimizeConfig:
    """The package's own words for this unit, with the target's; -Oz comes last and wins."""
    cross = CROSS[target]
    own = tuple(word for word in unit.arguments if not word.startswith("-O"))
    if target == "x86-64":
        return OptimizeConfig(clang_args=own)
    extra = cross.cxx_arguments if not unit.source.endswith(".c") else ()
    selected = tuple(w for w in cross.arguments if w not in TARGETS[target].clang_args)
    return OptimizeConfig(target=target, clang_args=(*selected, *extra, *portable(own)))


class Records:
    """One JSON line per unit. `keys` name a unit: a unit that has a record is not measured again."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self._path, self._keys = path, keys
        self._known = {self._name(row) for row in read_records(path)}

    def _name(self, facts: dict) -> tuple:
        return tuple(facts[key] for key in self._keys)

    def lack(self, facts: dict) -> bool:
        return self._name(facts) not in self._known

    def write(self, rows: Iterable[dict]) -> None:
        """Appends each row as it comes."""
        with open(self._path, "a") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
                file.flush()


    def of_units(
        self, named: Iterable[tuple[dict, Compilation]], measure: Callable[[Compilation], dict]
    ) -> Iterator[dict]:
        """A row for each unit that has none: its name, and what `measure` says or why it cannot."""
        for facts, unit in named:
            if self.lack(facts):
                yield facts | measured(lambda: measure(unit))


def measured(measure: Callable[[], dict]) -> dict:
    """What it says; a `problem` where the unit cannot be compiled."""
    try:
        return measure()
    except OzmaError as error:
        return {"problem": error.message[:200]}


def read_records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def unit_options(purpose: str) -> argparse.ArgumentParser:
    """A parser with what all of these benches take."""
    parser = argparse.ArgumentParser(description=purpose.split("\n\n")[0])
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--work", type=lambda text: Path(text).resolve())
    parser.add_argument("--records", type=lambda text: Path(text).resolve())
    parser.add_argument("--llvm", type=int)
    parser.add_argument("--flags", default="-Oz", help=argparse.SUPPRESS)
    parser.add_argument(
        "--timeout", type=float, default=1800.0, help="seconds for a package's build"
    )
    parser.add_argument("--table", type=Path, metavar="RECORDS", help="print, measure nothing")
    return parser


def print_sizes(rows: list[dict]) -> None:
    """One line per package, the sum, and the number of objects that grew (it must be 0)."""
    budgets = sorted({int(b) for row in rows for b in row.get("ours", ())})
    print(f"{'package':<14}{'objects':>8}{'clang -Oz':>12}" + "".join(f"{b:>9}" for b in budgets))
    packages: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        if "clang" in row:
            packages[row["package"]].append(row)
    for name, units in sorted(packages.items()):
        _print_row(name, units, budgets)
    everything = [row for units in packages.values() for row in units]
    _print_row("sum", everything, budgets)
    larger = sum(map(any, map(_larger, everything)))
    problems = sum("problem" in row for row in rows)
    print(f"objects larger than clang's: {larger}; units that could not be compiled: {problems}")


def _larger(row: dict) -> Iterator[bool]:
    for budget, total in row["ours"].items():
        yield total > row["clang"] or row["loadable"][budget] > row["clang_loadable"]


def _print_row(name: str, units: list[dict], budgets: list[int]) -> None:
    before = sum(unit["clang"] for unit in units)
    shares = (
        100 * (1 - sum(unit["ours"][str(budget)] for unit in units) / before) if before else 0
        for budget in budgets
    )
    print(f"{name:<14}{len(units):>8}{before:>12,}" + "".join(f"{s:>8.2f}%" for s in shares))
