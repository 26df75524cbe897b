"""AArch64's tables: each instruction against an emulator, operands, outlined code."""

from __future__ import annotations

import math
import random
import struct
import subprocess
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.lift.aarch64 import AARCH64
from ozma.lift.aarch64.operands import Label, Memory, Shifted, parse_operands
from ozma.lift.aarch64.outlined import restored
from ozma.lift.aarch64.registers import register_named
from ozma.lift.decisions import Decisions
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.lifter import lift_function
from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.assembly import parse_assembly
from ozma.lift.reading.lines import split_operands
from ozma.lift.reading.effects import (
    Branch, Condition, Const, Let, Load, Op, Reg, SelectFlags, SetFlags, SetReg, Store, Temp,
    Unsupported, bits, is_float, lanes,
)  # fmt: skip
from ozma.lift.reading.mangled import parameters_of
from ozma.llvm import find_toolchain

CODE, MEMORY, SIZE = 0x10000, 0x200000, 0x2000
ROUNDS = 12


class EffectMachine:
    """Runs effects on numbers: registers are their bits, memory is bytes from MEMORY on."""

    def __init__(self, registers: dict[str, int], flags: int, memory: bytes) -> None:
        self.registers, self.memory = dict(registers), bytearray(memory)
        self.before, self.temps = dict(registers), {}
        self.holds = self._holding(flags)

    @staticmethod
    def _holding(nzcv: int) -> dict[str, bool]:
        n, z, c, v = (bool(nzcv >> place & 1) for place in (3, 2, 1, 0))
        return {
            "eq": z, "ne": not z, "uge": c, "ult": not c, "neg": n, "pos": not n, "ovf": v,
            "novf": not v, "ugt": c and not z, "ule": not c or z, "sge": n == v, "slt": n != v,
            "sgt": not z and n == v, "sle": z or n != v,
        }  # fmt: skip

    def run(self, effects: list) -> None:
        self.before = dict(self.registers)
        for effect in effects:
            if isinstance(effect, Let):
                self.temps[effect.name] = self.value(effect.value)
            elif isinstance(effect, SetReg):
                self.registers[effect.name] = self.value(effect.value)
            elif isinstance(effect, Store):
                self._store(effect)
            elif isinstance(effect, SetFlags):
                self.holds = self._flags(effect)
            elif isinstance(effect, SelectFlags):
                if self.holds[effect.condition.code]:
                    self.holds = self._flags(effect.then)
                else:
                    self.holds = {code: code in effect.holds for code in self._holding(0)}
            else:
                raise AssertionError(effect)

    def _store(self, effect: Store) -> None:
        start, size = self.value(effect.address) - MEMORY, bits(effect.type) // 8
        self.memory[start : start + size] = self.value(effect.value).to_bytes(size, "little")

    def _flags(self, effect: SetFlags) -> dict[str, bool]:
        if effect.kind == "fcmp":
            return self._float_flags(effect)
        width, a = bits(effect.type), self.value(effect.a)
        if effect.kind == "logic":
            return self._holding((a >> width - 1) << 3 | (a == 0) << 2)
        assert effect.kind in ("sub", "adds")
        b, top = self.value(effect.b), 1 << width
        signed = _signed(a, width) + (1 if effect.kind == "adds" else -1) * _signed(b, width)
        result = (a + b if effect.kind == "adds" else a - b) % top
        carry = a + b >= top if effect.kind == "adds" else a >= b
        overflow = signed != _signed(result, width)
        return self._holding(
            (result >> width - 1) << 3 | (result == 0) << 2 | carry << 1 | overflow
        )

    def _float_flags(self, effect: SetFlags) -> dict[str, bool]:
        a, b = (_number(self.value(side), effect.type) for side in (effect.a, effect.b))
        if math.isnan(a) or math.isnan(b):
            return self._holding(0b0011)
        return self._holding(0b0110 if a == b else 0b1000 if a < b else 0b0010)

    def value(self, expression) -> int:
        if isinstance(expression, Const):
            return expression.value
        if isinstance(expression, Reg):
            whole = self.before[expression.name] >> expression.offset
            return whole & ((1 << bits(expression.type)) - 1)
        if isinstance(expression, Temp):
            return self.temps[expression.name]
        if isinstance(expression, Condition):
            return int(self.holds[expression.code])
        if isinstance(expression, Load):
            start = self.value(expression.address) - MEMORY
            return int.from_bytes(self.memory[start : start + bits(expression.type) // 8], "little")
        assert isinstance(expression, Op), expression
        return evaluate(expression, [self.value(part) for part in expression.operands])


def evaluate(op: Op, values: list[int]) -> int:
    """The bits of the result of one operation on bits."""
    inputs = [getattr(part, "type", "i1") for part in op.operands]
    name = op.opcode
    if name == "poison":
        return 0
    if name == "bitcast":
        return values[0]
    if name == "select":
        return values[1] if values[0] else values[2]
    if name == "insertelement":
        return _with_element(values, bits(lanes(op.type)[1]))
    if name == "extractelement":
        return values[0] >> values[1 + 0] * bits(op.type) & ((1 << bits(op.type)) - 1)
    if name == "shufflevector":
        return _shuffle(op, values, inputs)
    if name.startswith("llvm.vector.reduce."):
        return _reduce(op, values[0], inputs[0])
    count = lanes(op.type)[0]
    if count > 1 and name != "llvm.aarch64.neon.tbl1":
        return _lane_by_lane(op, values, inputs, count)
    if name == "llvm.aarch64.neon.tbl1":
        return _table(op, values)
    return _scalar(name, op.type, values, inputs)


def _with_element(values: list[int], width: int) -> int:
    vector, element, place = values
    mask = (1 << width) - 1
    return vector & ~(mask << place * width) | (element & mask) << place * width


def _parts(value: int, type_: str) -> list[int]:
    count, element = lanes(type_)
    width = bits(element)
    return [value >> width * place & ((1 << width) - 1) for place in range(count)]


def _whole(parts: list[int], width: int) -> int:
    return sum(part << width * place for place, part in enumerate(parts))


def _shuffle(op: Op, values: list[int], inputs: list[str]) -> int:
    pool = _parts(values[0], inputs[0]) + _parts(values[1], inputs[0])
    return _whole([pool[place] for place in op.extra], bits(lanes(op.type)[1]))


def _table(op: Op, values: list[int]) -> int:
    pool = _parts(values[0], "<16 x i8>")
    picked = [pool[place] if place < 16 else 0 for place in _parts(values[1], op.type)]
    return _whole(picked, 8)


def _reduce(op: Op, value: int, type_: str) -> int:
    name = op.opcode.rsplit(".", 1)[1]
    parts = _parts(value, type_)
    total = parts[0]
    for part in parts[1:]:
        opcode = "add" if name == "add" else f"llvm.{name}"
        total = _scalar(opcode, op.type, [total, part], [op.type, op.type])
    return total


def _lane_by_lane(op: Op, values: list[int], inputs: list[str], count: int) -> int:
    element = lanes(op.type)[1]
    columns = [
        _parts(v, t) if lanes(t)[0] == count else [v] * count for v, t in zip(values, inputs)
    ]
    kinds = [lanes(t)[1] for t in inputs]
    rows = zip(*columns)
    return _whole([_scalar(op.opcode, element, list(row), kinds) for row in rows], bits(element))


def _signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> width - 1 & 1 else value


_CODES = {"half": "e", "float": "f", "double": "d"}


def _number(value: int, type_: str) -> float:
    return struct.unpack("<" + _CODES[type_], value.to_bytes(bits(type_) // 8, "little"))[0]


def _bits_of(value: float | Fraction, type_: str) -> int:
    if isinstance(value, Fraction):
        value = _nearest(value, type_)
    try:
        packed = struct.pack("<" + _CODES[type_], value)
    except OverflowError:
        packed = struct.pack("<" + _CODES[type_], math.copysign(math.inf, value))
    return int.from_bytes(packed, "little")


def _nearest(value: Fraction, type_: str) -> float:
    """Rounded once: through a double only where that is the type itself."""
    wide = value.numerator / value.denominator if value else 0.0
    if type_ == "double" or not math.isfinite(wide):
        return wide
    exact = Fraction(wide)
    if exact == value:
        return wide
    # Nudge a double that would be rounded twice off the tie that it hides.
    return math.nextafter(wide, math.inf if value > exact else -math.inf)


_INTEGER = {
    "add": lambda a, b, w: a + b, "sub": lambda a, b, w: a - b, "mul": lambda a, b, w: a * b,
    "and": lambda a, b, w: a & b, "or": lambda a, b, w: a | b, "xor": lambda a, b, w: a ^ b,
    "shl": lambda a, b, w: a << b, "lshr": lambda a, b, w: a >> b,
    "ashr": lambda a, b, w: _signed(a, w) >> b,
    "udiv": lambda a, b, w: a // b if b else 0,
    "sdiv": lambda a, b, w: _divided(_signed(a, w), _signed(b, w)),
    "llvm.smax": lambda a, b, w: max(_signed(a, w), _signed(b, w)),
    "llvm.smin": lambda a, b, w: min(_signed(a, w), _signed(b, w)),
    "llvm.umax": lambda a, b, w: max(a, b), "llvm.umin": lambda a, b, w: min(a, b),
    "llvm.sadd.sat": lambda a, b, w: _clamped(_signed(a, w) + _signed(b, w), w),
    "llvm.ssub.sat": lambda a, b, w: _clamped(_signed(a, w) - _signed(b, w), w),
    "llvm.uadd.sat": lambda a, b, w: min(a + b, (1 << w) - 1),
    "llvm.usub.sat": lambda a, b, w: max(a - b, 0),
    "llvm.aarch64.neon.ushl": lambda a, b, w: _by_sign(a, _signed(b & 255, 8), w),
    "llvm.aarch64.neon.sshl": lambda a, b, w: _by_sign(_signed(a, w), _signed(b & 255, 8), w),
}  # fmt: skip


def _divided(a: int, b: int) -> int:
    return int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1) if b else 0


def _clamped(value: int, width: int) -> int:
    return max(-(1 << width - 1), min((1 << width - 1) - 1, value))


def _by_sign(value: int, amount: int, width: int) -> int:
    return value << amount if amount >= 0 else value >> min(-amount, 200)


def _scalar(name: str, type_: str, values: list[int], inputs: list[str]) -> int:
    width = bits(type_)
    mask = (1 << width) - 1
    if name in _INTEGER:
        return _INTEGER[name](*values, width) & mask
    if name.startswith("icmp "):
        return int(_compare(name[5:], values, bits(inputs[0])))
    if name.startswith("fcmp "):
        a, b = (_number(v, inputs[0]) for v in values)
        tests = {"oeq": a == b, "ogt": a > b, "oge": a >= b, "ole": a <= b, "olt": a < b}
        return int(tests[name[5:]])
    if name in ("zext", "trunc"):
        return values[0] & mask
    if name == "sext":
        return _signed(values[0], bits(inputs[0])) & mask
    if is_float(type_) or is_float(inputs[0]):
        return _float(name, type_, values, inputs)
    return _bit_work(name, width, values) & mask


def _compare(test: str, values: list[int], width: int) -> bool:
    a, b = values
    if test[0] == "s":
        a, b = _signed(a, width), _signed(b, width)
    return {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[
        test.lstrip("su")
    ]


def _bit_work(name: str, width: int, values: list[int]) -> int:
    text = f"{values[0]:0{width}b}"
    if name == "llvm.ctlz":
        return width - values[0].bit_length()
    if name == "llvm.ctpop":
        return text.count("1")
    if name == "llvm.abs":
        return abs(_signed(values[0], width))
    if name == "llvm.bitreverse":
        return int(text[::-1], 2)
    if name == "llvm.bswap":
        return int.from_bytes(values[0].to_bytes(width // 8, "little"), "big")
    if name in ("llvm.fshl", "llvm.fshr"):
        both, amount = values[0] << width | values[1], values[2] % width
        return both << amount >> width if name == "llvm.fshl" else both >> amount
    raise AssertionError(name)


_ROUNDINGS = {
    "llvm.floor": math.floor, "llvm.ceil": math.ceil, "llvm.trunc": math.trunc,
    "llvm.rint": round, "llvm.nearbyint": round, "llvm.roundeven": round,
    "llvm.round": lambda x: math.trunc(x + math.copysign(Fraction(1, 2), x)),
}  # fmt: skip


class Poison(Exception):
    """LLVM does not say what comes of these inputs."""


def _to_integer(number: float, width: int, signed: bool) -> int:
    if not math.isfinite(number):
        raise Poison
    whole = math.trunc(number)
    if not (-(1 << width - 1) <= whole < 1 << width - 1 if signed else 0 <= whole < 1 << width):
        raise Poison
    return whole & ((1 << width) - 1)


def _float(name: str, type_: str, values: list[int], inputs: list[str]) -> int:
    width = bits(type_)
    if name in ("sitofp", "uitofp"):
        number = _signed(values[0], bits(inputs[0])) if name == "sitofp" else values[0]
        return _bits_of(Fraction(number), type_)
    if name in ("fneg", "llvm.fabs"):
        sign = 1 << width - 1
        return values[0] ^ sign if name == "fneg" else values[0] & ~sign
    numbers = [_number(value, kind) for value, kind in zip(values, inputs)]
    if name in ("fptosi", "fptoui"):
        return _to_integer(numbers[0], width, name == "fptosi")
    if name in _ROUNDINGS:
        whole = _ROUNDINGS[name](Fraction(numbers[0]) if name == "llvm.round" else numbers[0])
        return _bits_of(math.copysign(float(whole), numbers[0]), type_)
    if name in ("fpext", "fptrunc"):
        return _bits_of(numbers[0], type_)
    if name == "llvm.sqrt":
        return _bits_of(math.sqrt(numbers[0]), type_)
    if name in ("llvm.maxnum", "llvm.maximum"):
        return _bits_of(max(numbers), type_)
    if name in ("llvm.minnum", "llvm.minimum"):
        return _bits_of(min(numbers), type_)
    a, b, *c = (Fraction(number) for number in numbers)
    exact = {"fadd": lambda: a + b, "fsub": lambda: a - b, "fmul": lambda: a * b,
             "fdiv": lambda: a / b, "llvm.fma": lambda: a * b + c[0]}[name]()  # fmt: skip
    return _bits_of(exact, type_)


INTEGER_LINES = """
add x0, x1, x2|add w0, w1, w2|add w0, w1, #12|add x0, x1, #1, lsl #12|add x0, x1, w2, sxtw #2
add x0, x1, w2, uxtb|add x0, x1, x2, lsl #3|add w0, w1, w2, lsr #3|add w0, w1, w2, asr #3|sub x0, x1, w2, sxth #1
sub w0, w1, w2, uxtb|sub x0, xzr, x1|adds w0, w1, w2|adds x0, x1, x2|adds w0, w1, #1|subs w0, w1, w2|subs x0, x1, #7
subs wzr, w1, w2|and w0, w1, #0xff00|and x0, x1, x2|and w0, w1, w2, asr #31|ands w0, w1, w2|ands x0, x1, #7
orr w0, w1, w2|orr x0, x1, #0x1|orr w0, w1, w2, lsl #16|orr w0, wzr, #0x3|eor x0, x1, x2|eor w0, w1, w2, ror #5
bic w0, w1, w2|bics w0, w1, w2|orn x0, x1, x2|eon w0, w1, w2|bic w0, w1, w1, asr #31|mvn w0, w1|mvn x0, x1, lsl #2
lsl w0, w1, w2|lsl x0, x1, x2|lsl w0, w1, #3|lsr x0, x1, x2|lsr w0, w1, #31|asr w0, w1, w2|asr x0, x1, #5
ror w0, w1, #7|ror x0, x1, x2|ror w0, w1, w2|extr w0, w1, w2, #9|extr x0, x1, x2, #40
sxtb w0, w1|sxtb x0, w1|sxth w0, w1|sxtw x0, w1|uxtb w0, w1|uxth w0, w1
ubfx w0, w1, #3, #7|ubfx x0, x1, #8, #32|ubfx x0, x1, #0, #32|sbfx w0, w1, #4, #9|sbfx x0, x1, #0, #16|ubfiz w0, w1, #3, #5
ubfiz x0, x1, #2, #32|sbfiz x0, x1, #2, #32|sbfiz w0, w1, #4, #11|bfi w0, w1, #8, #8|bfi x0, x1, #32, #32|bfi w0, wzr, #3, #4
bfxil w0, w1, #0, #6|bfxil x0, x1, #16, #16|bfxil w0, w1, #5, #3|mul w0, w1, w2|mul x0, x1, x2|mneg w0, w1, w2
madd w0, w1, w2, w3|madd x0, x1, x2, x3|msub w0, w1, w2, w3|smull x0, w1, w2|umull x0, w1, w2|smaddl x0, w1, w2, x3
umaddl x0, w1, w2, x3|smsubl x0, w1, w2, x3|umsubl x0, w1, w2, x3|smnegl x0, w1, w2|smulh x0, x1, x2|umulh x0, x1, x2
sdiv w0, w1, w2|udiv x0, x1, x2|sdiv x0, x1, x2|udiv w0, w1, w2|csel w0, w1, w2, eq|csel x0, x1, x2, lt|csel w0, w1, wzr, ge
csinc w0, w1, w2, ne|csinc w0, w1, wzr, hi|csinv x0, x1, x2, ls|csinv w0, w1, wzr, vs|csneg w0, w1, w2, vc
cset w0, eq|cset x0, lo|csetm w0, hs|csetm x0, mi|cinc w0, w1, pl|cinc x0, x1, gt|cinv w0, w1, le|cneg x0, x1, mi
cmp w1, w2|cmp x1, #5|cmp w1, w2, uxtb|cmp x1, w2, sxtw|cmn w1, #1|cmn x1, x2|cmn w1, w2|tst w1, w2|tst x1, #0xf0|tst w1, w1
ccmp w1, w2, #4, ne|ccmp x1, #3, #8, ge|ccmn w1, #1, #2, lt|ccmp w1, w2, #0, hi|ccmn x1, x2, #15, eq|negs w0, w1|neg w0, w1, lsl #3
adc x0, x1, x2|sbc w0, w1, w2|clz w0, w1|clz x0, x1|rbit w0, w1|rbit x0, x1|rev w0, w1|rev x0, x1|rev16 w0, w1|rev32 x0, x1
mov w0, w1|mov x0, x1|mov w0, #-5|mov x0, #-48|mov w0, wzr|movk w0, #77, lsl #16|movk x0, #0, lsl #32|movz x0, #5, lsl #48
ldr w0, [x19]|ldr x0, [x19, #8]|ldr x0, [x19, x20]|ldr w0, [x19, w20, sxtw #2]|ldr x0, [x19, x20, lsl #3]|ldr w0, [x19, w20, uxtw]
ldrb w0, [x19, #3]|ldrb w0, [x19], #1|ldrh w0, [x19, x20, lsl #1]|ldrsb w0, [x19]|ldrsb x0, [x19]|ldrsh x0, [x19, #2]|ldrsw x0, [x19, #4]
ldur x0, [x19, #-7]|ldursw x0, [x19, #-4]|ldurb w0, [x19, #-1]|ldr x19, [x19, #16]|ldr x0, [x19, #16]!|ldr x0, [x19], #-8
str w1, [x19]|str x1, [x19, #-16]!|str x1, [x19], #8|strb w1, [x19, x20]|strh w1, [x19, #2]|str wzr, [x19, #4]|stur x1, [x19, #-5]
ldp x0, x1, [x19]|ldp w0, w1, [x19, #8]|ldp x19, x0, [x19]|ldp x0, x1, [x19], #16|ldpsw x0, x1, [x19]|stp x1, x2, [x19, #-32]!
stp w1, wzr, [x19, #4]|stp x1, x2, [x19], #16|ldar w0, [x19]|stlr x1, [x19]|ldarb w0, [x19]|stp xzr, xzr, [x19, #16]
"""

FLOAT_LINES = """
fadd d0, d1, d2|fsub s0, s1, s2|fmul d0, d1, d2|fdiv s0, s1, s2|fnmul d0, d1, d2|fneg d0, d1|fabs s0, s1|fmov d0, d1
fmadd d0, d1, d2, d3|fmsub d0, d1, d2, d3|fnmadd d0, d1, d2, d3|fnmsub d0, d1, d2, d3|fmaxnm d0, d1, d2|fminnm s0, s1, s2
fmax d0, d1, d2|fmin s0, s1, s2|fcmp d1, d2|fcmp s1, #0.0|fcmpe d1, d2|fccmp d1, d2, #4, ne|fcsel d0, d1, d2, mi|fcsel s0, s1, s2, gt
fcvt d0, s1|fcvt s0, d1|scvtf d0, w1|scvtf s0, x1|ucvtf d0, x1|ucvtf s0, w1|scvtf d0, d1|ucvtf d0, w1, #4|fcvtzs w0, d1|fcvtzs x0, s1
fcvtzu w0, d4|fcvtms w0, d1|fcvtps x0, d1|fcvtas w0, s1|fcvtns w0, d1|fcvtzs w0, d1, #3|fcvtzs d0, d1
frintm d0, d1|frintp s0, s1|frintz d0, d1|frinta d0, d1|frintx d0, d1|frinti s0, s1|frintn d0, d1|fsqrt d0, d4
fmov d0, x1|fmov x0, d1|fmov s0, w1|fmov w0, s1|fmov d0, #1.5|fmov s0, #-2.0|fmov d0, xzr
ldr d0, [x19]|ldr s0, [x19, #4]|ldr q0, [x19, #16]|str d1, [x19, #8]|str q1, [x19], #16|stp d1, d2, [x19]|ldp q0, q1, [x19]|stp q1, q2, [x19, #32]
"""

VECTOR_LINES = """
add v0.4s, v1.4s, v2.4s|add v0.2d, v1.2d, v2.2d|sub v0.8b, v1.8b, v2.8b|mul v0.8h, v1.8h, v2.8h|and v0.16b, v1.16b, v2.16b
orr v0.8b, v1.8b, v2.8b|orr v0.4s, #48|orr v0.16b, v1.16b, v1.16b|bic v0.4s, #1, lsl #8|bic v0.16b, v1.16b, v2.16b|orn v0.8b, v1.8b, v2.8b
eor v0.16b, v1.16b, v2.16b|mvn v0.16b, v1.16b|neg v0.4s, v1.4s|abs v0.8h, v1.8h|smax v0.4s, v1.4s, v2.4s|umin v0.16b, v1.16b, v2.16b
sqadd v0.4s, v1.4s, v2.4s|uqsub v0.8h, v1.8h, v2.8h|cmeq v0.4s, v1.4s, v2.4s|cmgt v0.8h, v1.8h, v2.8h|cmhi v0.16b, v1.16b, v2.16b
cmge v0.4s, v1.4s, #0|cmlt v0.2s, v1.2s, #0|cmtst v0.4s, v1.4s, v2.4s|shl v0.4s, v1.4s, #3|ushr v0.8h, v1.8h, #4|sshr v0.2d, v1.2d, #63
ushl v0.4s, v1.4s, v2.4s|sshl v0.2d, v1.2d, v2.2d|usra v0.4s, v1.4s, #7|ssra v0.4s, v1.4s, #7|mla v0.4s, v1.4s, v2.4s|mls v0.4s, v1.4s, v2.4s
sshll v0.4s, v1.4h, #2|ushll v0.2d, v1.2s, #0|ushll2 v0.4s, v1.8h, #1|sshll2 v0.2d, v1.4s, #0|xtn v0.4h, v1.4s|xtn2 v0.8h, v1.4s|shrn v0.2s, v1.2d, #32
smull v0.2d, v1.2s, v2.2s|umull2 v0.4s, v1.8h, v2.8h|saddl v0.8h, v1.8b, v2.8b|uaddl2 v0.4s, v1.8h, v2.8h|uaddw v0.4s, v1.4s, v2.4h|ssubw2 v0.4s, v1.4s, v2.8h
smlal v0.4s, v1.4h, v2.4h|umlsl2 v0.2d, v1.4s, v2.4s|addv s0, v1.4s|umaxv h0, v1.4h|sminv b0, v1.16b|uaddlv h0, v1.8b|addp v0.4s, v1.4s, v2.4s
addp d0, v1.2d|dup v0.4s, w1|dup v0.2d, x1|dup v0.4s, v1.s[2]|dup v0.8b, v1.b[9]|mov v0.16b, v1.16b|mov v0.8b, v1.8b|mov v0.s[2], w1|mov v0.d[1], v1.d[0]
mov s0, v1.s[1]|mov d0, v1.d[1]|mov w0, v1.s[3]|mov x0, v1.d[1]|umov w0, v1.h[2]|smov w0, v1.b[3]|smov x0, v1.s[1]|ins v0.h[1], w1|fmov x0, v1.d[1]
fmov v0.d[1], x1|movi v0.2d, #0000000000000000|movi v0.4s, #3|movi v0.4s, #1, lsl #8|movi v0.4s, #1, msl #8|movi d0, #0xff00ff00ff00ff00|movi v0.16b, #7|mvni v0.4s, #5
fmov v0.2d, #1.0|zip1 v0.4s, v1.4s, v2.4s|zip2 v0.8h, v1.8h, v2.8h|uzp1 v0.8h, v1.8h, v2.8h|uzp2 v0.4s, v1.4s, v2.4s|trn1 v0.2d, v1.2d, v2.2d|trn2 v0.8b, v1.8b, v2.8b
rev64 v0.4s, v1.4s|rev32 v0.8h, v1.8h|rev16 v0.16b, v1.16b|ext v0.16b, v1.16b, v2.16b, #5|ext v0.8b, v1.8b, v2.8b, #3|bsl v0.16b, v1.16b, v2.16b|bit v0.16b, v1.16b, v2.16b
bif v0.8b, v1.8b, v2.8b|cnt v0.8b, v1.8b|tbl v0.16b, { v1.16b }, v2.16b|ld1 { v0.4s }, [x19]|ld1 { v0.s }[3], [x19]|ld1r { v0.4s }, [x19]
st1 { v1.16b }, [x19]|st1 { v1.s }[2], [x19]|ld1 { v0.16b, v1.16b }, [x19]|mul v0.4s, v1.4s, v2.s[1]|add d0, d1, d2
"""


def _lines(text: str) -> list[str]:
    return [line for row in text.split("\n") for line in row.split("|") if line]


def _instruction(line: str) -> Instruction:
    mnemonic, _, rest = line.partition(" ")
    return Instruction(1, mnemonic, split_operands(rest), line)


def _assembled(lines: list[str]) -> list[bytes]:
    """The machine code of each line."""
    toolchain = find_toolchain()
    command = [str(toolchain.tool("llvm-mc")), "-triple=aarch64", "-filetype=obj", "-o", "-"]
    built = subprocess.run(
        command, input="\n".join([".text", *lines, ""]).encode(), capture_output=True
    )
    assert built.returncode == 0, built.stderr.decode()
    copy = [str(toolchain.tool("llvm-objcopy")), "-O", "binary", "-j", ".text", "-", "-"]
    code = subprocess.run(copy, input=built.stdout, capture_output=True, check=True).stdout
    assert len(code) == 4 * len(lines)
    return [code[start : start + 4] for start in range(0, len(code), 4)]


class Emulator:
    """Unicorn with one page of code and some memory."""

    def __init__(self) -> None:
        unicorn = pytest.importorskip("unicorn")
        from unicorn import arm64_const as names

        self._machine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._machine.mem_map(CODE, 0x1000)
        self._machine.mem_map(MEMORY, SIZE)
        self._flags = names.UC_ARM64_REG_NZCV
        general = {f"x{n}": getattr(names, f"UC_ARM64_REG_X{n}") for n in range(29)}
        self._registers = general | {
            f"v{n}": getattr(names, f"UC_ARM64_REG_Q{n}") for n in range(8)
        }
        self._machine.reg_write(names.UC_ARM64_REG_CPACR_EL1, 3 << 20)

    def run(self, code: bytes, registers: dict[str, int], flags: int, memory: bytes) -> tuple:
        machine = self._machine
        machine.mem_write(CODE, code)
        machine.mem_write(MEMORY, memory)
        for name, number in self._registers.items():
            machine.reg_write(number, registers[name])
        machine.reg_write(self._flags, flags << 28)
        machine.emu_start(CODE, CODE + 4, count=1)
        after = {name: machine.reg_read(number) for name, number in self._registers.items()}
        return after, machine.reg_read(self._flags) >> 28, bytes(machine.mem_read(MEMORY, SIZE))


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    return Emulator()


_EDGES = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def _inputs(source: random.Random, floats: bool) -> tuple[dict[str, int], int, bytes]:
    registers = {
        f"x{n}": source.choice(_EDGES) if source.random() < 0.4 else source.getrandbits(64)
        for n in range(29)
    }
    registers |= {"x19": MEMORY + SIZE // 2, "x20": source.randrange(64)}
    for n in range(8):
        registers[f"v{n}"] = _some_floats(source) if floats else source.getrandbits(128)
    return registers, source.randrange(16), source.randbytes(SIZE)


def _some_floats(source: random.Random) -> int:
    """A double, or two singles, that fit an i32: conversions of others are LLVM's poison."""
    if source.random() < 0.5:
        return _bits_of(round(source.uniform(0, 3e4), 3), "double") | source.getrandbits(64) << 64
    return _bits_of(source.uniform(1, 3e4), "float") | source.getrandbits(64) << 64


def _check(emulator: Emulator, lines: list[str], floats: bool = False) -> None:
    source = random.Random(1)
    for line, code in zip(lines, _assembled(lines), strict=True):
        effects = AARCH64.effects(_instruction(line))
        for _ in range(ROUNDS):
            registers, flags, memory = _inputs(source, floats)
            machine = EffectMachine(registers, flags, memory)
            try:
                machine.run(effects)
            except Poison:
                continue
            after, new_flags, new_memory = emulator.run(code, registers, flags, memory)
            for name, value in after.items():
                assert machine.registers[name] == value, (
                    line,
                    name,
                    hex(value),
                    hex(machine.registers[name]),
                )
            assert bytes(machine.memory) == new_memory, line
            assert machine.holds == EffectMachine._holding(new_flags), (line, new_flags)


def test_integer_instructions_do_what_the_emulator_does(emulator: Emulator) -> None:
    _check(emulator, _lines(INTEGER_LINES))


def test_floating_instructions_do_what_the_emulator_does(emulator: Emulator) -> None:
    _check(emulator, _lines(FLOAT_LINES), floats=True)


def test_vector_instructions_do_what_the_emulator_does(emulator: Emulator) -> None:
    _check(emulator, _lines(VECTOR_LINES))


def test_operands_are_joined_to_their_shifts_and_steps() -> None:
    assert parse_operands("add", ("x0", "x1", "w2", "sxtw #2"))[2] == Shifted(
        register_named("w2"), "sxtw", 2
    )
    assert parse_operands("ldr", ("x0", "[x1]", "#-8"))[1] == Memory(
        register_named("x1"), -8, mode="post"
    )
    assert parse_operands("str", ("x0", "[sp, #-16]!"))[1] == Memory(
        register_named("sp"), -16, mode="pre"
    )
    assert parse_operands("add", ("x0", "x0", ":lo12:a.b+8"))[2] == Label("a.b", 8, "lo12")


@pytest.mark.parametrize("name", ["x0", "eq", "d1", "sp", "v0.4s", "lsl"])
def test_a_call_of_a_function_named_like_a_register_is_a_call(name: str) -> None:
    assert parse_operands("bl", (name,)) == (Label(name),)


@given(st.text(alphabet="[]{}#,!:xwvdqs0123456789. lsl", max_size=24))
def test_any_operand_text_is_parsed_or_refused(text: str) -> None:
    try:
        AARCH64.effects(_instruction(f"ldr x0, {text}"))
        AARCH64.effects(_instruction(f"add {text}"))
    except Unsupported as reason:
        assert str(reason)


@given(st.sampled_from(_lines(INTEGER_LINES + FLOAT_LINES + VECTOR_LINES)), st.data())
def test_a_line_with_an_operand_taken_out_never_raises_anything_else(
    line: str, data: st.DataObject
) -> None:
    instruction = _instruction(line)
    place = data.draw(st.integers(0, len(instruction.operands) - 1))
    short = instruction.operands[:place] + instruction.operands[place + 1 :]
    try:
        AARCH64.effects(Instruction(1, instruction.mnemonic, short, line))
    except Unsupported as reason:
        assert str(reason)


@pytest.mark.parametrize(
    "line",
    [
        "svc #0", "ldxr w0, [x1]", "ld2 { v0.4s, v1.4s }, [x0]", "msr nzcv, x0", "retaa",
        "tbz w0, #40, .L", "tbz x0, #-1, .L", "mov x0, #18446744073709551616",
    ],
)  # fmt: skip
def test_what_cannot_be_lifted_is_refused(line: str) -> None:
    with pytest.raises(Unsupported):
        AARCH64.effects(_instruction(line))


OUTLINED = """
	.type	f,@function
f:
	.cfi_startproc
	mov	x19, x0
	bl	OUTLINED_FUNCTION_0
	bl	OUTLINED_FUNCTION_1
	b	OUTLINED_FUNCTION_1
	.cfi_endproc
	.type	OUTLINED_FUNCTION_0,@function
OUTLINED_FUNCTION_0:
	.cfi_startproc
	mov	w1, #1
	ret
	.cfi_endproc
	.type	OUTLINED_FUNCTION_1,@function
OUTLINED_FUNCTION_1:
	.cfi_startproc
	mov	x0, x19
	b	g
	.cfi_endproc
"""


def _code(text: str) -> list[str]:
    listing = parse_assembly(text, AARCH64)
    lines = restored(listing.functions[0], listing).lines
    return [
        f"{line.mnemonic} {', '.join(line.operands)}"
        for line in lines
        if isinstance(line, Instruction)
    ]


def test_outlined_code_is_put_back() -> None:
    assert _code(OUTLINED) == [
        "mov x19, x0", "mov w1, #1", "mov x0, x19", "bl g", "mov x0, x19", "b g",
    ]  # fmt: skip


def test_outlined_code_that_calls_itself_does_not_hang() -> None:
    text = OUTLINED.replace("b	g", "bl	OUTLINED_FUNCTION_1\n	ret")
    assert len(_code(text)) < 1000


def test_a_descriptor_call_gives_the_distance_of_its_variable() -> None:
    text = """
f:
	adrp	x0, :tlsdesc:v
	ldr	x1, [x0, :tlsdesc_lo12:v]
	add	x0, x0, :tlsdesc_lo12:v
	.tlsdesccall v
	blr	x1
	mrs	x8, TPIDR_EL0
	ldr	w0, [x8, x0]
	ret
"""
    assert _code(text)[3] == "tlsdesccall v"
    (effect,) = AARCH64.effects(_instruction("tlsdesccall v"))
    assert effect.name == "x0" and effect.value.name == "v" and effect.value.relocation == "tpoff"


def test_branches_say_what_they_test() -> None:
    (zero,) = AARCH64.effects(_instruction("cbz w0, .L"))
    (sign,) = AARCH64.effects(_instruction("tbnz w0, #31, .L"))
    (bit,) = AARCH64.effects(_instruction("tbz x0, #40, .L"))
    (flags,) = AARCH64.effects(_instruction("b.hs .L"))
    assert [e.condition.opcode for e in (zero, sign, bit)] == ["icmp eq", "icmp slt", "icmp eq"]
    assert bit.condition.operands[0].operands[1] == Const(1 << 40, "i64")
    assert flags == Branch(Condition("uge"), ".L")


@pytest.mark.parametrize(
    ("symbol", "kinds", "member"),
    [
        ("_ZN3FooC2ERK3Barb", ("i", "i"), True), ("_Z5clampf", ("f",), False),
        ("_ZNK3Foo3getEv", (), True), ("_ZN3Foo3setEdPKc", ("f", "i"), None),
        ("_Z3putN2Qt5ColorE", ("?",), False), ("main", None, None),
        ("_Zgetc", None, None), ("_Znwm", ("i",), False),
    ],
)  # fmt: skip
def test_a_mangled_name_tells_its_parameters(
    symbol: str, kinds: tuple | None, member: bool | None
) -> None:
    told = parameters_of(symbol)
    seen = told and (told.kinds, told.member)
    assert seen == (None if kinds is None else (kinds, member))


HEAD = """
target datalayout = "e-m:e-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32"
target triple = "aarch64-unknown-linux-gnu"
declare void @use(ptr)
declare void @make(ptr sret(i64))
declare i32 @next(i32)
attributes #0 = { minsize nounwind optsize uwtable "target-cpu"="generic" "target-features"="+fp-armv8,+neon,+outline-atomics,+v8a,-fmv" }
!llvm.module.flags = !{!0, !1}
!0 = !{i32 8, !"PIC Level", i32 2}
!1 = !{i32 7, !"PIE Level", i32 2}
"""

ROUND_TRIPS = {
    "sum": "define i32 @f(i32 %a, i32 %b) #0 { %s = add i32 %a, %b %m = mul i32 %s, %a ret i32 %m }",
    "pages": """@table = external hidden global [16 x i32], align 4
      define i32 @f() #0 {
      %v = load i32, ptr getelementptr (i8, ptr @table, i64 8), align 4 ret i32 %v }""",
    "frame": """define i32 @f(i32 %n) #0 { %p = alloca i32, align 4 %q = alloca i64, align 8
      store i32 %n, ptr %p call void @use(ptr %p) call void @use(ptr %q)
      %v = load i32, ptr %p ret i32 %v }""",
    "result in memory": """define i64 @f() #0 { %r = alloca i64, align 8
      call void @make(ptr sret(i64) %r) %v = load i64, ptr %r ret i64 %v }""",
    "loop": """define i32 @f(i32 %n) #0 {
      entry: br label %l
      l: %i = phi i32 [ 0, %entry ], [ %j, %l ] %j = tail call i32 @next(i32 %i)
         %c = icmp slt i32 %j, %n br i1 %c, label %l, label %x
      x: ret i32 %j }""",
    "table of jumps": """define i32 @f(i32 %n) #0 {
      entry: switch i32 %n, label %d [ i32 0, label %a i32 1, label %b i32 2, label %c i32 3, label %e ]
      a: %w = tail call i32 @next(i32 7) br label %d
      b: %x = tail call i32 @next(i32 9) %xx = mul i32 %x, %x br label %d
      c: %y = tail call i32 @next(i32 11) %yy = add i32 %y, 3 br label %d
      e: %z = tail call i32 @next(i32 13) %zz = xor i32 %z, 5 br label %d
      d: %r = phi i32 [ 1, %entry ], [ %w, %a ], [ %xx, %b ], [ %yy, %c ], [ %zz, %e ] ret i32 %r }""",
}


PLAIN = HEAD.replace("minsize nounwind optsize", 'noinline nounwind optnone "frame-pointer"="all"')
UNOPTIMIZED = {
    "parameters": """define i32 @f(i32 %n) #0 { %p = alloca i32, align 4 store i32 %n, ptr %p, align 4
      %v = load i32, ptr %p, align 4 %r = call i32 @next(i32 %v) ret i32 %r }""",
    "nothing in slots": "define i32 @f() #0 { %r = call i32 @next(i32 3) ret i32 %r }",
    "a remainder": """define i32 @f(i32 %n) #0 { %p = alloca i32, align 4 store i32 %n, ptr %p, align 4
      %v = load i32, ptr %p, align 4 %r = srem i32 %v, 32 ret i32 %r }""",
    "no way back": """define i32 @f(i32 %n) #0 {
      entry: %p = alloca i32, align 4 store i32 %n, ptr %p, align 4
             %v = load i32, ptr %p, align 4 %c = icmp eq i32 %v, 7 br i1 %c, label %a, label %b
      a: %w = call i32 @next(i32 7) br label %b
      b: %d = load i32, ptr %p, align 4 %e = icmp eq i32 %d, 8 br i1 %e, label %g, label %h
      g: call void @use(ptr null) unreachable
      h: ret i32 4 }""",
    "a result's address": """define i64 @f() #0 { %r = alloca i64, align 8
      call void @make(ptr sret(i64) %r) call void @use(ptr %r) %v = load i64, ptr %r ret i64 %v }""",
}


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler(find_toolchain()) as made:
        yield made


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_lifted_functions_compile_back_to_the_same_assembly(compiler: Compiler, name: str) -> None:
    assembly = compiler.compile(HEAD + ROUND_TRIPS[name]).assembly
    lifted = lift_function(assembly, "f", "aarch64")
    assert lifted.refusal is None
    back = compiler.compile(lifted.ir, Decisions().pipeline)
    assert back.ok, back.reason
    reference = Reference(assembly, "aarch64")
    assert reference.normalized(back.assembly) == reference.lines


@pytest.mark.parametrize("name", UNOPTIMIZED)
def test_code_without_optimization_compiles_back_to_itself(compiler: Compiler, name: str) -> None:
    assembly = compiler.compile(PLAIN + UNOPTIMIZED[name], codegen=0).assembly
    lifted = lift_function(assembly, "f", "aarch64")
    assert lifted.refusal is None
    assert lifted.mode == "O0"
    back = compiler.compile(lifted.ir, codegen=0)
    assert back.ok, back.reason
    reference = Reference(assembly, "aarch64")
    assert reference.normalized(back.assembly) == reference.lines


def test_numbers_count_where_answers_are_ranked() -> None:
    reference = Reference("f:\n\tadd\tx0, x0, #1\n\tb\t.LBB0_1\n.LBB0_1:\n\tret\n", "aarch64")
    nearer = reference.compare("f:\n\tadd\tx0, x0, #1\n\tb\t.LBB0_2\n.LBB0_2:\n\tret\n")
    other = reference.compare("f:\n\tadd\tx0, x0, #2\n\tb\t.LBB0_1\n.LBB0_1:\n\tret\n")
    assert nearer.lines == 0 < other.lines
    assert len(other.missing) == 1 == len(other.extra)


def test_mangled_names_tell_types() -> None:
    assert parameters_of("_ZN3Foo3setEjPKclRb").types == ("i32", "ptr", "i64", "ptr")
    assert parameters_of("_ZZ4mainENK3$_0clEv").member is not False


@pytest.mark.parametrize(
    ("helper", "orders"),
    [("relax", "monotonic monotonic"), ("acq", "acquire acquire"), ("rel", "release monotonic")],
)
def test_an_outlined_compare_and_swap_gives_what_memory_held(helper: str, orders: str) -> None:
    text = (
        "\t.type\tf,@function\nf:\n\tstr x30, [sp, #-16]!\n"
        f"\tbl __aarch64_cas8_{helper}\n\tadd x0, x0, #1\n\tldr x30, [sp], #16\n\tret\n"
        "\t.size\tf, .-f\n"
    )
    lifted = lift_function(text, "f", "aarch64")
    assert lifted.refusal is None and orders in lifted.ir
    with Compiler(find_toolchain()) as compiler:
        made = compiler.compile(lifted.ir)
    assert made.ok and f"__aarch64_cas8_{helper}" in made.assembly
