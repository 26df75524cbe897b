"""Scalar floating point and its conversions: mnemonic -> effects.

What is also a vector instruction by its operands is sent on by `semantics.py`.
"""

from __future__ import annotations

import struct

from ozma.lift.aarch64.operands import Immediate, Operand
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning,
    Operands,
    condition,
    holding,
    op,
    read,
    read_register,
    write,
)  # fmt: skip
from ozma.lift.reading.effects import Const, Effect, Expr, SelectFlags, SetFlags, Unsupported, bits

_BINARY = {"fadd": "fadd", "fsub": "fsub", "fmul": "fmul", "fdiv": "fdiv", "fmaxnm": "llvm.maxnum",
           "fminnm": "llvm.minnum", "fmax": "llvm.maximum", "fmin": "llvm.minimum"}  # fmt: skip
_UNARY = {
    "fneg": "fneg", "fabs": "llvm.fabs", "fsqrt": "llvm.sqrt", "frintm": "llvm.floor",
    "frintp": "llvm.ceil", "frintz": "llvm.trunc", "frinta": "llvm.round", "frintx": "llvm.rint",
    "frinti": "llvm.nearbyint", "frintn": "llvm.roundeven",
}  # fmt: skip
_TO_INTEGER = {
    "fcvtzs": ("fptosi", ""), "fcvtzu": ("fptoui", ""), "fcvtms": ("fptosi", "llvm.floor"),
    "fcvtmu": ("fptoui", "llvm.floor"), "fcvtps": ("fptosi", "llvm.ceil"),
    "fcvtpu": ("fptoui", "llvm.ceil"), "fcvtas": ("fptosi", "llvm.round"),
    "fcvtau": ("fptoui", "llvm.round"), "fcvtns": ("fptosi", "llvm.roundeven"),
    "fcvtnu": ("fptoui", "llvm.roundeven"),
}  # fmt: skip
_FUSED = {
    "fmadd": (False, False),
    "fmsub": (True, False),
    "fnmadd": (True, True),
    "fnmsub": (False, True),
}


def _type(register: Operand) -> str:
    """ "float" of s0, "i32" of w0."""
    if not isinstance(register, Register):
        raise Unsupported("operands of this form are not supported")
    return register.type


def float_bits(value: float, type_: str) -> Const:
    """The constant whose bits are this number."""
    code, width = {"half": ("<e", 16), "float": ("<f", 32), "double": ("<d", 64)}[type_]
    return Const(int.from_bytes(struct.pack(code, value), "little") & ((1 << width) - 1), type_)


def _binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target)
        return write(target, op(_BINARY[mnemonic], type_, read(left), read(right)), type_)

    return meaning


def _multiply_negated(operands: Operands) -> list[Effect]:
    target, left, right = operands
    type_ = _type(target)
    return write(target, op("fneg", type_, op("fmul", type_, read(left), read(right))), type_)


def _unary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        return write(target, op(_UNARY[mnemonic], _type(target), read(source)), _type(target))

    return meaning


def _fused(mnemonic: str) -> Meaning:
    negate_product, negate_addend = _FUSED[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, addend = operands
        type_ = _type(target)
        first = op("fneg", type_, read(left)) if negate_product else read(left)
        last = op("fneg", type_, read(addend)) if negate_addend else read(addend)
        return write(target, op("llvm.fma", type_, first, read(right), last), type_)

    return meaning


def _move(operands: Operands) -> list[Effect]:
    """fmov: a copy, a constant, or the same bits between the two kinds of registers."""
    target, source = operands
    type_ = _type(target)
    if isinstance(source, Immediate):
        return write(target, float_bits(float(source.value), type_), type_)
    other = _type(source)
    if other == type_:
        return write(target, read(source), type_)
    if bits(other) != bits(type_):
        return write(target, read_register(source, f"i{bits(type_)}"), type_)
    return write(target, op("bitcast", type_, read(source)), type_)


def _convert(operands: Operands) -> list[Effect]:
    """fcvt: between widths."""
    target, source = operands
    type_, other = _type(target), _type(source)
    opcode = "fpext" if bits(type_) > bits(other) else "fptrunc"
    return write(target, op(opcode, type_, read(source)), type_)


def _from_integer(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        type_ = _type(target)
        value = op(opcode, type_, read_register(source, f"i{source.bits}"))
        if fraction:
            value = op("fmul", type_, value, float_bits(0.5 ** fraction[0].value, type_))
        return write(target, value, type_)

    return meaning


def _to_integer(mnemonic: str) -> Meaning:
    opcode, rounding = _TO_INTEGER[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        value = read(source)
        if fraction:
            value = op(
                "fmul", _type(source), value, float_bits(2.0 ** fraction[0].value, _type(source))
            )
        if rounding:
            value = op(rounding, _type(source), value)
        type_ = f"i{target.bits}"
        return write(target, op(opcode, type_, value), type_)

    return meaning


def _comparison(left: Operand, right: Operand) -> SetFlags:
    type_ = _type(left)
    other: Expr = Const(0, type_) if isinstance(right, Immediate) else read(right)
    return SetFlags("fcmp", read(left), other, type_)


def _compare(operands: Operands) -> list[Effect]:
    return [_comparison(*operands)]


def _conditional_compare(operands: Operands) -> list[Effect]:
    left, right, flags, code = operands
    return [SelectFlags(condition(code), _comparison(left, right), holding(flags.value))]


def _select(operands: Operands) -> list[Effect]:
    target, left, right, code = operands
    type_ = _type(target)
    return write(target, op("select", type_, condition(code), read(left), read(right)), type_)


FLOATING: dict[str, Meaning] = {
    **{mnemonic: _binary(mnemonic) for mnemonic in _BINARY},
    **{mnemonic: _unary(mnemonic) for mnemonic in _UNARY},
    **{mnemonic: _to_integer(mnemonic) for mnemonic in _TO_INTEGER},
    **{mnemonic: _fused(mnemonic) for mnemonic in _FUSED},
    "fnmul": _multiply_negated, "fmov": _move, "fcvt": _convert,
    "scvtf": _from_integer("sitofp"), "ucvtf": _from_integer("uitofp"),
    "fcmp": _compare, "fcmpe": _compare, "fccmp": _conditional_compare,
    "fccmpe": _conditional_compare, "fcsel": _select,
}  # fmt: skip
