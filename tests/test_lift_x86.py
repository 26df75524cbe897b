"""x86-64: operands, and every instruction of the tables against an emulator."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.lift.behaviour.check import Question, Verdict, check
from ozma.lift.emulator.signature import Signature
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.lifter import lift_function
from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.lines import split_operands
from ozma.lift.reading.effects import Unsupported
from ozma.lift.x86 import X86_64
from ozma.lift.x86.operands import Memory, Register, parse_att, parse_intel
from ozma.lift.x86.table import RULES
from ozma.llvm import find_toolchain

pytest.importorskip("unicorn")


def _instruction(text: str) -> Instruction:
    mnemonic, _, rest = text.partition(" ")
    if mnemonic in ("lock", "rep"):
        second, _, rest = rest.partition(" ")
        mnemonic = f"{mnemonic} {second}"
    return Instruction(1, mnemonic, split_operands(rest), text)


@pytest.mark.parametrize(
    ("att", "intel"),
    [
        ("%eax", "eax"),
        ("8(%rdi,%rsi,4)", "[rdi + 4*rsi + 8]"),
        ("-16(%rbp)", "[rbp - 16]"),
        ("(,%rcx,8)", "[8*rcx]"),
        ("table(%rip)", "[rip + table]"),
        ("table+4(%rip)", "[rip + table+4]"),
        ("%fs:40", "fs:[40]"),
    ],
)
def test_both_syntaxes_give_the_same_operand(att: str, intel: str) -> None:
    assert parse_att(att) == parse_intel(intel)


@given(st.sampled_from(sorted(f"r{n}" for n in range(8, 16))), st.integers(-(2**31), 2**31 - 1))
def test_a_base_and_a_displacement_are_read_back(base: str, displacement: int) -> None:
    assert parse_att(f"{displacement}(%{base})") == Memory(Register(base, "i64"), None, 1, displacement)


@given(st.text(alphabet="%$()+-,:@.*[]0x19abcrdisp_ ", max_size=24))
def test_any_operand_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_att, parse_intel):
        try:
            parse(text)
        except (Unsupported, ValueError, IndexError):
            pass


@pytest.mark.parametrize(
    ("att", "intel"),
    [
        ("movl $5, %eax", "mov eax, 5"),
        ("addq %rsi, 8(%rdi)", "add qword ptr [rdi + 8], rsi"),
        ("movzbl (%rdi), %eax", "movzx eax, byte ptr [rdi]"),
        ("movslq %edi, %rax", "movsxd rax, edi"),
        ("leaq 8(%rdi,%rsi,4), %rax", "lea rax, [rdi + 4*rsi + 8]"),
        ("cmovel %esi, %eax", "cmove eax, esi"),
        ("shll $3, %eax", "shl eax, 3"),
        ("movsd 8(%rdi), %xmm0", "movsd xmm0, qword ptr [rdi + 8]"),
        ("callq *%rax", "call rax"),
        ("imull $12, %edi, %eax", "imul eax, edi, 12"),
    ],
)
def test_both_syntaxes_mean_the_same(att: str, intel: str) -> None:
    assert X86_64.effects(_instruction(att)) == X86_64.effects(_instruction(intel))


@pytest.mark.parametrize("text", ["fldt 8(%rsp)", "vaddps %ymm0, %ymm1, %ymm2", "cpuid", "movl %eax"])
def test_what_is_not_in_the_tables_is_refused(text: str) -> None:
    with pytest.raises((Unsupported, IndexError)):
        X86_64.effects(_instruction(text))


_FLAGS = {
    "all": ("e", "b", "be", "l", "le", "s", "o"), "sum": ("e", "b", "s"), "logic": ("e", "s", "l", "le"),
    "result": ("e", "s"), "carry": ("b",), "overflow": ("o",), "float": ("e", "b", "be", "a", "p"),
    "none": (),
}  # fmt: skip

# instructions on rax (first input) and rcx (second), and which flags to look at afterwards
_INTEGER = [
    *[(f"{op}{suffix} %{c}, %{a}", flags)
      for op, flags in (("add", "sum"), ("sub", "all"), ("and", "logic"), ("or", "logic"),
                        ("xor", "logic"), ("cmp", "all"), ("test", "logic"))
      for suffix, a, c in (("b", "al", "cl"), ("w", "ax", "cx"), ("l", "eax", "ecx"), ("q", "rax", "rcx"))],
    *[(f"{op}l %eax", flags) for op, flags in (("inc", "result"), ("dec", "result"), ("neg", "all"), ("not", "none"))],
    *[(f"{op}l $3, %eax", "result") for op in ("shl", "shr", "sar", "rol", "ror")][:3],
    *[(f"{op}q %cl, %rax", "none") for op in ("shl", "shr", "sar", "rol", "ror")],
    ("roll $7, %eax", "none"), ("rorq $9, %rax", "none"), ("shldl $5, %ecx, %eax", "none"),
    ("shrdq $11, %rcx, %rax", "none"), ("sarl %eax", "result"),
    ("imull %ecx, %eax", "overflow"), ("imulq $-7, %rcx, %rax", "overflow"),
    ("mulq %rcx; addq %rdx, %rax", "none"), ("imulq %rcx; addq %rdx, %rax", "none"),
    ("mull %ecx; addl %edx, %eax", "none"), ("mulb %cl", "none"),
    ("orl $1, %ecx; xorl %edx, %edx; divl %ecx; addl %edx, %eax", "none"),
    ("orl $2, %ecx; shrl %ecx; orl $1, %ecx; cltd; idivl %ecx; addl %edx, %eax", "none"),
    ("orq $2, %rcx; shrq %rcx; orq $1, %rcx; cqto; idivq %rcx; addq %rdx, %rax", "none"),
    ("orl $1, %ecx; movzbl %al, %eax; divb %cl", "none"),
    ("addq %rcx, %rax; adcq $0, %rcx; addq %rcx, %rax", "none"), ("cmpl %ecx, %eax; sbbl %eax, %eax", "none"),
    ("subq %rcx, %rax; sbbq $5, %rcx; addq %rcx, %rax", "none"),
    ("btl $4, %eax", "carry"), ("btq %rcx, %rax", "carry"), ("btsl $3, %eax", "none"),
    ("btrq $40, %rax", "none"), ("btcl $9, %eax", "none"),
    ("orl $8, %ecx; bsfl %ecx, %eax", "none"), ("orl $8, %ecx; bsrl %ecx, %eax", "none"),
    ("bswapl %eax", "none"), ("bswapq %rax", "none"), ("xchgq %rcx, %rax; subq %rcx, %rax", "none"),
    ("cltq", "none"), ("cwtl", "none"), ("cbtw", "none"), ("movb %ch, %al", "none"), ("movb %cl, %ah", "none"),
    ("movzwl %cx, %eax", "none"), ("movsbq %cl, %rax", "none"), ("movswl %cx, %eax", "none"),
    ("movslq %ecx, %rax", "none"), ("movabsq $81985529216486895, %rcx; xorq %rcx, %rax", "none"),
    ("leal -3(%rax,%rcx,2), %eax", "none"), ("leaq 5(,%rcx,8), %rax", "none"),
    ("testl %ecx, %ecx; cmovsl %ecx, %eax", "none"), ("cmpq %rcx, %rax; cmovaq %rcx, %rax", "none"),
    ("pushq %rcx; popq %rax", "none"), ("pushq $-5; popq %rax", "none"),
    ("cmpl %ecx, %eax; setle %al; movzbl %al, %eax", "none"), ("andl $0, %eax", "logic"),
    ("movq %rax, (%rdx); lock addq %rcx, (%rdx); movq (%rdx), %rax", "none"),
    ("movq %rax, (%rdx); lock xaddq %rcx, (%rdx); movq %rcx, %rax", "none"),
    ("movq %rax, (%rdx); xchgq %rcx, (%rdx); movq %rcx, %rax", "none"),
    ("movq %rax, (%rdx); movl $7, %ecx; lock cmpxchgq %rcx, (%rdx); movq (%rdx), %rax", "none"),
    ("movq %rax, (%rdx); lock decl (%rdx); movq (%rdx), %rax", "none"),
]  # fmt: skip

_SCALAR = [f"{op}{k} %xmm1, %xmm0" for op in ("add", "sub", "mul", "div", "min", "max") for k in ("ss", "sd")]
_PACKED = [
    *[f"{op}{k} %xmm1, %xmm0" for op in ("add", "sub", "mul", "min", "max", "unpckl", "unpckh", "and", "or",
                                       "xor", "andn") for k in ("ps", "pd")],
    *[f"p{op} %xmm1, %xmm0" for op in (
        "addb", "addw", "addd", "addq", "subb", "subw", "subd", "subq", "mullw", "mulhw", "mulhuw", "muludq",
        "maddwd", "minub", "maxub", "minsw", "maxsw", "addsb", "addusw", "subsw", "subusb", "cmpeqb", "cmpeqd",
        "cmpgtw", "cmpgtd", "and", "or", "xor", "andn", "avgb", "avgw", "sadbw", "acksswb", "ackssdw", "ackuswb",
        "unpcklbw", "unpckhwd", "unpckldq", "unpckhqdq", "unpcklqdq")],
    *[f"{op} ${n}, %xmm0" for op, n in (("psllw", 3), ("pslld", 9), ("psllq", 33), ("psrlw", 5), ("psrld", 31),
                                      ("psrlq", 7), ("psraw", 15), ("psrad", 4), ("pslldq", 5), ("psrldq", 6))],
    "psllq %xmm1, %xmm0", "pshufd $27, %xmm1, %xmm0", "pshuflw $177, %xmm1, %xmm0",
    "pshufhw $78, %xmm1, %xmm0", "shufps $141, %xmm1, %xmm0", "shufpd $1, %xmm1, %xmm0",
    "movss %xmm1, %xmm0", "movsd %xmm1, %xmm0", "movhlps %xmm1, %xmm0", "movlhps %xmm1, %xmm0",
    "movaps %xmm1, %xmm0", "movhps 8(%rsi), %xmm0", "movlps 8(%rsi), %xmm0", "movss 4(%rsi), %xmm0",
    "movq %xmm1, %xmm0", "cvtdq2ps %xmm1, %xmm0", "cvtdq2pd %xmm1, %xmm0", "pinsrw $3, (%rsi), %xmm0",
    "cmpltps %xmm1, %xmm0", "cmpneqsd %xmm1, %xmm0", "cmpless %xmm1, %xmm0",
    "movmskps %xmm1, %eax; movd %eax, %xmm0", "movmskpd %xmm1, %eax; movd %eax, %xmm0",
    "pmovmskb %xmm1, %eax; movd %eax, %xmm0", "pextrw $5, %xmm1, %eax; movd %eax, %xmm0",
    "movq (%rsi), %rax; cvtsi2sd %rax, %xmm0", "movl (%rsi), %eax; cvtsi2ssl %eax, %xmm0",
    "ucomisd %xmm1, %xmm0; seta %al; movzbl %al, %eax; movd %eax, %xmm0",
    "ucomiss %xmm1, %xmm0; setp %al; movzbl %al, %eax; movd %eax, %xmm0", "sqrtpd %xmm1, %xmm0",
    "cvtss2sd %xmm1, %xmm0", "sqrtsd %xmm1, %xmm0",
]  # fmt: skip


def _function(lines: list[str]) -> str:
    body = "".join(f"\t{line.strip()}\n" for line in lines)
    return f"\t.text\n\t.globl\tf\n\t.type\tf,@function\nf:\n\t.cfi_startproc\n{body}\tretq\n\t.cfi_endproc\n"


def _integer_function(code: str, flags: str) -> str:
    stores = [f"set{code} {8 + n}(%rdx)" for n, code in enumerate(_FLAGS[flags])]
    uses_rdx = "rdx" in code.replace("(%rdx)", "") or "edx" in code or "cltd" in code or "cqto" in code
    uses_rdx |= any(op in code for op in ("mul", "div"))
    keep = ["movq %rdx, %r8"] if uses_rdx else []
    end = [line.replace("%rdx", "%r8") if uses_rdx else line for line in [*stores, "movq %rax, (%rdx)"]]
    return _function(["movq %rdi, %rax", "movq %rsi, %rcx", *keep, *code.split(";"), *end])


def _vector_function(code: str) -> str:
    before = ["movups (%rdi), %xmm0", "movups (%rsi), %xmm1"]
    return _function([*before, *code.split(";"), "movups %xmm0, (%rdx)"])


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    with Compiler(find_toolchain()) as made:
        yield made


def _behaves(compiler: Compiler, text: str, signature: Signature) -> str:
    """"" if the lifted and recompiled text does the same, else what differs."""
    lifted = lift_function(text, "f")
    if lifted.refusal:
        return str(lifted.refusal)
    back = compiler.compile(lifted.ir)
    if not back.ok:
        return back.reason
    found = check(
        compiler.toolchain,
        Question(text, back.assembly, "f", "x86-64", "x86-64", signature, {}, inputs=8),
    )
    return "" if found.verdict is Verdict.SAME else str(found)


def _failures(compiler: Compiler, texts: dict[str, str], signature: Signature) -> dict[str, str]:
    found = {code: _behaves(compiler, text, signature) for code, text in texts.items()}
    return {code: reason for code, reason in found.items() if reason}


def test_integer_instructions_do_what_the_emulator_does(compiler: Compiler) -> None:
    texts = {code: _integer_function(code, flags) for code, flags in _INTEGER}
    assert not _failures(compiler, texts, Signature(("i64", "i64", "ptr")))


def test_sse_instructions_do_what_the_emulator_does(compiler: Compiler) -> None:
    texts = {code: _vector_function(code) for code in (*_SCALAR, *_PACKED)}
    assert not _failures(compiler, texts, Signature(("ptr", "ptr", "ptr")))


def test_most_of_the_table_is_run() -> None:
    """The rest are conditions of set and cmov, conversions that round, and what only orders."""
    named = {word for code, _ in _INTEGER for word in code.replace(";", " ").split()}
    named |= {word for code in (*_SCALAR, *_PACKED) for word in code.replace(";", " ").split()}
    stems = {name for name in RULES if name in named or any(name + s in named for s in "bwlq")}
    rest = {name for name in RULES if not name.startswith(("set", "cmov", "cmp", "cvt"))} - stems
    assert len(rest) < len(RULES) // 4, sorted(rest)


def _lifted(*lines: str) -> str:
    body = "".join(f"\t{line}\n" for line in lines)
    text = f"\t.type\tf,@function\nf:\n{body}\tretq\n\t.size\tf, .-f\n"
    lifted = lift_function(text, "f")
    return lifted.refusal.reason if lifted.refusal else lifted.ir


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("lock notl (%rdi)", "lock before 'not'"),
        ("lock adcl %esi, (%rdi)", "lock before 'adc'"),
        ("movl (%edi), %eax", "an address of 32 bits"),
        ("pushw %di", "push of 16 bits"),
    ],
)
def test_what_would_be_another_operation_is_refused(line: str, reason: str) -> None:
    assert _lifted(line) == reason


def test_less_than_zero_after_adding_the_least_number_has_no_plain_compare() -> None:
    """x + -2^31 is negative for every x; `x < 2^31`, with the number's sign lost, for none."""
    assert "condition 'slt'" in _lifted("addl $-2147483648, %edi", "setl %al")


