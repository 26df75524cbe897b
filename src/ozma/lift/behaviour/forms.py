"""Forms of the instructions in the semantics tables, each as a tiny function.

A form is a mnemonic with operands that the assembler takes and the table knows. Its function
stores what the instruction leaves in registers, memory and flags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Iterable, Iterator, Sequence

from ozma.lift.asm.assembler import assemble, refused_lines
from ozma.lift.emulator.image import read_image
from ozma.lift.machines import find_architecture
from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.lines import split_operands
from ozma.lift.reading.effects import Effect, Repeat, SetFlags, Unsupported
from ozma.llvm import Toolchain

_SLOT, _EVEX = 16, 0x62
_GENERAL = {8: ("%al", "%cl"), 16: ("%ax", "%cx"), 32: ("%eax", "%ecx"), 64: ("%rax", "%rcx")}
_MEMORY, _IMMEDIATE = "(%r8)", ("$3", "$-77")
_CONDITIONS = ("e", "b", "be", "l", "le", "s", "o", "p")
_CONSUMERS = ("set", "cmov", "adc", "sbb")
_NOT_ALONE = frozenset("push pop leave ud2 hlt int3 std".split())
_STRINGS = {
    a + b: prefixes for b in "bwlq" for a, prefixes in {
        "movs": ("rep",), "stos": ("rep",), "lods": ("rep",), "scas": ("repe", "repne"),
        "cmps": ("repe", "repne"),
    }.items()
}  # fmt: skip
_THREE = frozenset(["imul", "shld", "shrd"])
_HIGH_HALF = {"b": "movsbw %al, %ax", "w": "cwtd", "l": "cltd", "q": "cqto"}


@dataclass(frozen=True)
class Form:
    """One instruction as text, and the condition (x86: of setcc) that reads its flags."""

    target: str
    mnemonic: str
    line: str
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.line}; {self.condition}" if self.condition else self.line


def forms(toolchain: Toolchain, target: str, mnemonics: Iterable[str] = ()) -> list[Form]:
    """All forms of a table's mnemonics (all of them if none is named), with each condition."""
    wanted = frozenset(mnemonics)
    candidates = [c for c in _CANDIDATES[target]() if not wanted or c[0] in wanted]
    refused = refused_lines(toolchain, [line for _, line in candidates], target)
    taken = [pair for number, pair in enumerate(candidates) if number not in refused]
    if target == "x86-64":
        taken = _without_evex(toolchain, taken)
    return list(_with_conditions(target, dict.fromkeys(taken)))


