"""Building projects: both paths, limits, faults that stay one project's own, runs that resume."""

from __future__ import annotations

import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_support import make_tar, write_tree

from ozma.cli import corpus as corpus_verb
from ozma.corpus import build_run, store
from ozma.corpus.build import BuiltProject, build_project, main_reasons
from ozma.corpus.build_options import BuildOptions
from ozma.corpus.build_run import BuildRun, RunOptions, build_and_store
from ozma.corpus.choose_sources import Wanted, count_done
from ozma.corpus.commands import load_commands
from ozma.corpus.confine import BuildLimits, Confinement, isolation
from ozma.corpus.crew import Crew
from ozma.corpus.fast_build import GIVEN_UP
from ozma.corpus.fetch import Missed
from ozma.corpus.front_ends import FrontEnd, find_front_ends
from ozma.corpus.headers import certain_includes
from ozma.corpus.progress import ProgressLine
from ozma.corpus.project_list import ProjectList, save_list
from ozma.corpus.projects import ProjectRecord, read_projects
from ozma.corpus.real_build import source_of
from ozma.corpus.scratch import sweep, throw_away
from ozma.corpus.source import Source, local_source
from ozma.corpus.unpack import UnpackLimits
from ozma.errors import OzmaError

PAD = "/* enough text that this file is not taken for an empty one, which has no function */\n"
GOOD = PAD + "int good(int a) { return a * a + 3; }\n"
QUICK = BuildOptions(limits=BuildLimits(wall=60, free_disk=1 << 20))
closed = pytest.mark.skipif(bool(isolation()), reason="no namespaces are permitted here")


