"""Prompts to the character, lenient answers, and the short form there and back."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.corpus.canonical import canonical_hash
from ozma.llvm import TARGETS, Worker
from ozma.llvm.clang import compile_bitcode
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.tasks.answers import (
    LIST_OPEN,
    Facts,
    Fault,
    check_list,
    code_answer,
    flags_answer,
    parse_code_answer,
    parse_flags_answer,
)
from ozma.tasks.assembly import short_assembly
from ozma.tasks.canonical import shorten
from ozma.tasks.irtext import Alignment, split_argument, split_arguments
from ozma.tasks.normal import NotShortened, normalize
from ozma.tasks.prompts import Task, disassembly_prompt, emulation_prompt, flags_prompt
from ozma.tasks.restore import restore
from ozma.tasks.setting import Setting, setting_for, setting_of

BEFORE, AFTER = Facts(27, 130), Facts(11, 88)

C_SOURCE = r"""
#include <stdarg.h>
struct item { struct item *next; char name[16]; int count; unsigned flag : 3; };
typedef struct { float x, y, z; } vec;
typedef _Bool (*check)(struct item *, short);
int printf(const char *, ...);
void *malloc(unsigned long) __attribute__((malloc, alloc_size(1)));
void abort(void) __attribute__((noreturn));
int strcmp(const char *, const char *) __attribute__((pure));
extern __thread int counter;
static int table[3] = {1, 2, 3};
static _Bool small(struct item *one, short limit) { return one->count < limit; }
int total(struct item *list, const char *name, check accept) {
    int sum = 0;
    for (; list; list = list->next)
        if (!strcmp(list->name, name) && accept(list, 7)) sum += list->count + list->flag;
    printf("%s: %d\n", name, sum);
    printf("\\ \"quoted\" ; #5 !7 %%x\n");
    if (sum < 0) abort();
    return sum + small(list, 3) + table[sum & 1] + counter++;
}
vec scaled(vec v, float by) { v.x *= by; v.y *= by; v.z *= by; return v; }
long double wide(long double a, __int128 b) { return a + (long double)b; }
int sum(int n, ...) {
    va_list all; va_start(all, n); int s = 0;
    while (n--) s += va_arg(all, int);
    va_end(all); return s;
}
int jump(int op) {
    static const void *const to[] = {&&a, &&b};
    goto *to[op & 1];
a:  return 1;
b:  switch (op) { case 1: return 5; case 2: return 6; default: return 9; }
}
unsigned long stack(void) { unsigned long sp; __asm__ volatile("mov %%rsp, %0" : "=r"(sp) :: "memory"); return sp; }
void fill(volatile int *p) { *p = 1; __atomic_fetch_add(p, 2, 5); char *m = malloc(9); m[0] = 0; }
"""
CXX_SOURCE = r"""
struct Base { virtual ~Base(); virtual int run(int) const; int value = 3; };
struct Derived : Base { int run(int x) const override { return x + value; } };
struct Guard { Guard(); ~Guard(); };
int work(const Base &);
int tried(int n) {
    Guard guard;
    try { Derived d; return work(d) + n; } catch (int e) { return e; } catch (...) { throw; }
}
inline Guard made() { return Guard(); }
void uses() { static Guard once; Guard two = made(); new Derived; }
"""


def test_prompts_are_the_published_ones() -> None:
    assert flags_prompt("IR") == (
        "[INST] Tell me how to optimize this LLVM-IR for object file size:\n\n<code>IR</code> [/INST]"
    )
    facts = "The input code has instruction count 3 and binary size 9 bytes. [/INST]"
    rest = f"for the following code when optimized using opt -p 'gvn':\n\n<code>IR</code>\n\n{facts}"
    assert emulation_prompt("IR", "gvn", 3, 9) == f"[INST] Give the LLVM-IR {rest}"
    assembly = emulation_prompt("IR", "gvn", 3, 9, Task.EMULATE_ASSEMBLY)
    assert assembly == f"[INST] Give the assembly {rest}"
    assert disassembly_prompt("ret") == (
        "[INST] Disassemble this code to LLVM-IR:\n\n<code>ret</code> [/INST]"
    )
    with pytest.raises(ValueError, match="task is"):
        emulation_prompt("IR", "gvn", 3, 9, Task.FLAGS)


def test_answers_come_back(toolchain) -> None:
    catalogue = catalogue_of(toolchain)
    text = flags_answer("default<Oz>,function(gvn)", BEFORE, AFTER, "define\n")
    assert text.startswith(LIST_OPEN)
    read = parse_flags_answer(text, catalogue)
    assert (read.passes, read.fault) == ("default<Oz>,function(gvn)", None)
    assert (read.before, read.after, read.code) == (BEFORE, AFTER, "define\n")
    code = parse_code_answer(code_answer("ret\n", AFTER))
    assert (code.code, code.complete, code.after, code.before) == ("ret\n", True, AFTER, Facts())


@pytest.mark.parametrize(
    ("text", "passes", "fault"),
    [
        ("", None, Fault.EMPTY),
        ("I cannot help with that.", None, Fault.NO_LIST),
        ('Sure!\nUse `opt -passes="mem2reg, gvn"` and be happy', "function(mem2reg,gvn)", None),
        ("opt -p \u2018sroa\u2019", "function(sroa)", None),
        ("opt -p sroa in.ll", "function(sroa)", None),
        ("the best list is 'sroa,gvn'.", "function(sroa,gvn)", None),
        ("opt -p 'sroa", "function(sroa)", None),
        ("opt -p 'function(sroa", None, Fault.BAD_LIST),
        ("opt -p ''", None, Fault.BAD_LIST),
        ("opt -p 'make-it-small'", None, Fault.WRONG_PASS),
        ("opt -p 'function(globaldce)'", None, Fault.WRONG_PASS),
        ("opt -p 'unify-loop-exits'", None, Fault.DENIED_PASS),
    ],
)
def test_lists_are_read_leniently(toolchain, text, passes, fault) -> None:
    answer = parse_flags_answer(text, catalogue_of(toolchain))
    assert (answer.passes, answer.fault) == (passes, fault)


@pytest.mark.parametrize(
    ("text", "code", "complete"),
    [
        ("<code>\ndefine", "define", False),
        ("Here you are:\n```llvm\ndefine\n```\nEnjoy", "define\n", True),
        ("text <code>a</code> more", "a", True),
    ],
)
def test_code_is_read_leniently(text, code, complete) -> None:
    answer = parse_code_answer(text)
    assert (answer.code, answer.complete, answer.fault) == (code, complete, None)


def test_sizes_are_read_by_the_words_around_them(toolchain) -> None:
    text = "After the passes the size is 40 bytes; the original size was 52 bytes."
    answer = parse_flags_answer(text, catalogue_of(toolchain))
    assert (answer.before.size, answer.after.size) == (52, 40)
    plain = parse_code_answer("binary size 7, then binary size 5")
    assert (plain.before.size, plain.after.size, plain.fault) == (7, 5, Fault.NO_CODE)


@given(st.text())
def test_no_answer_raises(text) -> None:
    from ozma.llvm import find_toolchain

    catalogue = catalogue_of(find_toolchain())
    parse_flags_answer(text, catalogue)
    parse_flags_answer(f" opt -p '{text}'<code>{text}", catalogue)
    parse_code_answer(text)
    check_list(text, catalogue)


# the short form


def ir_of(worker: Worker, bitcode: bytes, passes: str = "") -> str:
    loaded = worker.load(bitcode)
    found = worker.evaluate(loaded.id, passes, ("ir",))
    assert found.ir, found.message
    return found.ir


def hashes(worker: Worker, module: bytes) -> list[tuple[str, str]]:
    """Canonical and structural; since LLVM 20 the latter depends on names of private symbols."""
    functions = worker.split(module, "").functions
    structural = worker.toolchain.major < 20
    return [(canonical_hash(one.numbered), one.structural if structural else "") for one in functions]


def there_and_back(worker: Worker, text: str) -> str:
    restored = restore(shorten(text), setting_of(text))
    assert hashes(worker, restored.encode()) == hashes(worker, text.encode())
    return restored


def compiled(toolchain, tmp_path, source: str, name: str, target: str, level: str = "-Oz") -> bytes:
    path = tmp_path / name
    path.write_text(source)
    words = ["-w"] + (["-D__asm__(...)="] if target != "x86-64" else [])
    return compile_bitcode(toolchain, path, words, TARGETS[target], level)


@pytest.mark.parametrize(("name", "source"), [("f.c", C_SOURCE), ("f.cpp", CXX_SOURCE)])
@pytest.mark.parametrize("passes", ["", "oz", "default<O2>", "function(sroa),globalopt"])
def test_units_come_back(each_toolchain, tmp_path, name, source, passes) -> None:
    bitcode = compiled(each_toolchain, tmp_path, source, name, "x86-64")
    with Worker(each_toolchain) as worker:
        passes = clang_pipeline(each_toolchain) if passes == "oz" else passes
        there_and_back(worker, ir_of(worker, bitcode, passes))


@pytest.mark.parametrize(("target", "level"), [("x86-64", "-O0"), ("x86-64", "-O2"), ("aarch64", "-Oz")])
def test_other_levels_and_machines_come_back(toolchain, worker, tmp_path, target, level) -> None:
    text = ir_of(worker, compiled(toolchain, tmp_path, CXX_SOURCE, "f.cpp", target, level))
    there_and_back(worker, text)


def test_same_object_and_less_text(toolchain, worker, bitcode) -> None:
    text = ir_of(worker, bitcode)
    oz = clang_pipeline(toolchain)
    sizes = [
        worker.evaluate(worker.load(module.encode()).id, oz).sizes
        for module in (text, there_and_back(worker, text))
    ]
    assert sizes[0] == sizes[1]
    assert len(shorten(text)) < len(text) / 2


def test_short_form_of_a_small_function(toolchain, worker, tmp_path) -> None:
    source = "int f(int *p, int n) { extern int g(int *); return g(p) + n; }"
    short = shorten(ir_of(worker, compiled(toolchain, tmp_path, source, "f.c", "x86-64")))
    assert short.splitlines() == [
        "target x86_64 pie",
        "define i32 @f(ptr %0, i32 %1) {",
        "%3 = alloca ptr",
        "%4 = alloca i32",
        "store ptr %0, ptr %3",
        "store i32 %1, ptr %4",
        "%5 = load ptr, ptr %3",
        "%6 = call i32 @g(ptr %5)",
        "%7 = load i32, ptr %4",
        "%8 = add nsw i32 %6, %7",
        "ret i32 %8",
        "}",
    ]


def test_names_of_values_and_types_do_not_matter(worker) -> None:
    text = """
