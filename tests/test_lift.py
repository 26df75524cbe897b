"""The lifter: assembly that clang makes comes back, and what cannot be lifted says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ozma.lift.decisions import Decisions, choices
from ozma.lift.judging.compile_back import OPTIMIZED, UNOPTIMIZED, Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.lifter import lift, lift_function
from ozma.llvm import find_toolchain

_SOURCE = """
#include <stdarg.h>
struct node { struct node *next; int key; double weight; };
extern int printf(const char *, ...);
extern int vprintf(const char *, va_list);
extern int other(int, const char *);
extern void fill(int *, unsigned long);
extern _Thread_local int per_thread;
extern int shared;
int add(int a, int b) { return a + b; }
long index_of(const long *a, int i) { return a[i]; }
int find(struct node *n, int key) {
  while (n) { if (n->key == key) return 1; n = n->next; }
  return 0;
}
double weigh(struct node *n) { double s = 0; for (; n; n = n->next) s += n->weight; return s; }
int choose(int x) {
  switch (x) {
    case 0: return other(1, "zero");
    case 1: return other(17, "one");
    case 2: return other(-3, "two");
    case 3: return other(44, "three");
    case 4: return other(25, "four");
    case 5: return other(6, "five");
    default: return -1;
  }
}
int forward(const char *text, int n) { return other(n, text); }
void say(int n) { printf("%d of %s at %f\\n", n, "it", 2.5); }
int local(void) { int a[4]; fill(a, 4); return a[0] + a[3]; }
void count(void) { shared++; }
int mine(void) { return per_thread; }
void log_it(const char *f, ...) { va_list l; va_start(l, f); vprintf(f, l); va_end(l); }
unsigned divide(unsigned a, unsigned b) { return b ? a / b : 7; }
int compare(double a, double b) { return a < b ? -1 : a > b; }
unsigned char narrow(unsigned char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }
long wide(int a, long b) { return a * b - (b >> 3); }
int call(int (*f)(int, int), int a) { return f(a, 3) + 1; }
"""
_NAMES = ("add index_of find weigh choose forward say local count mine log_it divide compare narrow "
          "wide call").split()  # fmt: skip


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    with Compiler(find_toolchain()) as made:
        yield made


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The source at each level, without comments."""
    source = tmp_path_factory.mktemp("lift") / "f.c"
    source.write_text(_SOURCE)
    return {level: _assembly(source, level) for level in ("-Oz", "-O2", "-O0")}


def _assembly(source: Path, level: str) -> str:
    clang = find_toolchain().tool("clang")
    extra = ("-Xclang", "-disable-O0-optnone", "-fomit-frame-pointer") if level == "-O0" else ()
    command = [clang, level, *extra, "-S", "-fno-verbose-asm", "-ffunction-sections", "-o", "-", source]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _function(text: str, name: str) -> str:
    """The part of a text that begins with a function's section."""
    parts = text.split("\t.section\t.text.")
    data = "".join("\t.type\t.L" + part for part in text.split("\t.type\t.L")[1:])
    code = next(part for part in parts if part.startswith(f"{name},"))
    return "\t.section\t.text." + code.split("\t.type\t.L")[0] + data


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("level", ["-Oz", "-O2", "-O0"])
def test_every_function_lifts_and_compiles(
    compiler: Compiler, assembly: dict[str, str], level: str, name: str
) -> None:
    lifted = lift_function(assembly[level], name)
    assert lifted.refusal is None
    codegen = UNOPTIMIZED if lifted.mode == "O0" else OPTIMIZED
    back = compiler.compile(lifted.ir, codegen=codegen)
    assert back.ok, back.reason


_CODE = ("add", "index_of", "find", "weigh", "forward", "count", "divide", "wide", "call", "local", "mine")


