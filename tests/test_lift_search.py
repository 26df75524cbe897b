"""Compile-back, equality, edits and the search: hidden order in true IR is found again."""

from __future__ import annotations

import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.labels.disassembly import LEVELS, lower
from ozma.lift.answers import AnswerOptions, Answerer, Verdict
from ozma.lift.asm.lines import normalized_lines
from ozma.lift.editing.edits import edits_of_block, likely_edits, other_edits
from ozma.lift.editing.ir_text import NotEditable, parse, read
from ozma.lift.editing.rewrites import LIKELY, UNLIKELY, alternatives, inverted, split_operands
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference, locate
from ozma.lift.judging.judge import Candidate, Judge, ProcessorMeter
from ozma.lift.searching.debug_lines import origins
from ozma.lift.searching.edit_search import EditSearch
from ozma.llvm import InvalidIR, Worker
from ozma.llvm.clang import compile_bitcode
from ozma.search.budget import Budget
from ozma.tasks.assembly import code_lines

OZ = LEVELS[3]
ONE = """
int sum(const int *values, int count) {
    int result = 0;
    for (int i = 0; i < count; i++) result += (values[i] ^ values[i + 1]) * (i + count);
    return result;
}
"""


@pytest.fixture(scope="module")
def compiler(toolchain):
    with Compiler(toolchain) as one:
        yield one


@pytest.fixture(scope="module")
def texts(toolchain, bitcode) -> tuple[str, str]:
    """(IR, assembly) of the sample program at -Oz."""
    with Worker(toolchain) as worker:
        found = lower(worker, bitcode, OZ)
        return found.ir, found.assembly


@pytest.fixture(scope="module")
def function(toolchain, tmp_path_factory) -> tuple[str, str]:
    """(IR, assembly) of one function alone at -Oz."""
    source = tmp_path_factory.mktemp("one") / "sum.c"
    source.write_text(ONE)
    with Worker(toolchain) as worker:
        found = lower(worker, compile_bitcode(toolchain, source), OZ)
        return found.ir, found.assembly


def test_assembly_is_what_llc_and_clang_make(toolchain, compiler, texts, tmp_path):
    ours = code_lines(compiler.compile(texts[0]).assembly)
    path = tmp_path / "f.ll"
    path.write_text(texts[0])
    llc = [toolchain.tool("llc"), "-relocation-model=pic", path, "-o", "-"]
    clang = [
        toolchain.tool("clang"),
        "-S",
        "-Oz",
        "-Xclang",
        "-disable-llvm-passes",
        path,
        "-o",
        "-",
    ]
    for command in (llc, clang):
        theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert normalized_lines(code_lines(theirs)) == normalized_lines(ours)


def test_unoptimized_code_is_what_llc_makes_at_level_0(toolchain, compiler, texts, tmp_path):
    path = tmp_path / "f.ll"
    path.write_text(texts[0])
    llc = [toolchain.tool("llc"), "-O0", "-relocation-model=pic", path, "-o", "-"]
    theirs = subprocess.run(llc, capture_output=True, text=True, check=True).stdout
    assert code_lines(compiler.compile(texts[0], codegen=0).assembly) == code_lines(theirs)
    assert code_lines(compiler.compile(texts[0]).assembly) != code_lines(theirs)


def test_what_does_not_compile_has_a_reason(compiler):
    broken = compiler.compile("define i32 @f() { ret i64 0 }")
    assert not broken.ok and "not valid LLVM-IR" in broken.reason
    fine = 'target triple = "x86_64-pc-linux-gnu"\ndefine void @f() { ret void }'
    assert compiler.compile(fine, "no-such-pass").reason.startswith("invalid list")
    assert compiler.compile(fine.replace("x86_64", "vax")).reason.startswith("no back end")
    with pytest.raises(InvalidIR):
        compiler.printed(b"nonsense")
    assert compiler.compile(fine).ok


COMMENTED = (
    '\t.file\t"a.c"\nf:   # @f\n\tmovl\t$1, %eax  # x\n\n\t.ascii\t"a#b \\"#\\""\n'
    '\tjmp\t.LBB7_3\n.LBB7_3:\n\t.ident\t"c"\n'
)


def test_comments_and_names_of_files_do_not_count():
    reference = Reference(COMMENTED)
    other = 'f:\n\tmovl\t$1, %eax\n\t.ascii\t"a#b \\"#\\""\n\tjmp\t.LBB0_0\n.LBB0_0:\n\t.addrsig\n'
    assert reference.compare(other).exact and not reference.same_strictly(other)
    assert reference.same_strictly(other.replace("LBB0_0", "LBB7_3").replace("\t.addrsig\n", ""))
    assert reference.source_line(1) == 3


