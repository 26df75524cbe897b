"""Structs that calls take by value on x86-64, and what only looks like one."""

from __future__ import annotations

import re

import pytest

from ozma.lift.lifter import lift_function

_COPY = "\tmovq\t%rdi, %rsi\n\tmovq\t%rsp, %rdi\n\tmovl\t$9, %ecx\n\trep;movsq\t(%rsi), %es:(%rdi)\n"
_PIECES = "\tmovq\t16(%rdi), %rax\n\tmovq\t%rax, 16(%rsp)\n\tmovups\t(%rdi), %xmm0\n\tmovups\t%xmm0, (%rsp)\n"


def _calls(body: str) -> str:
    text = f"\t.text\n\t.globl\tf\n\t.type\tf,@function\nf:\n\tsubq\t$72, %rsp\n{body}\taddq\t$72, %rsp\n\tretq\n.Lend:\n\t.size\tf, .Lend-f\n"
    lifted = lift_function(text, "f")
    assert lifted.ir, lifted.refusal
    return "\n".join(line for line in lifted.ir.splitlines() if re.search(r"\bcall\b.*@[gh]\(", line))


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        (_COPY + "\tmovl\t$3, %edi\n\tcallq\tg\n", "(i32 3, ptr byval([72 x i8]) align 8 %a0)"),
        (_COPY + "\tcallq\tg\n", "(ptr byval([72 x i8]) align 8 %a0)"),
        (_PIECES + "\tmovl\t%esi, %edi\n\tcallq\tg\n", "(i32 %a1, ptr byval([24 x i8]) align 8 %a0)"),
        (_PIECES.replace("%rdi", "%rsi") + _PIECES.replace("(%rsp)", "+24(%rsp)").replace("16+24", "40").replace("+24", "24")
         + "\tcallq\tg\n", "(ptr byval([24 x i8]) align 8 %a1, ptr byval([24 x i8]) align 8 %a0)"),
    ],
)  # fmt: skip
def test_a_copy_to_the_stack_pointer_is_a_struct_by_value(body, arguments):
    assert arguments in _calls(body)


@pytest.mark.parametrize(
    "body",
    [
        _COPY + "\tmovq\t%rsp, %rdi\n\tcallq\tg\n",  # a local object, whose address the callee gets
        _COPY + "\tcallq\tg\n\tmovq\t(%rsp), %rdi\n\tcallq\th\n",  # and one that is read later
        _COPY + "\tmovq\t%rcx, %rsi\n\tcallq\tg\n",  # a register of the instruction is read
        _PIECES + "\tmovq\t$1, 8(%rdi)\n\tcallq\tg\n",  # the source changes before the call
        _PIECES.replace("(%rdi)", "+32(%rsp)").replace("16+32", "48").replace("+32", "32")
        + "\tmovq\t$1, 40(%rsp)\n\tcallq\tg\n",  # of the function's own
        _PIECES.replace("(%rdi), %xmm0", "(%rsi), %xmm0") + "\tcallq\tg\n",  # two sources
        _PIECES + "\tcallq\th\n\tcallq\tg\n".replace("h\n", "h\n\tmovq\t16(%rsp), %rdi\n"),
    ],
)
def test_what_somebody_sees_or_changes_is_no_struct_by_value(body):
    assert "byval" not in _calls(body)
