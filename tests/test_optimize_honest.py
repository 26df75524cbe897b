"""What `ozma optimize` must refuse, and what it must not claim."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cc_support import MERGING, TWINS

from ozma.llvm import Worker
from ozma.optimize.file import FileOptimizer, OptimizeConfig
from ozma.optimize.pack import Pack, PackEntry, load_pack
from ozma.verify.report import DifferentialReport
from ozma.verify.verdict import Verdict


def ozma(*words: object, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ozma", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, **more)


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    path = tmp_path / "twins.c"
    path.write_text(TWINS)
    return path


def one_line(done: subprocess.CompletedProcess) -> str:
    assert done.returncode >= 100
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("-fsanitize=address", "sanitizer"),
        ("-fprofile-instr-generate", "profiling"),
        ("-pg", "profiling"),
        ("-flto", "link-time optimization"),
        ("-E", "preprocessing"),
        ("-fsyntax-only", "syntax check"),
        ("--version", "query"),
    ],
)
def test_what_a_list_of_ours_would_drop_is_refused(twins, word, reason):
    assert reason in one_line(ozma("optimize", twins, word, "--budget", "1"))


def test_an_object_that_is_not_elf_names_its_machine(twins):
    done = ozma("optimize", twins, "-target", "arm64-apple-darwin", "--budget", "1")
    assert "arm64-apple" in one_line(done)


def optimized(toolchain, source: Path, pack: Pack, **settings):
    with Worker(toolchain) as worker:
        return FileOptimizer(toolchain, OptimizeConfig(**settings), pack, worker).run(source)


def one_list(**failures: int) -> Pack:
    """A pack of one list, run on each target through 9 programs of which so many failed."""
    verdicts = {name: {"s": {"programs": 9, "failures": n}} for name, n in failures.items()}
    return Pack("19", (PackEntry(MERGING, {}, verdicts),), "")


def test_a_record_on_one_machine_says_nothing_of_another(toolchain, twins):
    pack = Pack("19", (PackEntry(MERGING, {}, {"x86-64": {"s": {"programs": 9, "failures": 0}}}),), "")
    here = optimized(toolchain, twins, pack)
    assert (here.target, here.check.list_verdict) == ("x86-64", Verdict.TESTS_PASSED)
    other = optimized(toolchain, twins, pack, clang_args=("-target", "aarch64-linux-gnu"))
    assert other.passes == MERGING
    assert (other.target, other.check.list_verdict) == ("aarch64", Verdict.NOT_CHECKED)


def test_a_list_that_failed_on_any_target_is_not_tried(toolchain, twins):
    pack = one_list(aarch64=1)
    assert optimized(toolchain, twins, pack).trials == ()
    assert optimized(toolchain, twins, pack, verify="none").passes == MERGING


def test_the_very_object_is_what_the_differential_test_runs(toolchain, twins, monkeypatch):
    seen = []

    def passing_check(bitcode, candidate, *_, timeout):
        seen.append(candidate)
        return DifferentialReport((), Verdict.DIFFERENTIAL_PASSED, 0.0)

    monkeypatch.setattr("ozma.verify.differential.check_object", passing_check)
    result = optimized(toolchain, twins, one_list(), verify="differential")
    assert seen == [result.object]
    assert result.check.verdict is Verdict.DIFFERENTIAL_PASSED


@pytest.mark.parametrize("output", ["-", "out.o", "same/"])
def test_several_files_never_overwrite_each_other(tmp_path, output):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f.c").write_text("int f(void) { return 1; }")
    done = ozma("optimize", "a/f.c", "b/f.c", "-o", output, "--budget", "0", cwd=tmp_path)
    assert "a/f.c and b/f.c" in one_line(done) or "2 files cannot go to" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_pipe_is_written_to_and_not_replaced(toolchain, twins, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    assert ozma("optimize", twins, "-o", pipe, "--budget", "0").returncode == 0
    assert reader.communicate(timeout=60)[0].startswith(b"\x7fELF")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_is_written_through(twins, tmp_path):
    (tmp_path / "real.o").write_bytes(b"")
    (tmp_path / "link.o").symlink_to("real.o")
    assert ozma("optimize", twins, "-o", tmp_path / "link.o", "--budget", "0").returncode == 0
    assert (tmp_path / "link.o").is_symlink()
    assert (tmp_path / "real.o").read_bytes()[:4] == b"\x7fELF"


def test_a_file_that_failed_is_in_the_json(twins):
    done = ozma("optimize", twins, "missing.c", "--budget", "0", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 100
    assert [row["file"] for row in facts["failed"]] == ["missing.c"]
    assert "cannot read" in facts["failed"][0]["error"]


def test_a_report_that_cannot_be_written_does_not_cost_the_table(twins):
    done = ozma("optimize", twins, "--budget", "0", "--report", "/dev/null/r.html")
    assert "cannot write /dev/null/r.html" in one_line(done)
    assert "clang -Oz" in done.stdout


@pytest.mark.parametrize("words", [["pack", "--lists"], ["optimize", "twins.c", "--budget", "0"]])
def test_a_full_standard_output_is_one_line(twins, tmp_path, words):
    command = [sys.executable, "-m", "ozma", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert "No space left on device" in one_line(done)


def test_lists_of_a_text_file_are_tried_and_called_not_checked(twins, tmp_path):
    lists = tmp_path / "found.txt"
    lists.write_text(f"# found by a search\n{MERGING}\n\ndefault<Oz>\n{MERGING}\n")
    assert [entry.passes for entry in load_pack(lists).lists] == [MERGING, "default<Oz>"]
    (row,) = json.loads(ozma("optimize", twins, "--pack", lists, "--json").stdout)["files"]
    assert row["passes"] == MERGING and "not checked" in json.dumps(row)


@pytest.mark.parametrize("text", ["", "# nothing\n", "function(dce\n", "{}", "\udc80\x00"])
def test_a_file_that_holds_no_lists_is_one_line(twins, tmp_path, text):
    lists = tmp_path / "found.txt"
    lists.write_text(text, errors="surrogateescape")
    assert "is not a pack of pass lists" in one_line(ozma("optimize", twins, "--pack", lists))
