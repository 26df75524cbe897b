"""What gcc's code does that LLVM's never does, lifted, and run under the source's signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from ozma.lift.behaviour.check import Behaviour, Question, Verdict, check
from ozma.lift.emulator.signature import Signature
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.lifter import lift_function
from ozma.llvm import find_toolchain

pytest.importorskip("unicorn")


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler(find_toolchain()) as made:
        yield made


def _text(*lines: str, own: str = "", more: str = "", gcc: bool = True) -> str:
    """The function f; `own` names a function of the same file, whose code is not in the text."""
    body = "".join(f"\t{line}\n" for line in lines)
    types = f"\t.type\t{own}, @function\n" if own else ""
    start = ".LFB7:\n\t.cfi_startproc\n" if gcc else "\t.cfi_startproc\n"
    return (f"\t.text\n{types}\t.globl\tf\n\t.type\tf, @function\nf:\n{start}{body}\tret\n"
            f"\t.cfi_endproc\n\t.size\tf, .-f\n{more}")  # fmt: skip


def _run(
    compiler: Compiler, text: str, signature: Signature, callees: Mapping[str, Signature] = {},
    other: str = "",
) -> Behaviour:  # fmt: skip
    """The lifted and recompiled text, or another, beside the text."""
    if not other:
        lifted = lift_function(text, "f")
        assert lifted.refusal is None
        other = compiler.compile(lifted.ir).assembly
    sides = text, other, "f", "x86-64", "x86-64"
    return check(compiler.toolchain, Question(*sides, signature, callees, inputs=8))


KEPT = ("pushq %rbx", "movl %edi, %ebx", "movl $7, %ecx", "call helper", "leal (%rcx,%rsi), %eax",
        "addl %ebx, %eax", "popq %rbx")  # fmt: skip
_THREE = Signature(("i32", "i32"), "i32")


def test_what_a_callee_of_the_same_file_does_not_touch_is_kept(compiler: Compiler) -> None:
    """gcc's -fipa-ra: rcx and rsi are as before the call."""
    text = _text(*KEPT, own="helper")
    assert "undef" not in lift_function(text, "f").ir
    assert _run(compiler, text, _THREE).verdict is Verdict.SAME


def test_in_other_code_a_callee_may_change_them() -> None:
    assert "undef" in lift_function(_text(*KEPT, own="helper", gcc=False), "f").ir


def test_an_answer_that_takes_another_value_for_the_kept_one_is_found(compiler: Compiler) -> None:
    text = _text(*KEPT, own="helper")
    wrong = [line.replace("$7", "$8") for line in KEPT]
    assert _run(compiler, text, _THREE, other=_text(*wrong, own="helper")).verdict is Verdict.DIFFERS


def test_the_result_of_such_a_callee_is_no_kept_register(compiler: Compiler) -> None:
    code = "call helper", "addl %esi, %eax"
    ir = lift_function(_text(*code, own="helper"), "f").ir
    assert "= call i32 @helper" in ir
    assert _run(compiler, _text(*code, own="helper"), _THREE).verdict is Verdict.SAME


def test_a_byte_set_after_the_call_keeps_nothing() -> None:
    """`sete %cl` is no read of rcx."""
    code = "movl %edi, %ecx", "call helper", "testl %eax, %eax", "sete %cl", "movb %cl, x(%rip)"
    assert _arguments(_text(*code, own="helper"), "helper") == _arguments(_text(*code), "helper")


def _arguments(text: str, callee: str) -> list[str]:
    """The text between the parentheses of each call."""
    lines = [line for line in lift_function(text, "f").ir.splitlines() if f"@{callee}(" in line]
    return [line.split("(")[-1].strip(")") for line in lines if "call" in line]


def test_what_is_read_elsewhere_too_may_be_an_argument(compiler: Compiler) -> None:
    """rdi is as it was given, rsi is compared: LLVM would say by other registers that they are
    arguments."""
    code = ("movl $1, %ecx", "testl %esi, %esi", "cmove %ecx, %esi", "cmpl 8(%rdi), %esi",
            "jb .L1", "pushq %rbx", "movq %rdi, %rbx", "call more", "popq %rbx", ".L1:")  # fmt: skip
    text = _text(*code)
    assert len(_arguments(text, "more")[0].split(",")) >= 2
    assert _arguments(_text(*code, gcc=False), "more") == [""]
    callees = {"more": Signature(("ptr", "i32"), "void")}
    assert _run(compiler, text, Signature(("ptr", "i32")), callees).verdict is Verdict.SAME


def test_a_callee_takes_no_more_than_every_call_has() -> None:
    first = "movl (%rdi), %edx", "movl %edx, 4(%rdi)", "movl $1, %esi", "movl %esi, (%rdi)", "call g"
    second = "movl $2, %edi", "call g"
    both = _text(*first, *second)
    assert [len(one.split(",")) for one in _arguments(both, "g")] == [1, 1]
    assert [len(one.split(",")) for one in _arguments(_text(*first), "g")] == [3]


