"""Answers that would match without being a lift are refused; several of them really match."""

from __future__ import annotations

import re

import pytest

from ozma.labels.disassembly import LEVELS, lower
from ozma.lift.judging.forbidden import check
from ozma.llvm import Toolchain, Worker
from ozma.llvm.clang import compile_bitcode

HEAD = 'target triple = "x86_64-pc-linux-gnu"\n'
HONEST = HEAD + "define i32 @f(i32 %x) {\n  %y = add i32 %x, 7\n  ret i32 %y\n}\n"
EMPTY = "define void @f() {\n  ret void\n}\n"

CHEATS = {
    "module asm": ('module asm "f: ret"\n' + EMPTY, "module asm"),
    "incbin": ('module asm ".incbin \\22x.bin\\22"\n' + EMPTY, "module asm"),
    "inline asm": (
        'define i32 @f(i32 %x) {\n  %y = call i32 asm "leal 7($1), $0", "=r,r"(i32 %x)\n'
        "  ret i32 %y\n}\n",
        "inline asm",
    ),
    "inline asm in a branch": (
        'define void @f() {\n  callbr void asm "", "!i"() to label %a [label %b]\n'
        "a:\n  ret void\nb:\n  ret void\n}\n",
        "callbr",
    ),
    "inline asm invoked": (
        'declare i32 @p(...)\ndefine void @f() personality ptr @p {\n'
        '  invoke void asm "nop", ""() to label %a unwind label %b\n'
        "a:\n  ret void\nb:\n  %l = landingpad { ptr, i32 } cleanup\n  ret void\n}\n",
        "inline asm",
    ),
    "naked": ('define void @f() naked {\n  unreachable\n}\n', "naked"),
    "prefix": ("define void @f() prefix i32 5 {\n  ret void\n}\n", "prefix data"),
    "prologue": ("define void @f() prologue i32 5 {\n  ret void\n}\n", "prologue data"),
    "kcfi": (
        "define void @f() !kcfi_type !0 {\n  ret void\n}\n!0 = !{i32 5}\n", "kcfi data",
    ),
    "sled": (
        'define void @f() "patchable-function-entry"="3" {\n  ret void\n}\n',
        "patchable-function-entry",
    ),
    "collector": ('define void @f() gc "erlang" {\n  ret void\n}\n', "gc strategy"),
    "partition": ('define void @f() partition "p" {\n  ret void\n}\n', "a partition"),
    "no function": ('@f = constant [1 x i8] c"\\C3"\n', "not a function"),
    "data among code": (
        '@d = constant [1 x i8] c"\\C3", section ".text.d"\n' + EMPTY, "data in section",
    ),
    "data at start": (
        '@d = constant [1 x i8] c"\\C3", section ".init"\n' + EMPTY, "data in section",
    ),
    "function among data": (
        'define void @f() section ".data" {\n  ret void\n}\n', "function in section",
    ),
    "call of data": (
        '@d = constant [1 x i8] c"\\C3"\ndefine void @f() {\n  call void @d()\n  ret void\n}\n',
        "calls the data d",
    ),
    "call into data": (
        '@d = constant [4 x i8] c"\\90\\90\\90\\C3"\ndefine void @f() {\n'
        "  call void getelementptr (i8, ptr @d, i64 1)()\n  ret void\n}\n",
        "calls the data d",
    ),
    "call of data by a detour": (
        '@d = constant [1 x i8] c"\\C3"\ndefine void @f(i1 %c) {\n  %s = alloca ptr\n'
        "  %p = select i1 %c, ptr @d, ptr null\n  store ptr %p, ptr %s\n"
        "  %q = load ptr, ptr %s\n  call void %q()\n  ret void\n}\n",
        "calls the data d",
    ),
    "branch into data": (
        '@d = constant [1 x i8] c"\\C3"\ndefine void @f() {\n'
        "  indirectbr ptr @d, [label %a]\na:\n  ret void\n}\n",
        "branches into the data d",
    ),
    "call of a block": (
        "define void @f() {\n  br label %a\na:\n"
        "  call void blockaddress(@f, %a)()\n  ret void\n}\n",
        "calls a block address",
    ),
    "alias of data": (
        '@d = constant [1 x i8] c"\\C3"\n@g = alias void (), ptr @d\n' + EMPTY, "alias",
    ),
    "ifunc": ("@g = ifunc void (), ptr @r\ndefine ptr @r() {\n  ret ptr @f\n}\n" + EMPTY, "ifunc"),
    "data as constructor": (
        '@d = constant [1 x i8] c"\\C3"\n@llvm.global_ctors = appending global '
        "[1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 1, ptr @d, ptr null }]\n" + EMPTY,
        "no function",
    ),
    "linker options": (EMPTY + '!llvm.linker.options = !{!0}\n!0 = !{!"-la"}\n', "metadata"),
    "name of a symbol": (
        'define void @"f\\0A\\09retq\\0A#"() {\n  ret void\n}\n', "could hide",
    ),
    "name of a callee": (
        'declare void @"g\\0A\\09ret"()\ndefine void @f() {\n  call void @"g\\0A\\09ret"()\n'
        "  ret void\n}\n",
        "could hide",
    ),
    "comment in a name": ('declare void @"g;nop"()\n' + EMPTY, "could hide"),
    "section of a function": (
        'define void @f() section ".text\\0A\\09nop\\0A#" {\n  ret void\n}\n', "could hide",
    ),
    "section of data": (
        '@d = constant i32 1, section ".rodata,\\22a\\22\\0A\\09nop\\0A#"\n' + EMPTY, "could hide",
    ),
    "section without a line break": (
        '@d = constant i32 1, section ".rodata;nop"\n' + EMPTY, "could hide",
    ),
    "comdat": (
        '$"c\\0A\\09nop" = comdat any\ndefine void @f() comdat($"c\\0A\\09nop") {\n  ret void\n}\n',
        "could hide",
    ),
    "section prefix": (
        "define void @f() !section_prefix !0 {\n  ret void\n}\n"
        '!0 = !{!"section_prefix", !"hot,\\0A\\09nop"}\n',
        "could hide",
    ),
    "ident": (EMPTY + '!llvm.ident = !{!0}\n!0 = !{!"\\22\\0A\\09nop"}\n', "could hide"),
    "source name": ('source_filename = "a\\22\\0A\\09nop"\n' + EMPTY, "could hide"),
    "attribute": (
        'define void @f() "probe-stack"="p\\0A\\09nop" {\n  ret void\n}\n', "could hide",
    ),
    "no IR": ("define void @f( {", "not valid LLVM-IR"),
    "other function": ("define void @g() {\n  ret void\n}\n", "not a function"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_refused_with_its_reason(toolchain: Toolchain, name: str) -> None:
    text, reason = CHEATS[name]
    assert reason in (check(HEAD + text, "f", toolchain) or "clean")


# Each is the honest function's assembly, once its text is normalized.
MATCHING = {
    "module asm": 'module asm "\\09.text\\0A\\09.globl\\09f\\0A\\09.type\\09f,@function\\0Af:\\0A'
    '\\09leal\\097(%rdi), %eax\\0A\\09retq\\0A\\09.size\\09f, .-f"\n',
    "naked": "define i32 @f(i32 %x) naked {\n"
    '  call void asm sideeffect "leal 7(%rdi), %eax\\0A\\09retq", ""()\n  unreachable\n}\n',
    "inline asm": "define i32 @f(i32 %x) {\n"
    '  %y = call i32 asm "leal 7(%rdi), %eax", "={eax},{edi}"(i32 %x)\n  ret i32 %y\n}\n',
    "section": 'define void @f() section ".text\\0A\\09leal\\097(%rdi), %eax\\0A#" {\n'
    "  ret void\n}\n",
}


@pytest.mark.parametrize("name", MATCHING)
def test_cheats_that_give_the_same_instructions_are_refused(
    toolchain: Toolchain, worker: Worker, name: str
) -> None:
    cheat = HEAD + MATCHING[name]
    assert _instructions(worker, cheat) == _instructions(worker, HONEST)
    assert check(cheat, "f", toolchain)


def _instructions(worker: Worker, text: str) -> list[list[str]]:
    loaded = worker.load(text.encode())
    assembly = worker.evaluate(loaded.id, "", ("assembly",)).assembly
    worker.unload(loaded.id)
    lines = (line.split("#")[0].split() for line in assembly.splitlines())
    return [line for line in lines if line and re.fullmatch(r"leal|retq", line[0])]


CLEAN = {
    "plain": HONEST,
    "names": HEAD + 'declare void @"operator new"()\n@prefix = global i32 1\n'
    "define i32 @f(i32 %prefix, ptr %gc) {\n  ret i32 %prefix\n}\n",
    "strings": HEAD + '@s = private constant [4 x i8] c"a\\0A\\22\\00"\n' + EMPTY,
    "sections": HEAD + '@d = global i32 1, section ".data.rel.ro"\n'
    'define void @f() section ".text.unlikely" {\n  ret void\n}\n',
    "table of functions": HEAD + "@t = global [1 x ptr] [ptr @f]\ndefine void @f() {\n"
    "  %p = load ptr, ptr @t\n  call void %p()\n  ret void\n}\n",
    "computed jump": HEAD + "define void @f(ptr %p) {\n  indirectbr ptr %p, [label %a]\na:\n"
    "  ret void\n}\n",
    "alias": HEAD + "@g = alias void (), ptr @f\n" + EMPTY,
    "argument called": HEAD + "define void @f(ptr %p) {\n  call void %p()\n  ret void\n}\n",
}


@pytest.mark.parametrize("name", CLEAN)
def test_honest_answers_pass(toolchain: Toolchain, name: str) -> None:
    assert check(CLEAN[name], "f", toolchain) is None


def test_what_clang_writes_passes(toolchain: Toolchain, worker: Worker, tmp_path) -> None:
    source = tmp_path / "f.c"
    source.write_text(
        'int puts(const char *); static int (*const t[])(const char *) = {puts};\n'
        'int f(int i) { static void *l[] = {&&a, &&b}; goto *l[i & 1];\n'
        'a: return t[i >> 9]("x\\n\\"y\\"#"); b: return 2; }\n'
    )
    bitcode = compile_bitcode(toolchain, source)
    for level in LEVELS:
        assert check(lower(worker, bitcode, level).ir, "f", toolchain) is None
