"""The behaviour check: what clang makes of one source is the same, and faults are found."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.labels.disassembly import LEVELS, lower
from ozma.lift.asm.assembler import BadAssembly, assemble
from ozma.lift.behaviour.check import Behaviour, Question, Verdict, check
from ozma.lift.behaviour.process import Checker, same_behaviour
from ozma.lift.emulator.abi import parameter_places, result_places, scalars_of
from ozma.lift.emulator.answers import formatted
from ozma.lift.emulator.memory import World, make_pool
from ozma.lift.emulator.run import one_nan
from ozma.lift.emulator.signature import Signature, common_signature, read_signatures
from ozma.llvm import TARGETS, Toolchain, Worker, find_toolchain
from ozma.llvm.clang import compile_bitcode

pytest.importorskip("unicorn")

SOURCE = """
#include <stdarg.h>
#include <stddef.h>
void *memcpy(void *, const void *, size_t); int printf(const char *, ...); void *malloc(size_t);
size_t strlen(const char *); void exit(int) __attribute__((noreturn)); double sqrt(double);
extern int g(int, const char *); extern int outside; extern void fill(int *);
static int counter = 3;
__thread int mine = 7; extern __thread int theirs;
struct list { struct list *next; int value; }; struct pair { long a, b; };
struct big { long w[5]; };

int jumps(int x) { switch (x) { case 0: return g(1, "a"); case 1: return 7; case 2: return x * 3;
  case 3: return g(x, "b"); case 4: return 11; case 5: return -1; case 9: return 4; } return 99; }
int walk(struct list *l) { int n = 0; for (int i = 0; l && i < 50; i++, l = l->next) n += l->value;
  return n; }
double scale(double x, float y) { return x * 2.5 + y; }
unsigned count(const char *s, char c) { unsigned n = 0; while (*s) n += *s++ == c; return n; }
void store(long *p, int i) { p[i & 7] = i; outside += i; counter++; }
struct pair both(long a, int b) { struct pair p = {a + b, a ^ b}; return p; }
struct big many(int a) { struct big b = {{a, a + 1, a + 2, a + 3, a + 4}}; return b; }
long by_value(struct big b, int i) { return b.w[i & 3] + b.w[4]; }
int tls(int x) { mine += x; return mine + theirs; }
int text(int x) { return printf("%d %s\\n", x, x > 3 ? "many" : "few"); }
int varied(int n, ...) { va_list v; va_start(v, n); int t = 0;
  for (int i = 0; i < (n & 3); i++) t += va_arg(v, int); va_end(v); return t; }
int local(void) { int x[4]; fill(x); fill(x + 1); return x[0] + x[1]; }
void leave(int x) { if (x > 5) exit(x); outside = x; }
int trap(int x) { if (x == 1) __builtin_trap(); return x + 1; }
char *fresh(const char *s) { size_t n = strlen(s) + 1; return memcpy(malloc(n), s, n); }
int back(int (*f)(int, int), int x) { return f(x, 3) + f(x + 1, 4); }
unsigned __int128 wide(unsigned __int128 a, unsigned long b) { return a * b + 1; }
float root(float x) { return (float)sqrt(x); }
int nine(int a, int b, int c, int d, int e, int f, int h, int i, int j) { return h - i * j; }
_Bool flag(int *p) { return p && *p > 4; }
"""
NAMES = ("jumps walk scale count store both many by_value tls text varied local leave trap fresh"
         " back wide root nine flag").split()
TARGET_NAMES = ("x86-64", "aarch64")


@pytest.fixture(scope="module")
def lowered(toolchain: Toolchain, tmp_path_factory) -> dict:
    """target -> (texts by level, signatures)."""
    source = tmp_path_factory.mktemp("behaviour") / "source.c"
    source.write_text(SOURCE)
    found = {}
    with Worker(toolchain) as worker:
        for target in TARGET_NAMES:
            arguments = (*TARGETS[target].clang_args, "-ffp-contract=off", "-ffreestanding")
            bitcode = compile_bitcode(toolchain, source, arguments)
            texts = {level.name: lower(worker, bitcode, level).assembly for level in LEVELS}
            found[target] = texts, read_signatures(toolchain, bitcode)
    return found


@pytest.mark.parametrize("target", TARGET_NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_levels_of_one_source_do_the_same(toolchain, lowered, name, target) -> None:
    texts, signatures = lowered[target]
    for level in ("-O2", "-O0"):
        pair = texts["-Oz"], texts[level], name, target, target
        found = check(toolchain, Question(*pair, signatures[name], signatures))
        assert found.verdict is Verdict.SAME, str(found)
        assert found.ran == 10 and found.covered > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_machines_do_the_same(toolchain, lowered, name) -> None:
    (first, signatures), (second, others) = (lowered[target] for target in TARGET_NAMES)
    if signatures[name] != others[name] or name == "varied":
        pytest.skip("the ABIs pass this differently")
    pair = first["-Oz"], second["-Oz"], name, *TARGET_NAMES
    found = check(toolchain, Question(*pair, signatures[name], signatures))
    assert found.verdict is Verdict.SAME, str(found)


HEAD = "\t.text\n\t.globl f\n\t.type f,@function\nf:\n"
BODY = """\tpushq %rbx
	movq %rdi, %rbx
	leaq .Ls(%rip), %rsi
	callq g@PLT
	addl $5, %eax
	movl %eax, (%rbx)
	testl %eax, %eax
	js .L1
	incl %eax