def test_a_bare_symbol_is_what_lies_there() -> None:
    assert parse_intel("counter") == Memory(symbol="counter")
    assert "load i32, ptr @counter" in _lifted("movl $9, %eax", "xorl %edx, %edx", "divl counter")
    assert "load i32, ptr @counter" in _lifted("mov eax, counter")


def test_both_registers_of_a_struct_are_given_back() -> None:
    """struct { double d; long l; }: rax and xmm0; three floats: xmm0 and xmm1."""
    ir = _lifted("addsd %xmm0, %xmm0", "leaq 1(%rdi), %rax")
    assert "define dso_local { i64, double } @f(i64 %a0, double %a1)" in ir
    ir = _lifted("movss %xmm0, %xmm1", "addss %xmm1, %xmm1", "mulss %xmm0, %xmm0")
    assert "define dso_local { float, float } @f(float %a0)" in ir


def test_a_result_that_goes_through_another_register_in_a_loop_is_one() -> None:
    code = ("xorl %eax, %eax", ".L1:", "leaq (%rax,%rax,2), %r8", "movslq (%rsi), %rax",
            "addq %r8, %rax", "addq $4, %rsi", "decl %edi", "jne .L1")  # fmt: skip
    assert "define dso_local i64 @f(" in _lifted(*code)


_SUM = """
#include <stdarg.h>
long f(int n, ...) { va_list v; va_start(v, n); long t = 0;
  for (n &= 7; n--;) t += va_arg(v, long); va_end(v); return t; }
"""


def test_saved_arguments_are_read_by_the_va_list(tmp_path: Path) -> None:
    """Optimized code keeps the address of the area where registers were saved, which the lifted
    function has elsewhere."""
    (tmp_path / "f.c").write_text(_SUM)
    words = [find_toolchain().tool("clang"), "-Os", "-S", tmp_path / "f.c", "-o", tmp_path / "f.s"]
    subprocess.run(words, check=True)
    text = (tmp_path / "f.s").read_text()
    lifted = lift_function(text, "f")
    assert "@llvm.va_start" in lifted.ir and "%given" not in lifted.ir
    with Compiler(find_toolchain()) as made:
        other = made.compile(lifted.ir).assembly
        signature = Signature(("i32",), "i64", variadic=True)
        sides = text, other, "f", "x86-64", "x86-64"
        question = Question(*sides, signature, {}, inputs=12)
        assert check(made.toolchain, question).verdict is Verdict.SAME
