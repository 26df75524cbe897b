"""Build one bench package by its own build system with a given compiler, run its own tests, and
print one JSON record: bytes of every object, outcome of the tests, seconds.

    python bench/build.py --package bzip2 --cc clang-19 --cxx clang++-19 --work build/bench
    python bench/build.py --package bzip2 --cc "ozma cc" --cxx "ozma c++" --work build/bench
    python bench/build.py --package bzip2 --cc ... --cxx ... --work ... --target aarch64

With --target the package is first built natively by the plain compiler while every compilation is
recorded; each is then run again for the target (objects only: nothing is linked or run). The
recorded build is kept in --work and used again, so that a further budget costs compilations only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cross import CROSS, compile_for, record_compilers

from ozma.corpus.packages import fetch_package, load_packages
from ozma.errors import OzmaError
from ozma.llvm.objects import ObjectError, measure_object
from ozma.llvm.toolchain import find_toolchain

RECIPES = Path(__file__).with_name("recipes.json")
_COUNTS = (
    r"(?m)^# TOTAL: +(\d+)", r"tests failed out of (\d+)", r"(?m)^All (\d+) tests",
    r"(?m)^(\d+) tests; ", r"Tests OK/NOP/FAIL: (\d+)/",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Shell steps run in the top folder of the sources; they read CC, CXX, CFLAGS and CXXFLAGS.

    `passes` and `fails`: what the tests' output must hold and must not (a regular expression), for
    suites whose exit code says too little.
    """

    name: str
    language: str
    kind: str
    build: list[str]
    test: list[str]
    configure: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    passes: str = ""
    fails: str = ""
    note: str = ""


@dataclass(frozen=True)
class Step:
    """One shell step's end: `outcome` is 'passed', 'failed' or 'timed out'."""

    outcome: str
    output: str
    seconds: float


def load_recipe(name: str) -> Recipe:
    recipes = {entry["name"]: entry for entry in json.loads(RECIPES.read_text("utf-8"))}
    if name not in recipes:
        raise OzmaError(f"no recipe for {name}", hint=f"one of {', '.join(recipes)}")
    return Recipe(**recipes[name])


def run_steps(steps, folder: Path, environment: dict, log: Path, timeout: float) -> Step:
    """Run shell steps one after another until one fails; their output goes to `log` too."""
    start, output, outcome = time.monotonic(), "", "passed"
    for step in steps:
        left = timeout - (time.monotonic() - start)
        outcome, text = _run_shell(step, folder, environment, max(left, 1.0))
        output += text
        if outcome != "passed":
            break
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(f"$ {step}\n" for step in steps) + output)
    return Step(outcome, output, round(time.monotonic() - start, 2))


