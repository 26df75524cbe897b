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
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from build import Recipe, build_environment, load_recipe, run_steps, test_outcome, unpack_sources
from outcomes import answer_options, shortened

from ozma.errors import OzmaError
from ozma.evaluate.disassembly import lifter_version
from ozma.evaluate.records import RecordFile, Row, read_rows
from ozma.lift.answers import Answer, Job, Verdict, answer_all
from ozma.lift.asm.lines import code_lines, function_names
from ozma.lift.emulator.signature import Callees, read_signatures
from ozma.lift.program.agreement import disagreements
from ozma.lift.program.excerpt import Excerpts
from ozma.lift.program.splice import splice
from ozma.llvm import InvalidIR
from ozma.llvm.toolchain import find_toolchain

_CHECKED = (Verdict.IDENTICAL.value, Verdict.SAME.value)
_TESTS = re.compile(
    r"(^|/)(tests?|testsuite|checks?|examples?|demo|unity|fuzz\w*)/|(^|/)[^/]*(test|example)[^/]*$"
)
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


class Package:
    """A package, its builds and its answers, in a folder of its own."""

    def __init__(self, recipe: Recipe, options: argparse.Namespace) -> None:
        self.recipe, self._options = recipe, options
        self._folder = options.work / recipe.name
        self._store = options.work / f"{recipe.name}-store"
        for name in ("units", "replaced", "answers"):
            (self._store / name).mkdir(parents=True, exist_ok=True)
        toolchain = find_toolchain()
        self.version = ""
        self._compilers = [
            self._script(name, toolchain.tool(name)) for name in ("clang", "clang++")
        ]

    def _script(self, name: str, compiler: Path) -> str:
        path = self._store / name
        wrapper = Path(__file__).with_name("relift_cc.py")
        path.write_text(
            f"#!/bin/sh\nexec '{sys.executable}' -I -S '{wrapper}' '{self._store}' '{compiler}' \"$@\"\n"
        )
        path.chmod(0o755)
        return str(path)

    def build_and_test(self, mode: str) -> dict:
        """A fresh build; `mode` as in relift_cc.py. Its tests' outcome; "not built" without one."""
        top, self.version = unpack_sources(self.recipe, self._folder)
        environment = build_environment(*self._compilers, self._options.flags)
        log, limit = self._folder / "build.log", self._options.timeout
        self._mode("off")
        (self._store / f"{mode}.jsonl").unlink(missing_ok=True)
        steps = [list(self.recipe.configure), list(self.recipe.build)]
        for number, part in enumerate(steps):
            if run_steps(part, top, environment, log, limit).outcome != "passed":
                return {"outcome": "not built", "count": None, "seconds": 0.0}
            if number == 0:
                self._mode(mode)
        log = self._folder / "test.log"
        return test_outcome(self.recipe, run_steps(self.recipe.test, top, environment, log, limit))

    def _mode(self, mode: str) -> None:
        (self._store / "mode").write_text(mode)

    def original(self) -> dict:
        """The tests of the package as it is; its units are collected. Made once."""
        path = self._store / "original.json"
        if path.exists():
            saved = json.loads(path.read_text())
            self.version = saved.pop("version")
            return saved
        tests = self.build_and_test("collect")
        path.write_text(json.dumps(tests | {"version": self.version}))
        return tests

    def units(self) -> dict[str, str]:
        """Key of each unit's assembly -> its source in the package, without those of tests."""
        found = {row["unit"]: self._inside(row["source"]) for row in read_rows(self._store / "collect.jsonl")}
        return {unit: source for unit, source in found.items() if source and not _TESTS.search(source)}

    def of_tests(self) -> int:
        rows = read_rows(self._store / "collect.jsonl")
        return len({row["unit"] for row in rows}) - len(self.units())

    def _inside(self, source: str) -> str:
        """Path below the package's top folder; "" for what is not of the package."""
        base = (self._folder / "source").resolve()
        path = Path(source)
        if not path.is_relative_to(base):
            return ""
        return "/".join(path.relative_to(base).parts[1:]) or path.name

    def assembly(self, unit: str) -> str:
        return (self._store / "units" / f"{unit}.s").read_text("utf-8", "surrogateescape")

    def answers(self, unit: str) -> list[Row]:
        """One for each function of a unit, in its order; made once for a lifter."""
        file = RecordFile(self._store / "answers" / f"{unit}.jsonl", lifter_version(), ("name",))
        text = self.assembly(unit)
        excerpts, options = Excerpts(text), answer_options("x86-64")
        names = list(dict.fromkeys(function_names(code_lines(text))))
        missing = [name for name in names if (name,) not in file]
        jobs = [Job(excerpts.of(name), name, options, inputs=self._options.inputs) for name in missing]
        for _, answer in answer_all(jobs, self._options.jobs) if jobs else ():
            file.append([_row(answer)])
        rows = {row["name"]: row for row in file.rows()}
        return [rows[name] for name in names]

    def replace(self, unit: str, rows: Sequence[Row], without: set[tuple[str, str]]) -> dict[str, str]:
        """Writes the unit with its checked functions replaced, but for those in `without`; why
        others do not fit."""
        texts = {
            row["name"]: row["assembly"]
            for row in rows
            if row["verdict"] in _CHECKED and (unit, row["name"]) not in without
        }
        made = splice(self.assembly(unit), texts)
        path = self._store / "replaced" / f"{unit}.s"
        path.write_text(made.text, "utf-8", "surrogateescape")
        return dict(made.kept)

    def used(self) -> int:
        """Units of the last build that were made from replaced assembly."""
        rows = read_rows(self._store / "replace.jsonl")
        return len({row["unit"] for row in rows if row["replaced"]})


