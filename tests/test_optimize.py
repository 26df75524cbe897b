"""The main job: never larger, the list shown, what was and was not checked said."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cc_support import STRUCTURIZE, SWITCH_IN_A_LOOP

from ozma.cli.clang_words import split_words
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Evaluation, Outcome, Sizes, Worker
from ozma.llvm.clang import compile_object
from ozma.llvm.objects import measure_object
from ozma.llvm.pipelines import clang_pipeline
from ozma.optimize.build_pack import (
    Dense,
    build_pack,
    is_allowed,
    is_clean,
    is_complete,
    order_lists,
    read_dense,
    read_verdicts,
    target_verdicts,
)
from ozma.optimize.choose import measure_all, pick
from ozma.optimize.file import FileOptimizer, OptimizeConfig
from ozma.optimize.pack import (
    Pack,
    PackEntry,
    load_pack,
    pack_path,
    read_targets,
    shipped_majors,
    target_pack,
)
from ozma.optimize.steps import StepFailed
from ozma.passes import check, explicit, parse
from ozma.llvm.pipelines import catalogue_of
from ozma.search.budget import Budget
from ozma.verify.verdict import Verdict


def ozma(*words: object, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ozma", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, **more)


class LyingWorker:
    """Claims a tiny size for one list."""

    def __init__(self, lie: str) -> None:
        self._lie = lie

    def evaluate(self, module, passes, want=(), skip_above=None):
        total = 1 if passes == self._lie else 50
        return Evaluation(Outcome.OK, passes, Sizes(total, 0, 0, total), 9, passes)


class Module:
    id = 0


BIG = Sizes(100, 0, 0, 100)


def made(passes: str) -> SimpleNamespace:
    """What LLVM's tools make of any list: half of BIG."""
    return SimpleNamespace(passes=passes, sizes=Sizes(50, 0, 0, 50))


def test_neither_measure_may_grow():
    small, big = Sizes(10, 0, 0, 30), Sizes(11, 0, 0, 30)
    assert small.improves_on(big)
    assert not big.improves_on(small)
    assert not small.improves_on(small)
    assert not Sizes(9, 0, 0, 31).improves_on(small)


def test_a_candidate_that_stock_opt_cannot_make_is_passed_over():
    trials = measure_all(LyingWorker("lie"), Module, ["lie", "truth"], Budget(5))
    choice = pick(trials, lambda passes: None if passes == "lie" else made(passes), BIG)
    assert choice.best.passes == "truth"


def test_a_candidate_that_clangs_back_end_refuses_is_passed_over():
    def make(passes: str) -> SimpleNamespace:
        if passes == "lie":
            raise StepFailed("code generation failed")
        return made(passes)

    trials = measure_all(LyingWorker("lie"), Module, ["lie", "truth"], Budget(5))
    choice = pick(trials, make, BIG)
    assert choice.best.passes == "truth"
    assert [one.passes for one in choice.rejected] == ["lie"]


def test_a_candidate_that_fails_its_check_is_dropped_and_said():
    reject = lambda candidate: candidate.passes != "first"
    trials = measure_all(LyingWorker(""), Module, ["first", "second"], Budget(5))
    choice = pick(trials, made, BIG, reject)
    assert choice.best.passes == "second"
    assert [one.passes for one in choice.rejected] == ["first"]


def test_the_budget_bounds_the_trials(worker, bitcode):
    loaded = worker.load(bitcode)
    lists = [f"default<Oz>,repeat<{n}>(function(gvn))" for n in range(1, 9)]
    assert len(measure_all(worker, loaded, lists, Budget(3))) == 3
    assert measure_all(worker, loaded, lists, Budget(0)) == ()


def test_nothing_is_picked_when_nothing_is_smaller(worker, bitcode, toolchain):
    loaded = worker.load(bitcode)
    base = worker.evaluate(loaded.id, clang_pipeline(toolchain))
    assert pick([base], made, base.sizes).best is None


