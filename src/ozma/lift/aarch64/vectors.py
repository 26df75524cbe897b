"""NEON on integers: arithmetic, comparisons, shifts; mnemonic -> effects.

A register of arrangement `.4s` is <4 x i32> here.
"""

from __future__ import annotations

from ozma.lift.aarch64.lanes import kind_of, opposite, read_vector, set_vector, splat, vector_of
from ozma.lift.aarch64.operands import Immediate
from ozma.lift.aarch64.values import Meaning, Operands, op
from ozma.lift.reading.effects import Const, Effect, Expr, lanes

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "and": "and", "orr": "or", "eor": "xor",
    "smax": "llvm.smax", "smin": "llvm.smin", "umax": "llvm.umax", "umin": "llvm.umin",
    "sqadd": "llvm.sadd.sat", "uqadd": "llvm.uadd.sat", "sqsub": "llvm.ssub.sat",
    "uqsub": "llvm.usub.sat",
}  # fmt: skip
_COMPARES = {"cmeq": "eq", "cmgt": "sgt", "cmge": "sge", "cmhi": "ugt", "cmhs": "uge",
             "cmle": "sle", "cmlt": "slt"}  # fmt: skip
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
    return pairwise(operands, "add", kind_of(operands[0]))


def pairwise(operands: Operands, opcode: str, type_: str) -> list[Effect]:
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


VECTORS: dict[str, Meaning] = {
    **{mnemonic: _binary(mnemonic) for mnemonic in _BINARY},
    **{mnemonic: _compare(test) for mnemonic, test in _COMPARES.items()},
    **{mnemonic: _shift(mnemonic) for mnemonic in _SHIFTS},
    **{mnemonic: _across(mnemonic) for mnemonic in _ACROSS},
    "ushl": _shift_by_vector("u"), "sshl": _shift_by_vector("s"),
    "bic": _inverted_second("and"), "orn": _inverted_second("or"),
    "mla": _multiply_add("add"), "mls": _multiply_add("sub"), "cmtst": _test_bits,
    "usra": _shift_accumulate("lshr"), "ssra": _shift_accumulate("ashr"),
    "neg": _negate, "abs": _absolute, "mvn": _invert, "not": _invert, "cnt": _count_bits,
    "addp": _across_pair,
}  # fmt: skip
