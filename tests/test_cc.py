"""The drop-in compilers: what they touch, what they leave, and what a build sees of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.llvm import find_toolchain
from ozma.llvm.objects import measure_object, sections
from ozma.llvm.result import Sizes
from ozma.optimize.cc import arguments, cc1, driver, launch, records, stats
from ozma.optimize.cc.cache import Cache, Entry
from ozma.optimize.cc.config import CompilerConfig, read_options
from ozma.optimize.cc.exclude import add_exclusion, read_exclusions
from ozma.optimize.cc.signals import RealCompiler
from ozma.optimize.cc.unit import Chooser, Chosen, Problem, smaller

TWINS = """
int scale(const int *v, int n) {
    int s = 0;
    for (int i = 0; i < n; i++) { if (v[i] > 3) s += v[i] * 7; else s ^= v[i] - 5; }
    return s;
}
int weigh(const int *v, int n) {
    int s = 0;
    for (int i = 0; i < n; i++) { if (v[i] > 3) s += v[i] * 7; else s ^= v[i] - 5; }
    return s;
}
"""
"""Two equal functions: `mergefunc`, which is not part of -Oz, makes one of them."""

MERGING = "default<Oz>,mergefunc"


class Compiler:
    """`ozma cc` as a program of one word in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.lists = folder / "lists.json"
        self.use_lists(MERGING)
        self.cc, self.cxx = self._script("ozcc", False), self._script("ozcxx", True)

    def use_lists(self, *passes: str) -> None:
        self.lists.write_text(json.dumps({"lists": [{"passes": p} for p in passes]}))

    def _script(self, name: str, cplusplus: bool) -> Path:
        path = self.folder / name
        body = f"from ozma.cli import cc\nsys.exit(cc.main(sys.argv[1:], {cplusplus}))\n"
        path.write_text(f"#!{sys.executable}\nimport sys\n{body}")
        path.chmod(0o755)
        return path

    @property
    def environment(self) -> dict[str, str]:
        flags = f"--ozma-cache={self.cache} --ozma-lists={self.lists}"
        return {**os.environ, launch.FLAGS_VARIABLE: flags}

    def run(self, *words: str, cplusplus: bool = False) -> subprocess.CompletedProcess:
        command = [self.cxx if cplusplus else self.cc, *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )

    def write(self, name: str, text: str = TWINS) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def records(self) -> list[dict]:
        return list(stats.read_records(self.cache))

    def last(self) -> dict:
        return self.records()[-1]


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


def clang_object(folder: Path, *words: str) -> bytes:
    clang = find_toolchain().tool("clang")
    subprocess.run([clang, *words, "-c", "-o", "clang.o"], cwd=folder, check=True)
    return (folder / "clang.o").read_bytes()


def section_names(data: bytes) -> set[str]:
    return {section.name for section in sections(data)}


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
    text = "#include <stdexcept>\nint f(int x) { if (x) throw std::runtime_error(\"x\"); return 1; }\n"
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


def test_an_unusable_cache_does_not_matter(compiler: Compiler) -> None:
    compiler.write("a.c")
    compiler.cache = compiler.write("a-file", "") / "cache"
    assert compiler.run("--version").returncode == 0
    done = compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert (done.returncode, done.stderr) == (0, "")
    size = measure_object((compiler.folder / "a.o").read_bytes()).total
    assert size < measure_object(clang_object(compiler.folder, "-Oz", "a.c")).total


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_loses_the_record_only(compiler: Compiler) -> None:
    compiler.cache.mkdir()
    (compiler.cache / records.RECORDS).symlink_to("/dev/full")
    compiler.write("a.c")
    done = compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("crash", ["trigger-crash-function", "trigger-crash-module"])
def test_a_crashing_list_keeps_the_real_object(compiler: Compiler, crash: str) -> None:
    compiler.use_lists(f"default<Oz>,{crash}")
    compiler.write("a.c")
    done = compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert (done.returncode, done.stderr) == (0, "")
    assert (compiler.folder / "a.o").read_bytes() == clang_object(compiler.folder, "-Oz", "a.c")


def exploding_chooser(problem: Problem) -> Chosen:
    raise RuntimeError("boom")


def garbling_chooser(problem: Problem) -> Chosen:
    return Chosen("default<Oz>", b"BC but no bitcode", 1, "not checked")


def refusing_chooser(problem: Problem) -> Chosen:
    raise OzmaError("LLVM crashed on reading the module")


@pytest.mark.parametrize(
    ("choose", "reason"),
    [
        (exploding_chooser, "internal error"),
        (garbling_chooser, "code generation failed"),
        (refusing_chooser, "choice failed"),
    ],
)
def test_a_failure_of_ours_is_counted_and_saved(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch, choose: Chooser, reason: str
) -> None:
    monkeypatch.chdir(compiler.folder)
    compiler.write("a.c")
    clang, words = launch.find_compiler("", False), ["-Oz", "-c", "a.c"]
    real = RealCompiler(clang, words)
    assert driver.improve({}, str(compiler.cache), clang, words, real, choose) == 0
    assert (compiler.folder / "a.o").read_bytes() == clang_object(compiler.folder, "-Oz", "a.c")
    record = compiler.last()
    assert (record["outcome"], record["reason"]) == ("failed", reason)
    saved = Path(record["reproducer"])
    assert {"input.bc", "input.ll", "run.sh", "versions.txt"} <= {p.name for p in saved.iterdir()}
    assert subprocess.run([saved / "run.sh"], capture_output=True).returncode == 0


