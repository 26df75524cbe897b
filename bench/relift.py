"""Whole programs with their functions replaced by what the lifter and LLVM make of their assembly.

    python bench/relift.py --package zlib bzip2 --work FOLDER --out bench/records/relift-x86-64.jsonl
    python bench/relift.py --out bench/records/relift-x86-64.jsonl        # the table again

A package is built by its own build system and tested. Each function of its assembly (clang -Oz,
x86-64) is lifted and compiled back; those with a checked verdict take the place of the originals, unless
another function of the program shows that their signature is wrong, and the package is built and
tested again. Sources of the tests stay as they are. If the tests fail then,
the functions that are to blame are found by bisection, named, and left out. A package that has a
record of this lifter is not done again; answers and builds are kept in --work.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from build import Recipe, load_recipe
from relift_package import CHECKED, Package
from relift_table import render

from ozma.errors import OzmaError
from ozma.evaluate.disassembly import lifter_version
from ozma.evaluate.records import RecordFile, Row, read_rows
from ozma.lift.answers import Verdict
from ozma.lift.emulator.signature import Callees, read_signatures
from ozma.lift.program.agreement import disagreements
from ozma.llvm import InvalidIR
from ozma.llvm.toolchain import find_toolchain

_MOST_WRONG = 20


@dataclass(frozen=True)
class Function:
    """One function of one unit. `how`: identical, same, or kept with the `reason`."""

    unit: str
    name: str
    source: str
    how: str
    reason: str = ""
    inputs: int = 0
    covered: float = 0.0


class Relift:
    """One package's record, step by step."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._units = package.units()
        self._rows: dict[str, list[Row]] = {}
        self._kept: dict[tuple[str, str], str] = {}
        self._disagree: dict[tuple[str, str], str] = {}
        self.wrong: list[tuple[str, str]] = []

    def answer(self) -> None:
        for number, unit in enumerate(self._units, 1):
            self._rows[unit] = self._package.answers(unit)
            _say(f"{self._package.recipe.name}: unit {number} of {len(self._units)}")
        self._disagree = self._disagreements()

    def _disagreements(self) -> dict[tuple[str, str], str]:
        """Checked functions that are not identical, and of which others say otherwise. Of a name
        that several units define, each unit's own counts there and none elsewhere."""
        modules = {(u, r["name"]): _signatures(r["ir"]) for u, rows in self._rows.items() for r in rows if r["ir"]}
        same = {(u, r["name"]) for u, rows in self._rows.items() for r in rows if r["verdict"] == Verdict.SAME.value}
        once = Counter(name for _, name in modules)
        found = {}
        for unit in self._rows:
            here = {n: known for (u, n), known in modules.items() if u == unit or once[n] == 1}
            owner = {n: u for u, n in modules if u == unit or once[n] == 1}
            for one in disagreements(here):
                if (owner[one.function], one.function) in same:
                    found[owner[one.function], one.function] = one.why
        return found

    def trial(self, without: set[tuple[str, str]]) -> dict:
        """The tests with all checked functions replaced, but for `without`."""
        self._kept = {}
        for unit, rows in self._rows.items():
            for name, why in self._package.replace(unit, rows, without | self._disagree.keys()).items():
                self._kept[unit, name] = why
        return self._package.build_and_test("replace")

    def checked(self) -> list[tuple[str, str]]:
        """Identical ones first: they are the least likely to be wrong."""
        found = [(row["verdict"], unit, row["name"]) for unit, rows in self._rows.items() for row in rows]
        return [
            (u, n) for verdict in CHECKED for v, u, n in found
            if v == verdict and (u, n) not in self._disagree
        ]  # fmt: skip

    def passes(self, original: dict) -> dict:
        """The tests' outcome at last; functions that make them fail are in `wrong`."""
        tests = self.trial(set())
        while _failed(tests, original) and len(self.wrong) < _MOST_WRONG:
            found = self._bisect(original)
            if found is None:
                break
            self.wrong.append(found)
            _say(f"{self._package.recipe.name}: wrong: {found[1]} in {self._units[found[0]]}")
            tests = self.trial(set(self.wrong))
        return tests

    def _bisect(self, original: dict) -> tuple[str, str] | None:
        """The function whose replacement, after all before it, makes the tests fail."""
        order = [one for one in self.checked() if one not in self.wrong]
        low, high = 0, len(order)  # passes with the first `low`, fails with the first `high`
        if _failed(self.trial(set(self.checked())), original):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            without = {*order[middle:], *self.wrong}
            low, high = (low, middle) if _failed(self.trial(without), original) else (middle, high)
            _say(f"{self._package.recipe.name}: bisecting, {high - low} left")
        return order[high - 1] if order else None

    def functions(self) -> Iterator[Function]:
        for unit, rows in self._rows.items():
            for row in rows:
                how, reason = self._how(unit, row)
                yield Function(
                    unit, row["name"], self._units[unit], how, reason, row["inputs"], row["covered"]
                )

    def _how(self, unit: str, row: Row) -> tuple[str, str]:
        if (unit, row["name"]) in self.wrong:
            return "wrong", f"{row['verdict']}, but the tests fail with it"
        if why := self._disagree.get((unit, row["name"])):
            return "kept", f"disagrees: {why}"
        if why := self._kept.get((unit, row["name"])):
            return "kept", f"does not fit: {why}"
        if row["verdict"] in CHECKED:
            return ("identical" if row["verdict"] == Verdict.IDENTICAL.value else "same"), ""
        return "kept", f"{row['verdict']}: {row['reason']}"

    def seconds(self) -> float:
        return sum(row["seconds"] for rows in self._rows.values() for row in rows)


