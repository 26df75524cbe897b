"""C++ exceptions: tables of landing pads, what becomes of them in IR, and back."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ozma.lift.answers import Answer, AnswerOptions, Answerer, Verdict
from ozma.lift.asm.lines import function_places
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.decisions import Decisions
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.forbidden import check as forbidden
from ozma.lift.lifter import lift, lift_function
from ozma.lift.machines import find_architecture
from ozma.lift.reading.assembly import parse_assembly
from ozma.lift.reading.exception_tables import CLEANUP, Clause, read_exceptions
from ozma.llvm import find_toolchain
from ozma.tasks.assembly import code_lines

TERMINATE = "declare hidden void @__clang_call_terminate(ptr) noreturn nounwind\n"
TRIPLES = {"x86-64": "x86_64-unknown-linux-gnu", "aarch64": "aarch64-unknown-linux-gnu"}
RESUMES = "  resume { ptr, i32 } %l\n"
LANDS = "lands:\n  %l = landingpad { ptr, i32 } "
FLAGS = (
    '\n!llvm.module.flags = !{!0, !1}\n!0 = !{i32 8, !"PIC Level", i32 2}\n'
    '!1 = !{i32 7, !"PIE Level", i32 2}\n'
)
HEAD = (
    "declare void @may(i32)\ndeclare i32 @also(i32)\ndeclare void @never(i32) nounwind\n"
    "declare i32 @__gxx_personality_v0(...)\ndeclare i32 @llvm.eh.typeid.for.p0(ptr)\n"
    "declare ptr @__cxa_begin_catch(ptr) nounwind\ndeclare void @__cxa_end_catch()\n"
    "declare void @many(i64, i64, i64, i64, i64, i64, i64, i64)\n"
    "@_ZTIi = external constant ptr\n@_ZTId = external constant ptr\n"
    "define i32 @f(i32 %x) minsize optsize uwtable personality ptr @__gxx_personality_v0 {\n"
)
CATCHES = (
    "  %n = extractvalue { ptr, i32 } %l, 1\n  %e = extractvalue { ptr, i32 } %l, 0\n"
    "  %t = call i32 @llvm.eh.typeid.for.p0(ptr @_ZTIi)\n  %m = icmp eq i32 %n, %t\n"
    "  br i1 %m, label %mine, label %others\nmine:\n"
    "  %p = call ptr @__cxa_begin_catch(ptr %e)\n  %v = load i32, ptr %p\n"
    f"  call void @__cxa_end_catch()\n  br label %on\nothers:\n{RESUMES}"
    "on:\n  %r = phi i32 [ %y, %entry ], [ %v, %mine ]\n  ret i32 %r\n"
)
BODIES = {
    "terminate": (
        "  invoke void @may(i32 %x) to label %on unwind label %lands\non:\n  ret i32 7\n"
        f"{LANDS}catch ptr null\n  %e = extractvalue {{ ptr, i32 }} %l, 0\n"
        "  call void @__clang_call_terminate(ptr %e) noreturn nounwind\n  unreachable\n"
    ),
    "cleanup": (
        "  invoke void @may(i32 %x) to label %on unwind label %lands\non:\n  ret i32 7\n"
        f"{LANDS}cleanup\n  call void @never(i32 3)\n{RESUMES}"
    ),
    "joined ranges": (
        "  invoke void @may(i32 %x) to label %on unwind label %lands\non:\n"
        "  call void @never(i32 5)\n  %y = invoke i32 @also(i32 %x) to label %off unwind label %lands\n"
        f"off:\n  ret i32 %y\n{LANDS}cleanup\n  call void @never(i32 3)\n{RESUMES}"
    ),
    "call between ranges": (
        "  invoke void @may(i32 %x) to label %on unwind label %lands\non:\n"
        "  %z = call i32 @also(i32 5)\n"
        "  %y = invoke i32 @also(i32 %z) to label %off unwind label %lands\n"
        f"off:\n  ret i32 %y\n{LANDS}cleanup\n  call void @never(i32 3)\n{RESUMES}"
    ),
    "caught": (
        "entry:\n  %y = invoke i32 @also(i32 %x) to label %on unwind label %lands\n"
        f"{LANDS}cleanup catch ptr @_ZTIi\n{CATCHES}"
    ),
    "two types": (
        "entry:\n  %y = invoke i32 @also(i32 %x) to label %on unwind label %lands\n"
        f"{LANDS}cleanup catch ptr @_ZTId catch ptr @_ZTIi\n{CATCHES}"
    ),
    "arguments on the stack": (
        "  %w = sext i32 %x to i64\n"
        "  invoke void @many(i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 %w, i64 8)\n"
        "    to label %on unwind label %lands\non:\n  ret i32 7\n"
        f"{LANDS}cleanup\n  call void @never(i32 3)\n{RESUMES}"
    ),
    "specification": (
        "  %y = invoke i32 @also(i32 %x) to label %on unwind label %lands\non:\n  ret i32 %y\n"
        f"{LANDS}filter [1 x ptr] [ptr @_ZTId]\n  call void @never(i32 3)\n{RESUMES}"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def compiler():
    with Compiler(find_toolchain()) as compiler:
        yield compiler


def module(case: str, target: str = "x86-64") -> str:
    end = TERMINATE if "terminate(" in BODIES[case] else ""
    return f'target triple = "{TRIPLES[target]}"\n{HEAD}{BODIES[case]}}}\n{end}{FLAGS}'


def assembly_of(compiler: Compiler, case: str, target: str = "x86-64") -> str:
    made = compiler.compile(module(case, target))
    assert made.ok, made.reason
    return made.assembly


def answer(compiler: Compiler, text: str, target: str, whole: bool = True) -> Answer:
    options = AnswerOptions(target, settings=1, search=False)
    return Answerer(compiler, options).answer(text, "f", whole=whole)


@pytest.mark.parametrize("target", TRIPLES)
@pytest.mark.parametrize("case", BODIES)
def test_a_landing_pad_comes_back_as_it_was(compiler, case, target):
    text = assembly_of(compiler, case, target)
    assert answer(compiler, text, target).verdict is Verdict.IDENTICAL
    assert answer(compiler, text, target, whole=False).verdict is Verdict.IDENTICAL


def lifted(compiler: Compiler, case: str, **decisions: str) -> str:
    found = lift_function(assembly_of(compiler, case), "f", decisions=Decisions(**decisions))
    assert found.ir, found.refusal
    return found.ir


def test_what_ranges_join_over_is_declared_not_to_unwind(compiler):
    ir = lifted(compiler, "joined ranges")
    assert ir.count("invoke ") == 2
    assert "declare void @never(i64) nounwind" in ir or "declare void @never(i32) nounwind" in ir
    between = lifted(compiler, "call between ranges")
    assert "call i32 @also(" in between and "nounwind" not in between.split("@also(")[1]


def test_numbers_of_types_are_named_and_cleanups_resume(compiler):
    ir = lifted(compiler, "two types")
    assert "call i32 @llvm.eh.typeid.for.p0(ptr @_ZTIi)" in ir and "resume { ptr, i32 }" in ir
    assert "cleanup catch ptr @_ZTId catch ptr @_ZTIi" in ir
    plain = lifted(compiler, "two types", resume="call", type_numbers="number")
    assert "typeid" not in plain and "@_Unwind_Resume(" in plain


def test_an_unnamed_number_that_would_change_is_refused(compiler):
    """Types as gcc orders them in a pad: LLVM would give the first clause the last number."""
    text = assembly_of(compiler, "two types")
    for old, new in (("1", "?"), ("2", "1"), ("?", "2")):
        text = re.sub(rf"\.byte\t{re.escape(old)}( +# >> Action Record)", rf".byte\t{new}\1", text)
    named = lift_function(text, "f")
    assert "catch ptr @_ZTIi catch ptr @_ZTId" in named.ir and "typeid.for.p0(ptr @_ZTIi)" in named.ir
    unnamed = lift_function(text, "f", decisions=Decisions(type_numbers="number"))
    assert "numbers of caught types" in unnamed.refusal.reason


GCC = """
	.text
	.globl	f
	.type	f, @function
