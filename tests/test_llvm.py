"""The ground floor: parity with the stock tools, worker processes that survive LLVM's faults."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ozma.llvm import (
    TARGETS,
    InvalidIR,
    Outcome,
    Toolchain,
    ToolchainError,
    Worker,
    find_toolchain,
)
from ozma.llvm.child import spent_by
from ozma.llvm.clang import CompileError, compile_bitcode, compile_object
from ozma.llvm.objects import ObjectError, measure_object, sections, symbol_sizes
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.passes import check, explicit, parse

ENDLESS = "function(" + ",".join(["instcombine,gvn,reassociate,early-cse"] * 12000) + ")"


def loaded_parts(data: bytes) -> list[tuple[str, bytes]]:
    return [(s.name, data[s.offset : s.offset + s.size]) for s in sections(data) if s.loaded]


def test_clang_pipeline_through_the_worker_gives_the_bytes_of_clang(each_toolchain, program):
    with Worker(each_toolchain) as worker:
        loaded = worker.load(compile_bitcode(each_toolchain, program))
        ours = worker.evaluate(loaded.id, clang_pipeline(each_toolchain), want=("object",))
    real = compile_object(each_toolchain, program)
    assert loaded_parts(ours.object) == loaded_parts(real)
    assert ours.sizes == measure_object(real)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_compiles_to_clangs_size(toolchain, tmp_path, name):
    source = tmp_path / "f.c"
    source.write_text("int f(int *p, int n) { int s = 0; while (n--) s += p[n] / 3; return s; }")
    real = compile_object(toolchain, source, target=TARGETS[name])
    with Worker(toolchain) as worker:
        loaded = worker.load(compile_bitcode(toolchain, source, target=TARGETS[name]))
        result = worker.evaluate(loaded.id, clang_pipeline(toolchain))
    assert result.sizes == measure_object(real)


def test_a_pasted_list_gives_the_same_size_with_stock_tools(toolchain, worker, bitcode, tmp_path):
    passes = "default<Oz>,function(loop(loop-reduce),gvn,simplifycfg)"
    loaded = worker.load(bitcode)
    ours = worker.evaluate(loaded.id, passes)
    (tmp_path / "in.bc").write_bytes(bitcode)
    optimized, output = tmp_path / "out.bc", tmp_path / "out.o"
    opt, llc = toolchain.tool("opt"), toolchain.tool("llc")
    subprocess.run([opt, f"-passes={passes}", tmp_path / "in.bc", "-o", optimized], check=True)
    command = [llc, "-relocation-model=pic", "-filetype=obj", optimized, "-o", output]
    subprocess.run(command, check=True)
    assert measure_object(output.read_bytes()).total == ours.sizes.total


def test_sizes_agree_with_llvm_size(toolchain, program, tmp_path):
    path = tmp_path / "p.o"
    path.write_bytes(compile_object(toolchain, program))
    text = subprocess.run(
        [toolchain.tool("llvm-size"), "-A", path], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in text.splitlines() if line.startswith("."))
    stems = (".text", ".data", ".rodata")
    expected = sum(int(row[1]) for row in rows if row[0].startswith(stems))
    assert measure_object(path.read_bytes()).total == expected
    assert {"evaluate", "sum"} <= symbol_sizes(path.read_bytes()).keys()


@pytest.mark.parametrize("data", [b"", b"BC\xc0\xde", b"\x7fELF" + b"\xff" * 80])
def test_damaged_objects_are_refused(data):
    with pytest.raises(ObjectError):
        measure_object(data)


def test_a_crashing_pass_is_a_result_and_the_next_evaluation_works(worker, bitcode):
    loaded = worker.load(bitcode)
    crash = worker.evaluate(loaded.id, "trigger-crash-module")
    assert crash.outcome is Outcome.CRASHED
    assert "SIGABRT" in crash.message
    assert worker.evaluate(loaded.id, "default<Oz>").ok
    assert worker.restarts == 1


def test_ctrl_c_is_no_crash_of_a_list(worker, bitcode):
    loaded = worker.load(bitcode)
    os.kill(worker.pid, signal.SIGINT)  # a terminal sends it to all of its processes
    assert worker.evaluate(loaded.id, "default<Oz>").ok
    assert worker.restarts == 0


def test_a_hanging_pass_is_a_result(toolchain, bitcode):
    with Worker(toolchain, timeout=0.1) as worker:
        loaded = worker.load(bitcode)
        assert worker.evaluate(loaded.id, ENDLESS).outcome is Outcome.TIMED_OUT
        assert worker.evaluate(loaded.id, "function(sroa)").ok


def test_running_out_of_memory_is_a_result(toolchain):
    huge = b'@a = global [200000000 x i8] zeroinitializer, section ".data"\n'
    triple = b'target triple = "x86_64-pc-linux-gnu"\n'
    with Worker(toolchain, memory=100 << 20) as worker:
        loaded = worker.load(triple + huge)
        assert worker.evaluate(loaded.id, "globaldce").outcome is Outcome.OUT_OF_MEMORY


def outcomes(worker: Worker, module: bytes, lists: list[str]) -> list[Outcome]:
    found = worker.evaluate_many(worker.load(module).id, lists)
    assert [one.passes for one in found] == lists
    return [one.outcome for one in found]


def test_a_crash_within_a_batch_costs_its_own_list_only(worker, bitcode):
    lists = ["function(sroa)"] * 5 + ["trigger-crash-module", "no-such-pass", "default<Oz>"]
    expected = [Outcome.OK] * 5 + [Outcome.CRASHED, Outcome.INVALID_LIST, Outcome.OK]
    assert outcomes(worker, bitcode, lists) == expected
    assert worker.restarts == 1


def test_a_hang_within_a_batch_costs_its_own_list_only(toolchain, bitcode):
    lists = ["function(sroa)", "function(gvn)", ENDLESS, "function(sroa)"]
    with Worker(toolchain, timeout=0.1) as worker:
        found = outcomes(worker, bitcode, lists)
        assert found == [Outcome.OK, Outcome.OK, Outcome.TIMED_OUT, Outcome.OK]
        assert worker.restarts == 1


def test_running_out_of_memory_within_a_batch_costs_its_own_list_only(toolchain):
    huge = b'@a = internal global [200000000 x i8] zeroinitializer, section ".data"\n'
    triple = b'target triple = "x86_64-pc-linux-gnu"\n'
    with Worker(toolchain, memory=100 << 20) as worker:
        found = outcomes(worker, triple + huge, ["globaldce", "verify", "globaldce"])
        assert found == [Outcome.OK, Outcome.OUT_OF_MEMORY, Outcome.OK]


def test_a_batch_with_answers_larger_than_a_pipe_arrives_whole(worker, bitcode):
    lists = ["function(sroa)", "default<O1>", "default<Oz>"] * 30
    module = worker.load(bitcode).id
    found = worker.evaluate_many(module, lists, ("ir", "bitcode", "object"))
    assert sum(len(one.ir) for one in found) > 1 << 17
    assert len({one.object for one in found[::3]}) == 1
    alone = worker.evaluate(module, lists[1], ("ir",))
    assert (found[1].ir, found[1].sizes) == (alone.ir, alone.sizes)


NAMED = b'''target triple = "x86_64-pc-linux-gnu"
define i32 @f(i32 %%a) local_unnamed_addr {
  %%%s = mul i32 %%a, 11
  ret i32 %%%s
}
'''


def test_ir_that_differs_in_names_only_has_another_hash_and_the_same_sizes(worker):
    one, other = (worker.load(NAMED % (name, name)).id for name in (b"x", b"y"))
    left, right = (worker.evaluate(module, "function(sroa)") for module in (one, other))
    assert left.ir_hash != right.ir_hash
    assert left.object_hash == right.object_hash
    assert worker.evaluate(one, "function(sroa)", ("object",)).object_hash == left.object_hash


def test_used_globals_of_one_list_do_not_mark_those_of_the_next(worker):
    text = b'''target triple = "x86_64-pc-linux-gnu"
@kept = internal global i32 7
@other = global i32 8
@llvm.used = appending global [1 x ptr] [ptr @kept], section "llvm.metadata"
'''
    module = worker.load(text).id
    first, *rest = worker.evaluate_many(module, ["verify"] * 20, ("object",))
    assert {one.object for one in rest} == {first.object}


def test_an_invalid_list_tells_llvms_complaint(worker, bitcode):
    loaded = worker.load(bitcode)
    result = worker.evaluate(loaded.id, "no-such-pass")
    assert result.outcome is Outcome.INVALID_LIST
    assert "no-such-pass" in result.message


@pytest.mark.parametrize("data", [b"", b"BC\xc0\xde\x00\x00", b"define i32 @f( {", os.urandom(300)])
def test_malformed_ir_is_refused_and_the_worker_lives(worker, bitcode, data):
    with pytest.raises(InvalidIR):
        worker.load(data)
    assert worker.evaluate(worker.load(bitcode).id, "default<Oz>").ok


def test_a_killed_child_is_replaced(worker, bitcode):
    loaded = worker.load(bitcode)
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.evaluate(loaded.id, "default<Oz>").outcome is Outcome.CRASHED
    assert worker.evaluate(loaded.id, "default<Oz>").ok


def test_processor_time_is_that_of_all_threads_of_all_children(toolchain, bitcode):
    """LLVM works in a thread of its own; a child that hung and was killed counts too."""
    before = children_seconds()
    with Worker(toolchain, timeout=0.3) as worker:
        loaded = worker.load(bitcode)
        worker.evaluate(loaded.id, ENDLESS)
        assert (hung := worker.processor_seconds) >= 0.3
        for _ in range(5):
            worker.evaluate(loaded.id, "default<Oz>")
        assert hung < worker.processor_seconds <= hung + spent_by(worker.pid) + 0.05
    assert worker.processor_seconds == pytest.approx(children_seconds() - before, abs=0.02)


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_module_of_a_dead_child_can_be_unloaded(worker, bitcode):
    loaded = worker.load(bitcode)
    os.kill(worker.pid, signal.SIGKILL)
    worker.unload(loaded.id)
    assert worker.evaluate(worker.load(bitcode).id, "default<Oz>").ok


def test_a_clang_that_does_not_run_is_one_line(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "clang").write_text("#!/bin/false\n")
    (tmp_path / "bin" / "clang").chmod(0o755)
    with pytest.raises(ToolchainError, match="does not run"):
        Toolchain(19, tmp_path).version


def test_no_child_outlives_a_killed_parent(bitcode, tmp_path):
    path = tmp_path / "m.bc"
    path.write_bytes(bitcode)
    script = (
        "import sys, time; from ozma.llvm import *;"
        "w = Worker(find_toolchain()); w.load(open(sys.argv[1], 'rb').read());"
        "print(w.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


SAME_MEMORY = """
import ctypes, threading
from ozma.llvm import child, find_toolchain

