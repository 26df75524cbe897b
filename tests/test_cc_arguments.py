"""Which command lines the drop-in compilers take, and clang's own plan for those."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.llvm import find_toolchain
from ozma.optimize.cc import arguments, cc1, launch, records


@pytest.mark.parametrize(
    "line",
    [
        "-Oz -c a.c",
        "-Os -c a.c -o a.o",
        "-O2 -Oz -c a.c",
        "-O0 -g -Os -fPIC -ffunction-sections -MD -MF a.d -MT a.o -c -o a.o a.c",
        "-c -Oz dir/b.cpp -Wall -Werror -std=c++20 -DNAME=-O2",
        "-Oz -c -D -O2 a.c",
        "-Oz -c a.c b.c",
        "-Oz -c -x c a.inc",
        "-xc -Oz -c a.inc",
        "-Oz -c a.ll",
        "-Oz -c a.bc",
        "-Oz -c a.i",
        "-Oz -flto -fno-lto -c a.c",
        "-Oz -c --target=thumbv7em-none-eabi -mthumb a.c",
        "-Oz -c -Wp,-MMD,a.d a.c",
        "-Oz -c -- a.c",
        "-Oz -c -mllvm -enable-machine-outliner=always a.c",
    ],
)
def test_compiles_for_size_are_ours(line: str) -> None:
    assert arguments.refusal(line.split(), "/src") == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.o b.o -o a", "link"),
        ("-Oz a.o -lm -o a", "link"),
        ("-Oz a.c -o a", "compile and link"),
        ("-Oz -E a.c", "preprocessing"),
        ("-Oz -S a.c", "assembly output"),
        ("-Oz -M a.c", "dependencies only"),
        ("-Oz -c a.s", "assembly input"),
        ("-Oz -c a.S", "assembly input"),
        ("-Oz -c -x assembler-with-cpp a.c", "other language"),
        ("-Oz -c -x c-header a.h", "other language"),
        ("-Oz -c a.m", "other input"),
        ("-Oz -c a.h", "other input"),
        ("-Oz -c -x c -", "standard input"),
        ("-Oz -c a.c -o -", "output is not a file"),
        ("-Oz -c a.c -o /dev/null", "output is not a file"),
        ("-Oz -flto -c a.c", "link-time optimization"),
        ("-Oz -flto=thin -c a.c", "link-time optimization"),
        ("-Oz -emit-llvm -c a.c", "IR output"),
        ("-Oz -fsyntax-only a.c", "syntax check"),
        ("-Oz -save-temps=obj -c a.c", "save-temps"),
        ("-Oz -fsanitize=address -c a.c", "sanitizer"),
        ("-Oz -fprofile-instr-generate -c a.c", "profiling"),
        ("-Oz --coverage -c a.c", "coverage"),
        ("-Oz -finstrument-functions -c a.c", "instrumentation"),
        ("-Oz -fmodules -c a.c", "modules"),
        ("-Oz -arch x86_64 -arch arm64 -c a.c", "several architectures"),
        ("-Oz -gsplit-dwarf -c a.c", "extra output file"),
        ("-Oz @words -c a.c", "response file"),
        ("-Oz -fno-integrated-as -c a.c", "external assembler"),
        ("-Oz -working-directory=/x -c a.c", "other working directory"),
        ("-v", "query"),
        ("--version", "query"),
        ("-print-search-dirs", "query"),
        ("-dumpmachine", "query"),
        ("-Oz -v -c a.c", "query"),
        ("-Oz -### -c a.c", "query"),
        ("", "no input"),
        ("-c -Oz", "no input"),
        ("-c a.c", "no optimization level"),
        ("-O2 -c a.c", "optimization level -O2"),
        ("-Oz -O3 -c a.c", "optimization level -O3"),
        ("-Oz -O0 -c a.c", "optimization level -O0"),
        ('-O"x -c a.c', "other optimization level"),
        ("-Oz -c conftest.c", "configure probe"),
        ("-Oz -o conftest conftest.c", "configure probe"),
        ("-Oz -c /b/CMakeFiles/CMakeScratch/TryCompile-x/src.c", "configure probe"),
        ("-Oz -o CMakeFiles/cmTC_1.dir/CMakeCCompilerABI.c.o -c /s/CMakeCCompilerABI.c",
         "configure probe"),
        ("/b/meson-private/tmp1/testfile.c -c -Oz -o x.o", "configure probe"),
        ("sanitycheckc.c -o sanitycheckc.exe", "configure probe"),
    ],
)
def test_everything_else_goes_to_the_real_compiler(line: str, reason: str) -> None:
    assert arguments.refusal(line.split(), "/src") == reason


def test_a_probe_is_known_by_its_working_directory() -> None:
    folder = "/b/CMakeFiles/CMakeScratch/TryCompile-q"
    assert arguments.refusal(["-Oz", "-c", "src.c"], folder) == "configure probe"


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_words_get_a_plain_reason(words: list[str]) -> None:
    reason = arguments.refusal(words, "/src")
    assert json.loads(records.passed_through(reason, "s"))["reason"] == reason


@given(st.lists(st.text(min_size=1, max_size=6), max_size=6))
def test_splitting_keeps_the_compilers_words(words: list[str]) -> None:
    mixed = [w for word in words for w in ("--ozma-budget=3", word)]
    _, theirs = arguments.split(mixed)
    assert theirs == [word for word in words if not word.startswith(arguments.OPTION_PREFIX)]


def test_the_quick_lookup_finds_what_the_full_discovery_finds() -> None:
    toolchain = find_toolchain()
    assert launch.find_compiler("", False) == str(toolchain.tool("clang"))
    assert launch.find_compiler(str(toolchain.major), True) == str(toolchain.tool("clang++"))


def test_passing_through_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ozma.cli import cc; from ozma.optimize.cc import arguments;"
        "arguments.refusal(['-c', 'a.c'], '/'); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    heavy = {"subprocess", "dataclasses", "json", "pathlib", "re", "ctypes", "typing", "enum"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    ).stdout
    assert not heavy & (set(loaded.split()) - set(bare.split()))


def test_steps_of_clangs_own_plan() -> None:
    plan = (
        "clang version 19.1.7\n"
        ' "/bin/clang" "-cc1" "-triple" "x86_64" "-emit-obj" "-dependency-file" "a.d" "-MT" "a.o"'
        ' "-D" "X=\\"a b\\"" "-Iq" "-O2" "-Oz" "-o" "a.o" "-x" "c" "a b.c"\n'
    )
    (step,) = cc1.read_steps(plan)
    assert (step.source, step.output, step.level) == ("a b.c", "a.o", "-Oz")
    assert step.words == ("-triple", "x86_64", "-D", 'X="a b"', "-Iq", "-O2", "-Oz")
    assert step.codegen_words == ("-triple", "x86_64", "-O2", "-Oz")
    assert cc1.read_version(plan) == "19.1.7"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_any_word_survives_clangs_quoting(words: list[str]) -> None:
    def quoted(word: str) -> str:
        return '"' + "".join("\\" + c if c in '"\\$' else c for c in word) + '"'

    tail = ["-triple", "x", "-emit-obj", "-Oz", "-o", "a.o", "-x", "c", "a.c"]
    given_words = [f"=={word}" for word in words]
    plan = " " + " ".join(quoted(word) for word in ["/clang", "-cc1", *given_words, *tail]) + "\n"
    (step,) = cc1.read_steps("clang version 19.1.7\n (in-process)\n" + plan)
    assert list(step.words[: len(words)]) == given_words


@pytest.mark.parametrize(
    "plan",
    [
        "",
        ' "/usr/bin/as" "-o" "a.o" "a.s"',
        ' "/bin/clang" "-cc1" "-triple" "x" "-S" "-Oz" "-o" "a.s" "-x" "c" "a.c"',
        ' "/bin/clang" "-cc1" "-triple" "x" "-emit-obj" "-O2" "-o" "a.o" "-x" "c" "a.c"',
        ' "/bin/clang" "-cc1" "-triple" "x" "-emit-obj" "-Oz" "-o" "a.o" "-x" "cuda" "a.c"',
        ' "/bin/clang" "-cc1" "-emit-obj" "-Oz" "-x" "c" "a.c"',
    ],
)
def test_other_plans_are_refused(plan: str) -> None:
    with pytest.raises(cc1.Unsupported):
        cc1.read_steps(plan)
