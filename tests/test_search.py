"""The autotuner: records that survive kills, strategies that replay, coresets that cover."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.cli import main
from ozma.errors import OzmaError
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.passes import complete, crossover, mutate, parse
from ozma.search.broadcast import best_records, broadcast, minimized, winners
from ozma.search.budget import Budget
from ozma.search.coreset import curve, greedy_cover
from ozma.search.cover import CoverConfig, CoverSearch
from ozma.search.genetic import Genetic, GeneticConfig
from ozma.search.records import Record, RecordStore
from ozma.search.session import TuneConfig, tune_modules
from ozma.search.strategy import RandomLists, StaticLists
from ozma.search.tune import Subject, Tuner


def record(passes: str, total: int | None = 100, module: str = "m") -> Record:
    outcome = "ok" if total is not None else "crashed"
    return Record(module, passes, outcome, total, total, 10, passes, 0.1, "test", "19", "x86-64")


@pytest.fixture
def tuner(worker, bitcode, toolchain, tmp_path):
    subject = Subject("m", worker.load(bitcode), clang_pipeline(toolchain), "x86-64")
    return Tuner(worker, subject, RecordStore(tmp_path))


@pytest.mark.parametrize(
    ("text", "compiles", "seconds"), [("16", 16, None), ("2s", None, 2.0), ("64,10s", 64, 10.0)]
)
def test_a_budget_reads_and_prints_the_same_text(text, compiles, seconds):
    assert Budget.parse(text) == Budget(compiles, seconds)
    assert str(Budget.parse(text)) == text


@pytest.mark.parametrize("text", ["", "many", "-3", "3x", "-1s"])
def test_a_bad_budget_names_the_fix(text):
    with pytest.raises(ValueError, match="budget"):
        Budget.parse(text)


def test_records_come_back_and_a_torn_line_is_cut_off(tmp_path):
    store = RecordStore(tmp_path)
    store.append([record("a"), record("b", None)])
    with open(store.path("m"), "ab") as file:
        file.write(b'{"module": "m", "pas')
    assert store.load("m") == [record("a"), record("b", None)]
    store.append([record("c")])
    assert [one.passes for one in store.load("m")] == ["a", "b", "c"]


def test_a_full_disk_is_one_line(tmp_path):
    store = RecordStore(tmp_path)
    store.path("m").symlink_to("/dev/full")
    with pytest.raises(OzmaError, match="No space left.*run the same command again"):
        store.append([record("a")])


def test_nothing_is_evaluated_twice(tuner):
    first = tuner.evaluate("default<Oz>", "test")
    before = tuner.evaluated
    assert tuner.evaluate("default<Oz>", "test") == first
    assert tuner.evaluated == before


def test_a_new_tuner_resumes_from_the_store(tuner, toolchain, tmp_path):
    strategy = lambda: RandomLists(3, catalogue_of(toolchain), clang_pipeline(toolchain))
    best = tuner.run(strategy(), Budget(6))
    again = Tuner(tuner._worker, tuner._subject, RecordStore(tmp_path))
    assert again.run(strategy(), Budget(6)) == best
    assert again.evaluated == 0


def test_a_seconds_budget_ends(tuner, toolchain):
    started = time.monotonic()
    lists = (parse(f"default<Oz>,repeat<{n}>(function(gvn))") for n in range(1, 10_000))
    tuner.run(StaticLists(lists), Budget(None, 0.5))
    assert time.monotonic() - started < 8


def genetic(seed: int, toolchain, first: str) -> Genetic:
    change = functools.partial(mutate, catalogue=catalogue_of(toolchain))
    return Genetic(seed, [parse(first)], change, crossover, GeneticConfig(population=6))


def test_the_genetic_search_is_repeatable_and_never_loses_its_best(tuner, toolchain):
    base = clang_pipeline(toolchain)
    one, two = genetic(5, toolchain, base), genetic(5, toolchain, base)
    best = []
    for _ in range(12):
        pipeline = one.propose()
        assert two.propose() == pipeline
        found = tuner.evaluate(str(pipeline), "genetic")
        one.observe(pipeline, found)
        two.observe(pipeline, found)
        best.append(one._population[0].fitness[0])
    assert best == sorted(best, reverse=True)
    assert best[-1] <= tuner.baseline.total


def test_lists_that_fail_never_enter_the_population(toolchain):
    search = genetic(1, toolchain, "default<Oz>")
    pipeline = search.propose()
    search.observe(pipeline, record(str(pipeline), None))
    assert search._population == []
    assert search.propose() is not None


def test_greedy_cover_takes_what_saves_most_and_stops():
    baseline = {"a": 100, "b": 100, "c": 50}
    table = {
        "first": {"a": 90, "b": 80, "c": 50},
        "second": {"a": 70, "b": 100},
        "useless": {"a": 95, "b": 95, "c": 60},
    }
    steps = greedy_cover(table, baseline, 5)
    assert [(s.passes, s.saved, s.improved) for s in steps] == [("first", 30, 2), ("second", 20, 1)]
    assert curve(steps, 250) == [30 / 250, 50 / 250]


@given(
    st.dictionaries(
        st.text("pq", min_size=1, max_size=4),
        st.dictionaries(st.sampled_from("abcd"), st.integers(1, 99), min_size=1),
        max_size=6,
    )
)
def test_the_cover_of_all_lists_reaches_the_best_of_each_module(table):
    baseline = dict.fromkeys("abcd", 60)
    saved = sum(step.saved for step in greedy_cover(table, baseline, 99))
    best = {m: min([60, *(row[m] for row in table.values() if m in row)]) for m in "abcd"}
    assert saved == sum(60 - size for size in best.values())


def test_cover_search_only_adds_lists_that_save(tuner, toolchain):
    change = functools.partial(mutate, catalogue=catalogue_of(toolchain))
    search = CoverSearch([tuner], change, crossover, CoverConfig(children=6))
    base = parse(clang_pipeline(toolchain))
    before = search.sizes[0]
    found = search.extend([base])
    assert (search.sizes[0] < before) == (found is not None)
    assert len(search.pack) == (1 if found else 0)


def test_broadcast_and_winners_read_the_same_records(tuner, tmp_path):
    found = broadcast(tuner, ["default<Oz>", "function(sroa)"])
    assert found.keys() == {"default<Oz>", "function(sroa)"}
    baseline, best = best_records(RecordStore(tmp_path))["m"]
    assert baseline.strategy == "baseline"
    assert bool(winners(RecordStore(tmp_path))) == (best.total < baseline.total)


def test_minimization_keeps_the_size_with_fewer_passes(tuner, toolchain):
    long = "default<Oz>,function(gvn,verify,loop(loop-reduce),verify),globaldce"
    short = minimized(tuner, long, None, 60)
    assert tuner.cost(short) <= tuner.cost(parse(long))
    assert len(str(short)) < len(long)


def test_modules_are_tuned_in_processes_and_a_second_run_computes_nothing(
    toolchain, bitcode, tmp_path
):
    config = TuneConfig(records=tmp_path, budget=Budget(5), jobs=2)
    modules = [("one", bitcode), ("two", bitcode), ("bad", b"no bitcode")]
    first = {tuned.module: tuned for tuned in tune_modules(toolchain, modules, config)}
    assert first["bad"].problem and first["one"].best.total <= first["one"].baseline.total
    again = {tuned.module: tuned for tuned in tune_modules(toolchain, modules, config)}
    assert again["two"].best == first["two"].best and again["two"].evaluated == 0


def test_a_killed_search_goes_on_and_leaves_no_process(bitcode, tmp_path):
    source = tmp_path / "m.bc"
    source.write_bytes(bitcode)
    records = tmp_path / "records"
    command = [sys.executable, "-m", "ozma", "tune", str(source), "--records", str(records)]
    with subprocess.Popen([*command, "--budget", "100000"], start_new_session=True) as run:
        deadline = time.monotonic() + 30
        while not list(records.glob("*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        run.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while (left := members_of_session(run.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    store = RecordStore(records)
    done = store.load(str(source))
    assert done
    subprocess.run([*command, "--budget", str(len(done) + 3)], check=True, capture_output=True)
    passes = [one.passes for one in store.load(str(source))]
    assert passes[: len(done)] == [one.passes for one in done]
    assert len(passes) == len(set(passes))


def test_ctrl_c_ends_a_search_at_once(bitcode, tmp_path):
    source = tmp_path / "m.bc"
    source.write_bytes(bitcode)
    records = tmp_path / "records"
    command = [sys.executable, "-m", "ozma", "tune", str(source), "--records", str(records)]
    with subprocess.Popen([*command, "--budget", "100000"], start_new_session=True) as run:
        deadline = time.monotonic() + 30
        while not list(records.glob("*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        try:
            assert run.wait(20) in (130, 100)
        finally:
            run.kill()


@pytest.mark.parametrize("changed", ["target", "source", "level"])
def test_records_of_something_else_are_not_taken_for_this(tmp_path, changed):
    source = tmp_path / "f.c"
    source.write_text("int f(int n) { return n * 3; }")

    def tune(*words: str) -> dict:
        command = [sys.executable, "-m", "ozma", "tune", "f.c", "--budget", "1", "--json", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return json.loads(done.stdout)

    first = tune()
    if changed == "target":
        assert tune("--target", "thumb2")["clang"] != first["clang"]
        return
    if changed == "source":
        source.write_text("int f(int n) { return n * 3 / 7 + 1; }")
    again = tune(*(["-Os"] if changed == "level" else []))
    assert "another module or level" in again["problem"]


@pytest.mark.parametrize("words", [["empty"], ["f.c", "--records", "f.c"]])
def test_what_cannot_be_tuned_is_one_line(tmp_path, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "f.c").write_text("int f(int n) { return n * 3; }")
    command = [sys.executable, "-m", "ozma", "tune", *words, "--budget", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 100 and done.stderr.count("\n") == 1, done.stderr


def members_of_session(leader: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def test_lists_that_drop_what_the_source_asks_for_are_completed():
    assert str(complete(parse("globaldce"))) == "function(ee-instrument),always-inline,globaldce"
    for whole in ("function(ee-instrument),cgscc(inline)", "default<Oz>,globaldce"):
        assert str(complete(parse(whole))) == whole


def test_a_source_file_is_tuned_with_clangs_words(tmp_path):
    source = tmp_path / "f.c"
    source.write_text("int f(int n) { return n * VALUE; }")
    command = [sys.executable, "-m", "ozma", "tune", str(source), "-D", "VALUE=3", "--budget", "3"]
    command += ["--records", str(tmp_path / "records")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not checked" in done.stdout


def test_a_list_that_was_found_is_shown_and_can_be_kept_for_validate(bitcode, tmp_path, capsys):
    module, lists = tmp_path / "m.bc", tmp_path / "found.txt"
    module.write_bytes(bitcode)
    words = ["tune", module, "--records", tmp_path / "records", "--budget", 40, "--lists", lists]
    assert main([str(word) for word in words]) == 0
    found = lists.read_text().splitlines()
    assert len(found) == 1 and f"passes: {found[0]}" in capsys.readouterr().out.splitlines()
