"""Signatures that the assembly does not settle: the widest that may be, where the likely one leaves a doubt."""

from __future__ import annotations

import re

import pytest

from ozma.lift.answers import AnswerOptions, Answerer, Verdict
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.decisions import Decisions, is_unproved
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.lifter import lift_function

_HEAD = "\t.text\n\t.globl\tf\n\t.type\tf,@function\nf:\n\t.cfi_startproc\n"
_END = ".Lend:\n\t.size\tf, .Lend-f\n\t.cfi_endproc\n"
_CALL = "\tpushq\t%rax\n\t.cfi_def_cfa_offset 16\n\tcallq\tg\n\tpopq\t%rcx\n\t.cfi_def_cfa_offset 8\n\tretq\n"

RETURNED = "\tmovq\tv(%rip), %rax\n\ttestq\t%rax, %rax\n\tje\tg\n\tretq\n"
"""Gives back what it has read and tested, or what `g` returns."""
STORED = "\tmovl\t8(%rdi), %esi\n\tincl\t%esi\n\tmovl\t%esi, 8(%rdi)\n" + _CALL
"""The second argument is needed elsewhere too."""
MEMBER = "\tmovq\t%rdi, %rax\n\tmovq\t%rsi, %rdi\n\tmovq\t%rax, %rsi\n\tjmp\t_ZN1A4saveIiEEvRT_j\n"
"""A name that does not say that there is a `this` before `RT_` and `j`."""


def _text(body: str) -> str:
    return _HEAD + body + _END


def _lines(body: str, signatures: str) -> str:
    lifted = lift_function(_text(body), "f", decisions=Decisions(signatures=signatures))
    return "\n".join(line for line in lifted.ir.splitlines() if re.match("define|declare", line))


@pytest.mark.parametrize(
    ("body", "likely", "widest"),
    [
        (RETURNED, "void @g()", "i64 @g()"),
        (STORED, "@g()", "@g(ptr, i64)"),
        (MEMBER, "@_ZN1A4saveIiEEvRT_j(ptr, i32)", "@_ZN1A4saveIiEEvRT_j(i64, i64, i64)"),
    ],
)
def test_the_widest_signature_has_all_that_may_be_in_it(body, likely, widest):
    assert likely in _lines(body, "infer") and widest in _lines(body, "widest")


def test_passing_more_needs_no_proof_and_passing_less_does():
    assert not is_unproved([("signatures", "widest")]) and is_unproved([("arguments", "fewest")])


@pytest.mark.parametrize("body", [RETURNED, MEMBER])
@pytest.mark.parametrize("settings", [1, 12])
def test_a_doubt_is_settled_by_the_answer_with_the_widest_signatures(toolchain, body, settings):
    """One setting's answer would be right only if the likely signatures were; of twelve, one that
    nothing proves may have given the same IR before."""
    options = AnswerOptions(settings=settings, search=False)
    with Compiler(toolchain) as compiler, EmulatorCheck(toolchain, "x86-64") as check:
        answer = Answerer(compiler, options, check).answer(_text(body), "f")
    assert answer.verdict in (Verdict.IDENTICAL, Verdict.SAME)
    assert ("signatures", "widest") in answer.decisions


def test_without_a_check_or_without_the_lifter_there_is_no_such_answer(toolchain):
    with Compiler(toolchain) as compiler:
        options = AnswerOptions(settings=1, search=False)
        answer = Answerer(compiler, options).answer(_text(RETURNED), "f")
        assert answer.verdict is Verdict.COMPILES and not answer.decisions