def pack(folder: Path, files: dict[str, str], name: str = "thing") -> Source:
    """An archive of `files` as a source."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_1.0.orig.tar.gz"
    path.write_bytes(make_tar([(f"{name}-1.0/{key}", text.encode()) for key, text in files.items()]))
    return Source(name, "1.0", "https://deb.debian.org/debian/x", "0" * 64, location=path)


def build(tmp_path: Path, files: dict[str, str], **options):
    return build_project(pack(tmp_path, files), replace(QUICK, **options))


def makefile(*lines: str) -> str:
    return "all:\n" + "".join(f"\t{line}\n" for line in lines)


# --- the fast path --------------------------------------------------------------------------


def test_units_failures_and_licence_of_a_project(tmp_path):
    built = build(tmp_path, {
        "COPYING": "Permission is hereby granted, free of charge, to any person",
        "src/good.c": GOOD, "src/copy.c": GOOD, "src/empty.c": "\n",
        "src/cxx.cpp": PAD + "#include <string>\nstd::string s(int n) { return {char(n)}; }\n",
        "src/missing.c": PAD + '#include "nowhere.h"\n', "src/bad.c": PAD + "int f( {\n",
        "src/sha1.c": PAD + "int held_out;\n",
    })  # fmt: skip
    languages = {unit.file.removeprefix("src/"): unit.language for unit in built.units}
    assert languages.pop("good.c", languages.pop("copy.c", "")) == "c"  # one of two same files
    assert languages == {"cxx.cpp": "c++"}
    assert all(unit.bitcode.startswith(b"BC\xc0\xde") for unit in built.units)
    assert built.record.failures["a header was not found"] == 1 and len(built.record.failures) == 2
    assert (built.record.licence, built.record.path, built.record.tried) == ("MIT", "fast", 4)


def test_the_same_bitcode_again_whatever_the_folder_and_the_day(tmp_path):
    files = {
        "include/x.h": "static inline const char *where(void) { return __FILE__; }\n",
        "config.h.in": "#undef PACKAGE_NAME\nstatic inline const char *g(void) { return __FILE__; }\n",
        "src/when.c": PAD + '#include "x.h"\n#include "config.h"\n'
                      'const char *when(void) { return __DATE__ __TIME__ __TIMESTAMP__; }\n'
                      "const char *h(int n) { return n ? n > 1 ? g() : where() : __FILE__; }\n",
    }  # fmt: skip
    first = build(tmp_path / "a", files).units
    time.sleep(1.1)
    assert first and build(tmp_path / "somewhere" / "else", files).units == first


def test_a_bounded_mix_in_a_stable_order(tmp_path):
    files = {f"d{i % 3}/f{i}.c": GOOD + f"int f{i};\n" for i in range(9)}
    names = [unit.file for unit in build(tmp_path, files, units=3, tried=6).units]
    assert len(names) == 3 == len(set(names))
    assert names == [unit.file for unit in build(tmp_path, files, units=3, tried=6).units]


def test_a_project_most_of_whose_files_fail_is_given_up(tmp_path):
    files = {f"f{i}.c": PAD + f"int f{i}( {{\n" for i in range(40)}
    record = build(tmp_path, files).record
    assert record.tried == 11 and record.failures[GIVEN_UP] == 1
    assert sum(record.failures.values()) == 12 and not record.units


def test_a_language_whose_files_fail_costs_the_others_nothing(tmp_path):
    files = {f"f{i}.c": PAD + f"int f{i}( {{\n" for i in range(40)}
    files |= {f"g{i}.cpp": GOOD + f"int g{i};\n" for i in range(4)}
    built = build(tmp_path, files, rules=2)
    assert [unit.language for unit in built.units] == ["c++"] * 4
    assert built.record.tried == 15 and built.record.failures[GIVEN_UP] == 1


def test_fortran_is_tried_where_all_c_fails_and_given_up_for_itself(tmp_path, toolchain, monkeypatch):
    as_c = FrontEnd("fortran", (str(toolchain.tool("clang")), "-xc", "-c", "-emit-llvm", "-w"))
    monkeypatch.setattr("ozma.corpus.front_ends.find_front_ends", lambda toolchain: (as_c,))
    broken = {f"f{i}.c": PAD + f"int f{i}( {{\n" for i in range(40)}
    good = {f"g{i}.f": GOOD + f"int g{i};\n" for i in range(2)}
    units = build(tmp_path / "a", broken | good, rules=2).units
    assert [unit.language for unit in units] == ["fortran"] * 2
    broken |= {name[:-1] + "f": text for name, text in broken.items()}
    record = build(tmp_path / "b", broken, rules=2).record
    assert record.tried == 22 and record.failures[GIVEN_UP] == 2
    record = build(tmp_path / "c", broken, rules=1).record  # by which the first list was built
    assert record.tried == 11 and record.failures[GIVEN_UP] == 1


def test_units_of_cxx_have_a_bound_of_their_own(tmp_path):
    files = {f"f{i}.{end}": GOOD + f"int {end}{i};\n" for i in range(6) for end in ("c", "cpp")}
    units = build(tmp_path, files, cxx_units=2).units
    assert sorted(unit.language for unit in units) == ["c"] * 6 + ["c++"] * 2


def test_a_header_that_was_lost_once_is_not_looked_for_again(tmp_path):
    certain = PAD + "#ifdef A\n#include <a.h>\n#endif\n#include <nowhere/at/all.h>\nint f( {\n"
    perhaps = GOOD + "#ifdef A\n#include <nowhere/at/all.h>\n#endif\n"
    built = build(tmp_path, {"a.c": certain, "b.c": certain + "\n", "c.c": perhaps})
    assert built.record.failures == {"a header was not found": 2}
    assert [unit.file for unit in built.units] == ["c.c"]
    assert certain_includes(write_tree(tmp_path / "t", {"a.c": certain}) / "a.c") == ["nowhere/at/all.h"]


def test_a_compiler_that_crashes_or_takes_too_long_costs_one_file(tmp_path):
    slow = PAD + "#define a0 1+\n" + "".join(f"#define a{i} a{i - 1} a{i - 1}\n" for i in range(1, 40))
    built = build(tmp_path, {
        "crash.c": PAD + "#pragma clang __debug crash\nint x;\n", "slow.c": slow + "int x = a39 1;\n", "good.c": GOOD,
    }, seconds=1)  # fmt: skip
    assert [unit.file for unit in built.units] == ["good.c"]
    assert built.record.failures == {"the compiler crashed": 1, "the compiler took too long": 1}


def test_bitcode_over_the_limit_is_a_failure(tmp_path):
    built = build(tmp_path, {"good.c": GOOD}, largest=100)
    assert built.record.failures == {"the bitcode is over the size limit": 1}


def test_a_build_that_was_recorded_is_compiled_with_its_own_flags(tmp_path):
    write_tree(tmp_path / "own", {"src/a.c": "int a(void) { return WANTED; }\n", "src/b.c": "b(("})
    entries = [
        {"directory": str(tmp_path / "own"), "file": "src/a.c", "output": "a.o",
         "arguments": ["cc", "-DWANTED=7", "-O2", "-MD", "-MF", "a.d", "-c", "src/a.c", "-o", "a.o"]},
        {"directory": str(tmp_path / "own/src"), "file": "b.c", "command": "cc -c b.c"},
    ]  # fmt: skip
    path = tmp_path / "own" / "compile_commands.json"
    path.write_text(json.dumps(entries))
    assert [command.arguments for command in load_commands(path)] == [("-DWANTED=7",), ()]
    built = build_project(local_source(path), QUICK)
    assert [unit.file for unit in built.units] == ["src/a.c"]
    assert (built.record.project, built.record.tried) == ("own", 2)


def test_a_broken_database_is_a_record(tmp_path):
    (tmp_path / "compile_commands.json").write_text('[{"file": 1}]')
    built = build_project(local_source(tmp_path / "compile_commands.json"), QUICK)
    assert "no compile_commands.json" in next(iter(built.record.failures))


def test_other_front_ends_suit_our_llvm(toolchain, tmp_path):
    front_ends = {one.language for one in find_front_ends(toolchain)}
    if "fortran" not in front_ends:
        pytest.skip("no flang of this release")
    source = "      subroutine twice(x)\n      real x\n      x = x * 2 + 1 - 3 / 7\n      end\n" * 2
    built = build(tmp_path, {"a.f": source.replace("twice", "once", 1)})
    assert [unit.language for unit in built.units] == ["fortran"]


# --- the real path --------------------------------------------------------------------------


def test_configure_and_make_leave_unoptimized_bitcode(tmp_path):
    configure = '#!/bin/sh\nfor a in "$@"; do case $a in CC=*) cc=${a#CC=};; esac; done\n'
    configure += '$cc -c probe.c -o probe.o || exit 1\necho "#define LEVEL 4" > config.h\n'
    make = "all: lib/a.o lib/app-b.o x.a\nlib/a.o: lib/a.c\n\t$(CC) -I. -c -o $@ lib/a.c\n"
    make += "lib/app-b.o: lib/b.c\n\t$(CC) -I. -c -o $@ lib/b.c\nx.a: lib/a.o\n\t$(AR) rc $@ lib/a.o\n"
    files = {
        "configure": configure, "Makefile": make, "probe.c": "int probe;\n", "lib/b.c": GOOD,
        "lib/a.c": '#include "config.h"\nint f(int a) { int b = a; return b + LEVEL; }\n',
    }  # fmt: skip
    built = build(tmp_path, files, path="real")
    assert built.record.failures == {} and built.record.path == "real"
    assert {unit.file for unit in built.units} == {"lib/a.c", "lib/b.c"}


@pytest.mark.parametrize(
    ("object", "source"),
    [
        ("src/a.o", "src/a.c"), ("src/CMakeFiles/t.dir/a.c.o", "src/a.c"), ("src/prog-a.o", "src/a.c"),
        ("ozma-build/x.p/src_a.c.o", "src/a.c"), ("other/a.o", "other/a.c"), ("src/none.o", "src/none.o"),
    ],
)  # fmt: skip
def test_source_of_an_object(object, source):
    stems = {"a": [Path("/r/other/a.c"), Path("/r/src/a.c")] if "other" in object else [Path("/r/src/a.c")]}
    assert source_of(Path("/r", object), Path("/r"), stems) == Path("/r", source)


def test_auto_falls_back_and_keeps_the_reason(tmp_path):
    files = {"configure": "#!/bin/sh\necho error: no libmars >&2; exit 1\n", "good.c": GOOD}
    built = build(tmp_path, files, path="auto")
    assert built.record.path == "fast" and len(built.units) == 1
    assert built.record.failures == {"real: sh: error: no libmars": 1}
    assert "no build system" in str(build(tmp_path, {"good.c": GOOD}, path="real").record.failures)


def test_links_and_devices_that_pose_as_objects_are_not_followed(tmp_path):
    make = makefile("ln -s /etc/passwd a.o", "mkfifo b.o", "printf 'BC\\300\\336' > c.obj; $(CC) -c good.c")
    built = build(tmp_path, {"Makefile": make, "good.c": GOOD}, path="real")
    assert {unit.file for unit in built.units} == {"good.c", "c.obj"}


# --- what untrusted builds may not do -------------------------------------------------------


def processes_of(user: int) -> list[str]:
    done = subprocess.run(["ps", "-u", str(user), "-o", "cmd="], capture_output=True, text=True)
    return done.stdout.splitlines()


@closed
def test_a_build_that_forks_without_end_is_ended(tmp_path):
    bomb = "bash -c 'f() { setsid sleep 61 & f | f & }; f; sleep 61'"
    limits = replace(QUICK.limits, wall=2, processes=64)
    started = time.monotonic()
    built = build(tmp_path, {"Makefile": makefile(bomb), "good.c": GOOD}, path="auto", limits=limits)
    assert time.monotonic() - started < 40
    assert len(built.units) == 1  # the fast path still goes
    assert "real: make: did not finish in time (2 s)" in built.record.failures
    assert not [line for line in processes_of(210_000 + os.getpid() % 100_000) if "sleep 61" in line]


@closed
def test_a_build_reaches_no_network(tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    reached = []
    server.verify_request = lambda *_: bool(reached.append(1))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        command = f'bash -c "echo > /dev/tcp/127.0.0.1/{server.server_port}" || $(CC) -c good.c'
        built = build(tmp_path, {"Makefile": makefile(command), "good.c": GOOD}, path="real")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(built.units) == 1 and not reached


@closed
def test_a_build_does_not_outlive_us(tmp_path):
    script = "import sys; from pathlib import Path; from ozma.corpus.confine import *; "
    script += "c = Confinement(Path(sys.argv[1]), BuildLimits(free_disk=1)); print(c.user, flush=True); "
    script += "c.run(['sleep', '67'], Path(sys.argv[1]), {'PATH': '/usr/bin:/bin'})"
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        user = child.stdout.readline().strip()
        user = os.geteuid() if user == "None" else int(user)
        wait_until(lambda: "sleep 67" in processes_of(user))
        child.kill()
    wait_until(lambda: "sleep 67" not in processes_of(user))


def wait_until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def confined(tmp_path: Path, script: str, **limits):
    folder = tmp_path / "work"
    folder.mkdir()
    os.chmod(tmp_path, 0o755)
    confinement = Confinement(folder, BuildLimits(**{"wall": 20, "free_disk": 1} | limits))
    confinement.own(folder)
    return confinement.run(["sh", "-c", script], folder, {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("script", "limits", "sign"),
    [
        ("head -c 3000000 /dev/zero > big; wc -c < big", {"file": 1 << 20}, "1048576"),
        ("env", {}, "PWD"),
        ("while :; do :; done", {"cpu": 1}, None),
    ],
)
def test_limits_of_a_command(tmp_path, script, limits, sign):
    ending = confined(tmp_path, script, **limits)
    assert not ending.killed
    assert (sign in ending.text and "HOME" not in ending.text) if sign else ending.code != 0


def test_a_full_disk_ends_a_command(tmp_path):
    assert confined(tmp_path, "sleep 9", free_disk=1 << 60).killed == "filled the disk"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down")
def test_a_command_cannot_write_elsewhere(tmp_path):
    (tmp_path / "mine").mkdir()
    assert confined(tmp_path, f"echo x > {tmp_path}/mine/x; id -u").text.splitlines()[-1] != "0"
    assert not list((tmp_path / "mine").iterdir())


# --- archives -------------------------------------------------------------------------------


def test_bombs_and_broken_archives_are_records(tmp_path):
    bomb = pack(tmp_path, {"a.c": "0" * 5000})
    record = build_project(bomb, replace(QUICK, unpack=UnpackLimits(1000, 10))).record
    assert record.path == "none" and "unpacks to over 1000 bytes" in next(iter(record.failures))
    bomb.location.write_bytes(bomb.location.read_bytes()[:50])
    record = build_project(bomb, QUICK).record
    assert record.path == "none" and "cannot unpack" in next(iter(record.failures))


def test_many_reasons_are_summed_up():
    counts = {f"'h{i}.h' file not found": 1 for i in range(30)} | {f"r{i}": 1 for i in range(40)}
    reasons = main_reasons(counts)
    assert reasons["a header was not found"] == 30 and sum(reasons.values()) == 70
    assert len(reasons) == 21


# --- the crew -------------------------------------------------------------------------------


def difficult_work(task: str) -> str:
    if task == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "hangs":
        time.sleep(60)
    if task == "refuses":
        raise OzmaError("the disk is full")
    if task == "who":
        return str(os.getpid())
    if task == "surprises":
        raise ZeroDivisionError("1/0")
    return task.upper()


def test_no_workers_death_ends_the_work():
    tasks = ["a", "dies", "refuses", "hangs", "surprises", "b"]
    crew = Crew(difficult_work, 2, seconds=4)
    found = {one.task: one for one in crew.run(iter(tasks)) if one}
    assert (found["a"].result, found["b"].result) == ("A", "B")
    assert found["dies"].lost and "signal 11" in found["dies"].problem
    assert found["hangs"].lost and "took over 4 s" in found["hangs"].problem
    assert (found["refuses"].problem, found["refuses"].lost) == ("the disk is full", False)
    assert found["surprises"].problem == "ZeroDivisionError: 1/0"
    with pytest.raises(ValueError, match="size must be at least 1"):
        Crew(difficult_work, 0, 1)


def test_a_worker_that_dies_while_idle_is_replaced():
    found = []

    def tasks():
        yield "who"
        while not found:
            yield None
        os.kill(int(found[0]), signal.SIGKILL)
        while holds_its_pipe(Path("/proc", found[0])):
            time.sleep(0.01)
        yield "who"

    def holds_its_pipe(process: Path) -> bool:
        """A zombie may still have threads that are on their way out, and keep it open."""
        try:
            return len(os.listdir(process / "task")) > 1 or ") Z " not in (process / "stat").read_text()
        except FileNotFoundError:
            return False

    for one in filter(None, Crew(difficult_work, 1, seconds=20).run(tasks())):
        assert not one.lost
        found.append(one.result)
    assert len(set(found)) == 2


def test_a_project_is_split_by_the_release_that_built_it(tmp_path, toolchain, monkeypatch):
    asked = []
    record = ProjectRecord("calc", path="none")
    monkeypatch.setattr(build_run, "build_project", lambda *_: BuiltProject(record))
    monkeypatch.setattr(store, "find_toolchain", lambda major=None: asked.append(major) or toolchain)
    build_and_store(build_run.Task(Source("calc"), BuildOptions(llvm=17), tmp_path))
    assert asked == [17]


# --- whole runs -----------------------------------------------------------------------------


def full_disk(task):
    """Stores all but the project named 'full'; the one named 'lost' takes its worker along."""
    if task.source.name == "full":
        raise OzmaError("cannot write units/full.parquet: No space left on device")
    if task.source.name == "lost":
        os.kill(os.getpid(), signal.SIGKILL)
    return build_and_store(task)


def test_a_run_records_what_can_be_recorded_and_goes_on(tmp_path):
    sources = [pack(tmp_path, {"good.c": GOOD}, name) for name in ("full", "lost", "fine")]
    notes: list[str] = []
    run = BuildRun(RunOptions(tmp_path / "out", QUICK), note=notes.append, work=full_disk)
    summary = run.run([Missed("gone", "404", final=True), *sources])
    done = read_projects(tmp_path / "out")
    assert sorted(done) == ["fine", "gone", "lost"]  # 'full' is come back to
    assert done["fine"].units == 1 and done["gone"].failures == {"not served": 1}
    assert "worker died (signal 9)" in next(iter(done["lost"].failures))
    assert any("No space left" in note for note in notes)
    facts = summary.facts(1)
    assert (facts["projects"], facts["empty"], facts["not_fetched"], facts["units"]) == (1, 2, 1, 1)
    json.dumps(facts)


@closed
def test_a_run_goes_on_past_every_bad_project(tmp_path):
    files = {
        "bomb": {"a.c": "0" * 5_000_000},
        "forks": {"Makefile": makefile("bash -c 'f() { sleep 61 & f | f & }; f; sleep 61'"), "good.c": GOOD},
        "crash": {"crash.c": PAD + "#pragma clang __debug crash\nint x;\n"},
        "fine": {"good.c": GOOD},
    }  # fmt: skip
    sources = [pack(tmp_path, content, name) for name, content in files.items()]
    cut = pack(tmp_path, {"good.c": GOOD}, "cut")
    cut.location.write_bytes(cut.location.read_bytes()[:60])
    limits = replace(QUICK.limits, wall=2, processes=64)
    options = replace(QUICK, path="auto", limits=limits, unpack=UnpackLimits(1_000_000, 100))
    BuildRun(RunOptions(tmp_path / "out", options)).run([*sources, cut])
    done = read_projects(tmp_path / "out")
    reasons = {name: " ".join(record.failures) for name, record in done.items()}
    assert "unpacks to over" in reasons["bomb"] and "cannot unpack" in reasons["cut"]
    assert "did not finish in time" in reasons["forks"] and done["forks"].units == 1
    assert "the compiler crashed" in reasons["crash"]
    assert done["fine"].units == 1 and len(done) == 5


def test_a_full_disk_is_told_and_the_next_run_comes_back(tmp_path):
    sources = [pack(tmp_path, {f"f{j}.c": f"{GOOD}int f{j};\n" for j in range(3)}, f"p{i}") for i in range(2)]
    out, build = tmp_path / "out", f"{sys.executable} -m ozma corpus build"
    out.mkdir()
    script = f"mount -t tmpfs -o size=12k none {out} || exit 9; words='{out} " + " ".join(
        str(one.location) for one in sources) + f"'; {build} $words; echo code $?; ls -A {out}/*; " \
        f"mount -o remount,size=9m {out}; {build} $words --json; umount {out}"  # fmt: skip
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    if done.returncode == 9 or done.stderr.startswith("unshare: "):  # not root, or in a chroot
        pytest.skip("no file system can be mounted here")
    assert "Traceback" not in done.stderr and "code 100" in done.stdout
    assert re.search("p0: cannot write .*disk is full|No space left", done.stderr)
    assert ".part" not in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["projects"] == 2


def test_a_time_limit_begins_nothing_more(tmp_path):
    notes: list[str] = []
    run = BuildRun(RunOptions(tmp_path, QUICK, time_limit=1e-9), note=notes.append)
    assert run.run([pack(tmp_path, {"good.c": GOOD})]).projects == 0
    assert "time limit" in notes[0]


def test_fetching_that_fails_ends_the_run_with_its_reason(tmp_path):
    with pytest.raises(OzmaError, match="12 fetches in a row failed"):
        BuildRun(RunOptions(tmp_path, QUICK)).run(Missed(f"p{i}", "no route") for i in range(20))


def run_cli(*words: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ozma", "corpus", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_a_killed_run_goes_on_where_it_stopped(tmp_path):
    sources = [pack(tmp_path, {f"f{j}.c": f"{GOOD}int f{j};\n" for j in range(4)}, f"p{i}")
               for i in range(4)]  # fmt: skip
    paths = [str(source.location) for source in sources]
    command = [sys.executable, "-m", "ozma", "corpus", "build", str(tmp_path / "out"), *paths]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not read_projects(tmp_path / "out") and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = run_cli("build", tmp_path / "out", *paths, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["projects"] < 4
    records = read_projects(tmp_path / "out")
    assert len(records) == 4 and all(record.units == 4 for record in records.values())


@pytest.fixture
def open_folder():
    """A folder for temporary files that a confined user reaches too."""
    with tempfile.TemporaryDirectory(prefix="ozma-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_no_traceback_no_process_and_no_folder(tmp_path, open_folder, ending):
    slow = PAD + "#define a0 1+\n" + "".join(f"#define a{i} a{i - 1} a{i - 1}\n" for i in range(1, 40))
    source = pack(tmp_path, {f"slow{i}.c": f"{slow}int x{i} = a39 1;\n" for i in range(9)})
    child = subprocess.Popen(
        [sys.executable, "-m", "ozma", "corpus", "build", str(tmp_path / "out"), str(source.location)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=os.environ | {"TMPDIR": str(open_folder)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    wait_until(lambda: list(open_folder.glob("ozma-build-*/tree/*/slow8.c")))
    os.killpg(child.pid, ending) if ending != signal.SIGKILL else child.kill()
    output, _ = child.communicate(timeout=60)  # the last holder of its end is gone
    assert "Traceback" not in output and child.returncode in (-9, 128 + ending)
    wait_until(lambda: not list(open_folder.glob("ozma-build-*")))


def test_what_a_killed_maker_left_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old = time.time() - 3600
    with throw_away() as used:
        (tmp_path / "ozma-build-left" / "tree").mkdir(parents=True)
        (tmp_path / "ozma-build-young").mkdir()
        for folder in (used, tmp_path / "ozma-build-left"):
            os.utime(folder, (old, old))
        assert sweep() == 1
        assert sorted(tmp_path.iterdir()) == sorted([used, tmp_path / "ozma-build-young"])
    assert not used.exists()


def test_the_bar_counts_only_what_is_wanted(tmp_path):
    done = {name: ProjectRecord(name, sha256="0" * 64) for name in ("a", "b", "c", "d")}
    assert count_done(Wanted(pypi=("a", "z")), done) == 1
    assert count_done(Wanted(count=3), done) == 3
    save_list(ProjectList((Source("b"), Source("y"))), tmp_path / "list.jsonl")
    assert count_done(Wanted(recorded=tmp_path / "list.jsonl"), done) == 1


def test_a_full_disk_is_one_clear_line(tmp_path):
    source = pack(tmp_path, {f"f{j}.c": f"{GOOD}int f{j};\n" for j in range(3)})
    command = ["prlimit", "--fsize=1500", sys.executable, "-m", "ozma", "corpus", "build",
               str(tmp_path / "out"), str(source.location)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 100 and "Traceback" not in done.stderr
    assert re.search(r"cannot write|File too large|file limit", done.stderr + done.stdout)


def test_the_verb_prints_json_and_refuses_in_one_line(tmp_path, capsys):
    tree = write_tree(tmp_path / "tree", {"good.c": GOOD})
    os.chmod(tmp_path, 0o755)
    assert corpus_verb.main(["build", str(tmp_path / "out"), str(tree), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["projects"], facts["units"]) == (1, 1)
    with pytest.raises(OzmaError, match="jobs must be at least 1"):
        corpus_verb.main(["build", str(tmp_path / "out"), str(tree), "-j", "0"])
    with pytest.raises(OzmaError, match="no list of projects"):
        corpus_verb.main(["fetch", "--list", str(tmp_path / "none.jsonl")])


def test_progress_says_rate_and_remaining_time():
    line = ProgressLine(10, "projects", io.StringIO())
    assert line.text(3, 90, 2, 60.0) == (
        "[############............] 5/10 projects, 90 units, 90 units/min, 1 min 40 s left"
    )
    assert line.text(0, None, 0, 1.0).endswith("0/10 projects, 0/min")


@pytest.mark.parametrize(
    ("field", "values"),
    [("path", {"path": "slow"}), ("units", {"units": 0}), ("tried", {"tried": 5}),
     ("project_seconds", {"project_seconds": 0})],
)  # fmt: skip
def test_build_options_name_the_field(field, values):
    with pytest.raises(ValueError, match=field):
        BuildOptions(**values)


@pytest.mark.parametrize("field", ["wall", "cpu", "memory", "file", "processes"])
def test_build_limits_name_the_field(field):
    with pytest.raises(ValueError, match=field):
        BuildLimits(**{field: 0})


def test_a_record_is_what_the_store_wants(tmp_path):
    assert isinstance(build(tmp_path, {"good.c": GOOD}).record, ProjectRecord)