.L1:
	popq %rbx
	retq
"""
TAIL = '\t.size f, .-f\n\t.section .rodata.str1.1,"aMS",@progbits,1\n.Ls:\n\t.asciz "text"\n'
CALLEES = {"g": Signature(("ptr", "ptr"), "i32")}
FAULTS = {
    "operator": ("addl $5", "subl $5", "result"),
    "constant": ("$5", "$6", "result"),
    "dropped store": ("movl %eax, (%rbx)", "nop", "write"),
    "offset": ("(%rbx)", "4(%rbx)", "write"),
    "branch": ("js .L1", "jns .L1", "result"),
    "arguments": ("callq", "xchgq %rdi, %rsi\n\tcallq", "call"),
    "text": ('"text"', '"test"', "call"),
    "callee": ("g@PLT", "h@PLT", "call"),
    "saved register": ("popq %rbx", "popq %rcx", "registers"),
    "alignment": ("callq g@PLT", "pushq %rax\n\tcallq g@PLT\n\tpopq %rcx", "call"),
    "one call more": ("callq g@PLT", "callq g@PLT\n\tmovq %rbx, %rdi\n\tcallq g@PLT", "call"),
    "endless": ("popq %rbx", "jmp .L1", "ending"),
    "trap": ("popq %rbx", "ud2", "ending"),
}


def _compare(toolchain: Toolchain, original: str, other: str, signature: Signature) -> Behaviour:
    return check(toolchain, _question(original, other, signature))


def _question(original: str, other: str, signature: Signature, inputs: int = 10) -> Question:
    return Question(original, other, "f", "x86-64", "x86-64", signature, CALLEES, inputs)


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_found(toolchain, name) -> None:
    old, new, kind = FAULTS[name]
    original = HEAD + BODY + TAIL
    assert original.count(old) >= 1
    found = _compare(toolchain, original, original.replace(old, new, 1), Signature(("ptr",), "i32"))
    assert found.verdict is Verdict.DIFFERS
    assert found.difference.kind == kind and found.input


def test_only_bits_of_the_result_type_count(toolchain) -> None:
    first = HEAD + "\tmovl %edi, %eax\n\tretq\n\t.size f, .-f\n"
    second = HEAD + "\tmovq %rdi, %rax\n\tretq\n\t.size f, .-f\n"
    assert _compare(toolchain, first, second, Signature(("i32",), "i32")).verdict is Verdict.SAME
    assert _compare(toolchain, first, second, Signature(("i64",), "i64")).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("address", ["8(%rdi)", "-8(%rsp)"])
def test_an_address_that_was_cut_shows_whatever_the_signature_says(toolchain, address) -> None:
    whole = HEAD + f"\tmovl $1, (%rdi)\n\tleaq {address}, %rdi\n\tmovl $1, (%rdi)\n\tjmp g@PLT\n\t.size f, .-f\n"
    cut = whole.replace("\tjmp", "\tmovl %edi, %edi\n\tjmp")
    callees = {"g": Signature(("i32",), "i32")}
    questions = [
        Question(whole, other, "f", "x86-64", "x86-64", Signature(("ptr",), "i32"), callees)
        for other in (whole, cut)
    ]
    same, differs = (check(toolchain, question).verdict for question in questions)
    assert (same, differs) == (Verdict.SAME, Verdict.DIFFERS)


def test_what_never_ends_or_faults_is_not_the_same(toolchain) -> None:
    loop = HEAD + "\tjmp f\n\t.size f, .-f\n"
    found = _compare(toolchain, loop, loop, Signature((), "void"))
    assert found.verdict is Verdict.COULD_NOT_RUN and "too long" in found.reason
    fault = HEAD + "\tmovl 0, %eax\n\tretq\n\t.size f, .-f\n"
    found = _compare(toolchain, fault, fault, Signature((), "i32"))
    assert found.verdict is Verdict.COULD_NOT_RUN and "memory fault" in found.reason
    divides = HEAD + "\txorl %ecx, %ecx\n\tdivl %ecx\n\tretq\n\t.size f, .-f\n"
    found = _compare(toolchain, divides, divides, Signature((), "i32"))
    assert found.verdict is Verdict.COULD_NOT_RUN and "divides by zero" in found.reason


def test_code_that_only_faulting_inputs_run_is_not_covered(toolchain) -> None:
    text = HEAD + "\ttestl $1, %edi\n\tje .L\n\tmovl 0, %eax\n.L:\n\tretq\n\t.size f, .-f\n"
    found = _compare(toolchain, text, text, Signature(("i32",), "void"))
    assert found.verdict is Verdict.SAME and found.covered < 0.7


@pytest.mark.parametrize(
    "text, reason",
    [
        (HEAD + "\tmovl %eax\n", "line 5"),
        (HEAD + '\t.incbin "/etc/hostname"\n', "reads a file"),
        ("\t.text\ng:\n\tretq\n", "no function f"),
        (HEAD + "\tretq\n\t.size f, .-f\n\t.bss\n\t.space 1<<27\n", "bytes"),
    ],
)
def test_bad_texts_could_not_run(toolchain, text, reason) -> None:
    good = HEAD + "\tretq\n\t.size f, .-f\n"
    found = _compare(toolchain, good, text, Signature())
    assert found.verdict is Verdict.COULD_NOT_RUN and reason in found.reason


def test_types_beyond_the_tables_could_not_run(toolchain) -> None:
    good = HEAD + "\tretq\n\t.size f, .-f\n"
    found = _compare(toolchain, good, good, Signature((), "x86_fp80"))
    assert found.verdict is Verdict.COULD_NOT_RUN and "x86_fp80" in found.reason


def test_a_dead_or_hanging_child_is_a_verdict(toolchain) -> None:
    text = HEAD + "\tretq\n\t.size f, .-f\n"
    question = Question(text, text, "f", "x86-64", "x86-64", Signature(), {})
    with Checker(toolchain) as checker:
        assert checker.check(question).verdict is Verdict.SAME
        os.kill(checker.pid, signal.SIGKILL)
        found = checker.check(question)
        assert found.verdict is Verdict.COULD_NOT_RUN and "SIGKILL" in found.reason
        assert checker.check(question).verdict is Verdict.SAME
        os.kill(checker.pid, signal.SIGSTOP)
        checker._timeout = 0.2
        found = checker.check(question)
        assert found.verdict is Verdict.COULD_NOT_RUN and "0.2 s" in found.reason


def test_many_checks_need_no_more_memory(toolchain) -> None:
    text = HEAD + BODY + TAIL
    with Checker(toolchain, memory=3 << 30) as checker:
        question = _question(text, text, Signature(("ptr",), "i32"), 1)
        assert {checker.check(question).verdict for _ in range(40)} == {Verdict.SAME}


def test_without_unicorn_one_line_says_what_to_install(monkeypatch, toolchain) -> None:
    monkeypatch.setitem(sys.modules, "unicorn", None)
    question = Question("", "", "f", "x86-64", "x86-64", Signature(), {})
    with pytest.raises(OzmaError, match="ozma\\[lift\\]"):
        Checker(toolchain).check(question)


def test_the_plain_function(toolchain) -> None:
    text = HEAD + BODY + TAIL
    found = same_behaviour(text, text, "f", "x86-64", Signature(("ptr",), "i32"), 3, CALLEES)
    assert found.verdict is Verdict.SAME and found.ran == 3
    assert str(found) == "same on 3 inputs, which ran 100% of its code"


def test_a_question_names_the_wrong_field() -> None:
    with pytest.raises(ValueError, match="inputs"):
        Question("", "", "f", "x86-64", "x86-64", Signature(), {}, 0)
    with pytest.raises(ValueError, match="target"):
        Question("", "", "f", "x86-64", "thumb2", Signature(), {})


# --- parts ---


@pytest.mark.parametrize("text", ["int", "i32 foo", "", "ptr byval(x)"])
def test_a_signature_refuses_what_is_no_type(text) -> None:
    with pytest.raises(ValueError, match="parameters"):
        Signature((text,))


def test_places_follow_the_abi() -> None:
    signature = Signature(("i32", "double", "i128", "ptr byval(24)", *["i64"] * 4, "<2 x float>"))
    groups = parameter_places(signature, "x86-64")
    assert [(p.where, p.index) for g in groups for p in g] == [
        ("integer", 0), ("vector", 0), ("integer", 1), ("stack", 0), ("integer", 3),
        ("integer", 4), ("integer", 5), ("stack", 24), ("vector", 1),
    ]  # fmt: skip
    arm = parameter_places(Signature(("i32", "i128", "ptr sret")), "aarch64")
    assert [(p.where, p.index) for g in arm for p in g] == [
        ("integer", 0), ("integer", 2), ("indirect", 0),
    ]  # fmt: skip
    assert [p.index for p in result_places("{ i64, double, i64 }", "x86-64")] == [0, 0, 1]
    assert len(scalars_of("[2 x i64]")) == 2


def test_formats_name_their_arguments() -> None:
    found = formatted(b"%d %5.*f%% %ls %zu %s%c")
    assert found == ("i32", "i32", "double", "ptr", "i64", "ptr", "i32")


def test_calls_through_pointers_share_a_signature(toolchain) -> None:
    ir = (
        "define void @f(ptr %p) {\n  call void %p(i32 1, ptr null)\n"
        "  %x = call i32 %p(i32 2, i64 3)\n  ret void\n}\n"
    )
    found = read_signatures(toolchain, 'target triple = "x86_64-pc-linux-gnu"\n' + ir)
    assert found[""] == Signature(("i32",), "i64")
    assert common_signature([]) is None


@given(st.integers(0, 2**64 - 1), st.sampled_from([32, 64]))
@settings(max_examples=60)
def test_only_the_bits_of_nans_change(value: int, lane: int) -> None:
    once = one_nan(value, 64, lane)
    assert one_nan(once, 64, lane) == once
    if lane == 64 and value & 0x7FF << 52 != 0x7FF << 52:
        assert once == value


@given(st.integers(0, 2**20), st.integers(0, 30))
@settings(max_examples=30)
def test_lazy_pages_follow_from_address_and_input(page: int, number: int) -> None:
    pool = make_pool((5, 9), (b"key",))
    address = 0x10_0000_0000 + page * 4096
    assert World(pool, number).page(address) == World(pool, number).page(address)
    assert World(pool, number).page(0) is None


def test_local_symbols_keep_their_names(toolchain) -> None:
    text = "\t.data\n\t.local x\n\t.type x,@object\nx:\n\t.long 1\n\t.size x, 4\n"
    assert b"x\0" in assemble(toolchain, text, "x86-64")
    with pytest.raises(BadAssembly, match="line 1"):
        assemble(toolchain, "\tnonsense %eax\n", "x86-64")


STRUCT = """	subq $40, %rsp
	movq $1, 8(%rsp)
	movq $2, 16(%rsp)
	movq %rdi, 24(%rsp)
	leaq 8(%rsp), %rdi
	callq h@PLT
	{}
	addq $40, %rsp
	retq
	.size f, .-f