@pytest.mark.parametrize("major", shipped_majors())
def test_every_shipped_list_parses_passed_and_names_its_provenance(major, each_toolchain):
    if each_toolchain.major != major:
        pytest.skip("another release's pack")
    pack = load_pack(pack_path(major))
    catalogue = catalogue_of(each_toolchain)
    assert len(pack.lists) >= 100
    assert len({entry.passes for entry in pack.lists}) == len(pack.lists)
    for entry in pack.lists:
        check(parse(entry.passes), catalogue)
        assert str(explicit(parse(entry.passes), catalogue)) == entry.passes
        assert is_allowed(entry.passes, major) and is_complete(entry.passes)
        assert entry.programs_passed("x86-64") >= 1800
        assert entry.provenance


def test_the_shipped_lists_never_lose_and_run_without_fault(worker, bitcode, toolchain):
    loaded = worker.load(bitcode)
    for entry in load_pack(pack_path(toolchain.major)).lists[:40]:
        assert worker.evaluate(loaded.id, entry.passes).outcome is Outcome.OK


def test_a_list_with_any_failure_counts_as_not_passed():
    good = {"suite": {"programs": 5, "failures": 0}}
    bad = {"other": {"programs": 7, "failures": 1}}
    assert PackEntry("x", {}, {"x86-64": good}).programs_passed("x86-64") == 5
    assert PackEntry("x", {}, {"x86-64": good | bad}).programs_passed("x86-64") == 0
    assert PackEntry("x", {}, {"x86-64": good}).programs_passed("aarch64") == 0


def test_the_order_for_a_target_is_learnt_from_its_records():
    rows = tuple(PackEntry(passes, {}, {}) for passes in "1234abcd")
    pack = Pack("19.1.7", rows, "digest")
    first = {passes: {"p/m": 10, "q/n": 10} for passes in "1234"}
    table = {"a": {"p/m": 10, "q/n": 9}, "b": {"p/m": 4, "q/n": 10}, "c": {"p/m": 10, "q/n": 2}}
    learnt = order_lists(Dense(first | table, {"p/m": 10, "q/n": 10}), pack)
    assert learnt["found_on"] == {"packages": 2, "modules": 2, "bytes": 20}
    ordered = pack.in_order(learnt["places"])
    assert "".join(entry.passes for entry in ordered.lists) in ("1234cbad", "1234bcad")  # d was not measured
    assert ordered.digest != pack.digest
    with pytest.raises(ValueError, match="each place once"):
        pack.in_order([0, 1, 1, 2, 3, 4, 5, 6])


def test_facts_of_a_target_go_with_one_pack(tmp_path):
    suites = {"s": {"programs": 9, "failures": 0}}
    pack = Pack("19.1.7", (PackEntry("a", {}, {"x86-64": suites}),), "digest")
    facts = target_verdicts({"a": {"aarch64": suites}, "z": {"aarch64": suites}}, pack, "aarch64")
    path = tmp_path / "targets.json"
    path.write_text(json.dumps({"pack": "digest", "targets": {"aarch64": facts}}))
    known = pack.with_verdicts("aarch64", read_targets(path, pack)["aarch64"]["verdicts"])
    assert known.lists[0].programs_passed("aarch64") == known.lists[0].programs_passed("x86-64") == 9
    assert read_targets(path, replace(pack, digest="other")) == {}
    assert read_targets(tmp_path / "none.json", pack) == {}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gets_all_shipped_lists(target):
    shipped = {entry.passes for entry in load_pack(pack_path(19)).lists}
    assert {entry.passes for entry in target_pack(19, target).lists} == shipped


def test_a_damaged_pack_is_one_line(tmp_path):
    path = tmp_path / "pack.json"
    path.write_text('{"lists": [1]}')
    with pytest.raises(OzmaError, match="not a pack"):
        load_pack(path)


def test_a_release_without_lists_names_those_that_have_them():
    with pytest.raises(OzmaError, match="no pass lists are shipped for LLVM 18"):
        pack_path(18)