def test_a_string_is_no_comment_and_a_label_too_many_is_no_cascade():
    reference = Reference("f:\n\tjmp\t.LBB0_1\n.LBB0_1:\n\tjmp\t.LBB0_2\n.LBB0_2:\n\tretq\n")
    assert not reference.compare('f:\n\t.ascii\t"#"\n').exact
    found = reference.compare(
        "f:\n.LBB0_9:\n\tjmp\t.LBB0_1\n.LBB0_1:\n\tjmp\t.LBB0_2\n.LBB0_2:\n\tretq\n"
    )
    assert (found.lines, found.missing, found.extra) == (1, (), (1,))


def test_labels_that_lead_elsewhere_differ():
    text = "f:\n.LBB0_1:\n\tje\t.LBB0_1\n.LBB0_2:\n\tje\t.LBB0_2\n"
    found = Reference(text).compare(text.replace("je\t.LBB0_1", "je\t.LBB0_2", 1))
    assert not found.exact and found.missing == (2,)


@given(
    st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30)
)
def test_an_edit_script_leads_from_one_to_the_other(old, new):
    missing, extra = locate(old, new)
    kept = [x for i, x in enumerate(old) if i not in missing]
    assert kept == [x for i, x in enumerate(new) if i not in extra]
    assert len(missing) + len(extra) <= len(old) + len(new)


def test_too_long_a_script_is_given_up():
    assert locate(["a"] * 50, ["b"] * 50, limit=99) is None
    assert Reference("\n".join(f"l{i}" for i in range(200))).compare("x\n").far


def test_one_function_of_a_file_is_compared_with_its_data(texts):
    reference = Reference(texts[1], name="sum")
    assert reference.lines[0] == "sum:" and not any("evaluate" in line for line in reference.lines)
    changed = texts[1].replace("evaluate", "evaluate2")
    assert reference.compare(changed).exact


def test_text_and_blocks_are_the_same_module(compiler, texts):
    for name in ("sum", "evaluate"):
        again = compiler.compile(str(parse(texts[0], name)))
        assert Reference(texts[1]).compare(again.assembly).exact
    with pytest.raises(NotEditable):
        parse(texts[0], "nobody")
    with pytest.raises(NotEditable):
        parse("%0 = type { i32 }\ndefine void @f() {\n  ret void\n}\n")


def test_each_line_of_code_knows_its_instruction(compiler, function):
    ir, assembly = function
    body, reference = parse(ir), Reference(assembly)
    places = origins(compiler, body, reference.lines, reference, 2)
    load = next(n for n, line in enumerate(reference.lines) if "imull" in line)
    block, at = places[load]
    assert read(body.blocks[block].lines[at]).opcode in ("mul", "load")
    assert origins(compiler, body, ["\tnop"], reference, 2) == []


def test_every_edit_is_valid_ir_or_nearly(compiler, texts):
    """Where an edit is not valid, LLVM says so, and nothing else happens."""
    body = parse(texts[0], "evaluate")
    edits = [
        e for b, a, _ in body.places() for f in (likely_edits, other_edits) for e in f(body, b, a)
    ]
    edits += [e for block in range(len(body.blocks)) for e in edits_of_block(body, block)]
    kinds = {edit.kind for edit in edits}
    assert {"move", "operands", "orientation", "flags", "weights", "block order"} <= kinds
    sample = random.Random(1).sample(edits, 60)
    good = [compiler.compile(str(edit.body)).ok for edit in sample]
    assert sum(good) > 50
    assert all(str(edit.body) != str(body) for edit in edits)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("  %x = add nsw i32 %a, %b", "  %x = add nsw i32 %b, %a"),
        ("  %x = icmp slt i32 %a, 5, !dbg !3", "  %x = icmp sgt i32 5, %a, !dbg !3"),
        ("  %x = icmp ult i32 %a, 5", "  %x = icmp ule i32 %a, 4"),
        ("  %x = or i32 %a, 1", "  %x = or disjoint i32 %a, 1"),
        ("  %x = mul i64 %a, 8", "  %x = shl i64 %a, 3"),
        ("  %x = load i32, ptr %p, align 4", "  %x = load volatile i32, ptr %p, align 4"),
        ("  store volatile i8 0, ptr %p", "  store i8 0, ptr %p"),
        ("  %x = tail call i32 @f(i32 %a)", "  %x = call i32 @f(i32 %a)"),
        ("  %x = zext i8 %a to i32", "  %x = sext i8 %a to i32"),
    ],
)
def test_other_ways_to_write_an_instruction(line, expected):
    found = [text for _, text in alternatives(line, LIKELY + UNLIKELY)]
    assert expected in found and line not in found


