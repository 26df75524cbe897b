"""Answers that once passed every check and broke the program that they were linked into."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path

from ozma.lift.answers import Answerer, AnswerOptions, Verdict
from ozma.lift.behaviour.shown import Shown
from ozma.lift.decisions import Decisions
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.judge import Candidate
from ozma.lift.lifter import lift_function
from ozma.llvm import find_toolchain

_SHIFTED = """
unsigned long fill(int *), count(const int *);
int blank(int);
int f(void) {
    int text[257];
    fill(text);
    int k = count(text) - 1;
    while (k >= 0 && blank(text[k])) k--;
    text[k + 1] = 0;
    return count(text);
}
"""
_TABLE = """
int g(int); void h(int);
void f(int *a, int *b) {
    if (!a | !b) return;
    switch (*a) {
    case 0: h(1); return;
    case 1: if (g(2)) return; h(3); return;
    case 3: h(g(7)); return;
    case 4: case 6: return;
    case 7: h(9); h(10); return;
    default: h(12); h(13);
    }
}
"""


def _lift(source: str, folder: Path) -> str:
    path = folder / "f.c"
    path.write_text(source)
    command = [find_toolchain().tool("clang"), "-Oz", "-S", "-o", "-", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lifted = lift_function(text, "f")
    assert lifted.refusal is None
    return lifted.ir


def test_an_element_after_the_indexed_one_is_of_the_same_array(tmp_path: Path) -> None:
    sizes = [int(size) for size in re.findall(r"alloca \[(\d+) x", _lift(_SHIFTED, tmp_path))]
    assert len(sizes) == 1 and sizes[0] >= 257 * 4


def test_the_place_of_a_computed_jump_is_no_result(tmp_path: Path) -> None:
    text = _lift(_TABLE, tmp_path)
    assert "define dso_local void @f(" in text and "external" not in text


_COPY = """
unsigned long strlen(const char *);
void *memcpy(void *, const void *, unsigned long);
extern void *(*reserve)(unsigned long);
char *f(const char *s) {
    if (!s) return 0;
    unsigned long n = strlen(s) + 1;
    char *p = reserve(n);
    return p ? memcpy(p, s, n) : 0;
}
"""


def test_what_a_call_left_is_given_back_whole(tmp_path: Path) -> None:
    text = _lift(_COPY, tmp_path)
    assert re.search(r"define dso_local (i64|ptr) @f\(", text)


def _allocas(ir: str) -> list[int]:
    return [int(size) for size in re.findall(r"alloca \[(\d+) x", ir)]


def _lift_text(body: str) -> str:
    text = f"\t.text\n\t.globl f\n\t.type f,@function\nf:\n{body}.Lend:\n\t.size f, .Lend-f\n"
    lifted = lift_function(text, "f")
    assert lifted.refusal is None
    return lifted.ir


_FIELD = """
struct S { int a; char more[12]; int b; };
void fill(struct S *);
int f(void) { struct S s; s.b = 2; fill(&s); return s.b; }
"""
_PART = """
struct S { char *text; char own[24]; };
void fill(struct S *), trim(char *);
char *f(void) { struct S s; s.text = s.own; fill(&s); trim(s.own); return s.text == s.own ? 0 : s.text; }
"""
_ELEMENT = "int f(int i, int j) { int a[8]; a[5] = j; a[i] = 3; a[j] = i; return a[5]; }"
_HALVES = """
int f(int i, int j) {
    int a[20];
    for (int k = 0; k < 10; k++) { a[k] = i * k; a[k + 10] = j + k; }
    return a[i] + a[j];
}
"""


def test_a_field_that_looks_spilled_stays_in_the_object_that_is_passed(tmp_path: Path) -> None:
    assert _allocas(_lift(_FIELD, tmp_path))[0] >= 20


def test_the_address_of_a_part_is_in_the_whole(tmp_path: Path) -> None:
    assert len(_allocas(_lift(_PART, tmp_path))) == 1


def test_an_element_that_looks_spilled_stays_in_its_array(tmp_path: Path) -> None:
    assert len(_allocas(_lift(_ELEMENT, tmp_path))) == 1


def test_two_halves_that_are_indexed_apart_are_one_array(tmp_path: Path) -> None:
    sizes = _allocas(_lift(_HALVES, tmp_path))
    assert len(sizes) == 1 and sizes[0] >= 80


def test_an_address_split_in_two_is_that_of_the_object_it_ends_in() -> None:
    ir = _lift_text("""