def test_only_clean_lists_enter_a_pack(tmp_path):
    good, fails, unchecked, drops = (f"{first},function(ee-instrument),cgscc({last})"
                                     for first, last in (("a", "inline"), ("b", "inline"), ("c", "inline"), ("d", "argpromotion")))
    sizes = dict(zip((good, fails, unchecked, drops), (5, 4, 3, 2), strict=True))
    dense = Dense({passes: {"p/m": size} for passes, size in sizes.items()}, {"p/m": 10})
    ok, bad = {"s": {"programs": 9, "failures": 0}}, {"s": {"programs": 9, "failures": 2}}
    verdicts = {good: {"x86-64": ok}, fails: {"x86-64": bad}, drops: {"x86-64": ok}}
    content = build_pack(dense, verdicts, "19.1.7", 10, "x86-64", 1)
    assert [row["passes"] for row in content["lists"]] == [good]
    assert content["found_on"]["rejected"] == 3
    assert not is_clean({"x86-64": ok, "aarch64": bad}, "x86-64", 1)


def verdict_line(**other: object) -> str:
    """As `ozma validate --records` writes it."""
    row = {"passes": "a", "suite": "s", "fingerprint": "12ab", "llvm": "19.1.7", "target": "x86-64",
           "programs": 3, "failures": [], "reused": 0, "seconds": 0.1}  # fmt: skip
    return json.dumps(row | other) + "\n"


