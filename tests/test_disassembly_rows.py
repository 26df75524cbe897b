"""Rows of the disassembly table: the ranker, what is looked up, the model's answer, the tables."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.evaluate.disassembly import Plan, measure
from ozma.evaluate.disassembly_report import all_facts, render
from ozma.evaluate.disassembly_steps import step
from ozma.evaluate.disassembly_tables import facts, growth
from ozma.evaluate.disassembly_ways import WAYS, Way
from ozma.evaluate.lift_labels import LabelPlan, edit_examples
from ozma.evaluate.lift_ranker import (
    FitOptions,
    cover_order,
    curve,
    default_order,
    edit_gain,
    fit,
    ranked_order,
    write_ranker,
)
from ozma.evaluate.records import RecordFile, record_path
from ozma.labels.disassembly import LEVELS, lower
from ozma.lift.answers import AnswerOptions, Answerer, Job, Verdict, answer_all
from ozma.lift.asm.template import opcodes, renamed, template
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Candidate, Judge, ProcessorMeter
from ozma.lift.searching.configurations import configurations
from ozma.lift.searching.edit_search import EditSearch
from ozma.lift.searching.model_proposer import ModelProposer
from ozma.lift.searching.offers import Offer
from ozma.lift.searching.ranker import Ranker, Table, read_ranker, setting_name, shipped_ranker
from ozma.lift.searching.ranker_features import bucket, family, masked, setting_features
from ozma.lift.searching.retrieval import Index, sketch
from ozma.llvm import Worker
from ozma.llvm.clang import compile_bitcode
from ozma.search.budget import Budget

ADD = """
extern int step(int, const char *);
int NAME(int *values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++) total += values[i] * step(i, "one");
    return total;
}
"""
SETTINGS = [setting_name(one) for one in configurations()]


@pytest.fixture(scope="module")
def compiler(toolchain):
    with Compiler(toolchain) as one:
        yield one


@pytest.fixture(scope="module")
def compiled(toolchain, tmp_path_factory):
    """(IR, assembly) of a small function under any name, its callee under any other."""
    folder = tmp_path_factory.mktemp("rows")

    def make(name: str, callee: str = "step", text: str = "one") -> tuple[str, str]:
        source = folder / f"{name}.c"
        source.write_text(ADD.replace("NAME", name).replace("step", callee).replace("one", text))
        with Worker(toolchain) as worker:
            found = lower(worker, compile_bitcode(toolchain, source), LEVELS[3])
        return found.ir, found.assembly

    return make


def _tried(compiler, assembly: str, ir: str):
    reference = Reference(assembly)
    judge = Judge(compiler, reference, ProcessorMeter(Budget(50), compiler=compiler))
    return judge, judge(Candidate("test", ir))


# The ranker


def test_the_shipped_ranker_knows_the_settings_and_only_them():
    ranker = shipped_ranker()
    known = set(ranker.chances_of((), SETTINGS[1:]))
    assert known == set(SETTINGS[1:])
    assert set(ranker.learnt) <= set(SETTINGS), "fit it again: settings were renamed"
    assert len(set(ranker.learnt) & set(SETTINGS)) >= 20


def test_settings_come_by_chance_and_the_least_likely_not_at_all(compiler, compiled):
    ir, assembly = compiled("total")
    judge, tried = _tried(compiler, assembly, ir.replace("ret i32 %", "ret i32 0 ; %", 1))
    others = list(configurations())[1:]
    tables = {setting_name(one): Table(-9.0, {}) for one in others}
    tables["tail=none"] = Table(-9.0, {"always": 12.0})
    tables["result=void"] = Table(-9.0, {f"lines {bucket(len(judge.reference.lines))}": 10.0})
    ranker = Ranker(tables, Table(0.0, {}), least=0.5)
    found = [setting_name(one) for one in ranker.settings(judge.reference, tried, others)]
    assert found == ["tail=none", "result=void"]
    without = ranker.settings(judge.reference, None, others)
    assert len(without) == len(others), "without an answer to build on all are tried"


def test_a_setting_that_was_not_learnt_is_neither_first_nor_last():
    tables = {"a": Table(2.0, {}), "b": Table(-2.0, {})}
    chances = Ranker(tables, Table(0.0, {})).chances_of((), ["a", "b", "new"])
    assert chances["a"] > chances["new"] > chances["b"]


def test_edits_of_one_sort_take_turns_and_none_is_lost(compiler, compiled):
    ir, assembly = compiled("total")
    judge, tried = _tried(compiler, assembly, ir.replace(", %", ", %", 1))
    offers = [Offer("move", "load", 0, "likely_edits", lambda: None) for _ in range(40)]
    offers += [Offer("operands", "add", 0, "likely_edits", lambda: None) for _ in range(3)]
    offers += [Offer("noreturn", "", -1, "whole", lambda: None)]
    ranker = Ranker({}, Table(0.0, {"move": 0.5, "noreturn": -9.0}))
    order = list(ranker.edits(tried, judge.reference, iter(offers)))
    assert sorted(map(id, order)) == sorted(map(id, offers))
    kinds = [offer.kind for offer in order]
    assert kinds[:2] == ["noreturn", "move"] and "operands" in kinds[2:16]
    assert kinds != [offer.kind for offer in offers]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"])), st.floats(-50, 50))
def test_a_chance_is_one(features, bias):
    assert 0 <= Table(bias, {"a": 1e6, "b": -1e6, "c": 0.1}).chance(features) <= 1


def test_a_file_that_is_no_ranker_is_one_clear_error(tmp_path):
    path = tmp_path / "ranker.json"
    with pytest.raises(OzmaError, match="cannot read"):
        read_ranker(path)
    bad = '{"features": [], "settings": {"a": {"bias": 1, "weights": [[3, 1]]}}}'
    for text in ("[]", "{}", "nonsense", bad):
        path.write_text(text)
        with pytest.raises(OzmaError, match="is no ranker"):
            read_ranker(path)


def test_features_are_of_the_text_alone(compiler, compiled):
    ir, assembly = compiled("total")
    judge, tried = _tried(compiler, assembly, ir)
    assert tried.exact
    same = setting_features(judge.reference, tried)
    assert "has callq" in same and "target x86-64" in same and "text @PLT" in same
    assert not any(name.startswith(("missing", "extra")) for name in same)
    other = judge(Candidate("test", ir.replace("mul nsw", "sub").replace("mul ", "sub ")))
    found = setting_features(judge.reference, other)
    assert "missing imull" in found and "extra subl" in found
    assert "no answer" in setting_features(judge.reference, None)
    assert masked("\tcallq\tstep@PLT") == masked("\tcallq\tother@PLT")
    assert [family(w) for w in ("jne", "b.eq", "imull", "f:", ".globl")] == [
        "jump", "jump", "arithmetic", "label", "data",
    ]  # fmt: skip


def test_the_search_tries_edits_in_the_order_that_it_is_given(compiler, compiled):
    ir, assembly = compiled("total")
    worse = compiler.printed(ir.encode())
    worse = worse.replace("mul nsw i32 %", "mul nsw i32 %", 1).replace("tail call", "call")
    seen: list[str] = []

    def backwards(tried, reference, offers):
        return sorted(offers, key=lambda offer: offer.kind, reverse=True)

    judge, start = _tried(compiler, assembly, worse.replace("add nuw nsw", "add"))
    far = judge(Candidate("test", ir.replace('c"one', 'c"two')))
    judge.meter.budget = Budget(judge.meter.compiles + 12)
    search = EditSearch(judge, "total", backwards, lambda offer, a, b: seen.append(offer.kind))
    search.run([far])
    assert len(seen) > 4 and seen == sorted(seen, reverse=True) and start.difference is not None


def _labelled(number: int, good: str) -> dict:
    """A function that the setting `good` answers, which one feature gives away."""
    outcomes = {name: 9.0 for name in SETTINGS[1:]} | {good: 0.0}
    mark = ["missing xorl"] if good == "result=value" else ["missing jmp"]
    tries = [
        [["kind order"], 0, "move", "load", 0, "likely_edits", 2.0],
        [[], 0, "operands", "add", 0, "likely_edits", -1.0],
        [[], 0, "flags", "add", 0, "other_edits", None],
    ]
    return {
        "hash": str(number), "default": 8.0, "features": ["always", *mark], "outcomes": outcomes,
        "seconds_of": dict.fromkeys(SETTINGS[1:], 0.01), "tries": tries, "instructions": 9,
    }  # fmt: skip


def test_a_fitted_ranker_reaches_as_much_with_fewer_compiles(tmp_path):
    rows = [_labelled(n, "result=value" if n % 2 else "orientation=asm") for n in range(60)]
    rows += [{"hash": "x", "default": 0, "instructions": 3}]
    write_ranker(fit(rows, FitOptions(rare_setting=2, rare_edit=5)), tmp_path / "ranker.json")
    ranker = read_ranker(tmp_path / "ranker.json")
    ranked, default = curve(rows, ranked_order(ranker)), curve(rows, default_order)
    assert ranked[1]["identical"] == 1.0 and ranked[0]["identical"] == pytest.approx(1 / 61)
    assert default[1]["identical"] < 0.6 and default[-1]["identical"] == 1.0
    assert ranked[-1]["seconds"] < default[-1]["seconds"]
    gain = edit_gain(rows, ranker)
    assert gain["better"] == pytest.approx(1 / 3) and gain["better_tenth"] == 1.0
    assert len(json.loads((tmp_path / "ranker.json").read_text())["features"]) > 3


def test_the_cover_puts_first_what_answers_most_of_what_is_left():
    rows = [_labelled(n, "tail=none") for n in range(5)] + [_labelled(9, "leaves=ptr")]
    rows += [_labelled(n, "size=none") for n in range(3)]
    order = cover_order(rows)(rows[0])
    assert order[:3] == ["tail=none", "size=none", "leaves=ptr"]
    assert sorted(order) == sorted(default_order({}))


def test_labels_keep_the_state_of_each_try():
    row = _labelled(0, "tail=none")
    found = list(edit_examples(row))
    assert [better for _, better in found] == [True, False, False]
    assert all(any("kind order" in name for name in features) for features, _ in found)
    with pytest.raises(ValueError, match="edit_compiles"):
        LabelPlan("corpus", edit_compiles=-1)
    with pytest.raises(OzmaError, match="no labels"):
        fit([{"hash": "x", "default": 0}])


def test_ranked_answers_are_as_right_as_others(compiler, compiled):
    ir, assembly = compiled("total")
    for ranked in (False, True):
        options = AnswerOptions(settings=24, budget=Budget(60), ranked=ranked)
        answer = Answerer(compiler, options).answer(assembly, "total", whole=True)
        assert answer.verdict in (Verdict.IDENTICAL, Verdict.COMPILES) and answer.ir


# What is looked up


def test_equal_code_under_other_names_is_found_and_renamed(compiler, compiled, tmp_path):
    ir, assembly = compiled("total", "step")
    _, other = compiled("summed", "stride")
    index = Index(tmp_path / "index.sqlite")
    index.add("1", assembly, ir, 2)
    assert template(assembly).text == template(other).text
    found = list(index.same(other))
    assert len(found) == 1 and "@summed" in found[0].ir and "@total" not in found[0].ir
    answerer = Answerer(compiler, AnswerOptions(settings=0, search=False), None, (index.propose,))
    assert answerer.answer(other, "summed", whole=True).verdict is Verdict.IDENTICAL


def test_other_strings_are_other_code_but_near(compiler, compiled, tmp_path):
    ir, assembly = compiled("total")
    _, other = compiled("summed", "stride", "two")
    index = Index(tmp_path / "index.sqlite")
    index.add("1", assembly, ir, 2)
    assert not list(index.same(other))
    near = list(index.nearest(other))
    assert [one.source for one in near] == ["retrieval: nearest"]
    index.close()
    again = Index(tmp_path / "index.sqlite")
    assert len(again) == 1 and "1" in again and "2" not in again


def test_nothing_is_near_to_other_code(compiled, tmp_path):
    ir, assembly = compiled("total")
    index = Index(tmp_path / "index.sqlite")
    assert not list(index.nearest(assembly))
    index.add("1", assembly, ir, 2)
    assert not list(index.nearest("f:\n\tnop\n\tud2\n\thlt\n\tnop\n\tretq\n\tud2\n"))
    (tmp_path / "none").write_text("this is no database, but long enough to be read as one" * 99)
    with pytest.raises(OzmaError, match="is no index"):
        Index(tmp_path / "none")


def test_names_in_strings_and_registers_stay():
    found = template('f:\n\tmovl\t$1, %eax\n\tcallq\tg@PLT\n\t.asciz\t"f g"\n\tjmp\t.LBB0_1\n')
    assert found.symbols == ("f", "g") and '"f g"' in found.text and "%eax" in found.text
    arm = template("f:\n\tadd\tx0, x1, w2, sxtw #2\n\tbl\tg\n\tcsel\tw0, w1, w2, ne\n", "aarch64")
    assert arm.symbols == ("f", "g")
    text = '@f = global i32 0\n@s = constant [2 x i8] c"@f"\ncall void @"f"(), @fg()'
    assert renamed(text, {"f": "h"}).count("@h") == 1 and '"@f"' in renamed(text, {"f": "h"})
    assert opcodes("f:\n\tmovl\t$1, %eax\n\t.cfi_startproc\n\tretq\n") == ["movl", "retq"]


@given(st.lists(st.sampled_from(["movl", "addl", "ret"]), max_size=20))
def test_a_sketch_is_of_one_size(words):
    assert len(sketch(words)) == 256 and sketch(words) == sketch(list(words))


# The model


class SayingModel:
    """A model that gives one answer to everything."""

    def __init__(self, text: str) -> None:
        self.text, self.prompts = text, []

    def answers(self, prompt, sampling):
        from ozma.model.generate.answer import Answer

        self.prompts.append(prompt)
        return [Answer(self.text, True)]


class TooLongModel:
    """A model whose window every prompt exceeds."""

    def answers(self, prompt, sampling):
        from ozma.model.generate.backend import ContextOverflow

        raise ContextOverflow("too long")


def test_a_models_answer_is_judged_as_any_other(toolchain, compiler, compiled):
    from ozma.tasks.canonical import shorten

    ir, assembly = compiled("total")
    right = SayingModel(f" <code>{shorten(ir)}</code>")
    for model, verdict in (
        (right, Verdict.IDENTICAL),
        (SayingModel(" <code>define nonsense</code>"), Verdict.FAILED),
        (SayingModel(' <code>module asm "f:"\ndefine void @f() {\nret void\n}</code>'), Verdict.FAILED),
        (SayingModel("I do not know"), Verdict.FAILED),
        (TooLongModel(), Verdict.FAILED),
    ):
        propose = ModelProposer(toolchain, "x86-64", answerer=model)
        alone = Answerer(compiler, AnswerOptions(settings=0, search=False), None, (propose,))
        assert alone.answer(assembly, "total", whole=True).verdict is verdict
    assert right.prompts[0].startswith("[INST] Disassemble this code to LLVM-IR:\n\n<code>\t.text")


def test_an_identical_answer_needs_no_passes_to_be_so(compiler):
    plain = 'target triple = "x86_64-pc-linux-gnu"\ndefine i32 @same(i32 %a) {\n{body}  ret i32 {value}\n}\n'
    kept = "  %p = alloca i32\n  store i32 %a, ptr %p\n  %v = load i32, ptr %p\n"
    assembly = compiler.compile(plain.replace("{body}", "").replace("{value}", "%a")).assembly
    text = plain.replace("{body}", kept).replace("{value}", "%v")

    def propose(*_):
        yield Candidate("test", text, passes="function(mem2reg)")

    answer = Answerer(compiler, AnswerOptions(settings=0, search=False), None, (propose,)).answer(assembly, "same")
    assert answer.verdict is Verdict.IDENTICAL
    assert Reference(assembly, "x86-64", "same").compare(compiler.compile(answer.ir).assembly).exact


def test_a_job_with_a_model_asks_it(compiled, monkeypatch, tmp_path):
    from ozma.model.generate.answer import TokenAnswerer
    from ozma.tasks.canonical import shorten

    ir, assembly = compiled("total")
    loaded = []
    model = SayingModel(f" <code>{shorten(ir)}</code>")
    monkeypatch.setattr(TokenAnswerer, "load", lambda folder: loaded.append(folder) or model)
    nothing_else = AnswerOptions(settings=0, search=False)
    jobs = [Job(assembly, "total", nothing_else, True, 0, None, folder) for folder in (None, tmp_path)]
    found = [answer.verdict for _, answer in answer_all(jobs)]
    assert found == [Verdict.FAILED, Verdict.IDENTICAL] and loaded == [tmp_path]


def test_the_shipped_disassembler_lifts_a_load(toolchain, compiler):
    ir = (
        'target triple = "x86_64-pc-linux-gnu"\n'
        "define dso_local i32 @get(ptr %p) minsize optsize nounwind uwtable {\n"
        "  %v = load i32, ptr %p\n  ret i32 %v\n}\n"
    )
    assembly = compiler.compile(ir).assembly
    alone = Answerer(compiler, AnswerOptions(settings=0, search=False), None, (ModelProposer(toolchain, "x86-64"),))
    assert alone.answer(assembly, "get", whole=True).verdict is Verdict.IDENTICAL


# Rows and tables


def _record(number: int, exact: bool, **others) -> dict:
    size = 10 + 3 * number
    return {
        "hash": str(number), "project": f"p{number % 3}", "lowered": True, "exact": exact,
        "strict": exact, "behaviour": "same" if exact else "differs",
        "verdict": "identical assembly" if exact else "behaviour differs", "bleu": 1.0 if exact else 0.5,
        "bleu_words": 1.0 if exact else 0.4, "confidence": 1.0 if exact else 0.4, "flags": [],
        "compiles": 5, "seconds": 0.001 * size**2, "instructions": size, "fits": True,
        "near": False, "memory": 10**8,
    } | others  # fmt: skip


def test_a_step_says_what_a_row_adds():
    before = [_record(n, n < 10) for n in range(40)]
    after = [_record(n, 1 <= n < 20, compiles=3) for n in range(30)]
    found = step(before, after)
    assert (found["functions"], found["won"], found["lost"]) == (30, 10, 1)
    assert found["exact"][0] == pytest.approx(9 / 30) and found["compiles"][0] == -2
    assert found["exact"][1] <= found["exact"][0] <= found["exact"][2]


def test_facts_have_both_counts_and_the_growth_of_time():
    rows = [_record(n, n < 10) for n in range(40)]
    found = facts(rows)
    assert found["growth"] == pytest.approx(2.0) and growth(rows[:5]) is None
    assert found["bleu_by"]["bleu"]["all"][0] > found["bleu_by"]["bleu_words"]["all"][0]
    assert found["covered_at_paper"] == pytest.approx(10 / 40)
    assert dict(map(tuple, found["coverage"]))[0.2] == 1.0 and found["memory"] == 10**8


def test_the_report_has_all_rows_and_what_each_adds(tmp_path):
    folder = tmp_path / "x86-64-Oz-validation"
    for name, exact in (("ranker", 20), ("search 2s", 15), ("model alone", 0)):
        file = RecordFile(record_path(folder, name), "1", ("hash",))
        file.append(_record(n, n < exact) for n in range(30))
    text = render(all_facts(tmp_path))
    rows = [line.split(" | ")[0].lstrip("| ") for line in text.splitlines()]
    order = [rows.index(name) for name in ("search 2s", "ranker", "model alone")]
    assert order == sorted(order)
    for words in ("LLM Compiler FTD 13B", "| search 2s | ranker | 30 | 16.7 (", "share at 0.960"):
        assert words in text
    assert "functions a minute" in text and "tokens, lowered" in text


def test_a_row_that_cannot_be_measured_says_how_to(tmp_path):
    plan = Plan(tmp_path, "Oz", "x86-64", WAYS["retrieval alone"], 5)
    with pytest.raises(OzmaError, match="no index of training functions") as error:
        list(measure(plan, tmp_path))
    assert "lift_ranker.py index" in error.value.hint


def test_ranked_and_unranked_rows_have_equal_budgets():
    for plain, ranked in (("settings", "settings ranked"), ("search 200", "ranker 200"),
                          ("search 2s", "ranker"), ("search 15s", "ranker 15s")):  # fmt: skip
        one, other = WAYS[plain], WAYS[ranked]
        assert Way(plain, one.settings, one.search, one.budget, ranked=True) == Way(
            plain, other.settings, other.search, other.budget, ranked=other.ranked
        )
