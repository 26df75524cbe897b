"""gcc's assembly lifted, and functions translated to another machine: what the benches record."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_support import write_tree

from ozma.lift.answers import AnswerOptions, Answerer
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.lifter import lift_function

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import foreign  # noqa: E402
import translate  # noqa: E402

SOURCE = """
static int calls; static const double part[3] = {0.5, 1.5, 2.5}; void put(const char *);
int count(void) { return calls; } void add(int by) { calls += by; }
double scale(double x, int i) { return x * 0.37 + part[i % 3]; }
int choose(int a) {
    switch (a) { case 0: put("none"); return 12; case 1: return calls; case 2: return 77;
                 case 3: return 21; case 4: put("four"); return 9; case 5: return -3; }
    return 0;
}
"""
needs_gcc = pytest.mark.skipif(not shutil.which("gcc-12"), reason="gcc 12 is not installed")


@pytest.fixture
def units(tmp_path) -> list[foreign.Unit]:
    top = write_tree(tmp_path / "top", {"a.c": SOURCE, "b.c": SOURCE})
    both = foreign._Both("gcc-12", ["-Os"], tmp_path)
    keys = {name: both(top / name, ["-w"]).decode() for name in ("a.c", "b.c")}
    return [foreign.Unit("thing", name, tmp_path / f"{key}.s") for name, key in keys.items()]


@needs_gcc
def test_functions_of_gcc_are_lifted_and_checked_under_the_source_s_signatures(units, toolchain):
    chosen = foreign.choose(units, 10)
    assert sorted(one.symbol for one in chosen) == ["add", "choose", "count", "scale"]
    assert len(foreign.choose(units, 2)) == 2
    with Compiler(toolchain) as compiler, EmulatorCheck(toolchain, "x86-64", 5) as check:
        answerer = Answerer(compiler, AnswerOptions(settings=2, search=False), check)
        rows = [foreign._row(asked, answerer, check) for asked in chosen]
    assert {row["behaviour"] for row in rows} == {"same"}
    assert {row["signature"] for row in rows} == {"clang's"}
    text = foreign._one_table("gcc-train", rows)
    assert "| lowers | 4 | 100.0" in text and "1 projects; 0 functions under the answer's own" in text


@needs_gcc
def test_what_gcc_or_clang_refuses_is_no_unit(tmp_path):
    top = write_tree(tmp_path / "top", {"a.c": "int f(void) { return missing; }\n"})
    with pytest.raises(foreign.CompileError):
        foreign._Both("gcc-12", ["-Os"], tmp_path)(top / "a.c", [])
    assert not list(tmp_path.glob("*.s"))


PUSHES = """\
	.type f,@function
f:
	testl %edi, %edi
	je .LBB0_2
	pushq $5
	jmp .LBB0_3
.LBB0_2:
	pushq $-3
.LBB0_3:
	popq %rax
	retq
	.size f, .-f
"""


def test_constants_pushed_in_several_blocks_are_values():
    assert "phi i64 [ 5, %b1 ], [ -3, %b2 ]" in lift_function(PUSHES, "f").ir
    other = PUSHES.replace("\tpushq $-3\n", "\tpushq %rbx\n")
    assert "phi i64 [ 5" not in lift_function(other, "f").ir


def test_a_float_that_nobody_reads_is_the_result_though_an_integer_looks_kept(toolchain, tmp_path):
    (tmp_path / "a.c").write_text(SOURCE)
    command = [toolchain.tool("clang"), "-Oz", "-w", "-S", "a.c", "-o", "a.s"]
    subprocess.run(command, cwd=tmp_path, check=True)
    lifted = lift_function((tmp_path / "a.s").read_text(), "scale")
    assert "define dso_local double @scale(" in lifted.ir


@pytest.mark.parametrize(("register", "result"), [("%eax", "i32"), ("%ecx", "void")])
def test_memory_changed_by_way_of_the_result_s_register_is_a_result(register, result):
    body = f"\tmovl n(%rip), {register}\n\tincl {register}\n\tmovl {register}, n(%rip)\n\tret\n"
    text = f"\t.type f,@function\nf:\n{body}\t.size f, .-f\n"
    assert f"define dso_local {result} @f()" in lift_function(text, "f").ir


def _truth(toolchain, tmp_path, name: str) -> translate.Truth:
    (tmp_path / "a.c").write_text(SOURCE)
    words = [toolchain.tool("clang"), "-Oz", "-w", "-S", "a.c", "-o"]
    subprocess.run([*words, "a.s"], cwd=tmp_path, check=True)
    subprocess.run([*words, "a.ll", "-emit-llvm"], cwd=tmp_path, check=True)
    text, ir = (tmp_path / "a.s").read_text(), (tmp_path / "a.ll").read_text()
    return translate.Truth("hash", "thing", name, "c", False, text, ir, 9, True)


def test_a_translated_function_is_run_on_both_machines(toolchain, tmp_path):
    with translate.Bench("x86-64", 5) as bench:
        row = bench.row(_truth(toolchain, tmp_path, "choose"))
    assert row["translated"] and row["behaviour"] == row["own"] == "same", row["reason"]
    (tmp_path / "x.jsonl").write_text(json.dumps(row | {"version": "v"}) + "\n")
    out = translate.render(tmp_path)
    assert "### x: 1 functions" in out and "| same behaviour | 1 | 100.0" in out