allocate = ctypes.CDLL(None).malloc
allocate.restype = ctypes.c_size_t

def tell_addresses(service, requests, outbox):
    outbox.put([allocate(size) for size in (40, 700, 3000, 50_000, 500_000)])
    outbox.ring()

def addresses():
    made = child.Child(toolchain, child.ChildLimits(20.0, 1 << 30), ())
    found = tuple(made.answer())
    made.kill()
    return found

toolchain, child.serve = find_toolchain(), tell_addresses
places = [addresses()]
held = [bytes(600 + n) for n in range(400)]
del held[::3]
places.append(addresses())
done = threading.Event()
other = threading.Thread(target=lambda: ([bytes(n) for n in range(900, 2000)], done.wait()))
other.start()
places.append(addresses())
done.set()
other.join()
places.append(addresses())
assert len(set(places)) == 1, places
"""


def test_every_child_gives_out_the_same_memory():
    """In a process of its own: one that ran many threads has used up glibc's arenas."""
    subprocess.run([sys.executable, "-c", SAME_MEMORY], check=True)


def test_the_library_lies_at_the_same_place_in_processes_that_ask_for_it(toolchain):
    script = (
        "import sys; from pathlib import Path; from ozma.llvm.memory import load_in_place;"
        "held = [bytes(n) for n in range(int(sys.argv[2]))]; load_in_place(Path(sys.argv[1]));"
        "maps = Path('/proc/self/maps').read_text().splitlines();"
        "print([line.split()[0] for line in maps if line.endswith(sys.argv[1])])"
    )
    library = toolchain.library.resolve()
    places = {
        subprocess.run(
            [sys.executable, "-c", script, str(library), held], capture_output=True, check=True
        ).stdout
        for held in ("0", "900", "3000")
    }
    assert len(places) == 1 and b"-" in places.pop()


