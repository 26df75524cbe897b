"""Evaluation: policies, gain from records, intervals, and what models say against what LLVM does."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.cli import evaluate as cli
from ozma.cli.emulate import Outcome as Emulated
from ozma.corpus.parquet import read_columns, write_rows
from ozma.corpus.split_files import SPLIT, function_split_schema
from ozma.corpus.store import functions_path
from ozma.errors import OzmaError
from ozma.evaluate.asked import Asking, record_file
from ozma.evaluate.asking import PLAIN, SHORT, Form, some_subjects
from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.choice import Choice as Policies
from ozma.evaluate.costs import seconds_for
from ozma.evaluate.emulation import KEY as EMULATION_KEY
from ozma.evaluate.emulation import Emulation, assembles, pairs_of
from ozma.evaluate.emulation_report import emulation_facts, render_emulation
from ozma.evaluate.feature_store import Features, load_features
from ozma.evaluate.flags import evaluate_flags
from ozma.evaluate.gain import COMPILES, Saved, lead_over, policy_facts, saved_by, share_of
from ozma.evaluate.gain_report import gain_facts
from ozma.evaluate.hybrid_policy import HybridPolicy
from ozma.evaluate.measure import at, smallest_after
from ozma.evaluate.model_policy import AnswerRanker, ModelPolicy, PackRanker
from ozma.evaluate.modules import Module
from ozma.evaluate.nearest import Nearest
from ozma.evaluate.perplexity import KEY as PERPLEXITY_KEY
from ozma.evaluate.perplexity import measure_perplexity, perplexity_facts, render_perplexity
from ozma.evaluate.plots import gain_plots, line_chart, write_plots
from ozma.evaluate.policies import (
    OWN,
    Completed,
    FixedOrder,
    Oracle,
    RandomLists,
    Shuffled,
    coreset_policy,
    frequency_policy,
)
from ozma.evaluate.ranker import RankerConfig, TreeRanker
from ozma.evaluate.records import RecordFile, read_rows
from ozma.evaluate.sizes import measure_sizes, render_sizes, size_facts
from ozma.evaluate.table import DenseTable, load_table
from ozma.evaluate.tables import render_gain
from ozma.evaluate.train_trees import train_trees
from ozma.labels.flags import MISSING
from ozma.labels.label_set import LabelSet
from ozma.labels.options import SEARCH, LabelOptions, set_folder
from ozma.labels.order import greedy_order
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.model.generate.answer import Answer, Sampling
from ozma.optimize.ranker.cover import best_alone, cover_order
from ozma.optimize.ranker.describe import describe, described_names
from ozma.optimize.ranker.features import feature_names, features_of
from ozma.optimize.ranker.forest import Forest
from ozma.optimize.ranker.keys import list_key
from ozma.optimize.ranker.ranker import load_ranker
from ozma.passes import check, parse
from ozma.tasks.answers import Facts, code_answer, flags_answer, parse_code_answer
from ozma.tasks.normal import NotShortened
from ozma.tasks.prompts import CLOSE, OPEN
from ozma.tasks.question import OPTIMIZED, SKETCH, Question

from labels_support import LISTS, corpus, flags, no_worker_left, out, run, subjects  # noqa: F401

LOOP = """
define hidden i32 @f(ptr noundef %0, i32 noundef %1) #0 {
  %3 = alloca i32, align 4
  store i32 0, ptr %3, align 4
  br label %4

4:                                                ; preds = %4, %2
  %5 = load i32, ptr %3, align 4
  %6 = add nsw i32 %5, 1000
  store i32 %6, ptr %3, align 4
  %7 = call i32 @strlen(ptr noundef %0)
  call void @llvm.memcpy.p0.p0.i64(ptr %0, ptr %3, i64 4, i1 false)
  %8 = icmp slt i32 %6, %1
  br i1 %8, label %4, label %9

9:                                                ; preds = %4
  ret i32 %6
}

declare i32 @strlen(ptr noundef)

