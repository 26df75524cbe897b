"""Functions of a text cut out and replaced; whole programs rebuilt from lifted functions; the benches."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_support import write_tree

from ozma.corpus.packages import Package
from ozma.lift.answers import Answer, Verdict, answer_all
from ozma.lift.asm.lines import function_names
from ozma.lift.emulator.signature import Signature
from ozma.lift.program.agreement import disagreements
from ozma.lift.program.excerpt import Excerpts
from ozma.lift.program.splice import splice
from ozma.tasks.assembly import code_lines

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import build  # noqa: E402
import outcomes  # noqa: E402
import relift  # noqa: E402
import relift_cc  # noqa: E402
import relift_package  # noqa: E402

LIBRARY = """
#include "thing.h"
static int calls; static const double part[3] = {0.5, 1.5, 2.5};
int called(void) { return calls; }
__attribute__((noinline)) static int bump(int by) { static int inner = 7; calls++; inner ^= by; return calls + inner; }
int work(int n) { int s = 0; for (int i = 0; i < n; i++) s += bump(i); return s; }
double scale(double x, int i) { return x * 0.37 + part[i % 3]; }
int choose(int a) {
    switch (a) { case 0: return work(3); case 1: return calls; case 2: return 77; case 3: return 21;
                 case 4: return 12; case 5: return work(1); case 6: return -3; }
    return 0;
}
"""
TEST = """
#include "../thing.h"
#include <stdio.h>
int main(void) {
    int bad = choose(2) != 77 || choose(3) != 21 || choose(9) || work(2) != 16 || called() != 2;
    bad |= scale(2.0, 4) < 2.23 || scale(2.0, 4) > 2.25;
    puts(bad ? "bad" : "# TOTAL: 6");
    return bad;
}
"""
FILES = {
    "thing.h": "int called(void); int work(int); double scale(double, int); int choose(int);\n",
    "thing.c": LIBRARY,
    "tests/run.c": TEST,
    "Makefile": "thing.o: thing.c\n\t$(CC) $(CFLAGS) -MD -c thing.c\n"
    "check: thing.o\n\t$(CC) $(CFLAGS) -o run tests/run.c thing.o && ./run\n",
}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory, toolchain) -> str:
    folder = write_tree(tmp_path_factory.mktemp("thing"), FILES)
    command = [toolchain.tool("clang"), "-Oz", "-S", folder / "thing.c", "-o", folder / "thing.s"]
    subprocess.run(command, check=True)
    return (folder / "thing.s").read_text()


def _assembles(toolchain, text: str) -> bool:
    command = [toolchain.tool("clang"), "-c", "-x", "assembler", "-", "-o", "/dev/null"]
    return subprocess.run(command, input=text.encode()).returncode == 0


def test_an_excerpt_is_the_function_and_what_it_reaches(assembly, toolchain):
    names = function_names(code_lines(assembly))
    excerpts = Excerpts(assembly)
    for name in names:
        text = excerpts.of(name)
        assert function_names(code_lines(text)) == [name]
        assert _assembles(toolchain, text)
    assert ".LJTI" in excerpts.of("choose") and "part:" not in excerpts.of("choose")
    assert "part:" in excerpts.of("scale") and ".comm\tcalls" in excerpts.of("called")


def test_an_excerpt_of_an_unknown_form_is_the_text():
    text = "\t.pushsection .text\n\t.type f,@function\nf:\n\tretq\n\t.size f, .-f\n\t.popsection\n"
    assert Excerpts(text).of("f") == text


def test_replaced_functions_bring_their_tables_and_keep_the_data(assembly, toolchain):
    bodies = {name: Excerpts(assembly).of(name) for name in function_names(code_lines(assembly))}
    made = splice(assembly, bodies)
    assert set(made.done) == set(bodies) and not made.kept
    assert _assembles(toolchain, made.text)
    lines = code_lines(made.text)
    assert [line for line in lines if line == "part:"] == ["part:"]
    assert not any(line.startswith(".LJTI") for line in lines)
    assert sum("_LJTI" in line and line.endswith(":") for line in lines) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\t.type g,@function\ng:\n\tretq\n\t.size g, .-g\n", "does not define it"),
        ("\t.type f,@function\nf:\n\t.section .foo\n\tretq\n\t.size f, .-f\n", "more than one section"),
        (
            "\t.type f,@function\nf:\n\tmovl new(%rip), %eax\n\tretq\n\t.size f, .-f\n\t.data\nnew:\n\t.long 1\n",
            "it defines new",
        ),
    ],
)
def test_what_does_not_fit_is_kept_with_a_reason(text, why):
    original = "\t.text\n\t.type f,@function\nf:\n\tretq\n\t.size f, .-f\n"
    made = splice(original, {"f": text})
    assert not made.done and why in made.kept["f"]
    assert made.text == original


def test_a_function_into_which_data_elsewhere_refers_is_kept():
    original = (
        "\t.text\n\t.type f,@function\nf:\n.Lhere1:\n\tretq\n\t.size f, .-f\n"
        "\t.type g,@function\ng:\n\tjmp .Lhere1\n\t.size g, .-g\n"
    )
    made = splice(original, {"f": "\t.type f,@function\nf:\n\tnop\n\tretq\n\t.size f, .-f\n"})
    assert "other code or data" in made.kept["f"]


@pytest.fixture
def thing(monkeypatch, tmp_path):
    """A package with a library and a test, and what relift.py is told to do with it."""
    recipe = build.Recipe("thing", "C", "sample", ["make thing.o"], ["make check"])
    monkeypatch.setattr(relift, "load_recipe", lambda name: recipe)
    monkeypatch.setattr(build, "load_packages", lambda kind: [Package("thing", "1", "sid", "0")])
    monkeypatch.setattr(build, "fetch_package", lambda package, folder: write_tree(folder / "top", FILES))
    return ["--package", "thing", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.jsonl")]


def test_a_program_is_rebuilt_from_lifted_functions_and_tested(thing, tmp_path, capsys):
    assert relift.main(thing) == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["original"]["outcome"] == row["tests"]["outcome"] == "passed"
    assert row["tests"]["count"] == 6 and row["units_used"] == 1 and row["test_units"] == 1
    how = {one["name"]: one["how"] for one in row["functions"]}
    assert set(how) == {"called", "bump", "work", "scale", "choose"}
    assert set(how.values()) <= {"identical", "same"}
    replaced = next((tmp_path / "work/thing-store/replaced").iterdir()).read_text()
    assert sum(f".Lspliced{n}_Lfunc_end0:" in replaced for n in range(9)) == 5
    assert "| thing 1 | 5 | 5 (100.0 %)" in capsys.readouterr().out


def _lying(jobs, processes):
    """Says of `scale` that it does the same when its result is left out."""
    for job, answer in answer_all(jobs, processes):
        if answer.function == "scale":
            text = "\t.type scale,@function\nscale:\n\txorps %xmm0, %xmm0\n\tretq\n\t.size scale, .-scale\n"
            answer = replace(answer, verdict=Verdict.SAME, assembly=text)
        yield job, answer


def test_a_wrong_function_is_found_named_and_left_out(thing, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(relift_package, "answer_all", _lying)
    assert relift.main(thing) == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["tests"]["outcome"] == "passed"
    assert [one["name"] for one in row["functions"] if one["how"] == "wrong"] == ["scale"]
    assert "* wrong: scale in thing's thing.c" in capsys.readouterr().out


def test_the_table_comes_from_the_records_alone(thing, tmp_path, capsys):
    function = {"unit": "u", "name": "f", "source": "f.c", "how": "kept",
                "reason": "failed: line 3: f: x87", "inputs": 0, "covered": 0.0}  # fmt: skip
    row = {"version": "v", "package": "p", "package_version": "1", "functions": [function],
           "tests": {"outcome": "passed", "count": None, "seconds": 1.0}}  # fmt: skip
    (tmp_path / "old.jsonl").write_text(json.dumps(row) + "\n")
    assert relift.main(["--out", str(tmp_path / "old.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "| p 1 | 1 | 0 (0.0 %) | 0 | 0 |  | 1 | 0 | passed |" in out
    assert "* 1 kept: failed: x87" in out


def test_the_wrapper_makes_assembly_with_the_same_words():
    words = ["-MD", "-c", "-Ifolder", "a.c", "-o", "a.o", "b.c"]
    made = relift_cc._to_assembly(words, "a.c", ["a.c", "b.c"], "a.o", "a.s")
    assert made == ["-MD", "-Ifolder", "a.c", "-MF", "a.d", "-MT", "a.o", "-g0", "-S", "-o", "a.s"]


def test_reasons_are_counted_without_their_numbers():
    assert outcomes.shortened("line 12: movq x: data") == "movq x: data"
    one, other = "call 1 of f: 0x10 instead of 12", "call 2 of f: 0x3 instead of 9"
    assert outcomes.shortened(one) == outcomes.shortened(other)
    assert Answer("f", Verdict.FAILED).verdict.value == "failed"


def _signature(text: str) -> Signature:
    result, _, parameters = text.partition(" ")
    return Signature(tuple(parameters.split()), result)


@pytest.mark.parametrize(
    ("called", "defined", "wrong"),
    [
        ("i32 i32", "i32 i32", []),
        ("void i64 ptr", "i32 i32", []),
        ("i32 i32", "void i32", ["g"]),
        ("double i32", "i64 i32", ["g"]),
        ("i64 i32", "i32 i64", []),
        ("i32 i32", "i8 i32", ["g"]),
        ("void i32", "void i32 ptr", ["f"]),
        ("void i8", "void ptr", ["f"]),
        ("void i32", "void i32 double", ["f"]),
    ],
)
def test_a_caller_and_its_callee_show_what_the_other_overlooked(called, defined, wrong):
    modules = {
        "f": {"f": _signature("void"), "g": _signature(called), "printf": _signature("i32")},
        "g": {"g": _signature(defined)},
    }
    assert [one.function for one in disagreements(modules)] == wrong


def test_an_argument_that_is_handed_on_unseen_is_missed_in_the_callers_caller():
    modules = {
        "visit": {"visit": Signature((), "void"), "get": Signature(("ptr",), "ptr")},
        "get": {"get": Signature(("ptr",), "ptr"), "find": Signature(("ptr",), "ptr")},
        "find": {"find": Signature(("ptr", "i64"), "ptr")},
    }
    found = {one.function: one.why for one in disagreements(modules)}
    assert found["visit"] == "it passes 1 integer arguments, get takes 2"
    assert set(found) == {"visit", "get"}