def test_hopeless_candidates_get_no_code(worker, bitcode):
    loaded = worker.load(bitcode)
    skipped = worker.evaluate(loaded.id, "function(sroa)", skip_above=1)
    assert skipped.ok and skipped.sizes is None and skipped.instructions > 1


def test_back_end_switches_reach_the_code_generator(toolchain, bitcode):
    with Worker(toolchain, options=["-enable-machine-outliner=always"]) as worker:
        loaded = worker.load(bitcode)
        assert worker.evaluate(loaded.id, clang_pipeline(toolchain)).ok


def test_function_sections_keep_the_code(worker, bitcode):
    plain = worker.load(bitcode)
    split = worker.load(bitcode, function_sections=True, data_sections=True)
    one = worker.evaluate(plain.id, "default<Oz>", want=("object",))
    two = worker.evaluate(split.id, "default<Oz>", want=("object",))
    assert ".text.evaluate" in {section.name for section in sections(two.object)}
    assert abs(one.sizes.total - two.sizes.total) <= 16


def test_a_missing_release_names_the_package():
    with pytest.raises(ToolchainError, match="apt-get install llvm-35"):
        find_toolchain(35)


def test_compile_errors_are_one_line_with_the_command(toolchain, tmp_path):
    source = tmp_path / "bad.c"
    source.write_text("int f( {")
    with pytest.raises(CompileError) as caught:
        compile_bitcode(toolchain, source)
    assert "\n" not in str(caught.value)
    assert "reproduce: " in str(caught.value)


def test_the_catalogue_knows_clangs_own_pipeline(each_toolchain):
    catalogue = catalogue_of(each_toolchain)
    check(explicit(parse(clang_pipeline(each_toolchain)), catalogue), catalogue)


def test_data_sections_keep_zeroes_and_strings_where_clang_puts_them(toolchain, tmp_path):
    source = tmp_path / "f.c"
    source.write_text(
        "int zero[9]; int one = 1; const int two = 2; const char *name = \"three\"; _Thread_local int four = 4;"
    )
    real = compile_object(toolchain, source, ("-fdata-sections", "-ffunction-sections"))
    with Worker(toolchain) as worker:
        loaded = worker.load(compile_bitcode(toolchain, source), data_sections=True)
        ours = worker.evaluate(loaded.id, clang_pipeline(toolchain), want=("object",))
    names = {section.name for section in sections(ours.object)}
    assert {".bss.zero", ".data.one", ".rodata.two", ".rodata.str1.1"} <= names
    assert ours.sizes == measure_object(real)


def test_a_pass_that_writes_files_writes_none(worker, bitcode, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = worker.load(bitcode)
    worker.evaluate(loaded.id, "function(dot-cfg)")
    assert not list(tmp_path.iterdir())