def _row(answer: Answer) -> Row:
    return {
        "name": answer.function, "verdict": answer.verdict.value, "assembly": answer.assembly,
        "ir": answer.ir, "inputs": answer.inputs, "covered": round(answer.covered, 4),
        "reason": str(answer.refusal or answer.reason)[:300],
        "seconds": round(answer.processor_seconds, 3),
    }  # fmt: skip


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
            (u, n) for verdict in _CHECKED for v, u, n in found
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
        if row["verdict"] in _CHECKED:
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


def render(rows: Sequence[Row]) -> str:
    """The table, from records."""
    heads = ["program", "functions", "replaced", "identical", "same behaviour", "code that ran",
             "kept", "wrong", "its tests, with these"]  # fmt: skip
    lines = [_line(heads), _line(["---"] * len(heads)), *map(_line, map(_cells, rows))]
    total = Counter(one["how"] for row in rows for one in row["functions"])
    good = sum(row["tests"]["outcome"] == "passed" for row in rows)
    lines.append(_line(["all", *_counts(total), "", f"{total['kept']:,}", f"{total['wrong']}", f"{good} of {len(rows)} pass"]))
    reasons = Counter(shortened(_cause(one)) for row in rows for one in row["functions"] if one["how"] == "kept")
    kept = [f"* {count} kept: {why}" for why, count in reasons.most_common(15)]
    wrong = [
        f"* wrong: {one['name']} in {row['package']}'s {one['source']} ({one['reason']})"
        for row in rows for one in row["functions"] if one["how"] == "wrong"
    ]  # fmt: skip
    return "\n".join([*lines, "", *wrong, *kept]) + "\n"


def _cause(one: dict) -> str:
    """What a function was kept for, without its own names."""
    kind, _, rest = one["reason"].partition(": ")
    if kind == "disagrees":
        return "its program shows another signature"
    return f"{kind}: {rest.rpartition(': ')[2] if kind == 'failed' else shortened(rest)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counts(how: Counter) -> list[str]:
    replaced = how["identical"] + how["same"]
    return [f"{how.total():,}", f"{replaced:,} ({100 * replaced / max(how.total(), 1):.1f} %)",
            f"{how['identical']:,}", f"{how['same']:,}"]  # fmt: skip


def _cells(row: Row) -> list[str]:
    how = Counter(one["how"] for one in row["functions"])
    ran = [one["covered"] for one in row["functions"] if one["how"] == "same"]
    tests = row["tests"]
    count = f", {tests['count']} tests" if tests["count"] else ""
    return [
        f"{row['package']} {row['package_version']}", *_counts(how),
        f"{100 * sum(ran) / len(ran):.0f} %" if ran else "", f"{how['kept']:,}", f"{how['wrong']}",
        f"{tests['outcome']}{count}",
    ]  # fmt: skip


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
