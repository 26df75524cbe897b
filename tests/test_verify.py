"""PassListEval on a suite of small programs that fake what real ones do wrong."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest

from ozma.cli import validate
from ozma.errors import OzmaError
from ozma.llvm import TARGETS
from ozma.llvm.pipelines import catalogue_of
from ozma.verify.judge import Finding
from ozma.verify.passlisteval import ListVerdict, PassListEval
from ozma.verify.records import JudgedObjects, RecordFile, SuiteVerdict
from ozma.verify.reproducer import minimize_failure
from ozma.verify.runner import Limits
from ozma.verify.suites import build, gcc_torture, humaneval_x
from ozma.verify.suites.draft import Draft, SuiteOptions, Unit
from ozma.verify.suites.fetch import require_tool
from ozma.verify.suites.program import Program, Suite, read_suite, write_suite
from ozma.verify.sweep import SweptPass, lists_for, swept_passes
from ozma.verify.verdict import Verdict

TARGET = next(t for t in TARGETS.values() if t.triple.split("-")[0] == os.uname().machine)

QUIET = "int shared = 1; int helper(void) { return shared; } int main() { return helper() - 1; }"
PRINTING = '#include <stdio.h>\nint main() { printf("checksum = %d\\n", 42); return 0; }'
FAILING = "int helper(void) { return 3; } int main() { return helper(); }"
LOOP_WITH_SWITCH = """
volatile int zero;
int classify(int n) {
  for (int i = 0; i < 100; i++) {
    switch (i + n) {
    case 3: return 30;
    case 5: return 50;
    case 9: return 90;
    case 12: goto out;
    }
    if (i == 40) break;
  }
  return 1;
out:
  return 2;
}
int main() { return classify(zero) == 30 && classify(4 + zero) == 50 && classify(10 + zero) == 2 ? 0 : 1; }
"""


def tiny_suite(folder: Path) -> list[Draft]:
    texts = {"quiet": QUIET, "printing": PRINTING, "switch": LOOP_WITH_SWITCH, "broken": FAILING, "no": "int"}
    drafts = []
    for name, text in texts.items():
        path = folder / f"{name}.c"
        path.write_text(text)
        drafts.append(Draft(name, (Unit(path, ("-w",)),)))
    return drafts


@pytest.fixture(scope="module")
def tiny(toolchain, tmp_path_factory) -> tuple[Suite, Path]:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(build.SUITES, "tiny", lambda options: tiny_suite(cache))
        suite = build.build_suite("tiny", SuiteOptions(toolchain, TARGET, cache))
    return suite, cache


# --- suites -----------------------------------------------------------------------------------


def test_only_programs_that_trusted_lists_leave_working_are_kept(tiny):
    suite, _ = tiny
    assert [program.name for program in suite.programs] == ["quiet", "printing", "switch"]
    assert suite.left_out == {"does not compile": 1, "fails at default<O0>": 1}


def test_a_suite_is_built_once(tiny, toolchain, monkeypatch):
    suite, cache = tiny
    monkeypatch.setitem(build.SUITES, "tiny", lambda options: pytest.fail("built again"))
    assert build.build_suite("tiny", SuiteOptions(toolchain, TARGET, cache)) == suite


def test_a_sample_is_always_the_same_and_known_as_one(tiny):
    suite, _ = tiny
    assert suite.sample(2) == suite.sample(2)
    assert len(suite.sample(2).programs) == 2
    assert suite.sample(2).fingerprint != suite.fingerprint


def test_a_damaged_pack_is_one_clear_line(tiny, tmp_path):
    path = tmp_path / "suite.zip"
    write_suite(tiny[0], path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(OzmaError, match="damaged"):
        read_suite(path)


def test_options_of_a_torture_test_without_its_level():
    text = '/* { dg-options "-fwrapv -O2" } */ /* { dg-options "-mmmx" { target i?86-*-* } } */'
    assert gcc_torture._own_options(text) == ("-fwrapv",)


def test_a_humaneval_solution_is_parted_from_its_test(toolchain, tmp_path):
    head = "#include <vector>\nint twice(int n){\n"
    problem = {
        "task_id": "CPP/7",
        "prompt": head,
        "canonical_solution": "return 2 * n; }",
        "declaration": head,
        "test": "int main(){ return twice(2) != 4; }",
    }
    file = tmp_path / "problems.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(problem).encode()))
    (draft,) = humaneval_x.draft_programs(
        SuiteOptions(toolchain, TARGET, tmp_path, humaneval=file)
    )
    assert "main" not in draft.tested[0].source.read_text()
    assert "int twice(int n);" in draft.fixed[0].source.read_text()


def test_what_is_missing_is_named_with_its_package(toolchain, tmp_path, monkeypatch):
    with pytest.raises(OzmaError, match="--humaneval"):
        humaneval_x.draft_programs(SuiteOptions(toolchain, TARGET, tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(OzmaError, match="apt-get install csmith libcsmith-dev"):
        require_tool("csmith", "csmith libcsmith-dev")


def test_settings_name_the_field(toolchain):
    with pytest.raises(ValueError, match="jobs"):
        SuiteOptions(toolchain, TARGET, jobs=0)
    with pytest.raises(ValueError, match="cpu"):
        Limits(cpu=0)


# --- lists ------------------------------------------------------------------------------------


@pytest.fixture
def evaluator(tiny, toolchain, tmp_path):
    suite, _ = tiny
    with PassListEval(toolchain, TARGET, [suite], cache=tmp_path, limits=Limits(cpu=1)) as made:
        yield made


def test_a_good_list_passes_and_is_known_afterwards(evaluator, tiny):
    first = evaluator.evaluate("default<Oz>")
    assert first.verdict is Verdict.TESTS_PASSED and first.suites[0].reused == 0
    again = evaluator.evaluate("default<Oz>,globaldce")
    assert again.verdict is Verdict.TESTS_PASSED and again.suites[0].reused == len(tiny[0].programs)


def test_unify_loop_exits_is_rejected(evaluator):
    result = evaluator.evaluate("function(unify-loop-exits)")
    assert result.verdict.failed
    assert [finding.program for finding in result.failures] == ["switch"]


def test_a_pass_that_crashes_is_a_verdict(evaluator):
    result = evaluator.evaluate("trigger-crash-module")
    assert result.suites[0].counts == {Verdict.CRASHED: 3}
    assert result.failures[0].stage == "compile"


def test_a_pass_that_hides_main_is_a_failure(evaluator):
    assert evaluator.evaluate("internalize,globaldce").verdict is Verdict.OUTPUT_DIFFERS


def test_a_list_that_llvm_refuses_is_an_error(evaluator):
    with pytest.raises(OzmaError, match="refuses the list 'no-such-pass'"):
        evaluator.evaluate("no-such-pass")


def test_records_resume_without_compiling(evaluator, tiny, toolchain, tmp_path):
    suite, _ = tiny
    before = evaluator.evaluate("function(unify-loop-exits)")
    with PassListEval(toolchain, TARGET, [suite], cache=tmp_path) as later:
        assert later.evaluate("function(unify-loop-exits)").failures == before.failures
        assert later._judge.worker.pid is None


def test_a_suite_of_another_release_is_refused(tiny, toolchain):
    foreign = Suite("tiny", "1.2.3", TARGET.name, (), {}, {}, {})
    with pytest.raises(ValueError, match="1.2.3"):
        PassListEval(toolchain, TARGET, [foreign])


def _list_verdict(*failures: Finding, programs: int = 3) -> ListVerdict:
    suite = SuiteVerdict("tiny", "f", programs, failures, 0, 0.0)
    return ListVerdict("no-op-module", "19", TARGET.name, (suite,))


def test_what_was_not_checked_never_passes():
    skipped = Finding("a", Verdict.NOT_CHECKED, "run", "not run: others hang")
    assert _list_verdict(skipped).verdict is Verdict.NOT_CHECKED
    assert _list_verdict(programs=0).verdict is Verdict.NOT_CHECKED
    assert ListVerdict("no-op-module", "19", TARGET.name, ()).verdict is Verdict.NOT_CHECKED
    assert not Verdict.NOT_CHECKED.passed and not Verdict.NOT_CHECKED.failed


def test_a_failure_outweighs_what_was_not_checked():
    skipped = [Finding(name, Verdict.NOT_CHECKED) for name in "bc"]
    assert _list_verdict(Finding("a", Verdict.TIMED_OUT), *skipped).verdict is Verdict.TIMED_OUT


def test_an_unfinished_line_of_the_records_is_ignored(tiny, tmp_path):
    path = tmp_path / "lists.jsonl"
    suite, verdict = tiny[0], _list_verdict().suites[0]
    RecordFile(path).add("no-op-module", suite, verdict)
    path.write_text(path.read_text() + '{"passes": "x", "sui')
    found = RecordFile(path).find("no-op-module", suite)
    assert found is not None and found.verdict is Verdict.TESTS_PASSED


def test_a_file_of_other_records_is_one_clear_line(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"module": "m"}\n')
    with pytest.raises(OzmaError, match="other lines than the verdicts"):
        RecordFile(tmp_path / "other.jsonl")


def test_a_file_that_is_not_humaneval_is_one_clear_line(toolchain, tmp_path):
    (tmp_path / "other.jsonl").write_text('{"task_id": "CPP/0"}\n')
    options = SuiteOptions(
        toolchain, TARGETS["x86-64"], tmp_path, humaneval=tmp_path / "other.jsonl"
    )
    with pytest.raises(OzmaError, match="no prompt"):
        humaneval_x.draft_programs(options)


def test_time_limits_are_not_kept(tmp_path):
    program = Program("a", ("m",))
    judged = JudgedObjects(tmp_path / "judged.tsv")
    judged.add({"k1": Finding("a", Verdict.TIMED_OUT), "k2": Finding("a", Verdict.TESTS_PASSED)})
    later = JudgedObjects(tmp_path / "judged.tsv")
    assert later.find("k1", program) is None
    assert later.find("k2", program) == Finding("a", Verdict.TESTS_PASSED, reused=True)


def test_records_that_cannot_be_written_are_one_clear_line(tiny, tmp_path):
    records = RecordFile(tmp_path / "file" / "lists.jsonl")
    (tmp_path / "file").touch()
    with pytest.raises(OzmaError, match="cannot write"):
        records.add("x", tiny[0], _list_verdict().suites[0])
    with pytest.raises(OzmaError, match="cannot read"):
        RecordFile(tmp_path / "file" / "lists.jsonl")


@pytest.fixture(scope="module")
def bundled(toolchain, tmp_path_factory) -> Suite:
    options = SuiteOptions(toolchain, TARGET, tmp_path_factory.mktemp("bundled"))
    return build.build_suite("bundled", options)


UNSAFE = {
    "function(unify-loop-exits)": "loops",
    "function(structurizecfg)": "irreducible",
    "function(lower-invoke)": "exceptions",
    "function(lower-atomic)": "atomics",
    "internalize": "units",
    "function(early-cse<memssa>),ipsccp,cgscc(function(newgvn))": "never_taken",
    "cgscc(function(sroa,adce,simplifycfg),attributor-light-cgscc)": "defaults",
}


@pytest.mark.parametrize("passes", UNSAFE)
def test_our_own_programs_reject_unsafe_lists(bundled, toolchain, tmp_path, passes):
    with PassListEval(toolchain, TARGET, [bundled], cache=tmp_path, limits=Limits(cpu=1)) as made:
        failing = {finding.program for finding in made.evaluate(passes).failures}
    assert UNSAFE[passes] in failing


def test_all_our_own_programs_are_usable(bundled):
    assert bundled.left_out == {"does not compile": 0} and len(bundled.programs) == 11


# --- reproducers, sweep, command ----------------------------------------------------------------


def test_a_reproducer_runs_with_stock_tools(tiny, toolchain, tmp_path):
    saved = minimize_failure(
        "globaldce,function(unify-loop-exits,gvn)", tiny[0], "switch", toolchain, TARGET, tmp_path / "r"
    )
    assert "gvn" not in saved.passes and "unify-loop-exits" in saved.passes
    assert saved.function == "classify"
    run = [str(saved.folder / "run.sh"), str(toolchain.bindir)]
    assert subprocess.run(run, capture_output=True).returncode == 1
    (saved.folder / "passes.txt").write_text("default<Oz>\n")
    assert subprocess.run(run, capture_output=True).returncode == 0
    assert toolchain.version in (saved.folder / "versions.txt").read_text()


def test_a_crash_is_saved_as_a_module_alone(tiny, toolchain, tmp_path):
    saved = minimize_failure(
        "globaldce,trigger-crash-module", tiny[0], "quiet", toolchain, TARGET, tmp_path / "r"
    )
    assert saved.passes == "trigger-crash-module" and not (saved.folder / "rest.ll").exists()
    run = [str(saved.folder / "run.sh"), str(toolchain.bindir)]
    assert subprocess.run(run, capture_output=True).returncode == 1


def test_a_list_that_does_not_fail_has_no_reproducer(tiny, toolchain, tmp_path):
    with pytest.raises(OzmaError, match="does not fail"):
        minimize_failure("globaldce", tiny[0], "quiet", toolchain, TARGET, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_the_sweep_tries_a_pass_alone_and_around_oz(toolchain):
    catalogue = catalogue_of(toolchain)
    infos = {info.name: info for info in swept_passes(catalogue)}
    assert "unify-loop-exits" in infos and "dot-cfg" not in infos and "asan" not in infos
    assert lists_for(infos["unify-loop-exits"], catalogue) == (
        "function(unify-loop-exits)",
        "function(unify-loop-exits),default<Oz>",
    )


def test_a_failing_pass_becomes_a_row_of_the_deny_list():
    swept = SweptPass("x", "function", (_list_verdict(Finding("a", Verdict.CRASHED, "compile", "SIGSEGV")),))
    row = swept.deny_row(19)
    assert (row["pass"], row["kind"], row["evidence"]) == ("x", "crashes", "measured")
    assert SweptPass("y", "function", (_list_verdict(),)).deny_row(19) is None
    assert SweptPass("z", "function", (), "LLVM refuses").verdict is Verdict.NOT_CHECKED


@pytest.fixture
def command(tiny, monkeypatch, tmp_path, capsys):
    suite, _ = tiny
    monkeypatch.setattr(validate, "build_suite", lambda name, options: suite)
    monkeypatch.setattr(validate, "TARGETS", {"x86-64": TARGET})

    def call(*words: str) -> tuple[int, str]:
        code = validate.main([*words, "--suite", "csmith", "--cache", str(tmp_path)])
        return code, capsys.readouterr().out

    return call


def test_validate_exits_with_0_only_if_everything_passed(command):
    assert command("default<Oz>")[0] == 0
    code, text = command("default<Oz>", "unify-loop-exits")
    assert code == 1 and "switch: output differs" in text and "1 of 2 lists passed" in text


def test_validate_prints_one_object_per_list(command):
    code, text = command("globaldce", "--json")
    assert code == 0
    assert json.loads(text)["suites"]["tiny"] | {"reused": 0} == {
        "programs": 3,
        "failures": 0,
        "counts": {"tests passed": 3},
        "reused": 0,
        "failing": {},
    }


def test_validate_sweeps_the_passes_that_are_named(command):
    code, text = command("unify-loop-exits", "--sweep", "--json")
    assert code == 1 and json.loads(text)["deny"]["pass"] == "unify-loop-exits"


def test_a_sweep_of_an_unknown_pass_names_it(command):
    with pytest.raises(OzmaError, match="no pass to sweep: no-such-pass"):
        command("no-such-pass", "--sweep")


def test_a_list_longer_than_a_file_name_is_a_list(command):
    assert command(",".join(["globaldce"] * 60))[0] == 0


def test_a_sample_of_nothing_is_refused(command):
    with pytest.raises(OzmaError, match="sample is 0"):
        command("globaldce", "--sample", "0")


def test_validate_without_a_list_says_what_to_give(command):
    with pytest.raises(OzmaError, match="no list"):
        command()
