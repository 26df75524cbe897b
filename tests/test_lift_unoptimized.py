"""Unoptimized code comes back to itself: what `clang -O0` makes, and front-end IR at -Oz."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ozma.lift.asm.lines import normalized_lines
from ozma.lift.decisions import Decisions
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.lifter import lift, lift_function
from ozma.lift.searching.configurations import candidate_of
from ozma.llvm import find_toolchain
from ozma.tasks.assembly import code_lines

_O0 = {
    "result in memory": "struct s { long a[4]; }; struct s f(long x) { struct s r = {{x}}; return r; }",
    "opposite of a compare": "int f(int a) { return !(a > 3); }",
    "both of two": "int g(void); int f(int a) { return a && g(); }",
    "a call's truth value": "_Bool g(int); int h(int); int f(int a) { if (g(a)) return h(a); return 2; }",
    "one of two constants": "int f(int *a) { return *a ? 7 : 9; }",
    "unequal numbers": "int g(void); int f(double a) { if (a != 2.0) return g(); return 1; }",
    "value kept over a call": "int g(void); int f(int *a) { return *a + g(); }",
    "an unused byte": "void g(int); void f(char a, int b) { g(b); }",
}
_FRONT = {
    "parameter kept in memory": "int g(long); int f(long a) { return g(a); }",
    "value over a call": "void *m(void); void g(void *); void *f(void) { void *p = m(); g(p); return p; }",
}


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    with Compiler(find_toolchain()) as made:
        yield made


def _assembly(source: str, folder: Path, *flags: str) -> str:
    path = folder / "f.c"
    path.write_text(source)
    command = [find_toolchain().tool("clang"), *flags, "-S", "-fno-verbose-asm", "-o", "-", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _instructions(text: str) -> list[str]:
    lines = normalized_lines(code_lines(text, "x86-64"))
    return [line for line in lines if line.startswith("\t") and not line.startswith("\t.")]


@pytest.mark.parametrize("name", _O0)
def test_code_of_fastisel_comes_back(compiler: Compiler, tmp_path: Path, name: str) -> None:
    assembly = _assembly(_O0[name], tmp_path, "-O0")
    lifted = lift_function(assembly, "f")
    assert lifted.mode == "O0"
    made = _made(compiler, lifted)
    assert _instructions(made) == _instructions(assembly)


@pytest.mark.parametrize("name", _FRONT)
def test_front_end_ir_for_size_comes_back(compiler: Compiler, tmp_path: Path, name: str) -> None:
    flags = ("-Oz", "-Xclang", "-disable-llvm-passes")
    assembly = _assembly(_FRONT[name], tmp_path, *flags)
    lifted = lift_function(assembly, "f")
    assert lifted.mode == "slots"
    assert _instructions(_made(compiler, lifted)) == _instructions(assembly)


def test_a_byte_that_was_set_is_the_whole_result(tmp_path: Path) -> None:
    source = "void g(void); _Bool f(int *a) { if (*a == 4) { g(); return 1; } return 0; }"
    lifted = lift_function(_assembly(source, tmp_path, "-Oz"), "f")
    assert lifted.signature.split("(")[0].split()[0] in ("i8", "i32")
    assert "and i32" not in lifted.ir


def _made(compiler: Compiler, lifted: object) -> str:
    candidate = candidate_of(lifted, Decisions(), "test")
    compiled = compiler.compile(candidate.ir, candidate.passes, candidate.codegen)
    assert compiled.assembly is not None, compiled.reason
    return compiled.assembly


def test_many_addresses_of_variables_take_no_endless_time(tmp_path):
    source = tmp_path / "f.c"
    stores = "".join(f"p[{index}] = &a[{index}]; " for index in range(60))
    source.write_text(f"int f(void) {{ int a[60]; int *p[60]; {stores} return 0; }}\n")
    for target in ("x86-64", "aarch64"):
        command = [find_toolchain().tool("clang"), "-O0", f"--target={target.replace('-', '_')}-linux-gnu"]
        text = subprocess.run([*command, "-S", source, "-o", "-"], capture_output=True, text=True).stdout
        (found,) = lift(text, target).functions  # took 2 ** 60 steps once
        assert found.ir