def _run_shell(step: str, folder: Path, environment: dict, timeout: float) -> tuple[str, str]:
    child = subprocess.Popen(
        ["bash", "-c", step], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = child.communicate(timeout=timeout)
        outcome = "failed" if child.returncode else "passed"
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        outcome = "timed out"
    return outcome, output.decode("utf-8", "replace")


def build_environment(cc: str, cxx: str, flags: str) -> dict[str, str]:
    return os.environ | {
        "CC": cc, "CXX": cxx, "CFLAGS": flags, "CXXFLAGS": flags, "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def measure_tree(top: Path) -> dict[str, int]:
    """Bytes of .text*, .data* and .rodata* of every object under `top`, by relative path."""
    sizes = {}
    for path in sorted(top.rglob("*.o")):
        try:
            sizes[path.relative_to(top).as_posix()] = measure_object(path.read_bytes()).total
        except ObjectError:
            continue
    return sizes


def test_outcome(recipe: Recipe, step: Step) -> dict:
    outcome = step.outcome
    told_failure = recipe.fails and re.search(recipe.fails, step.output, re.MULTILINE)
    if outcome == "passed" and (told_failure or recipe.passes not in step.output):
        outcome = "failed"
    found = next((re.findall(count, step.output) for count in _COUNTS
                  if re.search(count, step.output)), [])  # fmt: skip
    return {"outcome": outcome, "count": sum(map(int, found)) or None, "seconds": step.seconds}


def unpack_sources(recipe: Recipe, folder: Path) -> tuple[Path, str]:
    """A fresh tree of the recorded version in an emptied `folder`, and that version."""
    package = next(entry for entry in load_packages("bench") if entry.name == recipe.name)
    shutil.rmtree(folder, ignore_errors=True)
    return fetch_package(package, folder / "source"), package.version


def bench_native(recipe: Recipe, options: argparse.Namespace) -> dict:
    top, version = unpack_sources(recipe, options.work / recipe.name)
    environment = build_environment(options.cc, options.cxx, options.flags)
    steps, log = [*recipe.configure, *recipe.build], options.work / recipe.name / "build.log"
    built = run_steps(steps, top, environment, log, options.timeout)
    objects = measure_tree(top)
    tests = {"outcome": "not run", "count": None, "seconds": 0.0}
    if built.outcome == "passed" and not options.no_test:
        log = options.work / recipe.name / "test.log"
        tests = test_outcome(recipe, run_steps(recipe.test, top, environment, log, options.timeout))
    return _record(recipe, version, options, built, objects, tests, [])


def bench_target(recipe: Recipe, options: argparse.Namespace) -> dict:
    folder = options.work / f"{recipe.name}-recorded"
    built, top, version = record_build(recipe, folder, options)
    objects, failures = compile_for(
        CROSS[options.target], folder / "records", top, folder / options.target,
        options.cc, options.cxx,
    )  # fmt: skip
    tests = {"outcome": "not run", "count": None, "seconds": 0.0}
    return _record(recipe, version, options, built, objects, tests, failures)


def record_build(
    recipe: Recipe, folder: Path, options: argparse.Namespace
) -> tuple[Step, Path, str]:
    """Build natively with the plain compiler, its calls noted; a finished one is used again."""
    state = folder / "state.json"
    if state.exists():
        saved = json.loads(state.read_text("utf-8"))
        if saved["flags"] == options.flags:
            return Step("passed", "", saved["seconds"]), Path(saved["top"]), saved["version"]
    top, version = unpack_sources(recipe, folder)
    plain = find_toolchain()
    cc, cxx = record_compilers(plain.tool("clang"), plain.tool("clang++"), folder)
    environment = build_environment(cc, cxx, options.flags)
    steps = [*recipe.configure, *recipe.build]
    built = run_steps(steps, top, environment, folder / "build.log", options.timeout)
    if built.outcome == "passed":
        saved = {"flags": options.flags, "version": version, "top": str(top)}
        state.write_text(json.dumps(saved | {"seconds": built.seconds}), "utf-8")
    return built, top, version


def _record(recipe, version, options, built: Step, objects, tests, failures) -> dict:
    return {
        "package": recipe.name, "version": version, "language": recipe.language,
        "kind": recipe.kind, "cc": options.cc, "flags": options.flags, "target": options.target,
        "build": {"outcome": built.outcome, "seconds": built.seconds}, "tests": tests,
        "units": len(objects), "total": sum(objects.values()), "objects": objects,
        "failures": failures,
    }  # fmt: skip


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--package", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--cxx", required=True)
    parser.add_argument("--work", required=True, type=lambda text: Path(text).resolve())
    parser.add_argument("--flags", default="-Oz", help="CFLAGS and CXXFLAGS (default: -Oz)")
    parser.add_argument("--target", choices=sorted(CROSS), help="objects only, for this machine")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for each phase")
    parser.add_argument("--no-test", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    try:
        recipe = load_recipe(options.package)
        bench = bench_target if options.target else bench_native
        record = bench(recipe, options)
    except OzmaError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(record))
    good = record["build"]["outcome"] == "passed" and record["tests"]["outcome"] in (
        "passed",
        "not run",
    )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