def _without_evex(toolchain: Toolchain, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leaves out APX, which gives most instructions an operand more, and AVX-512."""
    text = "\t.text\n" + "".join(f"\t.balign {_SLOT}\n\t{line}\n" for _, line in pairs)
    sections = read_image(assemble(toolchain, text, "x86-64")).sections.values()
    code = next(section.data for section in sections if section.executable)
    return [pair for number, pair in enumerate(pairs) if code[number * _SLOT] != _EVEX]


def _with_conditions(target: str, taken: Iterable[tuple[str, str]]) -> Iterator[Form]:
    architecture = find_architecture(target)
    for stem, line in taken:
        mnemonic, _, rest = line.partition(" ")
        if mnemonic in ("rep", "repe", "repne", "lock"):
            second, _, rest = rest.partition(" ")
            mnemonic = f"{mnemonic} {second}"
        operands = tuple(split_operands(rest)) if rest else ()
        try:
            effects = architecture.effects(Instruction(1, mnemonic, operands, line))
        except Unsupported:
            continue
        yield Form(target, stem, line)
        if any(map(_sets_flags, effects)):
            yield from (Form(target, stem, line, c) for c in _FLAG_READERS[target])


def _sets_flags(effect: Effect) -> bool:
    if isinstance(effect, Repeat):
        return effect.goes_on is not None
    return isinstance(effect, SetFlags) and effect.kind != "none"


def text_of(form: Form) -> str:
    """The function `f` that holds the instruction, as assembly."""
    return _TEXTS[form.target](form)


# --- x86-64 ---


def _x86_candidates() -> list[tuple[str, str]]:
    from ozma.lift.x86.table import RULES

    found = []
    for stem in sorted(RULES):
        if stem in _NOT_ALONE:
            continue
        if stem in _STRINGS:
            found += [(stem, stem), *((stem, f"{prefix} {stem}") for prefix in _STRINGS[stem])]
        for suffix, operands in product(("", "b", "w", "l", "q"), _x86_operands(stem in _THREE)):
            if not (stem.startswith("cmp") and "$27" in operands):  # no predicate of SSE's
                found.append((stem, f"{stem}{suffix} {', '.join(operands)}".strip()))
        if stem != "cmp":  # it writes nothing: with lock, it traps
            found += [(stem, f"lock {stem}{s} {a}, {_MEMORY}")
                      for s, w in zip("lq", (32, 64)) for a in (_GENERAL[w][1], _IMMEDIATE[0])]
    return found


def _x86_operands(three_general: bool) -> list[tuple[str, ...]]:
    general = list(_GENERAL.values())
    a, c = [pair[0] for pair in general], [pair[1] for pair in general]
    plain = [*a, _MEMORY]
    two = [*product((*c, *_IMMEDIATE, _MEMORY), a), *product((*c, *_IMMEDIATE), (_MEMORY,))]
    three = [*product((_IMMEDIATE[0], "%cl"), c[1:], plain[1:])]
    vector = [*product(("%xmm1", _MEMORY, *c[2:]), ("%xmm0",))]
    vector += product(("%xmm1",), (_MEMORY, *a[2:]))
    wide = [*product(("$1", "$27"), ("%xmm1", _MEMORY, c[2]), ("%xmm0", a[2]))]
    counted = [("$3", "%xmm0"), ("%xmm0", "%xmm0"), ("%eax", "%eax"), ("%rax", "%rax")]
    more = three if three_general else []
    return [(), *((x,) for x in plain), *two, *more, *vector, *wide, *counted]


def _high_half(line: str) -> str:
    """What makes the dividend as wide as a division wants it."""
    mnemonic, _, operand = line.partition(" ")
    by_operand = (w for w, pair in zip("bwlq", _GENERAL.values()) if operand.split(",")[0] in pair)
    width = next(by_operand, mnemonic.removeprefix("i").removeprefix("div") or "l")
    if mnemonic.startswith("i"):
        return _HIGH_HALF[width]
    return "movzbl %al, %eax" if width == "b" else "xorl %edx, %edx"


def _string_text(form: Form) -> str:
    """Up to 15 elements; places that are far apart or overlap; what is found, or is not."""
    lines = ["leaq -3(%rsi), %rax", "testb $32, %dl", "cmovneq %rax, %rdi"]
    lines += ["leaq 3(%rsi), %rax", "testb $16, %dl", "cmovneq %rax, %rdi"]
    if form.mnemonic.startswith("cmps"):
        lines += ["movq (%rsi), %rax", "movq %rax, (%rdi)"]
    lines += ["movq %rdi, %rax"] if form.mnemonic.startswith("stos") else ["movq 8(%rdi), %rax"]
    lines += ["movq %rdx, %rcx", "andl $15, %ecx", form.line]
    if form.condition:
        lines.append(f"set{form.condition} 32(%r8)")
    lines += ["movq %rax, (%r8)", "movq %rcx, 8(%r8)", "movq %rsi, 16(%r8)", "movq %rdi, 24(%r8)"]
    return _function([*lines, "retq"], "@function")


def _x86_text(form: Form) -> str:
    if form.line.split()[-1] in _STRINGS:
        return _string_text(form)
    lines = []
    lines += ["movq %rdi, %rax", "movq %rsi, 8(%r8)", "movq %rdi, (%r8)", "movq %rsi, %rcx"]
    if "%xmm" in form.line:  # whole vectors come in
        lines += ["movups %xmm0, 64(%r8)", "movups %xmm1, 80(%r8)"]
    if form.mnemonic.startswith(_CONSUMERS):
        lines.append("cmpq %rsi, %rdi")
    mnemonic = form.line.split()[0]
    if mnemonic.startswith(("div", "idiv")):
        lines.append(_high_half(form.line))
    if mnemonic.startswith(("bsf", "bsr")):  # of zero, the result is undefined
        lines += ["orq $64, %rax", "orq $32, %rcx", f"orb $16, {_MEMORY}"]
    lines.append(form.line)
    if form.condition:
        lines.append(f"set{form.condition} 56(%r8)")
    lines += ["movq %rax, 16(%r8)", "movq %rcx, 24(%r8)"]
    if form.mnemonic in ("mul", "imul", "div", "idiv", "cltd", "cqto", "cwtd", "cdq", "cqo", "cwd"):
        lines.append("movq %rdx, 48(%r8)")
    if "%xmm" in form.line:
        lines.append("movups %xmm0, 32(%r8)")
    return _function([*lines, "retq"], "@function")


# --- AArch64 ---

_VECTOR = re.compile(r"[vbhsdq]\d")
_ARM_CONDITIONS = ("eq", "hs", "hi", "mi", "vs", "ge", "gt")
_ARM_NOT_ALONE = frozenset(
    "b bl br blr ret cbz cbnz tbz tbnz adr adrp brk udf svc hlt autiasp paciasp".split()
)
_ARM_CONSUMERS = ("cs", "cc", "cin", "cneg", "adc", "sbc", "ngc", "fcsel", "fccmp")


# Operands of general registers (d: destination, a and b: sources), of floats of one size, and of
# vectors of one arrangement.
_ARM_GENERAL = """{d}, {a}|{d}, {b}|{d}, #3|{d}, #255|{d}, {a}, {b}|{d}, {a}, #3|{d}, {a}, #255
{d}, {b}, lsl #2|{d}, {a}, {b}, lsl #2|{d}, {a}, {b}, asr #7|{d}, {a}, {b}, ror #5
{d}, {a}, {b}, uxtb|{d}, {a}, {b}, sxth #1|{d}, {a}, w11, uxtw #2
{d}, w10, w11|{d}, w10, w11, x9|{d}, w10|{d}, w10, x11
{d}, {a}, {b}, {d}|{d}, {a}, {b}, #3|{d}, {a}, {b}, ne|{d}, {a}, {b}, lt|{d}, {a}, ne|{d}, {a}, lt
{d}, #4, #8|{d}, {a}, #4, #8|{d}, hi|{d}, {a}, #4, hi|{d}, [x4]|{d}, [x4, #8]|{d}, [x4, #8]!
{d}, [x4], #8|{d}, [x4, x12]|{d}, {a}, [x4]|{d}, {a}, [x4, #16]|{d}, s1|{d}, d1|{d}, h1
s0, {a}|d0, {a}|h0, {a}"""
_ARM_FLOATS = """{f}0, {f}1|{f}0, {f}1, {f}2|{f}0, {f}1, {f}2, {f}3|{f}0, #1.0|{f}0, #0.0|{f}0, [x4]
{f}0, {f}1, {f}2, gt|{f}0, {f}1, #4, hi|{f}0, s1|{f}0, d1"""
_ARM_VECTORS = """v0.{v}, v1.{v}, v2.{v}|v0.{v}, v1.{v}|v0.{v}, v1.{v}, #3|v0.{v}, #3|v0.{v}, w10
v0.{v}, x10|b0, v1.{v}|h0, v1.{v}|s0, v1.{v}|d0, v1.{v}|v0.{v}, v1.{v}, #0.0|v0.{v}, v1.{v}, #0
v0.{v}, v1.8b|v0.{v}, v1.4h|v0.{v}, v1.2s|v0.{v}, v1.8h|v0.{v}, v1.4s|v0.{v}, v1.2d
v0.{v}, v1.{v}, v2.{v}, #3|v0.{v}, v1.s[1]|v0.{v}, v1.h[1]|v0.{v}, v1.b[2]"""
_ARM_LANES = "|w9, v1.s[1]|x9, v1.d[1]|w9, v1.h[3]|v0.s[1], w10|q0, [x4]"
_ARRANGEMENTS = ("8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d")


def _arm_candidates() -> list[tuple[str, str]]:
    from ozma.lift.aarch64.semantics import SCALARS, VECTORS

    stems = [s for s in sorted({*SCALARS, *VECTORS}) if s not in _ARM_NOT_ALONE and s[:2] != "b."]
    return [(stem, f"{stem} {operands}".strip()) for stem in stems for operands in _arm_operands()]


def _arm_operands() -> list[str]:
    texts = [_ARM_LANES]
    texts += [_ARM_GENERAL.format(d=f"{r}9", a=f"{r}10", b=f"{r}11") for r in "wx"]
    texts += [_ARM_FLOATS.format(f=size) for size in "hsd"]
    texts += [_ARM_VECTORS.format(v=arrangement) for arrangement in _ARRANGEMENTS]
    return [operands for text in texts for operands in text.replace("\n", "|").split("|")]


def _arm_text(form: Form) -> str:
    lines = ["mov x9, x0", "mov x10, x1", "mov x11, x2", "stp x0, x1, [x4]"]
    lines += ["mov x12, #8", "mov x13, x4"]
    vectors = [word for word in form.line.replace(",", " ").split()[1:] if _VECTOR.match(word)]
    if vectors:
        lines += ["stp q0, q1, [x4, #96]", "str q2, [x4, #128]"]
    if form.mnemonic.startswith(_ARM_CONSUMERS):
        lines.append("cmp x0, x1")
    lines.append(form.line)
    if form.condition:
        lines += [f"cset w14, {form.condition}", "str w14, [x13, #80]"]
    lines += ["stp x9, x10, [x13, #32]"]
    if vectors:
        lines.append("str q0, [x13, #64]")
    return _function([*lines, "ret"], "%function")


_CANDIDATES = {"x86-64": _x86_candidates, "aarch64": _arm_candidates}
_TEXTS = {"x86-64": _x86_text, "aarch64": _arm_text}
_FLAG_READERS = {"x86-64": _CONDITIONS, "aarch64": _ARM_CONDITIONS}


def _function(lines: Sequence[str], kind: str) -> str:
    body = "".join(f"\t{line}\n" for line in lines)
    return (f"\t.text\n\t.globl\tf\n\t.type\tf,{kind}\nf:\n\t.cfi_startproc\n{body}"
            ".Lfunc_end0:\n\t.size\tf, .Lfunc_end0-f\n\t.cfi_endproc\n")