@pytest.mark.parametrize("name", _CODE)
def test_small_functions_come_back_instruction_by_instruction(
    compiler: Compiler, assembly: dict[str, str], name: str
) -> None:
    lifted = lift_function(assembly["-Oz"], name)
    back = compiler.compile(lifted.ir, Decisions().pipeline)
    assert _instructions(back.assembly, name) == _instructions(assembly["-Oz"], name)


def _instructions(text: str, name: str) -> list[str]:
    """A function's instructions, labels numbered by place."""
    lines = text.split(f"\n{name}:", 1)[1].split(".Lfunc_end")[0].splitlines()
    plain = (" ".join(line.split("#")[0].split()) for line in lines)
    labels: dict[str, str] = {}
    code = [line for line in plain if line and not line.startswith(".cfi")]
    words = [[labels.setdefault(w.strip(":"), f"L{len(labels)}") if w.startswith(".LBB") else w
              for w in line.split()] for line in code]  # fmt: skip
    return [" ".join(word) for word in words]


def test_a_text_of_many_functions_gives_a_module_each(assembly: dict[str, str]) -> None:
    lifted = lift(assembly["-Oz"])
    assert [f.name for f in lifted.functions] == _NAMES
    assert not lifted.refusals


def test_an_exact_answer_is_called_equal(compiler: Compiler, assembly: dict[str, str]) -> None:
    text = _function(assembly["-Oz"], "find")
    back = compiler.compile(lift_function(text, "find").ir, Decisions().pipeline)
    assert Reference(back.assembly).compare(back.assembly).exact


def test_the_mode_is_read_from_the_text(assembly: dict[str, str]) -> None:
    assert lift_function(assembly["-O0"], "find").mode == "O0"
    assert lift_function(assembly["-Oz"], "find").mode == "optimized"
    assert lift_function(assembly["-O2"], "local").mode == "optimized"


def test_lines_of_ir_point_to_the_instruction_they_come_from(assembly: dict[str, str]) -> None:
    lines = assembly["-Oz"].splitlines()
    lifted = lift_function(assembly["-Oz"], "weigh")
    ir = lifted.ir.splitlines()
    made = {ir[to - 1].split(" = ")[1].split()[0]: lines[source - 1] for to, source in lifted.line_map
            if " = " in ir[to - 1]}  # fmt: skip
    assert "addsd" in made["fadd"]


def test_signatures_are_inferred(assembly: dict[str, str]) -> None:
    found = {f.name: f.signature for f in lift(assembly["-Oz"]).functions}
    assert found["add"] == "i32 @add(i32 %a0, i32 %a1)"
    assert found["weigh"] == "double @weigh(ptr %a0)"
    assert found["log_it"] == "void @log_it(ptr %a0, ...)"
    assert found["count"] == "void @count()"


def test_a_site_can_be_turned(assembly: dict[str, str]) -> None:
    first = lift_function(assembly["-Oz"], "find")
    site = next(site for site in first.sites if site.kind == "branch")
    other = next(option for option in site.options if option != site.chosen)
    turned = lift_function(assembly["-Oz"], "find", decisions=Decisions(overrides={site.key: other}))
    assert turned.ir != first.ir
    assert next(s for s in turned.sites if s.key == site.key).chosen == other


def test_every_choice_of_every_decision_lifts(compiler: Compiler, assembly: dict[str, str]) -> None:
    text = assembly["-Oz"]
    for name in Decisions.__dataclass_fields__:
        for value in choices(name) if name != "overrides" else ():
            lifted = lift_function(text, "choose", decisions=Decisions(**{name: value}))
            assert lifted.refusal is None, (name, value)
            assert compiler.compile(lifted.ir).ok, (name, value)


def test_an_unknown_choice_names_the_field() -> None:
    with pytest.raises(ValueError, match="orientation must be one of hint"):
        Decisions(orientation="sideways")


