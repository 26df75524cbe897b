"""Corners of the calling conventions: what the lifter overlooks there is never called the same."""

from __future__ import annotations

import pytest

from ozma.labels.disassembly import LEVELS, lower
from ozma.lift.answers import AnswerOptions, Answerer, Verdict
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.emulator.signature import read_signatures
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import TARGETS, Worker
from ozma.llvm.clang import compile_bitcode

pytest.importorskip("unicorn")

SOURCE = """
struct large { char *e; int f[20]; void *p; long z[6]; char c; }; struct mid { long a, b, c; };
struct pair { long a, b; }; struct mixed { double d; long l; }; struct point { double x, y, z; };
struct two { double x, y; }; struct four { float a, b, c, d; }; struct hook { int (*f)(void *); void *p; };
void *make(void); int start(void *, const char *const *, struct large); void destroy(void *);
int drain(void *, struct hook, struct hook); int take(int, struct mid); struct mixed mixed(int);
struct point middle(struct point, struct point); double distance(struct point, struct point);
struct pair pair(int); float next(float, float); double get(void *, int); void set(void *, double);
void print(int, int, int, int, int, ...); double nine(double, double, double, double, double,
  double, double, double, double); void draw(double, double, float);

int passes_large(const char *const *a, struct large o, struct hook s, struct hook t) {
  void *p = make(); int r = start(p, a, o); if (r >= 0) r = drain(p, s, t); destroy(p); return r; }
void fills_large(const char *const *a) { struct large o = {0}; o.f[3] = 4; start(0, a, o); }
int copies(struct mid *p, int k) { return take(k, *p) + 1; }
struct two gives_two(double a) { struct two t = {a, a + 1}; return t; }
struct four gives_four(float a) { struct four t = {a, a + 1, a + 2, a + 3}; return t; }
struct mixed gives_mixed(int k) { if (k > 3) return mixed(k - 1); return (struct mixed){1.5, k}; }
struct pair gives_pair(int k) { if (k) return pair(k); return (struct pair){0, 0}; }
double hands_on(struct point a, struct point b) { return distance(middle(a, b), a); }
float loops(float *p, int n) { float s = 0; for (int i = 0; i < n; i++) s = next(s, p[i]); return s; }
void varies(double a, double b, int n) { print(-1, 1, n, 9, 2, n ? a / b * 100 : 0.0, b); }
void overflows(double a, double b, int n) { print(-1, 1, n, 9, 2, a, b, a * b, a / b, a - b, a + 1,
  b + 1, a * 3, b * 5, a * 7); }
double spills(double a, double b) { return nine(a, b, a, b, a, b, a, b, a * 2) + 1; }
void either(double a, double b, float c) { if (a > b) draw(a, b, c); else draw(b, a, c + 1); }
void shares(int n, double m, double *x) { print(-1, 0, 2, 9, 2, m, x[n]); print(-1, 0, 1, 9, 2, (double) n); }
void most(void *p, int n, double v) { while (n--) if ((v = get(p, n)) > 3) set(p, v); }
"""
IDENTICAL = {
    "x86-64": ("passes_large", "fills_large", "copies", "gives_two", "gives_pair", "spills", "either"),
    "aarch64": ("passes_large", "copies", "gives_two", "gives_pair", "hands_on", "spills", "either"),
}
"""Of optimized code."""


@pytest.fixture(scope="module", params=["x86-64", "aarch64"])
def machine(request, toolchain, tmp_path_factory):
    """(target, assembly by level, true signatures)"""
    source = tmp_path_factory.mktemp("abi") / "source.c"
    source.write_text(SOURCE)
    target = request.param
    bitcode = compile_bitcode(toolchain, source, (*TARGETS[target].clang_args, "-ffreestanding"))
    with Worker(toolchain) as worker:
        texts = {level.name: lower(worker, bitcode, level).assembly for level in LEVELS}
    return target, texts, read_signatures(toolchain, bitcode)


@pytest.mark.parametrize("level", ["-O0", "-Oz"])
def test_no_answer_is_wrongly_called_the_same(toolchain, machine, level):
    target, texts, signatures = machine
    names = [name for name in signatures if f"\n{name}:" in texts[level]]
    assert len(names) == 15
    shown = {}
    with Compiler(toolchain) as compiler, EmulatorCheck(toolchain, target) as check:
        answerer = Answerer(compiler, AnswerOptions(target, settings=1, search=False), check)
        for name in names:
            answer = answerer.answer(texts[level], name)
            shown[name] = answer.verdict
            if answer.verdict is Verdict.SAME:
                true = check(texts[level], name, answer.ir, answer.assembly, signatures)
                assert true.same, f"{name}: {true.reason}"
    right = {name for name, verdict in shown.items() if verdict in (Verdict.IDENTICAL, Verdict.SAME)}
    assert len(right) >= (11 if (target, level) == ("x86-64", "-O0") else 14), shown
    for name in IDENTICAL[target] if level == "-Oz" else ():
        assert shown[name] is Verdict.IDENTICAL, name