"""


def test_the_end_of_an_object_on_the_stack_is_found_out(toolchain) -> None:
    """What is beyond 8 bytes is the callee's unless the function needs it back unchanged."""
    question = {"h": Signature(("ptr",), "void")}
    for after, verdict in (("", Verdict.DIFFERS), ("movl $1, %eax", Verdict.DIFFERS)):
        text = HEAD + STRUCT.format(after)
        other = text.replace("movq $2, 16(%rsp)", "")
        sides = text, other, "f", "x86-64", "x86-64", Signature(("i64",), "void")
        assert check(toolchain, Question(*sides, question)).verdict is verdict
    spill = HEAD + STRUCT.format("movq 24(%rsp), %rax")
    kept = spill.replace("24(%rsp)", "32(%rsp)")
    sides = spill, kept, "f", "x86-64", "x86-64", Signature(("i64",), "i64")
    assert check(toolchain, Question(*sides, question)).verdict is Verdict.SAME


def _texts(*bodies: str) -> list[str]:
    head = "\t.text\n\t.globl f\n\t.type f,@function\nf:\n"
    return [f"{head}{body}.Lend:\n\t.size f, .Lend-f\n" for body in bodies]


def _guessed(
    bodies: tuple[str, str], parameters: tuple[str, ...], taken: tuple[str, ...] = ()
) -> Behaviour:
    """`taken`: what the answer says that `g` takes."""
    callees = {"g": Signature(taken, "void")}
    texts = _texts(*bodies)
    question = Question(*texts, "f", "x86-64", "x86-64", Signature(parameters, "void"), callees, guessed=True)
    return check(find_toolchain(), question)


