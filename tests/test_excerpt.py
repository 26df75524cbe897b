"""Excerpts of one function: the same answer as in the whole text, at the price of the function."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from ozma.lift.answers import Answer, Answerer, AnswerOptions, Verdict
from ozma.lift.asm.source import Source, read_source
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.program.excerpt import Excerpts, excerpts_of
from ozma.search.budget import Budget

SOURCE = """
#include <stdarg.h>
int printf(const char *, ...); int strcmp(const char *, const char *); void *malloc(unsigned long);
struct way { const char *name; int (*go)(int); }; extern long total; void other(const char *);
static int left(int a) { return a * 3 - 1; }
static int right(int a) { return a / 7; }
static const struct way ways[] = {{"left", left}, {"right", right}};
static long calls; static const double part[3] = {0.5, 1.5, 2.5};
int say(int n) { calls++; return printf("%d of %s", n, "these"); }
int choose(int a) {
    switch (a) { case 0: return say(5); case 1: return calls; case 2: return 77; case 3: return 21;
                 case 4: return 12; case 5: return 19; case 6: return -3; }
    return 0;
}
int find(const char *s, int a) {
    for (int i = 0; i < 2; i++) if (!strcmp(s, ways[i].name)) return ways[i].go(a);
    return -1;
}
double scale(double x, int i) { total += i; return x * 0.37 + part[i % 3]; }
int second(int a) __attribute__((alias("say")));
int sum(int n, ...) {
    va_list more; va_start(more, n); int s = 0;
    while (n--) s += va_arg(more, int);
    va_end(more); return s;
}
void fence(int *p) { *p = 1; __asm__ volatile("" ::: "memory"); p[1] = 2; }
void *maker(unsigned n) { static int made; made += n; other("made"); return malloc(n + made); }
"""
BUDGET = AnswerOptions(budget=Budget(compiles=2))


def _source(toolchain, folder, *words: str) -> Source:
    (folder / "f.c").write_text(SOURCE)
    words = words if "-c" in words else (*words, "-S")
    command = [toolchain.tool("clang"), "-Oz", *words, folder / "f.c", "-o", folder / "f"]
    subprocess.run(command, check=True)
    return read_source(toolchain, str(folder / "f"))


def _told(answer: Answer) -> Answer:
    """Without times, and without the inputs: they are drawn from the constants of the text."""
    reason = answer.reason.partition(" on input ")[0]
    return replace(
        answer, seconds=0.0, processor_seconds=0.0, inputs=0, covered=0.0, reason=reason
    )


@pytest.mark.parametrize(
    "words",
    [
        ("-fno-pic",),
        ("-fPIC", "-g"),
        ("-O0",),
        ("--target=aarch64-linux-gnu", "-ffreestanding"),
        ("-c", "-fno-pic"),
    ],
    ids=" ".join,
)
def test_an_answer_is_the_same_as_in_the_whole_text(toolchain, tmp_path, words):
    source = _source(toolchain, tmp_path, *words)
    options = replace(BUDGET, target=source.target, listing=source.from_object)
    with Compiler(toolchain) as compiler, EmulatorCheck(toolchain, source.target, 5) as check:
        # Of an object's strings the emulator knows only the place in their section, which the other
        # functions' strings move: there a whole text is wrongly told to differ.
        answerer = Answerer(compiler, options, None if source.from_object else check)
        for name, excerpt in excerpts_of(source, source.functions()).items():
            assert len(excerpt.text) < len(source.assembly) / 2
            whole = answerer.answer(source.assembly, name)
            alone = answerer.answer(excerpt.text, name).in_text_of(excerpt)
            assert _told(alone) == _told(whole)


def test_inline_assembly_is_refused_at_its_line(toolchain, tmp_path):
    source = _source(toolchain, tmp_path)
    excerpt = excerpts_of(source, ["fence"])["fence"]
    with Compiler(toolchain) as compiler:
        answer = Answerer(compiler, BUDGET).answer(excerpt.text, "fence").in_text_of(excerpt)
    assert answer.verdict is Verdict.FAILED and "inline assembly" in answer.refusal.reason
    assert "#APP" in source.assembly.splitlines()[answer.refusal.line - 1]


def test_lines_of_an_excerpt_are_lines_of_the_text(toolchain, tmp_path):
    source = _source(toolchain, tmp_path)
    lines = source.assembly.splitlines()
    excerpt = Excerpts(source.assembly).cut("maker")
    places = list(enumerate(excerpt.text.splitlines(), 1))
    assert all(lines[excerpt.number(n) - 1].startswith(line) for n, line in places)
    assert excerpt.number(0) == 0


def test_a_text_of_one_function_is_seen_whole():
    text = "# of old\n\t.type f,@function\nf:\n\tretq\n\t.size f, .-f\n\t.data\nkept:\n\t.long 1\n"
    excerpt = excerpts_of(Source("f.s", text, "x86-64"), ["f"])["f"]
    assert excerpt.text == text and excerpt.number(3) == 3


def test_what_a_name_is_set_to_comes_along():
    function = "\t.type f,@function\nf:\n\tmovl alias(%rip), %eax\n\tretq\n\t.size f, .-f\n"
    text = f"{function}\t.data\nreal:\n\t.long 7\n\t.set alias, real\nother:\n\t.long 8\n"
    assert Excerpts(text).of("f").splitlines()[-4:] == ["\t.data", "real:", "\t.long 7", "\t.set alias, real"]


def test_the_price_of_an_excerpt_does_not_grow_with_the_text():
    one = "\t.globl {0}\n\t.type {0},@function\n{0}:\n\tcallq g\n\tretq\n\t.size {0}, .-{0}\n"
    texts = ["".join(one.format(f"f{i}") for i in range(count)) for count in (2, 200)]
    assert Excerpts(texts[0]).of("f1") == Excerpts(texts[1]).of("f1")