f:
.LFB1067:
	.cfi_startproc
	.cfi_personality 0x9b,DW.ref.__gxx_personality_v0
	.cfi_lsda 0x1b,.LLSDA1067
	pushq	%rdx
	.cfi_def_cfa_offset 16
.LEHB0:
	call	may@PLT
.LEHE0:
	popq	%rax
	.cfi_remember_state
	.cfi_def_cfa_offset 8
	ret
.L4:
	.cfi_restore_state
	movq	%rax, %rdi
	incq	%rdx
	je	.L3
.LEHB1:
	call	_Unwind_Resume@PLT
.L3:
	call	__cxa_call_unexpected@PLT
.LEHE1:
	.cfi_endproc
.LFE1067:
	.section	.gcc_except_table,"a",@progbits
	.align 4
.LLSDA1067:
	.byte	0xff
	.byte	0x9b
	.uleb128 .LLSDATT1067-.LLSDATTD1067
.LLSDATTD1067:
	.byte	0x1
	.uleb128 .LLSDACSE1067-.LLSDACSB1067
.LLSDACSB1067:
	.uleb128 .LEHB0-.LFB1067
	.uleb128 .LEHE0-.LEHB0
	.uleb128 .L4-.LFB1067
	.uleb128 0x1
	.uleb128 .LEHB1-.LFB1067
	.uleb128 .LEHE1-.LEHB1
	.uleb128 0
	.uleb128 0
.LLSDACSE1067:
	.byte	0x7f
	.byte	0
	.align 4
	.long	DW.ref._ZTId-.
	.long	DW.ref._ZTIi-.
.LLSDATT1067:
	.byte	0x1
	.byte	0x2
	.byte	0
	.text
	.size	f, .-f