_CALL = "\tpushq %rax\n\tcallq g\n\tpopq %rcx\n\tretq\n"


def test_an_argument_that_may_be_passed_on_is_doubtful_where_it_is_lost() -> None:
    lost = "\tmovq %rdi, %rdx\n\txorl %edi, %edi\n" + _CALL
    assert _guessed((_CALL, lost), ("ptr",)).verdict is Verdict.DOUBTFUL
    assert _guessed((_CALL, _CALL), ("ptr",)).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("changes", "taken", "reason"),
    [
        (("\tmovq (%rdi), %rsi\n\tmovq %rsi, 8(%rdi)\n", "\tmovq (%rdi), %rcx\n\tmovq %rcx, 8(%rdi)\n"),
         ("ptr",), "take argument 1"),  # stored too, so that it need not be an argument
        (("\tmovl %esi, %esi\n", ""), ("ptr", "i32"), "64 bits of argument 1"),
        (("", "\tmovl %esi, %esi\n"), ("ptr", "i32"), "64 bits of argument 1"),
    ],
)  # fmt: skip
def test_an_argument_that_the_function_set_is_doubtful_where_it_is_lost(changes, taken, reason) -> None:
    bodies = tuple(change + _CALL for change in changes)
    found = _guessed(bodies, ("ptr", "i32"), taken)
    assert found.verdict is Verdict.DOUBTFUL and reason in str(found)
    assert _guessed((bodies[0], bodies[0]), ("ptr", "i32"), taken).verdict is Verdict.SAME


