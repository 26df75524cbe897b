"""NEON: arithmetic, comparisons, shifts and conversions; mnemonic -> effects.

A register of arrangement `.4s` is <4 x i32> here, or <4 x float> for floating instructions.
"""

from __future__ import annotations

from ozma.lift.aarch64.lanes import (
    float_kind,
    kind_of,
    opposite,
    read_vector,
    set_vector,
    splat,
    vector_of,
)  # fmt: skip
from ozma.lift.aarch64.operands import Immediate
from ozma.lift.aarch64.values import Meaning, Operands, constant, op
from ozma.lift.reading.effects import Const, Effect, Expr, Unsupported, lanes

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "and": "and", "orr": "or", "eor": "xor",
    "smax": "llvm.smax", "smin": "llvm.smin", "umax": "llvm.umax", "umin": "llvm.umin",
    "sqadd": "llvm.sadd.sat", "uqadd": "llvm.uadd.sat", "sqsub": "llvm.ssub.sat",
    "uqsub": "llvm.usub.sat",
}  # fmt: skip
_FLOAT_BINARY = {"fadd": "fadd", "fsub": "fsub", "fmul": "fmul", "fdiv": "fdiv",
                 "fmaxnm": "llvm.maxnum", "fminnm": "llvm.minnum", "fmax": "llvm.maximum",
                 "fmin": "llvm.minimum"}  # fmt: skip
_FLOAT_UNARY = {
    "fneg": "fneg", "fabs": "llvm.fabs", "fsqrt": "llvm.sqrt", "frintm": "llvm.floor",
    "frintp": "llvm.ceil", "frintz": "llvm.trunc", "frinta": "llvm.round", "frintx": "llvm.rint",
    "frinti": "llvm.nearbyint", "frintn": "llvm.roundeven",
}  # fmt: skip
_COMPARES = {"cmeq": "eq", "cmgt": "sgt", "cmge": "sge", "cmhi": "ugt", "cmhs": "uge",
             "cmle": "sle", "cmlt": "slt"}  # fmt: skip
_FLOAT_COMPARES = {"fcmeq": "oeq", "fcmgt": "ogt", "fcmge": "oge", "fcmle": "ole", "fcmlt": "olt"}
_SHIFTS = {"shl": "shl", "ushr": "lshr", "sshr": "ashr"}
_ACROSS = {"addv": "add", "smaxv": "smax", "sminv": "smin", "umaxv": "umax", "uminv": "umin"}


def _binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands if len(operands) == 3 else (operands[0], *operands)
        type_ = kind_of(target)
        other = (
            splat(right.value, type_) if isinstance(right, Immediate) else read_vector(right, type_)
        )
        first = read_vector(left, type_)
        value = first if first == other else op(_BINARY[mnemonic], type_, first, other)
        if first == other and mnemonic not in ("and", "orr"):
            value = op(_BINARY[mnemonic], type_, first, other)
        return set_vector(target, value, type_)

    return meaning