attributes #0 = { minsize nounwind }
"""


# --- features ----------------------------------------------------------------------------------


def test_features_count_what_stands_there():
    values = dict(zip(feature_names(), features_of(LOOP), strict=True))
    expected = {
        "instructions": 11, "op store": 2, "op br": 2, "pair icmp br": 1, "blocks": 2,
        "back edges": 1, "forward edges": 2, "compare slt": 1, "library strlen": 1,
        "intrinsic memcpy": 1, "direct calls": 1, "indirect calls": 0, "constants of a word": 1,
        "stored constants": 1, "linkage hidden": 1, "parameters": 2, "returns an integer": 1,
        "declarations": 1, "attribute minsize": 1, "attribute optsize": 0,
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected


def test_features_of_real_modules_count_all_instructions(corpus, worker):
    place = feature_names().index("instructions")
    for project in ("calc", "other"):
        table = read_columns(functions_path(corpus, project), ["bitcode", "instructions"])
        for row in table.to_pylist():
            loaded = worker.load(row["bitcode"])
            text = worker.evaluate(loaded.id, "", ("ir",), skip_above=-1).ir
            assert features_of(text)[place] == row["instructions"]


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")) | st.sampled_from([
    "", "define ", "  %1 = add i32 " + "9" * 6000 + "\n}", "define i32 @f(){\n  ret i32 " + "1" * 5000 + "\n}",
]))  # fmt: skip
def test_features_of_anything_are_numbers(text):
    values = features_of(text)
    assert len(values) == len(feature_names()) == len(set(feature_names()))
    assert np.isfinite(values).all()


# --- orders ------------------------------------------------------------------------------------


def test_cover_takes_next_what_adds_most_not_what_is_best_alone():
    worth = np.array([[0.5, 0.4, 0.0], [0.5, 0.4, 0.0], [0.0, 0.0, 0.3]])
    assert cover_order(worth).tolist() == [0, 2, 1]
    assert best_alone(worth, np.ones(3)) == 0
    assert best_alone(np.array([[-0.1, -0.2]]), np.ones(1)) == -1


_TABLES = st.integers(1, 6).flatmap(
    lambda lists: st.lists(
        st.tuples(
            st.integers(1, 99), st.lists(st.integers(-1, 120), min_size=lists, max_size=lists)
        ),
        min_size=1,
        max_size=8,
    )
)


@given(_TABLES)
def test_cover_is_the_greedy_order_of_the_labels(rows):
    base = [size for size, _ in rows]
    columns = list(zip(*(totals for _, totals in rows), strict=True))
    steps = [step.index for step in greedy_order(base, columns, len(columns))]
    saved = [[b - t if t >= 0 else -1 for t in totals] for b, totals in rows]
    order = cover_order(np.array(saved, float)).tolist()
    assert order[: len(steps)] == steps
    assert sorted(order) == list(range(len(columns)))


@given(st.lists(st.integers(-1, 200), max_size=12), st.integers(1, 200))
def test_steps_hold_the_smallest_of_the_first_k(sizes, base):
    steps = smallest_after(np.array(sizes, np.int64), base)
    counts = list(range(len(sizes) + 3))
    smallest = [min([base, *(s for s in sizes[:k] if s != MISSING)]) for k in counts]
    assert at(steps, counts) == smallest


# --- policies ----------------------------------------------------------------------------------


def table_of(totals, base, split="train", projects=None, lists=None) -> DenseTable:
    """A dense table of functions `m0`, `m1`, ..."""
    count = len(base)
    text = lambda values: np.array(values, object)  # noqa: E731
    return DenseTable(
        "set", lists or tuple(f"list{i}" for i in range(len(totals[0]))),
        text([f"m{i}" for i in range(count)]), text(["function"] * count),
        text(projects or [f"p{i % 3}" for i in range(count)]), text([split] * count),
        np.zeros(count, bool), np.full(count, 20), np.array(base), np.array(totals, np.int32),
    )  # fmt: skip


def module_of(features, name="x") -> Module:
    return Module(name, "function", "p", 20, np.array(features, np.float32), 0.001)


def test_fixed_orders_are_learnt_from_what_training_gains():
    # List 2 is best most often; list 1 saves much on one module; list 0 nothing; list 3 fails.
    table = table_of(
        [[100, 100, 99, -1], [100, 100, 99, -1], [100, 100, 99, -1], [100, 60, 100, -1]], [100] * 4
    )
    assert frequency_policy(table).lists[:2] == ("list2", "list1")
    assert coreset_policy(table).lists[:2] == ("list1", "list2")
    assert coreset_policy(table).lists[-1] in ("list0", "list3")


def test_oracle_puts_the_smallest_first_and_failures_last():
    table = table_of([[90, -1, 80], [-1, 70, 99]], [100, 100])
    oracle = Oracle(table)
    assert list(oracle.rank(Module("m0", "function", "p", 9)).lists) == ["list2", "list0", "list1"]
    assert list(oracle.rank(Module("m1", "function", "p", 9)).lists)[0] == "list1"


def test_random_and_shuffled_depend_on_the_module_and_the_seed_only(toolchain):
    lists = tuple(map(str, range(30)))
    one, other = module_of([0], "a"), module_of([0], "b")
    assert Shuffled(lists).rank(one) == Shuffled(lists).rank(one) != Shuffled(lists).rank(other)
    assert sorted(Shuffled(lists).rank(one).lists) == sorted(lists)
    drawn = RandomLists(catalogue_of(toolchain), 5).rank(one).lists
    assert len(set(drawn)) == 5
    for passes in drawn:
        check(parse(passes), catalogue_of(toolchain))


@pytest.fixture(scope="module")
def two_worlds():
    """Modules with a small feature 0 shrink under list 1, the others under list 2."""
    rng = np.random.default_rng(0)
    values = np.zeros((200, len(described_names())), np.float32)
    values[:, 0] = rng.integers(0, 2, 200) * 20 + rng.integers(0, 5, 200)
    values[:, 5] = rng.integers(0, 50, 200)
    large = values[:, 0] >= 20
    totals = np.full((200, 4), 100)
    totals[~large, 1], totals[large, 2] = 97, 96
    totals[~large, 2], totals[large, 1] = 120, 130
    return table_of(totals, [100] * 200), Features(values, np.full(200, 0.001))


@pytest.mark.parametrize("make", [
    lambda table, features: TreeRanker(table, features, RankerConfig(trees=10)),
    lambda table, features: Nearest(table, features, 15),
])  # fmt: skip
def test_learnt_policies_tell_modules_apart(make, two_worlds):
    table, features = two_worlds
    policy = make(table, features)
    for size, best in ((2, "list1"), (22, "list2")):
        values = np.zeros(len(described_names()))
        values[0] = size
        ranking = policy.rank(module_of(values))
        assert ranking.lists[0] == ranking.alone == best
        assert sorted(ranking.lists) == sorted(table.lists)
        assert ranking.seconds >= 0.001


def test_a_learnt_policy_answers_clangs_own_where_no_list_saves(two_worlds):
    table, features = two_worlds
    bad = table_of(np.full((200, 4), 150), [100] * 200)
    assert (
        TreeRanker(bad, features, RankerConfig(trees=5))
        .rank(module_of(features.values_nf[0]))
        .alone
        == OWN
    )


def test_a_model_moves_the_trees_between_lists_that_add_alike(two_worlds):
    table, features = two_worlds
    trees = TreeRanker(table, features, RankerConfig(trees=5, leaf=150))
    values = np.zeros(len(described_names()))
    assert trees.rank(module_of(values)).lists[0] == "list2"
    model = StubModel("list1", "list0", "list3", "a", "b", "list2")
    hybrid = HybridPolicy(trees, model, "stub", "v")
    assert hybrid.rank(module_of(values)).lists[0] == "list1"
    silent = HybridPolicy(trees, StubModel(), "stub", "v").rank(module_of(values))
    assert silent.lists == trees.rank(module_of(values)).lists
    assert hybrid.version != trees.version and hybrid.name == "hybrid stub"


def test_a_model_is_asked_about_the_ir_that_it_was_trained_on():
    model = StubModel("a")
    seen = []
    model.rank = lambda text: seen.append(text) or []
    module = Module("x", "function", "p", 9, ir=lambda: "front", optimized=lambda: "after")
    for question in (Question(), Question(OPTIMIZED), Question(SKETCH)):
        model.question = question
        ModelPolicy(model, "m", "v").rank(module)
    assert seen == ["front", "after", "after"]


def test_lists_that_a_policy_never_saw_follow_in_the_packs_order():
    few = FixedOrder("few", ("c", "a"))
    whole = Completed(few, ("a", "b", "c", "d"))
    assert whole.rank(module_of([0])).lists == ["c", "a", "b", "d"]
    assert whole.name == "few" and whole.version != few.version


def test_versions_change_with_the_training_modules(two_worlds):
    table, features = two_worlds
    some = np.arange(100)
    whole, part = Nearest(table, features), Nearest(table.take(some), features.take(some))
    assert whole.version != part.version == Nearest(table.take(some), features.take(some)).version


def test_the_forest_finds_scikit_learns_leaves(two_worlds):
    from sklearn.ensemble import ExtraTreesRegressor

    _, features = two_worlds
    values = features.values_nf
    fitted = ExtraTreesRegressor(8, min_samples_leaf=3, random_state=1).fit(values, values[:, :2])
    forest = Forest.fitted([tree.tree_ for tree in fitted.estimators_], values)
    starts = np.cumsum([0] + [tree.tree_.node_count for tree in fitted.estimators_])[:-1]
    for row in values[:20]:
        assert (forest.leaves(row[None])[0] - starts).tolist() == fitted.apply(row[None])[
            0
        ].tolist()
        rows, shares = forest.companions(row, np.ones(len(values)))
        assert shares.sum() == pytest.approx(1)
        assert np.where((values[rows] == row).all(axis=1), shares, 0).sum() > 0


@pytest.mark.parametrize("make, field", [
    (lambda: RankerConfig(trees=0), "trees"),
    (lambda: Policies(policies=("magic",)), "magic"),
    (lambda: Policies(modules=0), "modules"),
    (lambda: Nearest(table_of([[1]], [1]), Features(np.zeros((1, 1)), np.zeros(1)), 0), "neighbours"),
])  # fmt: skip
def test_wrong_options_name_themselves(make, field):
    with pytest.raises(ValueError, match=field):
        make()


class StubModel:
    """Ranks what it is told to, whatever the text."""

    question = Question()

    def __init__(self, *lists: str) -> None:
        self.lists = lists

    def rank(self, ir_text: str):
        return [(passes, -float(place)) for place, passes in enumerate(self.lists)]


def test_a_model_may_answer_clangs_own_pipeline():
    ranking = ModelPolicy(StubModel("own", "a", "a", "b"), "m", "v", own="own").rank(module_of([0]))
    assert (list(ranking.lists), ranking.alone) == (["a", "b"], OWN)
    nothing = ModelPolicy(StubModel(), "m", "v").rank(module_of([0]))
    assert (list(nothing.lists), nothing.alone) == ([], OWN)


class FakeAnswerer:
    """Answers with texts made from the prompt; prefers later texts of a set."""

    name = "fake"
    known_lists: tuple[str, ...] = ()

    def __init__(self, answer=lambda prompt: "") -> None:
        self._answer, self.prompts = answer, []

    def answers(self, prompt, sampling):
        self.prompts.append(prompt)
        return [Answer(text, True, 0.0) for text in _many(self._answer(prompt))]

    def texts(self, texts, ends):
        return list(texts)

    def state(self, prompt):
        self.prompts.append(prompt)
        return prompt

    def ranked(self, state, texts):
        return [(-float(place), text) for place, text in enumerate(reversed(texts))]


def _many(found):
    return [found] if isinstance(found, str) else found


def test_a_model_ranks_the_lists_of_a_pack_by_their_answers():
    answerer = FakeAnswerer()
    lists, question = ["function(dce)", "globaldce"], Question(SKETCH)
    ranked = PackRanker(answerer, lists, question).rank(LOOP)
    assert [passes for passes, _ in ranked] == ["globaldce", "function(dce)"]
    assert answerer.prompts == [question.prompt(LOOP)]


def test_a_model_with_list_tokens_is_not_asked_about_lists_that_it_never_saw():
    answerer = FakeAnswerer()
    answerer.known_lists = ("own", "globaldce")
    ranker = PackRanker(answerer, ["own", "function(dce)", "globaldce"])
    ranker.question = Question(SKETCH)
    assert [passes for passes, _ in ranker.rank(LOOP)] == ["globaldce", "own"]
    policy = ModelPolicy(ranker, "m", "v", "own", ("function(dce)", "globaldce", "function(adce)"))
    ranking = policy.rank(Module("x", "function", "p", 9, optimized=lambda: LOOP))
    assert list(ranking.lists) == ["globaldce", "function(dce)", "function(adce)"]


def test_free_answers_without_a_usable_list_are_left_out(toolchain):
    answers = [
        " opt -p 'function(dce)'",
        "no idea",
        " opt -p 'function(nonsense)'",
        " opt -p 'globaldce'",
    ]
    ranker = AnswerRanker(
        FakeAnswerer(lambda prompt: answers), Sampling(), catalogue_of(toolchain), Question(SKETCH)
    )
    assert [passes for passes, _ in ranker.rank("IR")] == ["function(dce)", "globaldce"]


# --- records, costs, intervals -----------------------------------------------------------------


def test_records_resume_and_a_torn_line_is_cut_off(tmp_path):
    path = tmp_path / "a" / "policy.jsonl"
    RecordFile(path, "1").append([{"module": "a", "x": 1}, {"module": "b", "x": 2}])
    with open(path, "ab") as file:
        file.write(b'{"module": "c", "versi')
    again = RecordFile(path, "1")
    assert ("a",) in again and ("c",) not in again and len(again) == 2
    again.append([{"module": "c", "x": 3}])
    assert [row["module"] for row in read_rows(path)] == ["a", "b", "c"]
    assert len(RecordFile(path, "2")) == 0


def test_damaged_records_are_one_clear_error(tmp_path):
    (tmp_path / "x.jsonl").write_text("nonsense\n")
    with pytest.raises(OzmaError, match="x.jsonl is damaged"):
        read_rows(tmp_path / "x.jsonl")


def test_costs_between_two_sizes_lie_between_theirs():
    costs = [{"instructions": 20, "seconds": 0.002}, {"instructions": 200, "seconds": 0.02}]
    small, middle, large = seconds_for(costs, np.array([1, 63, 10_000]))
    assert (small, large) == (pytest.approx(0.002), pytest.approx(0.02))
    assert middle == pytest.approx(0.0063, rel=0.02)


def test_an_interval_is_that_of_projects_not_of_rows():
    values = np.array([0.0] * 50 + [1.0] * 50)
    two = Draws(["a"] * 50 + ["b"] * 50).mean(values)
    many = Draws([f"p{i}" for i in range(100)]).mean(values)
    assert (two.value, two.low, two.high) == (0.5, 0.0, 1.0)
    assert many.value == 0.5 and 0.39 < many.low < 0.42 and 0.58 < many.high < 0.61
    one = Draws(["a"] * 100).mean(values)
    assert one.value == one.low == one.high


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9)), min_size=1)
)
@settings(max_examples=30)
def test_a_ratio_is_the_plain_one_and_inside_its_interval_or_at_its_ends(rows):
    projects, above, below = zip(*rows, strict=True)
    found = Draws(projects, 50).ratio(np.array(above), np.array(below))
    assert found.value == pytest.approx(sum(above) / sum(below) if sum(below) else 0.0)
    assert found.low <= found.high


# --- gain --------------------------------------------------------------------------------------


def records(reached: dict[str, list], base: int = 100, alone: int = 120) -> list[dict]:
    return [
        {
            "policy": "x", "set": "s", "split": "test", "kind": "function", "module": name,
            "project": f"p{place}", "near": False, "instructions": 20, "base": base,
            "alone": alone, "seconds": 0.01, "tried": 9, "failed": 0, "steps": [[0, base], *steps],
        }
        for place, (name, steps) in enumerate(reached.items())
    ]  # fmt: skip


def test_gain_counts_candidates_backup_and_time():
    rows = records({"a": [[1, 90], [3, 80]], "b": [[2, 95]]})
    draws = Draws([row["project"] for row in rows], 100)
    facts = policy_facts(saved_by("x", rows, np.array([0.02, 0.02])), draws)
    alone, *shares = [estimate.value for estimate in facts["sum"]]
    assert alone == pytest.approx(-0.2)
    assert shares == pytest.approx([0.05, 0.075, 0.125, 0.125, 0.125, 0.125])
    assert [e.value for e in facts["improved"]] == [0, 0.5, 1, 1, 1, 1, 1]
    # 3, 10, 30 ms: nothing or 1 candidate after 10 ms of choosing; then 4, 14, 49.
    assert [e.value for e in facts["sum_at_seconds"]] == pytest.approx(
        [0, 0, 0.05, 0.125, 0.125, 0.125]
    )


def test_shares_and_leads_compare_the_same_modules():
    one = saved_by("one", records({"a": [[1, 90]], "b": []}), None)
    best = saved_by("best", records({"a": [[1, 80]], "b": [[9, 90]]}), None)
    draws = Draws(["a", "b"], 100)
    assert share_of(one, best, draws)[1].value == pytest.approx(10 / 30)
    assert lead_over(one, best, draws)[1].value == pytest.approx(-10 / 200)
    assert isinstance(one, Saved) and one.reached_nk.shape == (2, len(COMPILES))


def test_a_chart_has_a_line_with_a_band_for_each_policy():
    svg = line_chart("t<", "k", (1, 10), {"a&b": [(0.01, 0.0, 0.02), (0.02, 0.01, 0.03)]}, 0.05)
    assert svg.count("<polyline") == svg.count("<polygon") == 1
    assert "a&amp;b" in svg and "t&lt;" in svg and "best list" in svg


# --- the whole way -----------------------------------------------------------------------------


@pytest.fixture
def labelled(out, flags):
    """calc trains, other is tested."""
    run(out, flags)
    rows = []
    for project, split in (("calc", "train"), ("other", "test")):
        columns = ["hash", "file", "language", "instructions"]
        for row, values in enumerate(
            read_columns(functions_path(out, project), columns).to_pylist()
        ):
            rows.append(
                values | {"project": project, "row": row, "split": split, "near_duplicate": False}
            )
    write_rows(out / SPLIT, function_split_schema(), rows)
    return out


def _flags(out, capsys, *words) -> dict:
    assert (
        cli.main(["flags", str(out), "--kinds", "function", "--draws", "50", "--json", *words]) == 0
    )
    return json.loads(capsys.readouterr().out)


def test_flags_from_labels_to_tables(labelled, flags, capsys, tmp_path):
    words = (
        "--policies",
        "static",
        "coreset",
        "shuffled",
        "nearest",
        "ranker",
        "random",
        "oracle",
        "--random",
        "2",
    )
    facts = _flags(labelled, capsys, *words, "--plots", str(tmp_path / "plots"))
    (table,) = facts["tables"]
    dense = load_table(LabelSet(labelled, set_folder(labelled, flags))).of("test")
    assert (table["modules"], table["projects"], table["bytes"]) == (2, 1, int(dense.base_n.sum()))
    best = np.minimum(
        dense.base_n, np.where(dense.totals_nl < 0, 2**30, dense.totals_nl).min(axis=1)
    )
    first = np.minimum(dense.base_n, dense.totals_nl[:, 0])
    policies = table["policies"]
    assert policies["oracle"]["sum"][1][0] == pytest.approx(
        1 - best.sum() / dense.base_n.sum(), abs=1e-5
    )
    assert policies["static"]["sum"][1][0] == pytest.approx(
        1 - first.sum() / dense.base_n.sum(), abs=1e-5
    )
    assert policies["static"]["sum"][-1] == policies["oracle"]["sum"][-1]
    assert policies["ranker"]["seconds"] > 0 == policies["static"]["seconds"]
    assert "sum_at_seconds" in policies["random"]
    assert (tmp_path / "plots" / "function-seconds.svg").exists()
    text = render_gain(facts)
    assert "functions of the test group: 2 of 1 projects" in text
    random_row = next(line for line in text.splitlines() if line.startswith("random"))
    assert random_row.count("–") == 4  # two lists were drawn: nothing is said of k = 5 and more


def test_policies_may_learn_from_labels_under_fewer_lists(labelled, flags, capsys):
    few = replace(flags, lists=tuple(reversed(flags.lists[1:])), pack="few")
    run(labelled, few)
    names = [set_folder(labelled, one).name for one in (flags, few)]
    words = ("--policies", "static", "coreset", "nearest", "ranker", "oracle", "--set", names[0])
    (table,) = _flags(labelled, capsys, *words, "--learn-from", names[1])["tables"]
    assert table["modules"] == 2
    policies = table["policies"]
    for name in ("coreset", "nearest", "ranker"):
        assert policies[name]["sum"][-1] == policies["oracle"]["sum"][-1]
    with pytest.raises(OzmaError, match="no set 'none'"):
        _flags(labelled, capsys, *words, "--learn-from", "none")


def test_trees_of_a_labelled_corpus_are_those_that_are_measured(labelled, flags, tmp_path):
    found = train_trees(labelled, tmp_path / "new" / "trees.npz", "", RankerConfig(trees=3))
    dense = load_table(LabelSet(labelled, set_folder(labelled, flags)))
    ranker = load_ranker(tmp_path / "new" / "trees.npz")
    assert found["functions"] == (dense.split_n == "train").sum() == len(ranker.byte_n)
    assert ranker.keys == tuple(map(list_key, dense.lists))
    order, _ = ranker.order([0.0] * len(described_names()))
    assert sorted(order.tolist()) == list(range(len(dense.lists)))


def test_a_second_run_measures_nothing_again(labelled, capsys):
    first = _flags(labelled, capsys, "--policies", "static", "oracle")
    files = {path: path.read_bytes() for path in labelled.glob("evaluation/*/*.jsonl")}
    assert len(files) == 3
    assert _flags(labelled, capsys, "--policies", "static", "oracle") == first
    assert _flags(labelled, capsys, "--tables") == first
    assert {path: path.read_bytes() for path in files} == files


def test_labels_of_no_split_neither_train_nor_are_tested(labelled, flags):
    rows = read_columns(labelled / SPLIT, [*function_split_schema().names]).to_pylist()
    write_rows(labelled / SPLIT, function_split_schema(), rows[1:])
    table = load_table(LabelSet(labelled, set_folder(labelled, flags)))
    assert len(table) == 5 and (table.split_n == "").sum() == 1


def test_without_a_split_nothing_is_tested(out, flags):
    run(out, flags)
    with pytest.raises(OzmaError, match="no test modules"):
        evaluate_flags(out, out / "records", Policies())


def test_what_the_autotuner_found_is_the_bound_of_its_modules(labelled, toolchain, capsys):
    options = LabelOptions(SEARCH, toolchain.version, toolchain.major, compiles=4, shorten=0)
    run(labelled, options, splits=("test",))
    (table,) = _flags(labelled, capsys, "--policies", "static")["tables"]
    (tuner,) = table["tuners"]
    rows = list(LabelSet(labelled, set_folder(labelled, options)).rows())
    saved = sum(r["base_total"] - min(r["total"], r["base_total"]) for r in rows)
    assert tuner["modules"] == len(rows) == 2
    assert tuner["sum"][0] == pytest.approx(saved / sum(r["base_total"] for r in rows), abs=1e-5)
    assert "share of what autotuner 4 saves" in render_gain(
        {"tables": [table], "compiles": COMPILES, "seconds": ()}
    )


def test_a_model_that_invents_lists_is_measured_live(labelled, flags, worker, toolchain, tmp_path):
    from ozma.evaluate.modules import Code
    from ozma.evaluate.run import run_policy

    table = load_table(LabelSet(labelled, set_folder(labelled, flags))).of("test")
    policy = ModelPolicy(StubModel("function(mem2reg)", "no-such-pass", LISTS[2]), "stub", "1")
    rows = run_policy(policy, tmp_path, table, None, Code(labelled, "function"), worker)
    for row, base, totals in zip(rows, table.base_n, table.totals_nl, strict=True):
        assert (row["tried"], row["failed"]) == (3, 1)
        loaded = worker.load(Code(labelled, "function")(row["project"], row["module"]))
        invented = worker.evaluate(loaded.id, "function(mem2reg)").sizes.total
        assert row["alone"] == invented
        assert at(row["steps"], [3]) == [min(base, invented, totals[2])]


def test_features_are_computed_once(labelled, flags, toolchain):
    table = load_table(LabelSet(labelled, set_folder(labelled, flags)))
    first = load_features(labelled, table, toolchain.major)
    files = {path: path.stat().st_mtime_ns for path in labelled.glob("features/*/*.parquet")}
    again = load_features(labelled, table, toolchain.major)
    assert (first.values_nf == again.values_nf).all() and (first.seconds_n > 0).all()
    assert len(files) == 2 and all(path.stat().st_mtime_ns == at for path, at in files.items())
    place = described_names().index("front end instructions")
    assert first.values_nf[:, place].tolist() == table.instructions_n.tolist()


def test_tables_without_records_say_what_to_run(labelled):
    with pytest.raises(OzmaError, match="no records"):
        gain_facts(labelled / "nowhere")


def test_plots_that_cannot_be_written_are_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OzmaError, match="cannot write plots"):
        write_plots(tmp_path / "file", {"a": "<svg/>"})
    assert gain_plots({"tables": [], "compiles": COMPILES, "seconds": ()}) == {}


# --- what models say ---------------------------------------------------------------------------

_CODE = re.compile(re.escape(OPEN) + "(.*)" + re.escape(CLOSE), re.S)
_LIST = re.compile(r"opt -p '([^']*)'")


def compiler(worker, form):
    """Answers emulation prompts by running LLVM on the code in the prompt."""

    def answer(prompt):
        source = _CODE.search(prompt)[1]
        answer = "assembly" if "assembly" in prompt.split("\n")[0] else "ir"
        loaded = worker.load(source.encode())
        found = worker.evaluate(loaded.id, _LIST.search(prompt)[1], (answer,))
        text = getattr(found, answer)
        return code_answer(
            form.short(text) if answer == "ir" else text, Facts(1, found.sizes.total)
        )

    return FakeAnswerer(answer)


def emulated(answerer, subjects, worker, path, form=PLAIN):
    file = RecordFile(path, "", EMULATION_KEY)
    Emulation(answerer, form, Sampling(), worker, LISTS).measure(file, subjects[:2])
    return file.rows()


def test_a_model_that_is_the_compiler_emulates_exactly(subjects, worker, tmp_path):
    rows = emulated(compiler(worker, PLAIN), subjects, worker, tmp_path / "a.jsonl")
    assert len(rows) >= 10 and all(row["exact"] and row["compiles"] for row in rows)
    assert all(row["bleu"] == 1 and row["said_bytes"] == row["true_bytes"] for row in rows)
    everything = emulation_facts(rows, 20)[0]["rows"]["all"]
    assert everything["exact"] == [1.0, 1.0, 1.0]
    assert "near-optimal" in render_emulation(emulation_facts(rows, 20))


def test_a_model_that_repeats_its_input_compiles_but_is_not_exact(subjects, worker, tmp_path):
    def parrot(prompt):
        code = _CODE.search(prompt)[1]
        return (
            code_answer(code)
            if "LLVM-IR" in prompt.split("\n")[0]
            else code_answer("nonsense here")
        )

    rows = emulated(FakeAnswerer(parrot), subjects, worker, tmp_path / "a.jsonl", SHORT)
    ir = [row for row in rows if row["answer"] == "ir" and row["kind"] != "single pass"]
    assert ir and all(row["compiles"] and 0 < row["bleu"] for row in ir)
    assert not all(row["exact"] for row in ir)
    assembly = [row for row in rows if row["answer"] == "assembly"]
    assert assembly and not any(row["compiles"] or row["exact"] for row in assembly)


def test_a_silent_model_counts_as_wrong(subjects, worker, tmp_path):
    rows = emulated(FakeAnswerer(), subjects, worker, tmp_path / "a.jsonl")
    facts = emulation_facts(rows, 20)[0]["rows"]["all"]
    assert facts["pairs"] == sum(row["answer"] == "ir" for row in rows)
    assert facts["exact"][0] == facts["compiles"][0] == facts["bleu"][0] == 0 == facts["not_asked"]


def test_a_truth_that_the_short_form_cannot_hold_is_compared_as_it_is(worker):
    def refusing(text: str) -> str:
        raise NotShortened("the type %0 has no name")

    form = Form("stub", refusing, lambda answer, source: answer)
    judged = Emulation(None, form, Sampling(), worker, LISTS)._judge_ir("no IR", "", "no IR")
    assert judged == {"exact": False, "compiles": False, "bleu": 1.0}


def test_tables_are_of_the_modules_that_were_asked_about(subjects, tmp_path):
    file = RecordFile(tmp_path / "sizes.jsonl")
    file.append([{"module": subject.hash, "project": subject.project} for subject in subjects])
    asking = Asking(file, subjects[:2], FakeAnswerer(), PLAIN, 9, 20)
    assert [row["module"] for row in asking.rows()] == [one.hash for one in subjects[:2]]


def test_answers_of_another_length_are_other_records(tmp_path):
    answerer = FakeAnswerer()
    short, again, long = (
        record_file(tmp_path, "emulation", answerer, PLAIN, "test", None, tokens).version
        for tokens in (100, 100, 200)
    )
    assert short == again != long


@pytest.mark.parametrize("words", [["sizes", "OUT", "--model", "m", "--modules", "0"],
                                   ["flags", "OUT", "--modules", "-1"]])  # fmt: skip
def test_a_number_of_modules_below_one_is_one_line(words):
    with pytest.raises(OzmaError, match="modules is"):
        cli.main(words)


def test_tables_of_records_need_no_labels(labelled, tmp_path, capsys):
    records = tmp_path / "records"
    facts = _flags(labelled, capsys, "--policies", "static", "--records", str(records))
    assert _flags(tmp_path / "nothing", capsys, "--tables", "--records", str(records)) == facts


def test_a_last_line_without_an_end_is_no_difference():
    assert Emulated(parse_code_answer("<code>ret i32 %0</code>"), "ret i32 %0\n").same
    assert not Emulated(parse_code_answer("<code>ret i32 %1</code>"), "ret i32 %0\n").same


def test_pairs_are_the_same_everywhere_and_of_three_kinds(toolchain):
    catalogue = catalogue_of(toolchain)
    pairs = pairs_of("ab", catalogue, LISTS)
    assert pairs == pairs_of("ab", catalogue, LISTS)
    assert {(p.kind, p.answer) for p in pairs} == {
        (kind, answer)
        for kind in ("random", "near-optimal", "single pass")
        for answer in ("ir", "assembly")
    }
    assert all(p.passes in LISTS for p in pairs if p.kind == "near-optimal")


def test_the_assembler_judges_text_and_reads_no_files(toolchain):
    assert assembles(toolchain, "f:\n  ret\n")
    assert not assembles(toolchain, "f:\n  rett\n")
    assert not assembles(toolchain, '.incbin "/etc/passwd"\n')
    assert not assembles(toolchain, '.INCBIN "/etc/passwd"\n')


def test_size_errors_are_against_what_llvm_measures(subjects, worker, tmp_path):
    answer = flags_answer(LISTS[1], Facts(10, 110), Facts(5, 50))
    file = RecordFile(tmp_path / "sizes.jsonl")
    measure_sizes(
        file, subjects[:3], FakeAnswerer(lambda prompt: answer), PLAIN, Sampling(), worker
    )
    facts = size_facts(file.rows(), 20)
    errors = [
        abs(110 - row["true"]["before_bytes"]) / row["true"]["before_bytes"] for row in file.rows()
    ]
    assert facts["fields"]["before_bytes"]["error"][0] == pytest.approx(np.mean(errors), abs=1e-5)
    assert facts["fields"]["after_bytes"]["said"] == 1
    loaded = worker.load(subjects[0].bitcode)
    assert file.rows()[0]["true"]["after_bytes"] == worker.evaluate(loaded.id, LISTS[1]).sizes.total
    silent = RecordFile(tmp_path / "silent.jsonl")
    measure_sizes(silent, subjects[:1], FakeAnswerer(), PLAIN, Sampling(), worker)
    assert size_facts(silent.rows())["fields"]["after_bytes"] == {"said": 0.0}
    assert "after, bytes" in render_sizes(facts)


class CountingScorer:
    """A token for four characters, one nat each."""

    def score(self, text: str) -> tuple[float, int]:
        return len(text) / 4, len(text) // 4 + 1


def test_perplexity_of_every_level_and_view(subjects, worker, tmp_path):
    file = RecordFile(tmp_path / "p.jsonl", "", PERPLEXITY_KEY)
    measure_perplexity(file, subjects[:2], CountingScorer(), PLAIN, worker)
    facts = perplexity_facts(file.rows(), 20)
    assert len(facts) == 9 and all(one["modules"] == 2 for one in facts)
    for one in facts:
        assert one["bits_per_character"][0] == pytest.approx(1 / 4 / np.log(2), rel=1e-3)
        assert one["perplexity"][0] == pytest.approx(np.e, rel=0.02)
    assert "front end, ir" in render_perplexity(facts)
    measure_perplexity(file, subjects[:2], CountingScorer(), SHORT, worker)
    assert len(read_rows(tmp_path / "p.jsonl")) == 18


def test_subjects_are_a_stable_choice(labelled):
    whole = [s.hash for s in some_subjects(labelled, "test", None, 5000)]
    assert [s.hash for s in some_subjects(labelled, "test", 1, 5000)] == [min(whole)]
    with pytest.raises(OzmaError, match="has no functions of validation"):
        list(some_subjects(labelled, "validation", None, 5000))


def test_fixed_order_costs_nothing():
    assert FixedOrder("static", ("a", "b")).rank(module_of([0])).seconds == 0
