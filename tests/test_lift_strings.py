"""String instructions, alone and repeated, lifted and run beside the original."""

from __future__ import annotations

import pytest

from ozma.lift.behaviour.forms import Form, forms
from ozma.lift.behaviour.semantics import SemanticsCheck
from ozma.lift.decisions import Decisions
from ozma.lift.lifter import lift_function
from ozma.llvm import Toolchain

pytest.importorskip("unicorn")

NAMES = [name + width for name in ("movs", "stos", "lods", "scas", "cmps") for width in "bwlq"]
_MEMSET, _MEMCPY = "call void @llvm.memset", "call void @llvm.memcpy"


def _function(*lines: str) -> str:
    body = "".join(f"\t{line}\n" for line in lines)
    code = f"\t.text\n\t.globl\tf\n\t.type\tf,@function\nf:\n{body}\tret\n\t.size\tf, .-f\n"
    return code + "\t.section\t.rodata\n.LC0:\n\t.zero\t100\n"


def _ir(*lines: str, decisions: Decisions = Decisions()) -> str:
    lifted = lift_function(_function(*lines), "f", decisions=decisions)
    assert lifted.refusal is None
    return lifted.ir


def test_every_form_does_the_same(toolchain: Toolchain) -> None:
    """With places apart or overlapping, and 0 to 15 elements."""
    with SemanticsCheck(toolchain, inputs=6) as checking:
        found = [form for form in forms(toolchain, "x86-64", NAMES) if form.line[-5:] in NAMES]
        plain = [form for form in found if not form.condition]
        asking = [form for form in found if form.condition in ("b", "e") and form.line[-1] == "b"]
        outcomes = {str(form): checking.check(form).outcome for form in (*plain, *asking)}
    assert set(outcomes.values()) == {"same"}
    assert len(plain) == 48 and len(asking) == 12


@pytest.mark.parametrize("broken", ["copy downwards", "one less"])
def test_a_wrong_repetition_is_found(toolchain: Toolchain, monkeypatch, broken: str) -> None:
    from ozma.lift.x86 import strings, table

    wrong = strings.string_rule("movs", "w" if broken == "one less" else "b")
    if broken == "copy downwards":
        monkeypatch.setattr("ozma.lift.flow.repeats._are_apart", lambda *_: True)
    monkeypatch.setitem(table.RULES, "movsb", wrong)
    with SemanticsCheck(toolchain, inputs=24) as checking:
        assert checking.check(Form("x86-64", "movsb", "rep movsb")).outcome == "differs"


@pytest.mark.parametrize("value", ["xorl %eax, %eax", "movl $-1, %eax", "orl $-1, %eax",
                                   "movl $0x20202020, %eax"])  # fmt: skip
def test_equal_bytes_are_a_memset(value: str) -> None:
    assert _MEMSET in _ir(value, "movl $9, %ecx", "rep stosl")


@pytest.mark.parametrize("value", ["movl $1, %eax", "movl %esi, %eax", "movb $0, %al"])
def test_other_values_are_a_loop(value: str) -> None:
    ir = _ir(value, "movl $9, %ecx", "rep stosl")
    assert _MEMSET not in ir and "phi" in ir


def test_a_number_of_elements_is_not_compared_with_zero() -> None:
    assert _ir("movl %esi, %eax", "movl $9, %ecx", "rep stosl").count("icmp") == 1
    assert _ir("movl %esi, %eax", "movl %edx, %ecx", "rep stosl").count("icmp") == 2


@pytest.mark.parametrize(
    ("setup", "apart"),
    [
        (["movq %rsp, %rdi"], True),
        (["leaq table(%rip), %rsi", "movq %rsp, %rdi"], True),
        (["leaq table(%rip), %rsi", "leaq other(%rip), %rdi"], True),
        (["leaq table(%rip), %rsi", "leaq table+100(%rip), %rdi"], True),
        (["leaq table(%rip), %rsi", "leaq table+99(%rip), %rdi"], False),
        (["leaq 8(%rsp), %rsi", "leaq 112(%rsp), %rdi"], True),
        (["leaq 8(%rsp), %rsi", "leaq 104(%rsp), %rdi"], False),
        (["leaq 8(%rsp), %rsi", "pushq $1", "leaq 112(%rsp), %rdi", "popq %rax"], False),
        (["leaq 1(%rsi), %rdi"], False),
        (["movq (%rsi), %rdi"], False),
        ([], False),
        (["leaq table(%rip), %rsi"], False),
        (["leaq .LC0(%rip), %rsi"], True),
        (["leaq .LC0(%rip), %rdi"], False),
        (["callq other", "movq %rsp, %rdi"], True),  # the stack pointer: a struct's copy
        (["callq other", "leaq 8(%rsp), %rdi"], False),
    ],
)
def test_a_copy_at_once_needs_places_that_are_apart(setup: list[str], apart: bool) -> None:
    code = ["subq $232, %rsp", *setup, "movl $25, %ecx", "rep movsl", "movl (%rdi), %eax",
            "addq $232, %rsp"]  # fmt: skip
    assert (_MEMCPY in _ir(*code)) is apart
    assert _MEMCPY in _ir(*code, decisions=Decisions(regions="joined"))


def test_flags_from_before_a_repetition_are_read_after_it(toolchain: Toolchain) -> None:
    ir = _ir("testl %edx, %edx", "movl %esi, %ecx", "movq %rdx, %rax", "rep stosw", "sete %al")
    assert "icmp eq i32" in ir


def test_what_is_compared_with_itself_is_no_argument() -> None:
    lifted = lift_function(
        _function("cmpq %rcx, %rcx", "movl %edx, %ecx", "repz cmpsb", "seta %al", "sbbb $0, %al"), "f"
    )
    assert lifted.refusal is None and lifted.ir.count("%a") > 0 and "%a3" not in lifted.ir


@pytest.mark.parametrize("line", ["rep movsb (%eax), %es:(%rdi)", "lodsl (%rsi), %ecx",
                                  "movsb %fs:(%rsi), %es:(%rdi)", "repne stosb"])  # fmt: skip
def test_what_is_no_usual_string_instruction_is_refused(line: str) -> None:
    assert lift_function(_function(line), "f").refusal


@pytest.mark.parametrize("line", ["rep stosd dword ptr es:[rdi], eax", "rep\tstosl\t%eax, %es:(%rdi)",
                                  "rep;stosl", "rep movsd dword ptr es:[rdi], dword ptr [rsi]"])  # fmt: skip
def test_written_out_operands_are_the_same(line: str) -> None:
    plain = "rep movsl" if "mov" in line else "rep stosl"
    assert _ir("movl %edx, %eax", line) == _ir("movl %edx, %eax", plain)