def test_lists_that_cannot_be_read_are_an_error(compiler: Compiler) -> None:
    compiler.lists.write_text("not JSON")
    compiler.write("a.c")
    done = compiler.run("-Oz", "-c", "a.c", "-o", "a.o")
    assert done.returncode == 100 and "is not a pack of pass lists" in done.stderr


def test_options_that_do_not_read_are_one_line(compiler: Compiler) -> None:
    compiler.write("a.c")
    for option in ("--ozma-budget=many", "--ozma-budget=-1", "--ozma-nonsense", "--ozma-llvm=x"):
        done = compiler.run(option, "-Oz", "-c", "a.c")
        assert done.returncode == 100, option
        assert done.stderr.startswith("ozma cc: error: ") and done.stderr.count("\n") == 1


def test_help_of_our_options(compiler: Compiler) -> None:
    text = compiler.run("--ozma-help").stdout
    assert all(f"--ozma-{name}=" in text for name in launch.OPTIONS)


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(compiler: Compiler, number: signal.Signals) -> None:
    compiler.use_lists(*["default<O3>," * 400 + "default<O3>"] * 8)
    compiler.write("a.c")
    before = set(compiler.folder.iterdir())
    child = subprocess.Popen(
        [compiler.cc, "-Oz", "-c", "a.c"], cwd=compiler.folder, env=compiler.environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not (compiler.folder / "a.o").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    child.send_signal(number)
    assert child.wait(10) == -number
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)
    assert {p.name for p in set(compiler.folder.iterdir()) - before} <= {"a.o", "cache"}


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


def test_smaller_means_that_nothing_grows() -> None:
    old = Sizes(text=10, data=0, rodata=0, loadable=20)
    assert smaller(Sizes(9, 0, 0, 20), old) and smaller(Sizes(10, 0, 0, 19), old)
    assert not smaller(old, old) and not smaller(Sizes(9, 0, 0, 21), old)


def test_cache_holds_its_limit(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=5000)
    keys = [f"{i:02x}" + "1" * 62 for i in range(10)]
    for number, key in enumerate(keys):
        assert cache.put(key, Entry("p", bytes(1000), 3, "not checked"))
        os.utime(tmp_path / key[:2] / key[2:], (number, number))
    assert cache.get(keys[0]) == Entry("p", bytes(1000), 3, "not checked")
    assert cache.evict() >= 5000
    assert cache.get(keys[0]) is not None and cache.get(keys[1]) is None
    assert cache.clear() > 0 and cache.entries() == []


def test_a_damaged_entry_is_a_miss(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path, 1 << 20), "ab" * 32
    cache.put(key, Entry(None))
    (tmp_path / key[:2] / key[2:]).write_bytes(b"\x00\xff")
    assert cache.get(key) is None


def test_exclude_rules(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "exclude.txt"
    assert not read_exclusions(path).holds("aa", "/x.c")
    add_exclusion(path, "ir:aa", "two\nlines")
    add_exclusion(path, "source:/y.c", "")
    rules = read_exclusions(path)
    assert rules.holds("aa", "/x.c") and rules.holds("bb", "/y.c")
    assert not rules.holds("bb", "/x.c")


def test_configuration_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="verify is 'maybe': give one of none"):
        CompilerConfig(cache=tmp_path, verify="maybe")
    with pytest.raises(OzmaError, match="cache-limit is 'x': "):
        read_options({"cache-limit": "x"}, str(tmp_path))
    assert read_options({"budget": "64", "llvm": "19"}, str(tmp_path)).budget.compiles == 64


def test_statistics_of_known_records(tmp_path: Path) -> None:
    sizes = {"total": 100, "loadable": 200}
    unit = {"event": "unit", "outcome": "improved", "output": "/a.o", "before": sizes,
            "after": {"total": 90, "loadable": 190}, "seconds": {"ours": 0.5}, "compiles": 4}
    failed = {"event": "unit", "outcome": "failed", "reason": "front end failed",
              "output": "/b.o", "reproducer": "/saved"}
    for record in (unit, unit, failed):
        assert records.append(str(tmp_path), json.dumps(record))
    records.append(str(tmp_path), records.passed_through("link", "one"))
    with (tmp_path / records.RECORDS).open("a") as file:
        file.write('{"event": "unit", "outc')
    found = list(stats.read_records(tmp_path))
    assert stats.as_json(stats.summarize(found))["bytes"]["total"]["share"] == pytest.approx(0.1)
    summary = stats.summarize(stats.latest_units(found))
    assert (summary.seen, summary.units["improved"], summary.larger) == (2, 1, 0)
    assert summary.passed_through == {"link": 1} and summary.failed == {"front end failed": 1}
    assert "reproducer: /saved" in stats.render(summary)
    assert [r["reason"] for r in stats.read_records(tmp_path, "one")] == ["link"]