"""


def test_the_table_as_gcc_prints_it():
    listing = parse_assembly(GCC, find_architecture("x86-64"))
    found = read_exceptions(listing.functions[0], listing)
    assert found.personality == "__gxx_personality_v0" and found.types == ("_ZTIi", "_ZTId")
    assert found.pads == {".L4": (Clause("filter", ("_ZTIi", "_ZTId")),)}
    assert [(r.start, r.pad) for r in found.ranges] == [(".LEHB0", ".L4"), (".LEHB1", "")]
    assert found.ranges[1].clauses == (CLEANUP,)
    ir = lift_function(GCC, "f").ir
    assert "filter [2 x ptr] [ptr @_ZTIi, ptr @_ZTId]" in ir and "resume" in ir


def test_the_table_is_part_of_what_is_compared(compiler):
    text = assembly_of(compiler, "caught")
    lines = code_lines(text)
    compared = [lines[place] for place in function_places(lines, "f")]
    for word in (".uleb128", ".Lttbase0:", ".Lcst_end0:", "_ZTIi"):
        assert any(word in line for line in compared), word
    start = next(n for n, line in enumerate(lines) if line.startswith(".Lcst_end"))
    changed = list(lines)
    changed[start + 1] = changed[start + 1].replace("0", "9").replace("1", "2")
    assert changed != lines
    for name in (None, "f"):
        assert not Reference(text, name=name).compare("\n".join(changed)).exact


def test_labels_of_a_table_do_not_count_by_number(compiler):
    text = assembly_of(compiler, "caught")
    other = text
    for label in ("cst_begin", "cst_end", "ttbase", "ttbaseref", "exception", "func_begin"):
        other = other.replace(f".L{label}0", f".L{label}7")
    assert other != text
    assert Reference(text, name="f").compare(other).exact


def test_same_behaviour_says_that_pads_were_not_run(compiler):
    pytest.importorskip("unicorn")
    text = assembly_of(compiler, "cleanup")
    ir = lift_function(text, "f").ir
    with EmulatorCheck(find_toolchain(), "x86-64") as check:
        shown = check(text, "f", ir, text)
    assert shown.same and shown.reason == "its landing pad was not run"
    made = Answer("f", Verdict.SAME, ir, text, inputs=shown.inputs, reason=shown.reason)
    assert made.said.endswith("its landing pad was not run")


def test_a_personality_that_is_data_is_refused():
    ir = (
        '@d = constant [1 x i8] c"\\C3"\ndeclare void @g()\n'
        "define void @f() personality ptr @d {\n  invoke void @g() to label %a unwind label %b\n"
        "a:\n  ret void\nb:\n  %l = landingpad { ptr, i32 } cleanup\n  resume { ptr, i32 } %l\n}\n"
    )
    assert "personality" in forbidden(ir, "f")


@pytest.mark.parametrize("target", TRIPLES)
def test_a_text_with_a_line_missing_is_lifted_or_refused(compiler, target):
    lines = assembly_of(compiler, "two types", target).splitlines()
    for place in range(len(lines)):
        text = "\n".join(lines[:place] + lines[place + 1 :])
        for function in lift(text, target).functions:
            assert bool(function.ir) != bool(function.refusal)


SOURCE = """
struct A { int x; ~A(); };
void may(int); int g(int);
int f(int x) {
  A a{x};
  try { may(x); return g(x); }
  catch (const char *e) { return 1; }
  catch (int v) { return v; }
  catch (...) { g(7); throw; }
}
"""
MAIN = """
#include <cstdio>
int f(int); int destroyed, kind;
struct A { int x; ~A(); }; A::~A() { destroyed += x; }
int g(int x) { if (x == 9) throw 9L; return x * 3; }
void may(int) { if (kind == 1) throw "a"; if (kind == 2) throw 42; if (kind == 3) throw 1.5; }
int main() {
  for (kind = 0; kind < 4; kind++)
    try { printf("%d\\n", f(5)); } catch (double d) { printf("%g\\n", d); }
  kind = 0;
  try { f(9); } catch (long d) { printf("%ld\\n", d); }
  printf("%d\\n", destroyed);
}
"""


def run(*command: str | Path) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler that links")
@pytest.mark.parametrize("optimize", ("-Os", "-O0"))
def test_exceptions_are_thrown_through_lifted_code(compiler, tmp_path, optimize):
    """What no emulator shows: the lifted function, compiled back and linked, unwinds and catches."""
    (tmp_path / "f.cpp").write_text(SOURCE)
    (tmp_path / "main.cpp").write_text(MAIN)
    run("g++", optimize, "-S", "-fPIE", tmp_path / "f.cpp", "-o", tmp_path / "f.s")
    (found,) = lift((tmp_path / "f.s").read_text()).functions
    passes = Decisions().pipeline if found.mode == "optimized" else ""
    made = compiler.compile(found.ir, passes, 0 if found.mode == "O0" else 2, want=("object",))
    assert made.ok, made.reason
    (tmp_path / "f.o").write_bytes(made.object)
    run("g++", tmp_path / "main.cpp", tmp_path / "f.o", "-o", tmp_path / "lifted")
    assert run(tmp_path / "lifted").split() == ["15", "1", "42", "1.5", "9", "29"]