def test_verdicts_are_read_by_release(tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text(verdict_line() + verdict_line(llvm="22.1.0", passes="b"))
    assert read_verdicts([path], "19.1.7") == {"a": {"x86-64": {"s": {"programs": 3, "failures": 0}}}}


def test_a_sample_of_a_suite_is_not_the_suite(tmp_path):
    failure = {"program": "p", "verdict": Verdict.CRASHED.value, "stage": "run"}
    whole, sample = verdict_line(failures=[failure]), verdict_line(fingerprint="12ab/1", programs=1)
    path = tmp_path / "v.jsonl"
    path.write_text(whole + sample)
    assert read_verdicts([path], "19.1.7")["a"]["x86-64"] == {"s": {"programs": 3, "failures": 1}}


@pytest.mark.parametrize("text", [None, "no JSON", '{"module": "m"}'])
def test_files_that_hold_no_verdicts_are_one_line(tmp_path, text):
    path = tmp_path / "v.jsonl"
    if text is not None:
        path.write_text(text + "\n")
    with pytest.raises(OzmaError, match="verdicts"):
        read_verdicts([path], "19.1.7")


def test_a_folder_of_records_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(OzmaError, match="no folder"):
        read_dense([tmp_path / "nowhere"])
    assert list(tmp_path.iterdir()) == []


def test_an_object_is_written_and_never_larger(program, tmp_path, toolchain):
    output = tmp_path / "p.o"
    done = ozma("optimize", program, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["files"][0]
    real = measure_object(compile_object(toolchain, program))
    assert facts["clang"] == real.total
    assert facts["ours"] == measure_object(output.read_bytes()).total <= real.total
    assert facts["output_verdict"] == Verdict.NOT_CHECKED.value


def test_ir_goes_through_standard_input_and_output(program, toolchain):
    command = [toolchain.tool("clang"), "-Oz", "-Xclang", "-disable-llvm-passes", "-S"]
    text = subprocess.run(
        [*command, "-emit-llvm", program, "-o", "-"], capture_output=True, text=True, check=True
    ).stdout
    done = ozma("optimize", "-", "-S", "-o", "-", input=text)
    assert done.returncode == 0, done.stderr
    assert "define" in done.stdout and "@evaluate" in done.stdout
    assert "saved" in done.stderr


def test_several_files_go_to_a_folder(program, tmp_path):
    other = tmp_path / "other.c"
    other.write_text("int g(int x) { return x * 3; }")
    done = ozma("optimize", program, other, "-o", tmp_path / "out", "--budget", "2")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"program.o", "other.o"}
    assert "sum" in done.stdout


def test_clangs_words_reach_clang(tmp_path):
    source = tmp_path / "d.c"
    source.write_text("int f(void) { return VALUE; }")
    assert ozma("optimize", source, "-DVALUE=4", "--budget", "1").returncode == 0
    refused = ozma("optimize", source, "--budget", "1")
    assert refused.returncode >= 100
    assert "VALUE" in refused.stderr and "reproduce:" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"x", "no kind of file"),
        ("a.ll", b"define i32 @f( {", "expected"),
        ("a.bc", b"BC\xc0\xde\x00", "a.bc"),
        ("a.o", b"\x7fELF", "machine code"),
        ("a.c", b"int f( {", "error"),
        ("missing.c", None, "cannot read"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = ozma("optimize", path, "-o", tmp_path / "out.o")
    assert done.returncode >= 100
    assert words in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out.o").exists()


@pytest.mark.parametrize("words", [("--budget", "lots"), ("--passes", "no-such-pass"), ("--llvm", "35")])
def test_bad_options_say_what_to_do(program, words):
    done = ozma("optimize", program, *words)
    assert "Traceback" not in done.stderr
    assert done.returncode >= 100


@pytest.mark.parametrize("words", [("-I", "include"), ("-Iinclude",), ("-D", "X=1", "-I", "include")])
def test_words_with_a_value_of_their_own_stay_together(tmp_path, words):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "h.h").write_text("#define VALUE 7")
    (tmp_path / "f.c").write_text('#include "h.h"\nint f(void) { return VALUE; }')
    done = ozma("optimize", *words, "f.c", "--budget", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "f.c" in done.stdout


def test_what_follows_two_dashes_is_clangs():
    assert split_words(["a.c", "-I", "x", "--", "-O1", "b"]) == (["a.c"], ["-I", "x", "-O1", "b"])


def test_a_users_own_list_is_never_called_checked(program):
    done = ozma("optimize", program, "--passes", "default<Oz>,function(loop(loop-reduce))", "--json")
    facts = json.loads(done.stdout)["files"][0]
    assert facts["list_verdict"] == Verdict.NOT_CHECKED.value


def test_differential_verification_rejects_a_miscompilation(tmp_path, toolchain):
    source = tmp_path / "find.c"
    source.write_text(SWITCH_IN_A_LOOP)
    config = OptimizeConfig(passes=STRUCTURIZE, verify="differential")
    with Worker(toolchain) as worker:
        result = FileOptimizer(toolchain, config, None, worker).run(source)
    assert result.passes is None
    assert [one.passes for one in result.rejected] == [STRUCTURIZE]
    assert result.ours == result.baseline


def test_other_targets_compile_and_are_not_larger(tmp_path):
    source = tmp_path / "f.c"
    source.write_text("int f(int *p, int n) { int s = 0; while (n--) s += p[n] / 3; return s; }")
    for target in ("aarch64", "thumb2", "riscv32", "riscv64"):
        done = ozma("optimize", source, "--target", target, "--budget", "3", "--json")
        facts = json.loads(done.stdout)["files"][0]
        assert facts["ours"] <= facts["clang"]


def test_a_full_disk_keeps_the_old_output(program, tmp_path):
    done = ozma("optimize", program, "-o", "/dev/full/out.o", "--budget", "1")
    assert done.returncode >= 100
    assert "cannot write" in done.stderr and "Traceback" not in done.stderr


def test_the_verbs_in_the_help_all_answer():
    from ozma.cli import VERBS

    for verb in VERBS:
        done = ozma(verb, "--help") if verb not in ("cc", "c++") else ozma(verb, "--ozma-help")
        assert done.returncode == 0, (verb, done.stderr)
        assert done.stdout


def test_ozma_itself_never_imports_torch_and_starts_light():
    code = "import sys, ozma.cli; print('torch' in sys.modules, 'ozma.llvm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_doctor_passes_here():
    done = ozma("doctor", "--llvm", "19")
    assert done.returncode == 0 and "x86-64" in done.stdout
