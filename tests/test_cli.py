"""Wrong words: one clear line that says what to do next, exit code 100, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ozma.cli import VERBS, main
from ozma.llvm import find_toolchain
from ozma.llvm.clang import compile_object
from ozma.optimize.cc import records

GARBAGE = bytes(range(128, 256)) * 8
THUMB = "\t.cpu cortex-m4\n\t.thumb\n\t.type\tf, %function\nf:\n\tbx\tlr\n\t.size\tf, .-f\n"


def told(capsys, *words: object) -> str:
    """The one line on standard error of a command that fails."""
    assert main([str(word) for word in words]) == 100
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.c").write_text("int f(int a) { return a * 3; }\n")
    (tmp_path / "bad.c").write_text("int f( {\n")
    (tmp_path / "x.txt").write_text("hello\n")
    (tmp_path / "garbage").write_bytes(GARBAGE)
    (tmp_path / "thumb.s").write_text(THUMB)
    return tmp_path


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("cc", "c++")])
def test_an_unknown_option_is_one_line_that_names_the_verbs_help(verb, capsys):
    if verb in ("corpus", "train", "evaluate"):
        assert f"see `ozma {verb} --help`" in told(capsys, verb, "nonsense")
        return
    err = told(capsys, verb, "x", "--jsno" if verb != "fetch" else "--pipy")
    assert f"see `ozma {verb} --help`" in err and err.startswith(f"ozma {verb}: error: ")


def test_an_unknown_verb_names_the_nearest(capsys):
    assert "did you mean 'optimize'?" in told(capsys, "optimise")
    assert "see `ozma --help`" in told(capsys, "frobnicate")


def test_help_before_a_verb_is_the_verbs_help(capsys):
    assert main(["help", "cc"]) == 0 and "--ozma-budget" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["help", "tune"])
    assert "usage: ozma tune" in capsys.readouterr().out


def test_a_slip_in_an_option_is_not_handed_to_clang(here, capsys):
    assert "did you mean --report?" in told(capsys, "optimize", "f.c", "--reprot", "x.html")


def test_another_level_is_said_to_be_without_use(here, capsys):
    assert main(["optimize", "f.c", "-O3", "--budget", "0"]) == 0
    assert "warning: -O3 is not used" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, part",
    [
        (["validate", "nothere.txt"], "cannot read lists from nothere.txt: No such file"),
        (["validate", "garbage"], "cannot read lists from garbage: it is no text"),
        (["validate", "gvnn"], "LLVM 19 has no pass 'gvnn'; did you mean 'gvn'?"),
        (["validate", "."], "cannot read lists from .: Is a directory"),
        (["disassemble", "thumb.s"], "thumb.s is 32-bit ARM assembly (.cpu cortex-m4)"),
        (["disassemble", "f.c"], "compile it first: clang -Oz -S f.c"),
        (["disassemble", "thumb.s", "--inputs", "-3"], "give a number of 0 or more"),
        (["tune", "f.c", "--records", "x.txt"], "x.txt: File exists"),
        (["tune", "bad.c"], "expected parameter declarator; reproduce: "),
        (["pack", "--file", "nothere"], "cannot read the pack nothere: No such file"),
        (["pack", "--file", "bad.c"], "give one list per line, or what `ozma pack --records DIR -o FILE` made"),
        (["pack", "--target", "arm"], "invalid choice: 'arm'"),
        (["corpus", "build"], "the following arguments are required: OUT; see"),
        (["corpus", "build", "out", "f.c"], "for a source file give its folder"),
        (["verify", "--test", "true", "--build", "true", "--folder", "nothere"], "/nothere: No"),
        (["verify", "--test", "true", "--build", "echo so; exit 3"], "exit code 3: so; its"),
    ],
)
def test_what_failed_and_what_to_do_is_one_line(here, capsys, words, part):
    more = ["--cache", "cache"] if words[0] == "verify" else []
    assert part in told(capsys, *words, *more)


def test_the_command_of_a_source_that_clang_refuses_is_short(here, capsys):
    assert "-cc1" not in told(capsys, "tune", "bad.c")


def test_objects_that_cannot_be_lifted_are_named(here, capsys):
    command = [sys.executable, "-m", "ozma", "optimize", "f.c", "--target", "thumb2", "-o", "f.o"]
    subprocess.run(command, check=True, capture_output=True)
    err = told(capsys, "disassemble", "f.o")
    assert "cannot read f.o: not an object for x86-64 or AArch64" in err


def test_a_session_without_records_is_named(tmp_path, capsys):
    assert main(["stats", "--cache", str(tmp_path), "--session", "night"]) == 0
    assert "(no records of session 'night' in " in capsys.readouterr().out


def test_an_export_of_nothing_leaves_nothing_behind(here, capsys):
    pytest.importorskip("torch")
    assert "run `ozma train run` first" in told(capsys, "train", "export", "nothere", "m")
    assert not (here / "nothere").exists()


def unit(source: str, before: int, after: int, reason: str = "") -> str:
    sizes = {"before": {"total": before, "loadable": before}, "after": {"total": after}}
    sizes["after"]["loadable"] = after
    names = {"event": "unit", "output": source, "source": source, "reason": reason}
    return json.dumps(names | sizes)


def test_statistics_by_file_begin_with_what_saved_most(tmp_path, capsys):
    rows = [unit("a.c", 90, 90, "nothing smaller found"), unit("b.c", 50, 40), unit("b.c", 50, 30)]
    (tmp_path / records.RECORDS).write_text("\n".join(rows) + "\n")
    assert main(["stats", "--cache", str(tmp_path), "--files"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["50", "30", "20", "b.c"]
    assert second.endswith("0  a.c (nothing smaller found)")


@pytest.mark.parametrize("verb", ["emulate", "prompt"])
def test_a_pass_that_is_not_there_is_not_asked_about(here, capsys, verb):
    assert "did you mean 'gvn'?" in told(capsys, verb, "f.c", "--passes", "gvnn")


NAMES = """
namespace geo { int pick(int a, int b) { return a > b ? a : b; } int other() { return 3; } }
extern "C" int plain(int a) { return a + 1; }
"""


def object_of(here: Path, name: str) -> Path:
    toolchain = find_toolchain()
    (here / "n.cpp").write_text(NAMES)
    made = here / name
    made.write_bytes(compile_object(toolchain, here / "n.cpp"))
    return made


def test_an_object_without_symbols_is_said_to_be_stripped(here, capsys):
    made = object_of(here, "n.o")
    subprocess.run([find_toolchain().tool("llvm-strip"), made], check=True)
    assert "n.o names no function; functions are found by symbols" in told(
        capsys, "disassemble", made
    )


@pytest.mark.parametrize("name", ["geo::pick", "geo::pick(int, int)", "_ZN3geo4pickEii"])
def test_a_function_of_cpp_is_found_by_the_name_that_was_written(here, capsys, name):
    words = ["disassemble", object_of(here, "n.o"), "--function", name, "-o", here / "n.ll"]
    assert main([str(word) for word in words] + ["--budget", "1", "--inputs", "0", "-j", "1"]) == 0
    assert capsys.readouterr().err.startswith("_ZN3geo4pickEii: ")
    assert "it has _ZN3geo4pickEii" in told(capsys, "disassemble", here / "n.o", "--function", "pi")


@pytest.mark.parametrize(
    "words, package, part",
    [
        (["emulate", "f.c"], "numpy", "this needs numpy; install it: pip install 'ozma[model]'"),
        (["optimize", "f.c", "--rank", "model"], "numpy", "pip install 'ozma[model]'"),
        (["corpus", "build", "out", "."], "pyarrow", "pip install 'ozma[corpus]'"),
        (["corpus", "split", "out"], "pyarrow", "pip install 'ozma[corpus]'"),
    ],
)
def test_an_optional_package_that_is_missing_is_named(here, words, package, part):
    """In a process of its own: nothing is imported yet."""
    code = (
        "import importlib.abc, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == '{package}':\n"
        "            raise ModuleNotFoundError(f'No module named {name}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from ozma.cli import main\n"
        f"sys.exit(main({words!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (100, 1) and part in done.stderr
