"""Labels: the same facts everywhere, texts that come back, jobs that survive kills."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.labels import hunt
from ozma.labels.chunk import _LABELLERS, close_workers
from ozma.labels.disassembly import LEVELS, lower
from ozma.labels.emulation import draw
from ozma.labels.flags import MISSING
from ozma.labels.label_set import LabelSet, Regenerator
from ozma.labels.options import DISASSEMBLY, EMULATION, SEARCH, set_folder
from ozma.labels.order import gains, greedy_order
from ozma.labels.report import report
from ozma.labels.report_text import render
from ozma.labels.run import label_corpus
from ozma.labels.subjects import Choice, choose
from ozma.labels.winners import seeding, write_winners
from ozma.llvm import TARGETS, InvalidIR
from ozma.llvm.clang import compile_bitcode
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.llvm.rewrite import Rewrite, machine_of
from ozma.search.coreset import greedy_cover

from labels_support import LISTS, OTHER, at_once, corpus, flags, no_worker_left, out, rows_of, run, subjects  # noqa: F401


# --- the facts ---------------------------------------------------------------------------------


def test_a_row_holds_what_each_list_alone_measures(subjects, flags, worker, toolchain):
    row = rows_of(subjects[:1], flags)[0]
    module = worker.load(subjects[0].bitcode).id
    alone = [worker.evaluate(module, passes) for passes in (clang_pipeline(toolchain), *LISTS)]
    assert [row["base_total"], *row["totals"]] == [one.sizes.total for one in alone]
    assert row["counts"] == [one.instructions for one in alone[1:]]
    assert row["symbols"] == [subjects[0].symbol]
    assert len(row["symbol_sizes"]) == len(LISTS)
    assert row["best_total"] == min([row["base_total"], *row["totals"]])


def test_a_list_that_kills_llvm_costs_only_itself(subjects, flags):
    abort = "function(instcombine<max-iterations=0>)"  # LLVM's own check for a fixpoint ends it
    row = rows_of(subjects[:1], replace(flags, lists=(LISTS[0], "no-such-pass", abort, LISTS[1])))[0]
    assert row["totals"][0] > 0 and row["totals"][3] > 0
    assert row["totals"][1:3] == [MISSING, MISSING]
    assert [fault["outcome"] for fault in row["failures"]] == ["invalid list", "crashed"]


def test_labels_do_not_depend_on_the_process_or_the_chunk(subjects, flags, toolchain):
    one_by_one = [row for subject in subjects for row in rows_of([subject], flags)]
    close_workers()
    assert rows_of(subjects, flags) == one_by_one


def test_every_module_is_labelled_by_a_child_of_its_own(subjects, flags, monkeypatch):
    children = []

    def label(worker, subject, options):
        children.append(worker.pid)
        return [{}]

    monkeypatch.setitem(_LABELLERS, flags.task, label)
    rows_of(subjects, flags)
    assert len(set(children)) == len(subjects) > 1


def test_a_module_for_another_machine_is_refused_or_rewritten(subjects, flags):
    other = replace(flags, target="aarch64")
    row = rows_of(subjects[:1], other)[0]
    assert "not for aarch64" in row["problem"] and "totals" not in row
    row = rows_of(subjects[:1], replace(other, retarget=True))[0]
    assert row["problem"] == "" and row["base_total"] % 4 == 0


def test_rewriting_equals_clang_where_the_abi_does(toolchain, worker, tmp_path):
    source = tmp_path / "other.c"
    source.write_text(OTHER.replace("char", "unsigned char"))
    machine = machine_of(toolchain, TARGETS["aarch64"])
    rewritten = worker.rewrite(compile_bitcode(toolchain, source), Rewrite(machine))
    honest = compile_bitcode(toolchain, source, target=TARGETS["aarch64"])
    sizes = [worker.evaluate(worker.load(one).id, "default<Oz>").sizes for one in (rewritten, honest)]
    assert sizes[0].total == sizes[1].total


@pytest.mark.parametrize(
    ("code", "what"),
    [("long double f(long double x) { return x; }", "x86_fp80"), ('void f(void) { __asm__("nop"); }', "asm")],
)
def test_what_only_one_machine_has_is_not_rewritten(toolchain, worker, tmp_path, code, what):
    source = tmp_path / "bound.c"
    source.write_text(code)
    machine = machine_of(toolchain, TARGETS["aarch64"])
    with pytest.raises(InvalidIR, match=what):
        worker.rewrite(compile_bitcode(toolchain, source), Rewrite(machine))


def test_pairs_are_half_flat_half_nested_and_repeat(toolchain):
    catalogue = catalogue_of(toolchain)
    pairs = [draw("abc", 1, index, catalogue) for index in range(40)]
    assert pairs == [draw("abc", 1, index, catalogue) for index in range(40)]
    assert pairs != [draw("abd", 1, index, catalogue) for index in range(40)]
    assert {pair.answer for pair in pairs} == {"ir", "assembly"}


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_the_assembly_is_that_of_the_object(subjects, worker, toolchain, tmp_path, level):
    found = lower(worker, subjects[0].bitcode, level)
    path = tmp_path / "f.s"
    path.write_text(found.assembly)
    subprocess.run([toolchain.tool("clang"), "-c", path, "-o", tmp_path / "f.o"], check=True)
    from ozma.llvm.objects import measure_object

    assert measure_object((tmp_path / "f.o").read_bytes()).total == found.sizes.total
    assert ("minsize" in found.ir) == level.for_size


def test_assembly_is_what_clang_prints(bitcode, worker, toolchain, tmp_path):
    (tmp_path / "p.bc").write_bytes(bitcode)
    words = ["-Oz", "-S", str(tmp_path / "p.bc"), "-o", "-"]
    clang = subprocess.run([toolchain.tool("clang"), *words], capture_output=True, text=True, check=True)
    ours = worker.evaluate(worker.load(bitcode).id, clang_pipeline(toolchain), ("assembly",)).assembly
    assert ours.splitlines() == [line for line in clang.stdout.splitlines() if "addrsig" not in line]


# --- texts again -------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [EMULATION, DISASSEMBLY])
def test_every_pair_is_made_again_from_its_row(out, flags, task):
    options = replace(flags, task=task, lists=(), pairs=3)
    run(out, options)
    labels = LabelSet(out, set_folder(out, options))
    rows = [row for row in labels.rows() if row["outcome"] == "ok"]
    assert len(rows) >= 12
    with Regenerator(labels) as maker:
        for row in rows:
            assert all(getattr(maker, task)(row))
        with pytest.raises(OzmaError, match="does not give what its label says"):
            getattr(maker, task)(rows[0] | {"answer_hash": "0", "ir_hash": "0"})


def test_the_best_list_gives_its_ir_again(out, flags):
    run(out, flags)
    labels = LabelSet(out, set_folder(out, flags))
    with Regenerator(labels) as maker:
        texts = [maker.optimized_ir(row) for row in labels.rows()]
    assert all("define" in text and "alloca" not in text for text in texts)


# --- search and report -------------------------------------------------------------------------


def test_search_starts_from_the_dense_labels_and_broadcasts_its_winners(out, flags, subjects):
    run(out, flags)
    seed = seeding(LabelSet(out, set_folder(out, flags)))
    seeded = seed(subjects[0])
    assert set(seeded.seeds) <= set(LISTS) and seeded.seeds
    options = replace(flags, task=SEARCH, lists=(), compiles=12, shorten=12)
    *_, state = label_corpus(out, options, choose(out, Choice()), at_once, seed)
    searched = LabelSet(out, set_folder(out, options))
    rows = list(searched.rows())
    assert len(rows) == state.total == 5
    assert all(row["total"] <= row["base_total"] for row in rows)
    digest, lists = write_winners(searched, 3)
    assert len(digest) == 16 and all("ee-instrument" in one for one in lists)
    assert json.loads((searched.folder / "winners.json").read_text())["llvm"] == options.llvm
    assert "best of N lists" in render(report(out)) and "minimized" in render(report(out))


def test_search_is_repeatable(subjects, flags, worker):
    options = replace(flags, task=SEARCH, lists=(), compiles=8, shorten=0)
    assert hunt.label(worker, subjects[0], options) == hunt.label(worker, subjects[0], options)


@given(st.lists(st.lists(st.integers(-1, 60), min_size=4, max_size=4), min_size=1, max_size=6))
def test_the_quick_order_is_the_greedy_cover(columns):
    base = [50, 50, 50, 50]
    steps = greedy_order(base, columns, 10)
    table = {
        str(i): {str(m): size for m, size in enumerate(column) if size >= 0}
        for i, column in enumerate(columns)
    }
    slow = greedy_cover(table, {str(m): size for m, size in enumerate(base)}, 10)
    assert [step.saved for step in steps][:1] == [step.saved for step in slow][:1]
    shares = gains(base, columns, [step.index for step in steps])
    assert shares == pytest.approx([sum(s.saved for s in steps[: n + 1]) / 200 for n in range(len(steps))])
    best = sum(max(0, b - min([c[m] for c in columns if c[m] >= 0], default=b)) for m, b in enumerate(base))
    assert round(200 * (shares[-1] if shares else 0)) == best