target triple = "x86_64-pc-linux-gnu"
%"my type" = type { i32, ptr }
define i32 @f(ptr %x, i32 %"a b") {
start:
  %p = getelementptr %"my type", ptr %x, i32 0, i32 1
  %c = icmp eq i32 %"a b", 0
  br i1 %c, label %"then 1", label %end

"then 1":
  store i32 1, ptr %p, align 4
  br label %end

end:
  %r = phi i32 [ 0, %start ], [ 1, %"then 1" ]
  ret i32 %r
}
"""
    text = ir_of(worker, text.encode())
    restored = there_and_back(worker, text)
    assert "start" not in restored and "my type" not in restored
    assert normalize(text).names == {"%T0": '%"my type"'}


def test_what_has_no_short_form_is_said() -> None:
    with pytest.raises(NotShortened, match="%0 has no name"):
        shorten("%0 = type { i32 }\n@x = global %0 zeroinitializer\n")


def test_debug_information_goes(toolchain, worker, tmp_path) -> None:
    path = tmp_path / "g.c"
    path.write_text(C_SOURCE)
    bitcode = compile_bitcode(toolchain, path, ["-g", "-w"])
    short = shorten(ir_of(worker, bitcode))
    assert "dbg" not in short and "!DI" not in short
    plain = shorten(ir_of(worker, compile_bitcode(toolchain, path, ["-w"])))
    assert short == plain


def test_setting_tells_machine_and_what_is_unusual(toolchain) -> None:
    setting = setting_for(toolchain, TARGETS["x86-64"])
    assert setting.triple.startswith("x86_64") and setting.layout
    assert any("target-cpu" in one for one in setting.attributes)
    unusual = Setting("x86_64-linux", attributes=('"target-cpu"="haswell"', '"frame-pointer"="all"'))
    assert unusual.header == "target x86_64 static target-cpu=haswell frame-pointer=all"


@settings(max_examples=50)
@given(st.text(alphabet="%@ix01(){}[]<>,=!#\" \nabcdefine", max_size=80))
def test_restoring_what_a_model_says_never_raises(text) -> None:
    restore(text, Setting())
    restore(f"target x86_64 pie\ndefine i32 @f(i32 %0) {{\n{text}\n}}\n", Setting())


def test_pieces_of_ir() -> None:
    assert split_arguments('ptr x([2 x i8], ")"), i32 5) rest', 0) == (
        ['ptr x([2 x i8], ")")', "i32 5"], 27)
    assert split_argument("ptr noalias noundef align 8 dereferenceable(8) %5") == (
        "ptr", "noundef noalias align 8 dereferenceable(8)", "%5")
    assert split_argument("i64 align 8 8") == ("i64", "align 8", "8")
    layout = "e-m:e-p:32:32-i64:64"
    natural = Alignment(layout, {"%T0": "{ i8, %T1 }", "%T1": "[2 x i64]", "%T2": "<{ i64 }>"})
    assert [natural.of(t) for t in ("ptr", "%T0", "%T2", "i128", "<4 x i32>", "i1")] == [4, 8, 1, 8, 0, 1]


def test_calls_that_differ_from_the_declaration_say_so(worker) -> None:
    text = ir_of(worker, b"""
