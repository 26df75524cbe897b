"""The drop-in compilers: what a build sees of them, and what is in the objects."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cc_support import MERGING, STRUCTURIZE, SWITCH_IN_A_LOOP, TWINS, Compiler, clang_object

from ozma.llvm import find_toolchain
from ozma.llvm.objects import measure_object, sections
from ozma.optimize.cc.exclude import add_exclusion


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


def section_names(data: bytes) -> set[str]:
    return {section.name for section in sections(data)}


def test_a_compile_for_size_becomes_smaller(compiler: Compiler) -> None:
    compiler.write("a.c")
    done = compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ours = measure_object((compiler.folder / "a.o").read_bytes())
    assert ours.total < measure_object(clang_object(compiler.folder, "-Oz", "a.c")).total
    record = compiler.last()
    assert (record["outcome"], record["passes"]) == ("improved", MERGING)
    assert record["after"]["total"] == ours.total


def test_the_smaller_object_runs(compiler: Compiler) -> None:
    compiler.write("a.c")
    main = "int scale(const int*, int); int weigh(const int*, int);\n"
    main += "int main(void) { int v[] = {1, 9, 4}; return scale(v, 3) - weigh(v, 3) + 7; }"
    compiler.write("main.c", main)
    for name in ("a.c", "main.c"):
        compiler.run("-Oz", "-c", name)
    assert compiler.run("a.o", "main.o", "-o", "program").returncode == 0
    assert subprocess.run([compiler.folder / "program"]).returncode == 7


def test_nothing_smaller_keeps_the_real_object_to_the_byte(compiler: Compiler) -> None:
    compiler.use_lists("default<Oz>")
    compiler.write("a.c")
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert (compiler.folder / "a.o").read_bytes() == clang_object(compiler.folder, "-Oz", "a.c")
    assert compiler.last()["reason"] == "nothing smaller found"


@pytest.mark.parametrize(
    "flags",
    [
        "-Os",
        "-Oz -g -fPIC -ffunction-sections -fdata-sections",
        "-Oz -std=gnu99 -Wall -Werror -DX=1 -Iinclude -Wa,--noexecstack",
        "-Oz --target=aarch64-linux-gnu",
        "-Oz --target=thumbv7em-none-eabi -mthumb",
    ],
)
def test_the_users_flags_reach_the_object(compiler: Compiler, flags: str) -> None:
    compiler.write("a.c")
    assert compiler.run(*flags.split(), "-c", "a.c", "-o", "a.o").stderr == ""
    assert compiler.last()["outcome"] == "improved"
    true = clang_object(compiler.folder, *flags.split(), "a.c")
    ours = (compiler.folder / "a.o").read_bytes()
    assert ours[:20] == true[:20]  # class, byte order, machine
    lost = section_names(true) - section_names(ours)
    gone = {".debug_rnglists"}  # there is only one range left
    assert {name for name in lost if "weigh" not in name} <= gone


def test_cplusplus_with_exceptions(compiler: Compiler) -> None:
    text = "#include <stdexcept>\n"
    text += 'int f(int x) { if (x) throw std::runtime_error("x"); return 1; }\n'
    text += "int g(int x) { try { return f(x); } catch (const std::exception &) { return 5; } }\n"
    compiler.write("a.cpp", text + "int main(int n, char **) { return g(n) - 5; }\n")
    assert compiler.run("-Os", "-c", "a.cpp", "-o", "a.o", cplusplus=True).returncode == 0
    assert compiler.last()["event"] == "unit"
    assert compiler.run("a.o", "-o", "a", cplusplus=True).returncode == 0
    assert subprocess.run([compiler.folder / "a"]).returncode == 0


def test_several_sources_are_improved_one_by_one(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.write("b.c", TWINS.replace("scale", "f").replace("weigh", "g"))
    compiler.run("-Oz", "-c", "a.c", "b.c")
    assert [record["outcome"] for record in compiler.records()] == ["improved", "improved"]


def test_ir_is_a_source_too(compiler: Compiler) -> None:
    compiler.write("a.c")
    words = ["-Oz", "-emit-llvm", "-S", "-Xclang", "-disable-llvm-passes", "a.c", "-o", "a.ll"]
    subprocess.run([find_toolchain().tool("clang"), *words], cwd=compiler.folder, check=True)
    compiler.run("-Oz", "-c", "a.ll", "-o", "a.o")
    assert compiler.last()["outcome"] == "improved"


def test_diagnostics_and_exit_code_are_the_compilers(compiler: Compiler) -> None:
    compiler.write("bad.c", "int f(void) { return g; }")
    done = compiler.run("-Oz", "-c", "bad.c", "-o", "bad.o")
    assert done.returncode == 1 and done.stderr.count("error:") == 1
    assert not (compiler.folder / "bad.o").exists() and compiler.records() == []


def test_warnings_appear_once(compiler: Compiler) -> None:
    compiler.write("w.c", "int f(void) { int unused; return 1; }" + TWINS)
    done = compiler.run("-Oz", "-Wall", "-c", "w.c")
    assert done.returncode == 0 and done.stderr.count("-Wunused-variable") == 1


def test_dependency_files_are_the_compilers(compiler: Compiler) -> None:
    compiler.write("a.h", "")
    compiler.write("a.c", '#include "a.h"\n' + TWINS)
    compiler.run("-Oz", "-MMD", "-MP", "-c", "a.c", "-o", "a.o")
    assert (compiler.folder / "a.d").read_text() == "a.o: a.c a.h\na.h:\n"
    assert compiler.last()["outcome"] == "improved"


def test_a_second_build_comes_from_the_cache(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    first = (compiler.folder / "a.o").read_bytes()
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert compiler.last()["cached"] and (compiler.folder / "a.o").read_bytes() == first
    compiler.run("-Oz", "--ozma-budget=3", "-c", "a.c", "-o", "a.o")
    assert not compiler.last()["cached"]


def test_links_and_queries_are_counted(compiler: Compiler) -> None:
    assert "clang version" in compiler.run("--version").stdout
    compiler.write("main.c", "int main(void) { return 0; }")
    compiler.run("-Oz", "main.c", "-o", "main")
    assert [record["reason"] for record in compiler.records()] == ["query", "compile and link"]


def test_file_mode_is_kept(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert compiler.last()["outcome"] == "improved"
    clang_object(compiler.folder, "-Oz", "a.c")
    modes = [stat.S_IMODE((compiler.folder / n).stat().st_mode) for n in ("a.o", "clang.o")]
    assert modes[0] == modes[1]


def test_excluded_units_keep_the_real_object(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    add_exclusion(compiler.cache / "exclude.txt", f"ir:{compiler.last()['ir']}", "a test")
    folder = compiler.folder / "saved"
    compiler.run("-Oz", "-c", "a.c", "-o", "a.o", f"--ozma-reproducers={folder}")
    record = compiler.last()
    assert record["outcome"] == "excluded"
    assert (compiler.folder / "a.o").read_bytes() == clang_object(compiler.folder, "-Oz", "a.c")
    saved = Path(record["reproducer"])
    assert (saved / "passes.txt").read_text() == MERGING + "\n"
    subprocess.run([saved / "run.sh"], check=True, capture_output=True)
    assert measure_object((saved / "ours.o").read_bytes()).total < record["before"]["total"]


def test_a_differential_check_refuses_a_miscompilation(compiler: Compiler) -> None:
    compiler.use_lists(STRUCTURIZE)
    compiler.write("a.c", SWITCH_IN_A_LOOP)
    found = {}
    for verify in ("none", "differential"):
        compiler.run("-Oz", f"--ozma-verify={verify}", "-c", "a.c")
        found[verify] = (compiler.last()["outcome"], compiler.last()["reason"])
    assert found["none"] == ("improved", "")
    assert found["differential"] == ("kept", "everything smaller rejected")
    assert (compiler.folder / "a.o").read_bytes() == clang_object(compiler.folder, "-Oz", "a.c")


def test_what_was_checked_is_recorded(compiler: Compiler) -> None:
    compiler.write("a.c")
    checked = {}
    for verify in ("none", "lists", "differential"):
        compiler.run("-Oz", f"--ozma-verify={verify}", "-c", "a.c")
        checked[verify] = compiler.last()["checked"]
    assert checked["none"] == checked["lists"] == "not checked"
    assert checked["differential"] == "not checked; this output: differential test passed"
