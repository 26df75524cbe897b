"""NEON on floats: arithmetic, comparisons, conversions; mnemonic -> effects.

A register of arrangement `.4s` is <4 x float> here.
"""

from __future__ import annotations

from collections.abc import Callable

from ozma.lift.aarch64.lanes import float_kind, kind_of, read_vector, set_vector, vector_of
from ozma.lift.aarch64.operands import Immediate
from ozma.lift.aarch64.values import Meaning, Operands, constant, op
from ozma.lift.aarch64.vectors import pairwise
from ozma.lift.reading.effects import Const, Effect, Unsupported, lanes

_FLOAT_BINARY = {"fadd": "fadd", "fsub": "fsub", "fmul": "fmul", "fdiv": "fdiv",
                 "fmaxnm": "llvm.maxnum", "fminnm": "llvm.minnum", "fmax": "llvm.maximum",
                 "fmin": "llvm.minimum"}  # fmt: skip
_FLOAT_UNARY = {
    "fneg": "fneg", "fabs": "llvm.fabs", "fsqrt": "llvm.sqrt", "frintm": "llvm.floor",
    "frintp": "llvm.ceil", "frintz": "llvm.trunc", "frinta": "llvm.round", "frintx": "llvm.rint",
    "frinti": "llvm.nearbyint", "frintn": "llvm.roundeven",
}  # fmt: skip
_FLOAT_COMPARES = {"fcmeq": "oeq", "fcmgt": "ogt", "fcmge": "oge", "fcmle": "ole", "fcmlt": "olt"}


def _float_binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = float_kind(target)
        return set_vector(
            target,
            op(_FLOAT_BINARY[mnemonic], type_, read_vector(left, type_), read_vector(right, type_)),
            type_,
        )

    return meaning


def _float_unary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = float_kind(target)
        return set_vector(
            target, op(_FLOAT_UNARY[mnemonic], type_, read_vector(source, type_)), type_
        )

    return meaning


def _float_fused(negate: bool) -> Meaning:
    """fmla adds a product to the target, fmls takes it away."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = float_kind(target)
        first = read_vector(left, type_)
        first = op("fneg", type_, first) if negate else first
        return set_vector(
            target,
            op("llvm.fma", type_, first, read_vector(right, type_), read_vector(target, type_)),
            type_,
        )

    return meaning


def _float_compare(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        floats, type_ = float_kind(left), kind_of(target)
        other = Const(0, floats) if isinstance(right, Immediate) else read_vector(right, floats)
        truth = op(f"fcmp {test}", f"<{lanes(type_)[0]} x i1>", read_vector(left, floats), other)
        return set_vector(target, op("sext", type_, truth), type_)

    return meaning


def _float_pair(operands: Operands) -> list[Effect]:
    if len(operands) == 2:
        target, source = operands
        vector, element = float_kind(source), vector_of(target).type
        parts = [
            op("extractelement", element, read_vector(source, vector), constant(place, "i64"))
            for place in (0, 1)
        ]
        return set_vector(target, op("fadd", element, *parts), element)
    return pairwise(operands, "fadd", float_kind(operands[0]))


Kind = Callable[[object], str]


def _conversion(opcode: str, made: Kind, taken: Kind) -> Meaning:
    """`made` and `taken` give the LLVM type of the target's and of the source's lanes."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        if fraction:
            raise Unsupported("a conversion of fixed-point numbers")
        type_ = made(target)
        return set_vector(target, op(opcode, type_, read_vector(source, taken(source))), type_)

    return meaning


FLOATS: dict[str, Meaning] = {
    **{mnemonic: _float_binary(mnemonic) for mnemonic in _FLOAT_BINARY},
    **{mnemonic: _float_unary(mnemonic) for mnemonic in _FLOAT_UNARY},
    **{mnemonic: _float_compare(test) for mnemonic, test in _FLOAT_COMPARES.items()},
    "fmla": _float_fused(False), "fmls": _float_fused(True), "faddp": _float_pair,
    "scvtf": _conversion("sitofp", float_kind, kind_of),
    "ucvtf": _conversion("uitofp", float_kind, kind_of),
    "fcvtzs": _conversion("fptosi", kind_of, float_kind),
    "fcvtzu": _conversion("fptoui", kind_of, float_kind),
}  # fmt: skip