def test_what_a_call_left_in_a_register_is_no_argument() -> None:
    twice = "\tpushq %rbx\n\tmovq %rdi, %rbx\n\tcallq h\n{}\tmovq %rbx, %rdi\n\tcallq g\n\tpopq %rbx\n\tretq\n"
    bodies = twice.format(""), twice.format("\tmovl $1, %esi\n")
    assert _guessed(bodies, ("ptr",), ("ptr",)).verdict is Verdict.SAME
    assert _guessed(bodies, ("ptr",), ("ptr", "i32")).verdict is Verdict.SAME
    assert _guessed(bodies[::-1], ("ptr",), ("ptr",)).verdict is Verdict.DOUBTFUL


def test_an_argument_on_the_stack_is_doubtful_where_it_is_lost() -> None:
    registers = ("i64",) * 6
    bodies = ["\tpushq {0}\n\tcallq g\n\tpopq %rcx\n\tretq\n".format(word) for word in ("$7", "$8", "%rax")]
    assert _guessed((bodies[0], bodies[1]), registers, registers).verdict is Verdict.DOUBTFUL
    assert _guessed((bodies[0], bodies[0]), registers, registers).verdict is Verdict.SAME
    assert _guessed((bodies[0], bodies[1]), registers, registers[1:]).verdict is Verdict.SAME  # a register is free
    assert _guessed((bodies[2], bodies[0]), registers, registers).verdict is Verdict.SAME  # room, not written