target triple = "x86_64-pc-linux-gnu"
declare void @f(i32 noundef signext)
define void @g(i32 %0) {
  call void @f(i32 zeroext %0)
  call void @f(i32 noundef signext %0) #0
  ret void
}
attributes #0 = { cold }
""")
    short = shorten(text)
    assert "call void @f(i32 ! ? zeroext %0)\ncall void @f(i32 %0) +cold" in short
    there_and_back(worker, text)


def test_short_assembly_assembles_to_the_same_code(toolchain, tmp_path) -> None:
    source = tmp_path / "f.cc"
    source.write_text(
        'int g(const char *); static int t[] = {1, 2}; struct S { ~S(); };\n'
        'int f(int i) { S s; return t[i & 1] + g("a # b") + g("//"); }\n'
    )
    for target, flags in (("x86-64", ()), ("aarch64", ("--target=aarch64-linux-gnu",))):
        command = [toolchain.tool("clang"), "-Oz", *flags]
        text = subprocess.run([*command, "-S", source, "-o", "-"], capture_output=True, text=True).stdout
        short = short_assembly(text, target)
        assert len(short) < 0.7 * len(text) and '"a # b"' in short and '"//"' in short
        made = []
        for number, one in enumerate((text, short)):
            (tmp_path / "a.s").write_text(one)
            subprocess.run([*command, "-c", tmp_path / "a.s", "-o", tmp_path / f"{number}.o"], check=True)
            dump = [toolchain.tool("llvm-objdump"), "-dr", "-j", ".text", tmp_path / f"{number}.o"]
            made.append(subprocess.run(dump, capture_output=True, text=True).stdout.partition("\n\n")[2])
        assert made[0].splitlines()[1:] == made[1].splitlines()[1:]