def test_what_is_not_commutative_stays():
    for line in (
        "  %x = sub i32 %a, %b",
        "  %x = fneg float %a",
        "  ret void",
        "  %x = freeze i32 %a",
    ):
        assert not list(alternatives(line, ("operands",)))
    assert inverted("  %x = fcmp olt float %a, %b") == "  %x = fcmp uge float %a, %b"
    assert inverted("  %x = add i32 %a, %b") is None
    assert split_operands("ptr getelementptr (i8, ptr @a, i64 1), <2 x i32> <i32 1, i32 2>") == [
        "ptr getelementptr (i8, ptr @a, i64 1)", "<2 x i32> <i32 1, i32 2>",
    ]  # fmt: skip


def _shuffled(ir: str, seed: int) -> str:
    """Every legal thing that assembly hides, done at random."""
    rng, body = random.Random(seed), parse(ir)
    for _ in range(3):
        block = rng.randrange(len(body.blocks))
        edits = [
            e for a in range(len(body.blocks[block].lines)) for e in likely_edits(body, block, a)
        ]
        body = rng.choice(edits).body if edits else body
    return str(body)


@pytest.mark.parametrize("seed", range(4))
def test_hidden_order_is_found_again(compiler, function, seed):
    ir, assembly = function
    judge = Judge(compiler, Reference(assembly), ProcessorMeter(Budget(250)))
    start = judge(Candidate("test", _shuffled(ir, seed)))
    found, steps = EditSearch(judge).run([start])
    assert found.exact and (bool(steps) or start.exact)
    assert Reference(assembly).compare(compiler.compile(found.candidate.ir).assembly).exact


def test_a_search_of_no_budget_does_nothing_and_the_same_budget_the_same(compiler, function):
    ir, assembly = function
    start = Candidate("test", _shuffled(ir, 1))
    results = []
    for budget in (0, 40, 40):
        judge = Judge(compiler, Reference(assembly), ProcessorMeter(Budget(budget)))
        found, steps = EditSearch(judge).run([judge(start)])
        results.append((found.distance, steps, judge.meter.compiles))
    assert results[0][2] <= 4 and results[1] == results[2]


def _answer(compiler, assembly, candidates, **options):
    settings = AnswerOptions(settings=0, budget=Budget(100), **options)
    answerer = Answerer(compiler, settings, None, (lambda *_: candidates,))
    return answerer.answer(assembly, "sum", whole=True)


def test_flags_that_no_line_needs_are_taken_out(compiler, function):
    ir, assembly = function
    assert " nsw" in ir
    answer = _answer(compiler, assembly, [Candidate("model", ir)])
    assert answer.verdict is Verdict.IDENTICAL and answer.strict and answer.bleu == 1.0
    assert len(answer.flags) <= ir.count(" nsw")
    kept = sum(" nsw" in line or " nuw" in line for line in answer.ir.splitlines())
    assert kept <= sum(int(flag.split()[0]) for flag in answer.flags)


def test_needed_flags_are_named(compiler):
    ir = (
        'target triple = "x86_64-pc-linux-gnu"\n'
        "define i64 @sum(i32 %a) {\n  %b = add nsw i32 %a, 5\n  %c = sext i32 %b to i64\n"
        "  ret i64 %c\n}\n"
    )
    without = compiler.compile(ir.replace(" nsw", "")).assembly
    needed = compiler.compile(ir).assembly
    assert _answer(compiler, needed, [Candidate("m", ir)]).flags == (
        ("1 add nsw",) if needed != without else ()
    )


def test_a_worse_answer_only_compiles_and_nothing_is_said_of_it(compiler, function):
    empty = (
        'target triple = "x86_64-pc-linux-gnu"\n'
        "define i32 @sum(ptr %a, i32 %b) {\n  ret i32 %b\n}\n"
    )
    answer = _answer(compiler, function[1], [Candidate("model", empty)], search=False)
    assert answer.verdict is Verdict.COMPILES and not answer.exact and 0 <= answer.bleu < 1
    assert answer.lines and answer.source == "model"


def test_inline_assembly_is_no_answer(compiler, function):
    cheat = function[0] + '\nmodule asm "nop"\n'
    answer = _answer(compiler, function[1], [Candidate("model", cheat)])
    assert answer.verdict is Verdict.FAILED and "module asm" in answer.reason and not answer.ir


def test_nothing_that_compiles_is_a_failure_with_a_reason(compiler, function):
    answer = _answer(compiler, function[1], [Candidate("model", "what?")])
    assert answer.verdict is Verdict.FAILED and answer.reason.startswith("model: not valid LLVM-IR")


def test_options_say_what_is_wrong():
    with pytest.raises(ValueError, match="target is 'mips'"):
        AnswerOptions(target="mips")
    with pytest.raises(ValueError, match="settings is -1"):
        AnswerOptions(settings=-1)
