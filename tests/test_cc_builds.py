"""The drop-in compilers under build systems, and the verbs of the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cc_support import Compiler

from ozma.optimize.cc.cache import Cache


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


def test_a_build_in_parallel_counts_every_command(compiler: Compiler) -> None:
    names = [f"unit{i}" for i in range(12)]
    for name in names:
        compiler.write(f"{name}.c", f"int {name}(int x) {{ return x + 1; }}")
    rules = "".join(f"{n}.o: {n}.c\n\t$(CC) -Oz -c {n}.c\n" for n in names)
    compiler.write("Makefile", "all: " + " ".join(f"{n}.o" for n in names) + "\n" + rules)
    command = ["make", "-j4", f"CC={compiler.cc}"]
    subprocess.run(
        command, cwd=compiler.folder, env=compiler.environment, check=True, capture_output=True
    )
    assert {record["source"] for record in compiler.records()} == {f"{n}.c" for n in names}


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")
def test_cmake(compiler: Compiler) -> None:
    compiler.write(
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.13)\nproject(t C CXX)\n"
        "include(CheckFunctionExists)\ncheck_function_exists(puts HAVE_PUTS)\n"
        "add_executable(t main.c a.c b.cpp)\n",
    )
    compiler.write("a.c")
    compiler.write("b.cpp", 'extern "C" int b(int x) { return x * 2; }')
    compiler.write("main.c", "int b(int); int main(void) { return b(0); }")
    environment = {**compiler.environment, "CC": str(compiler.cc), "CXX": str(compiler.cxx)}
    flags = ["-DCMAKE_BUILD_TYPE=MinSizeRel", "-S", ".", "-B", "build"]
    for command in (["cmake", *flags], ["cmake", "--build", "build"]):
        subprocess.run(
            command, cwd=compiler.folder, env=environment, check=True, capture_output=True
        )
    found = compiler.records()
    units = [Path(record["source"]).name for record in found if record["event"] == "unit"]
    assert sorted(units) == ["a.c", "b.cpp", "main.c"]
    assert sum(record.get("reason") == "configure probe" for record in found) >= 4
    assert subprocess.run([compiler.folder / "build/t"]).returncode == 0


@pytest.mark.skipif(not shutil.which("meson"), reason="meson is not installed")
def test_meson(compiler: Compiler) -> None:
    compiler.write("meson.build", "project('t', 'c')\nexecutable('t', 'main.c', 'a.c')\n")
    compiler.write("a.c")
    compiler.write("main.c", "int main(void) { return 0; }")
    environment = {**compiler.environment, "CC": str(compiler.cc)}
    for command in (["meson", "setup", "build", "--optimization=s"], ["ninja", "-C", "build"]):
        subprocess.run(
            command, cwd=compiler.folder, env=environment, check=True, capture_output=True
        )
    units = [r["source"] for r in compiler.records() if r["event"] == "unit"]
    assert sorted(Path(name).name for name in units) == ["a.c", "main.c"]


def ozma(folder: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "import sys; from ozma.cli import main; sys.exit(main())"]
    return subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True)


def test_the_verbs(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.write("b.cpp", "int f() { return 3; }")
    options = [f"--ozma-cache={compiler.cache}", f"--ozma-lists={compiler.lists}"]
    assert ozma(compiler.folder, "cc", *options, "-Oz", "-c", "a.c").returncode == 0
    assert ozma(compiler.folder, "c++", *options, "-Oz", "-c", "b.cpp").returncode == 0
    show = ["stats", "--cache", str(compiler.cache)]
    assert "seen 2, optimized 2, improved 1, larger 0" in ozma(compiler.folder, *show).stdout
    summary = json.loads(ozma(compiler.folder, *show, "--json").stdout)
    assert summary["bytes"]["total"]["after"] < summary["bytes"]["total"]["before"]
    assert "removed" in ozma(compiler.folder, *show, "--clear-cache", "--reset").stdout
    assert "no records" in ozma(compiler.folder, *show).stdout
    assert Cache(compiler.cache / "objects", 1).entries() == []