def test_a_floating_argument_is_doubtful_where_it_is_lost() -> None:
    bodies = [f"\tmovsd (%rdi), {register}\n" + _CALL for register in ("%xmm1", "%xmm2")]
    found = _guessed(tuple(bodies), ("ptr",), ("ptr",))
    assert found.verdict is Verdict.DOUBTFUL and "vector argument 1" in str(found)
    assert _guessed((bodies[0], bodies[0]), ("ptr",), ("ptr",)).verdict is Verdict.SAME
    read = [body.replace(_CALL, f"\tmovsd {r}, 8(%rdi)\n" + _CALL) for body, r in zip(bodies, ("%xmm1", "%xmm2"))]
    assert _guessed(tuple(read), ("ptr",), ("ptr",)).verdict is Verdict.SAME  # scratch


def test_an_argument_beyond_what_a_call_left_is_doubtful_where_it_is_lost() -> None:
    """The register between may be the second half of a result."""
    body = "\tpushq %rax\n\tcallq h\n\txorl %edi, %edi\n\tmovl $1, %esi\n\tmovl ${}, %ecx\n\tcallq g\n\tpopq %rcx\n\tretq\n"
    found = _guessed((body.format(4), body.format(5)), ("ptr",), ("i32", "i32"))
    assert found.verdict is Verdict.DOUBTFUL and "integer argument 3" in str(found)


def test_a_variadic_callee_may_take_more_than_its_calls_seem_to_pass() -> None:
    body = "\tpushq %rax\n\tmovl ${0}, %esi\n\tmovl %esi, (%rdi)\n\tmovb $0, %al\n\tcallq g\n\tpopq %rcx\n\tretq\n"
    texts = _texts(body.format(4), body.format(4).replace("%esi", "%ecx"))
    callees = {"g": Signature(("ptr",), "void", variadic=True)}
    question = Question(*texts, "f", "x86-64", "x86-64", Signature(("ptr",), "void"), callees, guessed=True)
    assert check(find_toolchain(), question).verdict is Verdict.DOUBTFUL


def test_a_struct_that_is_passed_by_value_is_doubtful_where_it_is_lost() -> None:
    copy = "\tsubq $72, %rsp\n\tmovq %rdi, %rsi\n\tmovq %rsp, %rdi\n\tmovl $9, %ecx\n\trep;movsq (%rsi), %es:(%rdi)\n"
    end = "\txorl %edi, %edi\n\tcallq g\n\taddq $72, %rsp\n\tretq\n"
    kept, lost = copy + end, copy.replace("%rsp, %rdi", "%rsi, %rdi") + end
    found = _guessed((kept, lost), ("ptr",), ("i32",))
    assert found.verdict is Verdict.DOUBTFUL and "on the stack" in str(found)
    local = end.replace("\txorl %edi, %edi\n", "\tmovq %rsp, %rdi\n")
    assert _guessed((copy + local, copy + local), ("ptr",), ("ptr",)).verdict is Verdict.SAME


def test_a_result_that_was_read_too_is_doubtful_where_it_is_lost() -> None:
    kept = "\tmovq (%rdi), %rax\n\ttestq %rax, %rax\n\tje g\n\tretq\n"
    found = _guessed((kept, kept.replace("%rax", "%rcx")), ("ptr",))
    assert found.verdict is Verdict.DOUBTFUL and "integer result 0" in str(found)