\tsubq $56, %rsp
\tmovq %rdi, 8(%rsp)
\tmovq %rsi, %rdi
\tcallq g
\tleaq (%rsp,%rax), %rdi
\taddq $32, %rdi
\tcallq h
\tmovq 8(%rsp), %rax
\taddq $56, %rsp
\tretq
""")
    assert _allocas(ir)[0] == 24  # from 32 to 56
    assert re.search(r"call .*@h\(ptr %t\d+\)", ir)


def test_an_object_is_aligned_as_the_vectors_that_are_stored_to_it() -> None:
    ir = _lift_text("""
\tsubq $40, %rsp
\txorps %xmm0, %xmm0
\tleaq 16(%rsp), %rdi
\tmovaps %xmm0, (%rdi)
\tmovq $0, 16(%rdi)
\tcallq g
\taddq $40, %rsp
\tretq
""")
    assert "alloca [24 x i8], align 16" in ir and re.search("store <4 x float>.*, align 16", ir)


_REALIGNED = """
void g(int *, int *, char *);
int f(int i) { int x; char c[3]; _Alignas(64) int a[16]; g(a, &x, c); return a[i] + x; }
"""


def test_an_object_of_a_stack_that_the_function_aligns_itself_stays_aligned(tmp_path: Path) -> None:
    ir = _lift(_REALIGNED, tmp_path)
    assert re.search(r"%s0 = alloca \[\d+ x i8\], align 64", ir)
    first = re.search(r"call void @g\(ptr (%\w+),", ir).group(1)
    moved = re.search(rf"{first} = getelementptr inbounds i8, ptr %s0, i64 (\d+)", ir)
    assert int(moved.group(1)) % 64 == 0


def test_what_was_never_set_spoils_nothing_beside_it() -> None:
    ir = _lift_text("""
\tpushq %rbx
\tsubq $16, %rsp
\tmovl %edi, %ebx
\tmovb $1, 8(%rsp)
.L1:
\ttestb $1, 8(%rsp)
\tje .L2
\tmovl %ebx, %edi
\tcallq g
\tmovq %rax, 8(%rsp)
.L2:
\tdecl %ebx
\tjne .L1
\tmovq 8(%rsp), %rax
\taddq $16, %rsp
\tpopq %rbx
\tretq
""")
    assert "poison" not in ir


def test_a_byte_moved_as_four_is_a_byte(tmp_path: Path) -> None:
    text = _lift("""
    int ask(int); void say(int);
    _Bool f(int mode) { if (!mode && ask(1)) { say(0); return 0; } return 1; }
    """, tmp_path)
    assert "define dso_local i8 @f(" in text


class Content:
    """A check that finds everything the same."""

    def __call__(self, *_: object) -> Shown:
        return Shown(True, 10, 1.0)


def test_an_answer_whose_signature_was_set_is_not_called_the_same() -> None:
    text = "\t.text\n\t.globl f\n\t.type f,@function\nf:\n\tmovl %edi, %eax\n\tretq\n.Lend:\n\t.size f, .Lend-f\n"
    ir = lift_function(text, "f", decisions=Decisions(result="void")).ir
    options = AnswerOptions(settings=0, search=False)
    verdicts = []
    with Compiler(find_toolchain()) as compiler:
        for decisions in ((), (("result", "void"),)):
            proposer = partial(_proposed, Candidate("setting", ir, decisions=decisions))
            verdicts.append(Answerer(compiler, options, Content(), (proposer,)).answer(text, "f").verdict)
    assert verdicts == [Verdict.SAME, Verdict.COMPILES]


def _proposed(candidate: Candidate, *_: str) -> list[Candidate]:
    return [candidate]


_PASSES_THROUGH = """
	.text
	.globl {name}
	.type {name},@function
{name}:
	.cfi_startproc
	pushq %rax
	.cfi_def_cfa_offset 16
	callq g
	popq %rcx
	.cfi_def_cfa_offset 8
	retq
.Lend:
	.size {name}, .Lend-{name}
	.cfi_endproc
"""


def test_an_exception_may_pass_through_a_function_of_cxx_that_catches_none() -> None:
    attributes = {
        name: lift_function(_PASSES_THROUGH.format(name=name), name).ir.split("attributes #0")[1]
        for name in ("f", "_Z1fv")
    }
    assert "nounwind" in attributes["f"] and "nounwind" not in attributes["_Z1fv"]


def test_a_floating_result_that_is_moved_as_a_number_comes_in_its_own_register(tmp_path: Path) -> None:
    text = _lift("""
    double g(int);
    int f(double *p, int n) { double d = g(n); if (__builtin_isinf(d)) return -1; *p = d; return 0; }
    """, tmp_path)
    assert "declare double @g(i32)" in text