_HEAD = "\t.text\n\t.globl\tf\n\t.type\tf,@function\nf:\n"


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("\tfldt\t8(%rsp)\n\tretq\n", 5, "x87"),
        ("\tvzeroupper\n\tretq\n", 5, "'vzeroupper' is not supported"),
        ("\t#APP\n\tcpuid\n\t#NO_APP\n\tretq\n", 5, "inline assembly"),
        ("\t.byte\t15, 11\n\tretq\n", 5, "bytes within code"),
        ("\t.incbin\t\"x\"\n\tretq\n", 5, "a file within code"),
        ("\tmovl\t%edi, %eax\n\tjmp\t.Lnowhere\n", 6, "label outside"),
        ("\tsubq\t%rax, %rsp\n\tmovl\t(%rsp), %eax\n\tretq\n", 6, "dynamic stack"),
        ("\tmovl\t%gs:8, %eax\n\tretq\n", 5, "segment register"),
        ("\tpushq\t%rax\n\t.cfi_adjust_cfa_offset x\n\tretq\n", 6, "'x' is no number"),
        ("\tpushq\t%rax\n\t.cfi_escape 0x2e, y\n\tretq\n", 6, "'y' is no number"),
        ("\tjmpq\t*%rax\n.L2:\n\tjb\t.L2\n\tretq\n", 0, ""),
    ],
)
def test_what_cannot_be_lifted_names_line_and_reason(body: str, line: int, reason: str) -> None:
    lifted = lift_function(_HEAD + body, "f")
    if reason:
        assert lifted.refusal is not None and not lifted.ir
        assert (lifted.refusal.line, reason in lifted.refusal.reason) == (line, True)


def test_a_missing_function_is_a_refusal() -> None:
    assert "no function 'g'" in lift_function(_HEAD + "\tretq\n", "g").refusal.reason


_LINES = st.sampled_from(
    [
        "\tmovl\t%edi, %eax", "\taddq\t%rsi, 8(%rsp)", "\tpushq\t%rbx", "\tpopq\t%rbx", "\tjne\t.L1",
        ".L1:", ".L2:", "\tjmp\t.L2", "\tcallq\tg@PLT", "\tretq", "\tleaq\t8(%rsp), %rdi",
        "\tsubq\t$24, %rsp", "\taddq\t$24, %rsp", "\tmovsd\t%xmm0, (%rsp)", "\tucomisd\t%xmm1, %xmm0",
        "\tja\t.L1", "\tmovaps\t%xmm1, %xmm0", "\tsete\t%al", "\tjmpq\t*%rax", "\tmovb\t%al, %ah",
        "\tadcq\t$0, %rdx", "\tdivl\t%ecx", "\tmovq\t%rsp, %rbp", "\tleave", "\tgarbage here",
        "\tmovl\t(%rdi", "\t.cfi_startproc", "\tmovl\t$x, %eax", "\ttestb\t%al, %al", "\tud2",
        "\tmovups\t%xmm0, 4(%rsp)", "\tmovl\t8(%rsp), %ecx", "\tcmovgl\t%ecx, %eax",
    ]
)  # fmt: skip


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.lists(_LINES, max_size=24), st.sampled_from(["auto", "optimized", "slots", "O0"]))
def test_no_text_raises(lines: list[str], mode: str) -> None:
    lifted = lift_function(_HEAD + "\n".join(lines) + "\n", "f", decisions=Decisions(mode=mode))
    assert bool(lifted.ir) != bool(lifted.refusal)


_NOWHERE = ["jmp", "JMP", "call", "jne", 'jmp ""', "call @PLT", "jmp *", "jmp 1f", "call []", "jmp a, b"]


@pytest.mark.parametrize("line", _NOWHERE)
def test_a_jump_to_nothing_is_refused(line: str) -> None:
    refusal = lift_function(f"{_HEAD}\t{line}\n", "f").refusal
    assert refusal is not None and refusal.line > 0 and "internal" not in refusal.reason


@settings(max_examples=100)
@given(st.text(max_size=200))
@example("JMP")
def test_no_characters_raise(text: str) -> None:
    lift(text)
    lift(_HEAD + text)
