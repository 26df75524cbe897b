"""The drop-in compilers when the disk, LLVM, Ozma itself or the user's options fail."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cc_support import MERGING, Compiler, clang_object, group_lives, wait_until

from ozma.errors import OzmaError
from ozma.llvm.objects import measure_object
from ozma.optimize.cc import driver, launch, records
from ozma.optimize.cc.cache import Chosen
from ozma.optimize.cc.result import Chooser, Problem
from ozma.optimize.cc.signals import RealCompiler


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


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
    return Chosen("default<Oz>", problem.steps.object_of(b"BC but no bitcode"), 1, "not checked")


def refusing_chooser(problem: Problem) -> Chosen:
    raise OzmaError("LLVM crashed on reading the module")


@pytest.mark.parametrize(
    ("choose", "reason"),
    [
        (exploding_chooser, "internal error"),
        (garbling_chooser, "choice failed"),
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


def test_a_pipe_as_output_is_clangs_alone(compiler: Compiler) -> None:
    compiler.write("a.c")
    pipe = compiler.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        command = [compiler.cc, "-Oz", "-c", "a.c", "-o", "pipe"]
        done = subprocess.run(command, cwd=compiler.folder, env=compiler.environment, timeout=60)
        assert done.returncode == 0 and reader.communicate()[0][:4] == b"\x7fELF"
    assert compiler.last()["reason"] == "output is not a file"


def test_what_is_edited_during_the_search_is_newer_than_the_object(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(compiler.folder)
    source = compiler.write("a.c")

    def merging_chooser(problem: Problem) -> Chosen:
        time.sleep(0.05)
        source.touch()
        return Chosen(MERGING, problem.steps.make(MERGING).object, 1, "not checked")

    clang, words = launch.find_compiler("", False), ["-Oz", "-c", "a.c"]
    real = RealCompiler(clang, words)
    assert driver.improve({}, str(compiler.cache), clang, words, real, merging_chooser) == 0
    assert compiler.last()["outcome"] == "improved"
    assert (compiler.folder / "a.o").stat().st_mtime_ns < source.stat().st_mtime_ns


def test_a_model_that_is_not_there_is_an_error(compiler: Compiler) -> None:
    compiler.write("a.c")
    done = compiler.run("--ozma-model=nowhere", "-Oz", "-c", "a.c", "-o", "a.o")
    assert done.returncode == 100 and "nowhere holds no model" in done.stderr


def test_flags_with_an_open_quote_are_one_line(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(launch.FLAGS_VARIABLE, "--ozma-session='x")
    with pytest.raises(OzmaError, match="OZMA_CC_FLAGS does not read"):
        launch.main(["--version"])


def test_the_page_names_every_option() -> None:
    page = (Path(__file__).parents[1] / "docs" / "cc.md").read_text()
    assert all(f"--ozma-{name}" in page for name in launch.OPTIONS)


def test_help_of_our_options(compiler: Compiler) -> None:
    text = compiler.run("--ozma-help").stdout
    assert all(f"--ozma-{name}=" in text for name in launch.OPTIONS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(compiler: Compiler, number: signal.Signals) -> None:
    compiler.use_lists(*["default<O3>," * 400 + "default<O3>"] * 8)
    compiler.write("a.c")
    before = set(compiler.folder.iterdir())
    child = subprocess.Popen(
        [compiler.cc, "-Oz", "-c", "a.c"], cwd=compiler.folder, env=compiler.environment,
        start_new_session=True,
        # A background job inherits an ignored SIGINT, which is then rightly ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: (compiler.folder / "a.o").exists())
    time.sleep(0.5)
    child.send_signal(number)
    assert child.wait(20) == -number
    wait_until(lambda: not group_lives(child.pid))
    assert {p.name for p in set(compiler.folder.iterdir()) - before} <= {"a.o", "cache"}


def test_a_killed_wrapper_takes_its_children_along(compiler: Compiler) -> None:
    compiler.use_lists(*["default<O3>," * 400 + "default<O3>"] * 8)
    compiler.write("a.c")
    child = subprocess.Popen(
        [compiler.cc, "-Oz", "-c", "a.c"], cwd=compiler.folder, env=compiler.environment,
        start_new_session=True,
    )
    wait_until(lambda: (compiler.folder / "a.o").exists())
    time.sleep(0.5)
    child.kill()
    child.wait()
    wait_until(lambda: not group_lives(child.pid))