def _signatures(ir: str) -> Callees:
    try:
        return read_signatures(find_toolchain(), ir)
    except InvalidIR:
        return {}


def _failed(tests: dict, original: dict) -> bool:
    return (tests["outcome"], tests["count"]) != (original["outcome"], original["count"])


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def measure(recipe: Recipe, options: argparse.Namespace) -> Row:
    """The record of one package."""
    package = Package(recipe, options)
    original = package.original()
    if original["outcome"] != "passed":
        raise OzmaError(f"{recipe.name}: its own build fails: {original['outcome']}",
                        hint=f"look at the logs in {options.work / recipe.name}")  # fmt: skip
    relift = Relift(package)
    relift.answer()
    tests = relift.passes(original)
    functions = list(relift.functions())
    return {
        "package": recipe.name, "package_version": package.version, "language": recipe.language,
        "kind": recipe.kind, "flags": options.flags, "llvm": find_toolchain().version,
        "units": len(package.units()), "units_used": package.used(), "test_units": package.of_tests(),
        "original": original, "tests": tests, "seconds": round(relift.seconds(), 1),
        "functions": [asdict(one) for one in functions],
    }  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="records, JSON lines")
    parser.add_argument("--package", nargs="+", default=[], help="from recipes.json; none: only the table")
    parser.add_argument("--work", type=lambda text: Path(text).resolve(), help="folder for builds and answers")
    parser.add_argument("--flags", default="-Oz", help="CFLAGS and CXXFLAGS (default -Oz)")
    parser.add_argument("--inputs", type=int, default=10, help="for each check of behaviour")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for each build and test")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    return parser


def main(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.package and not options.work:
        parser.error("--package needs --work")
    try:
        file = RecordFile(options.out, lifter_version(), ("package",))
        for name in options.package:
            if (name,) not in file:
                file.append([measure(load_recipe(name), options)])
        newest = {row["package"]: row for row in read_rows(options.out)}
    except OzmaError as error:
        print(f"bench/relift.py: error: {error}", file=sys.stderr)
        return error.exit_code
    print(render(list(newest.values())), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