def test_what_the_last_call_leaves_may_be_the_result(compiler: Compiler) -> None:
    text = _text("subq $8, %rsp", "movl $3, %edi", "call g", "addq $8, %rsp")
    callees = {"g": Signature(("i32",), "i32")}
    assert _run(compiler, text, Signature((), "i32"), callees).verdict is Verdict.SAME
    plain = lift_function(_text("subq $8, %rsp", "movl $3, %edi", "call g", "addq $8, %rsp", gcc=False), "f")
    assert "define dso_local void @f" in plain.ir


def test_pushes_before_a_call_are_arguments_although_cfi_calls_them_frame(compiler: Compiler) -> None:
    code = ["pushq %r11", ".cfi_def_cfa_offset 16", "movl (%rdi), %eax", "pushq %rax",
            ".cfi_def_cfa_offset 24", "movl $6, %r9d", "movl $5, %r8d", "movl $4, %ecx", "movl $3, %edx",
            "movl $2, %esi", "movl $1, %edi", "call g", "popq %rdx", ".cfi_def_cfa_offset 16",
            "popq %rcx", ".cfi_def_cfa_offset 8"]  # fmt: skip
    callees = {"g": Signature(("i32",) * 7, "i32")}
    assert _run(compiler, _text(*code), Signature(("ptr",), "i32"), callees).verdict is Verdict.SAME


def test_a_push_of_what_was_given_only_makes_room() -> None:
    code = ["pushq %rcx", ".cfi_def_cfa_offset 16", "movl $1, %edi", "call g", "popq %rdx"]
    assert "%a3" not in lift_function(_text(*code), "f").ir


def test_a_number_moved_out_of_a_vector_register_is_given_in_one(compiler: Compiler) -> None:
    for move, type_ in (("movq %xmm0, %rax", "double"), ("movd %xmm0, %eax", "float")):
        text = _text(move, "movb %ah, (%rdi)", "movb %al, 1(%rdi)")
        assert f"{type_} %a1" in lift_function(text, "f").ir
        assert _run(compiler, text, Signature(("ptr", type_))).verdict is Verdict.SAME


def test_a_struct_on_the_stack_is_read_in_parts(compiler: Compiler) -> None:
    text = _text("imull $60, 12(%rsp), %eax", "addl 16(%rsp), %eax", "movswl 10(%rsp), %ecx",
                 "subl %ecx, %eax", "addl 28(%rsp), %eax")  # fmt: skip
    signature = Signature(("ptr byval(24, 4)", "ptr"), "i32")
    assert _run(compiler, text, signature).verdict is Verdict.SAME


def test_a_string_with_a_percent_sign_is_no_format_but_in_its_place() -> None:
    data = '\t.section\t.rodata\n.LC0:\n\t.string\t"Use%"\n.LC1:\n\t.string\t"%s %s\\n"\n'
    end = ("leaq .LC0(%rip), %rsi", "leaq .LC0(%rip), %rdx", "leaq .LC1(%rip), %rcx", "xorl %eax, %eax",
           "call printf@PLT")  # fmt: skip
    for gcc in (False, True):
        (found,) = _arguments(_text("movq x(%rip), %rdi", *end, more=data, gcc=gcc), "printf")
        assert found.count(",") == 3
        (found,) = _arguments(_text("leaq .LC1(%rip), %rdi", *end, more=data, gcc=gcc), "printf")
        assert found.count(",") == 2


def test_a_jump_table_is_nobody_s_argument() -> None:
    code = ("cmpl $2, %edi", "ja .L9", "leaq .L4(%rip), %rdx", "pushq %rcx", "movslq (%rdx,%rdi,4), %rsi",
            "addq %rdx, %rsi", "jmp *%rsi", ".L5:", "movl $7, %ecx", "call g", ".L6:", "call h", "popq %rdx", "ret", ".L9:")  # fmt: skip
    table = "\t.section\t.rodata\n\t.align 4\n.L4:\n" + "".join(
        f"\t.long\t{label}-.L4\n" for label in (".L5", ".L6", ".L5")
    )
    lifted = lift_function(_text(*code, more=table), "f")
    assert lifted.refusal is None and "switch i64" in lifted.ir


def test_a_byte_loaded_over_the_place_of_a_jump_is_only_a_byte() -> None:
    code = ("cmpl $2, %edi", "ja .L9", "leaq .L4(%rip), %rdx", "movslq (%rdx,%rdi,4), %rax",
            "addq %rdx, %rax", "jmp *%rax", ".L5:", "movb (%rsi), %al", "subl $38, %eax",
            "movb %al, (%rsi)", ".L9:", "xorl %eax, %eax")  # fmt: skip
    table = "\t.section\t.rodata\n\t.align 4\n.L4:\n" + "\t.long\t.L5-.L4\n" * 3
    assert lift_function(_text(*code, more=table), "f").refusal is None


