"""Many programs in one executable, each in a process of its own, whatever they do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.llvm import TARGETS
from ozma.llvm.clang import compile_object
from ozma.verify.machine import machine_of
from ozma.verify.relocatable import Relocatable, archive, isolate
from ozma.verify.runner import Limits, Runner

TARGET = next(t for t in TARGETS.values() if t.triple.split("-")[0] == os.uname().machine)

QUIET = "int shared = 1; int helper(void) { return shared; } int main() { return helper() - 1; }"
PRINTING = '#include <stdio.h>\nint main() { printf("checksum = %d\\n", 42); return 0; }'
FAILING = "int helper(void) { return 3; } int main() { return helper(); }"
ABORTING = "#include <stdlib.h>\nint main() { abort(); }"
HANGING = "int main() { for (volatile int i = 0;; i++) ; }"
FORKING = "#include <unistd.h>\nint main() { if (!fork()) for (;;) pause(); return 0; }"
HUNGRY = """
#include <stdlib.h>
#include <string.h>
char *volatile kept;
int main() { for (;;) { kept = malloc(1 << 26); if (!kept) return 7; memset(kept, 1, 1 << 12); } }
"""
CONSTRUCTED = "int ready; __attribute__((constructor)) void f(void) { ready = 1; } int main() { return !ready; }"
THROWING = "int main() { try { throw 5; } catch (int thrown) { return thrown; } }"
NULL_CALL = "void nowhere(void); int main() { nowhere(); return 0; }"
TOO_LARGE = "char a[3ul << 30]; char b; int main() { return a[b]; }"


@pytest.fixture
def compile_c(toolchain, tmp_path):
    def compile_text(text: str) -> bytes:
        source = tmp_path / "program.c"
        source.write_text(text)
        return compile_object(toolchain, source, ["-w"], TARGET)

    return compile_text


@pytest.fixture(scope="module")
def runner(toolchain):
    with Runner(toolchain, TARGET, Limits(cpu=1, memory=1 << 30, hangs=2)) as made:
        yield made


def test_programs_that_share_names_do_not_meet(runner, compile_c):
    runs = runner.run([[compile_c(QUIET)], [compile_c(FAILING)], [compile_c(PRINTING)]])
    assert [run.describe() for run in runs] == ["exit 0", "exit 3", "exit 0"]
    assert runs[0].stdout != runs[2].stdout


def test_a_bad_program_harms_only_itself(runner, compile_c):
    texts = [ABORTING, NULL_CALL, FORKING, HUNGRY, QUIET]
    runs = runner.run([[compile_c(text)] for text in texts])
    assert [run.describe() for run in runs] == ["SIGABRT", "SIGSEGV", "exit 0", "exit 7", "exit 0"]


def test_constructors_run_in_their_own_program_only(runner, compile_c):
    poison = CONSTRUCTED.replace("ready = 1", "__builtin_trap()")
    runs = runner.run([[compile_c(CONSTRUCTED)], [compile_c(poison)], [compile_c(QUIET)]])
    assert [run.describe() for run in runs] == ["exit 0", "SIGILL", "exit 0"]


def test_after_a_few_hanging_programs_the_others_are_not_run(runner, compile_c):
    hanging = [compile_c(HANGING)]
    runs = runner.run([hanging, hanging, [compile_c(QUIET)]])
    assert [run.timed_out for run in runs] == [True, True, False]
    assert runs[2].skipped and not runs[2].clean


def test_a_program_that_cannot_be_linked_leaves_the_others_alone(runner, compile_c):
    runs = runner.run([[compile_c(QUIET)], [compile_c(TOO_LARGE)], [compile_c(PRINTING)]])
    assert [run.clean for run in runs] == [True, False, True]
    assert runs[1].describe() == "does not link"


def test_the_first_of_two_definitions_wins(runner, compile_c):
    main = compile_c("int helper(void); int main() { return helper(); }")
    first, second = (compile_c(f"int helper(void) {{ return {n}; }}") for n in (5, 6))
    assert runner.run([[main, first, second]])[0].describe() == "exit 5"


def test_prefixing_renames_definitions_and_keeps_the_libraries(compile_c):
    changed = Relocatable(isolate([compile_c(PRINTING)], "p_")[0])
    assert changed.defined == {b"p_main"}
    assert not any(name.startswith(b"p_") for name in changed.undefined) and changed.undefined


ELF_OF = {"thumb2": (1, 40), "riscv64": (2, 243), "aarch64": (2, 183)}
"""ELF class and machine of a target's objects."""
SYSTEM_OF = {
    "thumb2": ("qemu-arm", "arm-linux-gnueabi"),
    "riscv64": ("qemu-riscv64", "riscv64-linux-gnu"),
    "aarch64": ("qemu-aarch64", "aarch64-linux-gnu"),
}
"""What runs a target's programs, and the folder of its C library."""


def _needs_system_of(name: str) -> None:
    """Looks for itself: what Ozma does wrong must not seem to be missing."""
    emulator, folder = SYSTEM_OF[name]
    if not (shutil.which(emulator) and Path("/usr", folder, "include/stdio.h").exists()):
        pytest.skip(f"{emulator} or {folder}'s C library is not installed")


@pytest.mark.parametrize("name", ELF_OF)
def test_programs_for_other_machines_run_under_an_emulator(name, toolchain, tmp_path):
    _needs_system_of(name)
    target = TARGETS[name]
    expected = {QUIET: "exit 0", FAILING: "exit 3", PRINTING: "exit 0", CONSTRUCTED: "exit 0"}
    with Runner(toolchain, target) as runner:
        if runner._has_library("stdc++"):  # Debian 13 calls its package another name
            expected[THROWING] = "exit 5"
        runs = runner.run([[_other(toolchain, target, tmp_path, text)] for text in expected])
    assert [run.describe() for run in runs] == list(expected.values())


def test_a_stack_address_differs_from_run_to_run_under_an_emulator_too(toolchain, tmp_path):
    _needs_system_of("thumb2")
    shows = """#include <stdio.h>
    int main() { int here; printf("%p", (void *)&here); return 0; }"""
    program = _other(toolchain, TARGETS["thumb2"], tmp_path, shows)
    with Runner(toolchain, TARGETS["thumb2"]) as runner:
        printed = {runner.run([[program]])[0].stdout for _ in range(3)}
    assert len(printed) == 3


def _other(toolchain, target, folder, text: str) -> bytes:
    source = folder / ("program.cpp" if "catch" in text else "program.c")
    source.write_text(text)
    data = compile_object(toolchain, source, ["-w"], machine_of(target).units)
    assert (data[4], data[18]) == ELF_OF[target.name]
    return data


def test_what_is_not_an_object_is_refused():
    with pytest.raises(OzmaError, match="ELF"):
        isolate([b"MZ\x90"], "p_")


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_archive_members_come_back(members):
    data, found, position = archive(members), [], 8
    while position < len(data):
        size = int(data[position + 48 : position + 58])
        found.append(data[position + 60 : position + 60 + size])
        position += 60 + size + (size & 1)
    assert found == members
