"""The bench: recipes, builds by a package's own build system, the same units for a target."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from corpus_support import write_tree

from ozma.corpus.packages import Package, load_packages
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import build  # noqa: E402
import cross  # noqa: E402
import units  # noqa: E402

MAKEFILE = """\
all: thing
thing: main.o other.o
\t$(CC) $(CFLAGS) -o $@ main.o other.o
%.o: %.c
\t$(CC) $(CFLAGS) -MD -MF $*.d -c -o $@ $<
check: thing
\t./thing && echo "# TOTAL: 3"
"""
FILES = {
    "Makefile": MAKEFILE,
    "main.c": "int other(void);\nint main(void) { return other(); }\n",
    "other.c": "#ifdef __arm__\n#error no Thumb\n#endif\nint other(void) { return 0; }\n",
}


@pytest.fixture
def thing(monkeypatch):
    """A package of two units with a recipe, in place of the recorded ones."""
    recipe = build.Recipe("thing", "C", "sample", ["make"], ["make check"])
    monkeypatch.setattr(build, "load_recipe", lambda name: recipe)
    monkeypatch.setattr(build, "load_packages", lambda kind: [Package("thing", "1", "sid", "0")])
    monkeypatch.setattr(build, "fetch_package", lambda package, folder: write_tree(folder, FILES))


def run_build(capsys, tmp_path, *extra: str) -> tuple[int, dict]:
    clang = str(find_toolchain().tool("clang"))
    words = ["--package", "thing", "--cc", clang, "--cxx", clang, "--work", str(tmp_path), *extra]
    code = build.main(words)
    return code, json.loads(capsys.readouterr().out)


def test_native_build_measures_objects_and_runs_the_tests(thing, capsys, tmp_path):
    code, record = run_build(capsys, tmp_path)
    assert code == 0
    assert set(record["objects"]) == {"main.o", "other.o"}
    assert record["total"] == sum(record["objects"].values()) > 0
    assert (record["tests"]["outcome"], record["tests"]["count"]) == ("passed", 3)


def test_failing_build_and_failing_tests_are_told_apart(thing, capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(FILES, "other.c", "int other(void) { return 1; }\n")
    code, record = run_build(capsys, tmp_path)
    assert (code, record["build"]["outcome"], record["tests"]["outcome"]) == (1, "passed", "failed")
    monkeypatch.setitem(FILES, "other.c", "int other(void) {\n")
    code, record = run_build(capsys, tmp_path)
    assert (code, record["build"]["outcome"], record["tests"]["outcome"]) == (
        1,
        "failed",
        "not run",
    )


def test_target_build_repeats_the_recorded_units(thing, capsys, tmp_path):
    code, record = run_build(capsys, tmp_path, "--target", "aarch64")
    assert code == 0
    assert set(record["objects"]) == {"main.o", "other.o"} and record["failures"] == []
    machine = (tmp_path / "thing-recorded/aarch64/main.o").read_bytes()[18:20]
    assert int.from_bytes(machine, "little") == 183
    assert record["tests"]["outcome"] == "not run"


def test_a_recorded_build_is_used_again(thing, capsys, tmp_path, monkeypatch):
    run_build(capsys, tmp_path, "--target", "x86-64")
    monkeypatch.setitem(FILES, "other.c", "not C\n")
    code, record = run_build(capsys, tmp_path, "--target", "x86-64")
    assert (code, set(record["objects"])) == (0, {"main.o", "other.o"})
    code, _ = run_build(capsys, tmp_path, "--target", "x86-64", "--flags=-O1")
    assert code == 1


def test_flags_of_this_machine_are_not_for_another():
    assert cross.portable(("-msse2", "-march=native", "-O2")) == ("-O2",)


def test_a_unit_that_fails_for_the_target_says_why(thing, capsys, tmp_path):
    _, record = run_build(capsys, tmp_path, "--target", "thumb2")
    assert set(record["objects"]) == {"main.o"}
    assert [failure["source"] for failure in record["failures"]] == ["other.c"]
    assert "no Thumb" in record["failures"][0]["reason"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-O2", "-c", "a.c", "-o", "x/a.o"], ("a.c", "x/a.o", ("-O2",))),
        (["-c", "src/a.cc"], ("src/a.cc", "a.o", ())),
        (
            ["-MD", "-MT", "a.o", "-MF", "a.d", "-Ix", "-c", "a.c", "-o", "a.o"],
            ("a.c", "a.o", ("-Ix",)),
        ),
        (["-msse2", "-c", "a.c"], ("a.c", "a.o", ("-msse2",))),
        (["-o", "prog", "a.o", "b.o"], None),
        (["-c", "a.c", "b.c"], None),
        (["-E", "a.c"], None),
    ],
)
def test_recorded_calls(words, expected):
    found = cross._as_compilation(Path("/w"), words)
    assert (found and (found.source, found.output, found.arguments)) == expected


def test_a_step_that_hangs_is_ended(tmp_path):
    step = build.run_steps(["echo before; sleep 60 | cat"], tmp_path, {}, tmp_path / "log", 1.0)
    assert (step.outcome, step.output) == ("timed out", "before\n")
    assert step.seconds < 20


@pytest.mark.parametrize(
    ("output", "passes", "outcome", "count"),
    [
        ("# TOTAL: 8\n# PASS:  8\n# TOTAL: 2\n", "", "passed", 10),
        ("100% tests passed, 0 tests failed out of 26\n", "", "passed", 26),
        ("nothing was run\n", "test OK", "failed", None),
        ("3 tests; 3 passed\nFAIL: four\n", "", "failed", 3),
    ],
)
def test_outcomes(output, passes, outcome, count):
    recipe = build.Recipe("x", "C", "x", [], [], passes=passes, fails="^FAIL:")
    found = build.test_outcome(recipe, build.Step("passed", output, 0.1))
    assert (found["outcome"], found["count"]) == (outcome, count)


def test_every_recipe_is_recorded_and_every_recorded_package_has_one():
    recipes = {entry["name"] for entry in json.loads(build.RECIPES.read_text())}
    assert recipes == {package.name for package in load_packages("bench")}
    for name in recipes:
        assert build.load_recipe(name).test
    with pytest.raises(OzmaError, match="no recipe for nothing"):
        build.load_recipe("nothing")


def test_a_unit_that_has_a_record_is_not_measured_again(tmp_path):
    path, keys = tmp_path / "records.jsonl", ("package", "object")
    first = {"package": "zlib", "object": "a.o"}
    records = units.Records(path, keys)
    assert records.lack(first)
    records.write(iter([first | {"clang": 9}]))
    again = units.Records(path, keys)
    assert not again.lack(first) and again.lack({"package": "zlib", "object": "b.o"})
    assert units.read_records(path) == [first | {"clang": 9}]


def test_the_table_counts_objects_that_grew(capsys):
    row = {"package": "zlib", "clang": 100, "clang_loadable": 120}
    rows = [
        row | {"ours": {"4": 90}, "loadable": {"4": 110}},
        row | {"ours": {"4": 100}, "loadable": {"4": 121}},
        {"package": "zlib", "problem": "no header"},
    ]
    units.print_sizes(rows)
    *_, total, faults = capsys.readouterr().out.splitlines()
    assert total.split() == ["sum", "2", "200", "5.00%"]
    assert faults == "objects larger than clang's: 1; units that could not be compiled: 1"