def test_the_place_of_a_result_in_memory_is_doubtful_where_it_is_lost() -> None:
    head = "\t.text\n\t.globl f\n\t.type f,%function\nf:\n"
    texts = [f"{head}{body}\tb g\n.Lend:\n\t.size f, .Lend-f\n" for body in ("", "\tmov x8, #1\n")]
    for other, verdict in zip(texts, (Verdict.SAME, Verdict.DOUBTFUL)):
        sides = texts[0], other, "f", "aarch64", "aarch64", Signature(("ptr",), "void")
        question = Question(*sides, {"g": Signature(("ptr",), "void")}, guessed=True)
        assert check(find_toolchain(), question).verdict is verdict


def test_a_result_that_a_call_left_is_doubtful_where_it_is_lost() -> None:
    lost = _CALL.replace("\tpopq", "\txorl %eax, %eax\n\tpopq")
    found = _guessed((_CALL, lost), ())
    assert found.verdict is Verdict.DOUBTFUL and "last call left" in str(found)
    found = _guessed((lost, _CALL), ())  # its own 0 is nobody's but the caller's
    assert found.verdict is Verdict.DOUBTFUL and "computes last" in str(found)


def test_a_check_has_its_time_however_busy_the_machine_is(toolchain, monkeypatch) -> None:
    """A limit on processor time: what only waits on the clock is not cut off."""
    text = HEAD + "\tretq\n\t.size f, .-f\n"
    question = Question(text, text, "f", "x86-64", "x86-64", Signature(), {})
    with Checker(toolchain) as checker:
        assert checker.check(question).verdict is Verdict.SAME
        checker._timeout = 0.3
        os.kill(checker.pid, signal.SIGSTOP)
        waking = threading.Timer(1.0, os.kill, (checker.pid, signal.SIGCONT))
        waking.start()
        assert checker.check(question).verdict is Verdict.SAME
        waking.join()
        os.kill(checker.pid, signal.SIGSTOP)
        monkeypatch.setattr("ozma.lift.behaviour.process.spent_by", lambda _, s=iter((0.0, 1.0)): next(s))
        assert "0.3 s" in checker.check(question).reason


_SUM = "\tleal (%rdi,%rsi), %eax\n\tretq\n"
_LOOP = "\txorl %eax, %eax\n.L1:\n\taddl (%rdi), %eax\n\taddq $4, %rdi\n\tdecl %esi\n\tjne .L1\n\tretq\n"
_DOUBLE = "\taddsd %xmm0, %xmm0\n\tincl (%rdi)\n\tretq\n"


@pytest.mark.parametrize("body", [_SUM, _LOOP, _DOUBLE])
def test_a_result_that_an_answer_drops_is_not_called_the_same(body):
    other = "\tincl (%rdi)\n\tretq\n" if body is _DOUBLE else "\tretq\n"
    verdict = _guessed((body, other), ("ptr", "i32"))
    assert (verdict.verdict, verdict.reason[:36]) == (Verdict.DOUBTFUL, "it may return what it computes last ")
    assert _guessed((body, body), ("ptr", "i32")).verdict is Verdict.SAME


def test_what_an_instruction_reads_again_may_be_the_first_integer_result_and_no_other():
    """`return ++*p` looks like `++*p`; a floating scratch register is too frequent to be doubted."""
    spare = "\tmovl (%rdi), %eax\n\tincl %eax\n\tmovl %eax, (%rdi)\n\tretq\n"
    assert _guessed((spare, "\tincl (%rdi)\n\tretq\n"), ("ptr",)).verdict is Verdict.DOUBTFUL
    assert _guessed((spare.replace("%eax", "%edx"), "\tincl (%rdi)\n\tretq\n"), ("ptr",)).verdict is Verdict.SAME
    double = "\tmovsd (%rdi), {0}\n\taddsd {0}, {0}\n\tmovsd {0}, (%rdi)\n\tretq\n"
    bodies = double.format("%xmm0"), double.format("%xmm3")
    assert _guessed(bodies, ("ptr",)).verdict is Verdict.SAME
