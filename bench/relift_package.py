"""A package of `relift.py` in a folder of its own: its builds, its assembly, the answers kept."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from build import Recipe, build_environment, run_steps, test_outcome, unpack_sources
from outcomes import answer_options

from ozma.evaluate.disassembly import lifter_version
from ozma.evaluate.records import RecordFile, Row, read_rows
from ozma.lift.answers import Answer, Job, Verdict, answer_all
from ozma.lift.asm.lines import function_names
from ozma.lift.program.excerpt import Excerpts
from ozma.lift.program.splice import splice
from ozma.llvm.toolchain import find_toolchain
from ozma.tasks.assembly import code_lines

CHECKED = (Verdict.IDENTICAL.value, Verdict.SAME.value)
_TESTS = re.compile(
    r"(^|/)(tests?|testsuite|checks?|examples?|demo|unity|fuzz\w*)/|(^|/)[^/]*(test|example)[^/]*$"
)


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
            if row["verdict"] in CHECKED and (unit, row["name"]) not in without
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