def test_what_comes_after_a_call_that_never_returns_keeps_its_registers(compiler: Compiler) -> None:
    """No prototype says that it does not: rdi is read after it."""
    text = _text("cmpl %esi, 8(%rdi)", "jnb .L3", "pushq %rdx", "movl $4, %esi", "call error", ".L3:",
                 "movq 16(%rdi), %rsi", "movl $12, %r8d", "movl $1, %ecx", "movl $3, %edx", "jmp grow")  # fmt: skip
    assert "undef" not in lift_function(text, "f").ir
    callees = {"grow": Signature(("ptr", "ptr", "i32", "i32", "i64"), "void"),
               "error": Signature(("ptr", "i32"), "void", returns=False)}  # fmt: skip
    assert _run(compiler, text, Signature(("ptr", "i32")), callees).verdict is Verdict.SAME


def test_a_byte_set_above_the_lowest_makes_no_result_of_a_byte() -> None:
    text = _text("movl (%rdi), %eax", "testl %esi, %esi", "jle .L1", "orb $64, %ah", ".L1:")
    assert "define dso_local i32 @f" in lift_function(text, "f").ir


def test_all_of_a_register_is_passed_on(compiler: Compiler) -> None:
    text = _text("movl %esi, (%rdi)", "movq %rsi, %rax", "jmp g")
    callees = {"g": Signature(("ptr", "i64"))}
    assert _run(compiler, text, Signature(("ptr", "i64")), callees).verdict is Verdict.SAME


@pytest.mark.parametrize("gcc", [True, False])
def test_a_struct_on_the_stack_has_an_address(compiler: Compiler, gcc: bool) -> None:
    text = _text("pushq %rbx", "movq %rdi, %rbx", "leaq 24(%rsp), %rdi", "movl 32(%rsp), %esi", "call g",
                 "movl 20(%rsp), %eax", "movl %eax, (%rbx)", "popq %rbx", gcc=gcc)  # fmt: skip
    assert "ptr byval([24 x i8]) align 8 %given" in lift_function(text, "f").ir
    signature = Signature(("ptr", "ptr byval(24, 8)"))
    callees = {"g": Signature(("ptr", "i32"), "i32")}
    assert _run(compiler, text, signature, callees).verdict is Verdict.SAME


def test_where_an_object_ends_is_an_address(compiler: Compiler) -> None:
    text = _text("pushq %rbx", "subq $32, %rsp", "leaq 32(%rsp), %rsi", "movq %rsp, %rdi", "call g",
                 "addq $32, %rsp", "popq %rbx")  # fmt: skip
    callees = {"g": Signature(("ptr", "ptr"), "i32")}
    assert _run(compiler, text, Signature((), "i32"), callees).verdict is Verdict.SAME


def test_a_format_that_is_not_seen_may_ask_for_all_that_is_set(compiler: Compiler) -> None:
    """rsi is read before the call, as a string that may be empty."""
    code = ("pushq %rbx", "movq %rdi, %rbx", "movq (%rsi), %rsi", "cmpb $0, (%rsi)", "je .L2",
            "movq %rbx, %rdi", "xorl %eax, %eax", "call printf@PLT", ".L2:", "popq %rbx")  # fmt: skip
    assert _arguments(_text(*code), "printf")[0].count(",") == 1


def test_what_the_epilogue_pops_is_no_result() -> None:
    code = "pushq %rdx", "movl $3, %edi", "call g", "popq %rax"
    assert "define dso_local void @f" in lift_function(_text(*code), "f").ir


def test_a_push_where_the_last_register_was_set_before_is_an_argument(compiler: Compiler) -> None:
    code = ["movl $6, %r9d", "testl %esi, %esi", "je .L2", "movl $7, %r9d", ".L2:", "pushq %rdx",
            "pushq %rsi", "movl $5, %r8d", "movl $4, %ecx", "movl $3, %edx", "movl $2, %esi",
            "movl $1, %edi", "call g", "popq %rdx", "popq %rcx"]  # fmt: skip
    callees = {"g": Signature(("i32",) * 7, "i32")}
    found = _run(compiler, _text(*code), Signature(("i32", "i32"), "i32"), callees)
    assert found.verdict is Verdict.SAME


def test_gcc_s_code_is_optimized_however_it_spills() -> None:
    spill = ("subq $24, %rsp", "movl %edi, 12(%rsp)", "movl %esi, 8(%rsp)", "movl 12(%rsp), %eax",
             "addl 8(%rsp), %eax", "movl %eax, 4(%rsp)", "movl 4(%rsp), %eax", "addq $24, %rsp")  # fmt: skip
    assert lift_function(_text(*spill), "f").mode == "optimized"
    assert lift_function(_text(*spill, gcc=False), "f").mode != "optimized"


def test_a_result_that_some_way_leaves_as_the_argument_came_is_no_void(compiler: Compiler) -> None:
    """`!(a <= b) ? a : b` by gcc: xmm0 is set on one way only."""
    text = _text("comisd %xmm0, %xmm1", "jb .L1", "movaps %xmm1, %xmm0", ".L1:")
    assert "define dso_local double @f(double %a0, double %a1)" in lift_function(text, "f").ir
    assert _run(compiler, text, Signature(("double", "double"), "double")).verdict is Verdict.SAME


def test_thread_local_words_of_gcc() -> None:
    ir = lift_function(_text("movl %fs:mine@tpoff, %eax"), "f").ir
    assert "@mine = external thread_local" in ir