def _inverted_second(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands if len(operands) == 3 else (operands[0], *operands)
        type_ = kind_of(target)
        if isinstance(right, Immediate):
            other: Expr = splat(~right.value, type_)
        else:
            other = opposite(read_vector(right, type_), type_)
        return set_vector(target, op(opcode, type_, read_vector(left, type_), other), type_)

    return meaning


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


def _multiply_add(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        product = op("mul", type_, read_vector(left, type_), read_vector(right, type_))
        return set_vector(target, op(opcode, type_, read_vector(target, type_), product), type_)

    return meaning


def _compare(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        other = (
            splat(right.value, type_) if isinstance(right, Immediate) else read_vector(right, type_)
        )
        truth = f"<{lanes(type_)[0]} x i1>"
        return set_vector(
            target,
            op("sext", type_, op(f"icmp {test}", truth, read_vector(left, type_), other)),
            type_,
        )

    return meaning


def _test_bits(operands: Operands) -> list[Effect]:
    """cmtst: lanes that have a bit in common."""
    target, left, right = operands
    type_ = kind_of(target)
    common = op("and", type_, read_vector(left, type_), read_vector(right, type_))
    truth = op("icmp ne", f"<{lanes(type_)[0]} x i1>", common, splat(0, type_))
    return set_vector(target, op("sext", type_, truth), type_)


def _float_compare(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        floats, type_ = float_kind(left), kind_of(target)
        other = Const(0, floats) if isinstance(right, Immediate) else read_vector(right, floats)
        truth = op(f"fcmp {test}", f"<{lanes(type_)[0]} x i1>", read_vector(left, floats), other)
        return set_vector(target, op("sext", type_, truth), type_)

    return meaning


def _shift(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, amount = operands
        type_ = kind_of(target)
        return set_vector(
            target,
            op(_SHIFTS[mnemonic], type_, read_vector(source, type_), splat(amount.value, type_)),
            type_,
        )

    return meaning


def _shift_by_vector(extend: str) -> Meaning:
    """ushl, sshl: left by what is positive in each lane, right by what is negative."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, amounts = operands
        type_ = kind_of(target)
        name = f"llvm.aarch64.neon.{extend}shl"
        return set_vector(
            target, op(name, type_, read_vector(source, type_), read_vector(amounts, type_)), type_
        )

    return meaning


def _shift_accumulate(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, amount = operands
        type_ = kind_of(target)
        value = op(opcode, type_, read_vector(source, type_), splat(amount.value, type_))
        return set_vector(target, op("add", type_, read_vector(target, type_), value), type_)

    return meaning


def _negate(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = kind_of(target)
    return set_vector(target, op("sub", type_, splat(0, type_), read_vector(source, type_)), type_)


def _absolute(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = kind_of(target)
    return set_vector(
        target, op("llvm.abs", type_, read_vector(source, type_), Const(0, "i1")), type_
    )


def _invert(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = kind_of(target)
    return set_vector(target, opposite(read_vector(source, type_), type_), type_)


def _across(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        element = f"i{vector_of(source).lane_bits}"
        value = op(
            f"llvm.vector.reduce.{_ACROSS[mnemonic]}", element, read_vector(source, kind_of(source))
        )
        return set_vector(target, value, element)

    return meaning


def _across_pair(operands: Operands) -> list[Effect]:
    """`addp d0, v0.2d`, or adding neighbours of two vectors."""
    if len(operands) == 2:
        target, source = operands
        value = op("llvm.vector.reduce.add", "i64", read_vector(source, kind_of(source)))
        return set_vector(target, value, "i64")
    return _pairwise(operands, "add", kind_of(operands[0]))


def _float_pair(operands: Operands) -> list[Effect]:
    if len(operands) == 2:
        target, source = operands
        vector, element = float_kind(source), vector_of(target).type
        parts = [
            op("extractelement", element, read_vector(source, vector), constant(place, "i64"))
            for place in (0, 1)
        ]
        return set_vector(target, op("fadd", element, *parts), element)
    return _pairwise(operands, "fadd", float_kind(operands[0]))


def _pairwise(operands: Operands, opcode: str, type_: str) -> list[Effect]:
    target, left, right = operands
    count = lanes(type_)[0]
    both = (read_vector(left, type_), read_vector(right, type_))
    parts = [
        op("shufflevector", type_, *both, extra=tuple(range(start, 2 * count, 2)))
        for start in (0, 1)
    ]
    return set_vector(target, op(opcode, type_, *parts), type_)


def _count_bits(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = kind_of(target)
    return set_vector(target, op("llvm.ctpop", type_, read_vector(source, type_)), type_)


def _from_integers(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        if fraction:
            raise Unsupported("a conversion of fixed-point numbers")
        type_ = float_kind(target)
        return set_vector(target, op(opcode, type_, read_vector(source, kind_of(source))), type_)

    return meaning


def _to_integers(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        if fraction:
            raise Unsupported("a conversion of fixed-point numbers")
        type_ = kind_of(target)
        return set_vector(target, op(opcode, type_, read_vector(source, float_kind(source))), type_)

    return meaning


VECTORS: dict[str, Meaning] = {
    **{mnemonic: _binary(mnemonic) for mnemonic in _BINARY},
    **{mnemonic: _float_binary(mnemonic) for mnemonic in _FLOAT_BINARY},
    **{mnemonic: _float_unary(mnemonic) for mnemonic in _FLOAT_UNARY},
    **{mnemonic: _compare(test) for mnemonic, test in _COMPARES.items()},
    **{mnemonic: _float_compare(test) for mnemonic, test in _FLOAT_COMPARES.items()},
    **{mnemonic: _shift(mnemonic) for mnemonic in _SHIFTS},
    **{mnemonic: _across(mnemonic) for mnemonic in _ACROSS},
    "ushl": _shift_by_vector("u"), "sshl": _shift_by_vector("s"),
    "bic": _inverted_second("and"), "orn": _inverted_second("or"),
    "fmla": _float_fused(False), "fmls": _float_fused(True),
    "mla": _multiply_add("add"), "mls": _multiply_add("sub"), "cmtst": _test_bits,
    "usra": _shift_accumulate("lshr"), "ssra": _shift_accumulate("ashr"),
    "neg": _negate, "abs": _absolute, "mvn": _invert, "not": _invert, "cnt": _count_bits,
    "addp": _across_pair, "faddp": _float_pair,
    "scvtf": _from_integers("sitofp"), "ucvtf": _from_integers("uitofp"),
    "fcvtzs": _to_integers("fptosi"), "fcvtzu": _to_integers("fptoui"),
}  # fmt: skip
