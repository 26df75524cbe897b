"""NEON: what makes lanes wider or narrower; mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.lanes import (
    float_kind,
    kind_of,
    lane_of,
    read_vector,
    repeated,
    set_vector,
    splat,
    vector_of,
)  # fmt: skip
from ozma.lift.aarch64.operands import Operand
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import Meaning, Operands, op, read_register
from ozma.lift.reading.effects import Effect, Expr, Op, Unsupported, lanes

_WIDENING = {"addl": "add", "subl": "sub", "mull": "mul"}


def _half(register: Register, upper: bool) -> Expr:
    """The low or high half of a register's lanes, as a vector of its own."""
    element = f"i{register.lane_bits}"
    count = 64 // register.lane_bits
    if not upper:
        return read_register(register, f"<{count} x {element}>")
    whole = f"<{2 * count} x {element}>"
    vector = read_register(register, whole)
    mask = tuple(range(count, 2 * count))
    return op(
        "shufflevector", f"<{count} x {element}>", vector, Op("poison", whole, ()), extra=mask
    )


def _lengthen(extend: str, upper: bool) -> Meaning:
    """sshll, ushll, sxtl, uxtl: each lane twice as wide, shifted left."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *amount = operands
        type_ = kind_of(target)
        value: Expr = op(extend, type_, _half(vector_of(source), upper))
        if amount and amount[0].value:
            value = op("shl", type_, value, splat(amount[0].value, type_))
        return set_vector(target, value, type_)

    return meaning


def _narrowed(upper: bool, shifted: bool) -> Meaning:
    """xtn, shrn: each lane half as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *amount = operands
        wide = kind_of(source)
        count, narrow = lanes(wide)[0], f"i{vector_of(target).lane_bits}"
        value = read_vector(source, wide)
        if shifted:
            value = op("lshr", wide, value, splat(amount[0].value, wide))
        value = op("trunc", f"<{count} x {narrow}>", value)
        if not upper:
            return set_vector(target, value, f"<{count} x {narrow}>")
        return set_vector(target, _joined(vector_of(target), value, count, narrow), kind_of(target))

    return meaning


def _joined(target: Register, upper: Expr, count: int, element: str) -> Expr:
    low = read_register(target, f"<{count} x {element}>")
    mask = tuple(range(2 * count))
    return op("shufflevector", f"<{2 * count} x {element}>", low, upper, extra=mask)


def _widening(opcode: str, extend: str, upper: bool) -> Meaning:
    """saddl, umull and their like: both operands twice as wide first."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        factors = _both_wide(extend, type_, (left, right), upper)
        return set_vector(target, op(opcode, type_, *factors), type_)

    return meaning


def _both_wide(
    extend: str, type_: str, sides: tuple[Operand, Operand], upper: bool
) -> list[Expr]:
    return [op(extend, type_, _wide_operand(vector_of(side), upper, type_)) for side in sides]


def _wide_operand(register: Register, upper: bool, type_: str) -> Expr:
    if register.lane is None:
        return _half(register, upper)
    narrow = f"<{lanes(type_)[0]} x i{register.lane_bits}>"
    return repeated(lane_of(register, f"i{register.lane_bits}"), narrow)


def _wide_second(opcode: str, extend: str, upper: bool) -> Meaning:
    """saddw, uaddw: the second operand twice as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        other = op(extend, type_, _half(vector_of(right), upper))
        return set_vector(target, op(opcode, type_, read_vector(left, type_), other), type_)

    return meaning


def _widening_accumulate(opcode: str, extend: str, upper: bool) -> Meaning:
    """smlal, umlal, smlsl, umlsl."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        factors = _both_wide(extend, type_, (left, right), upper)
        product = op("mul", type_, *factors)
        return set_vector(target, op(opcode, type_, read_vector(target, type_), product), type_)

    return meaning


def _long_across(extend: str) -> Meaning:
    """uaddlv, saddlv: the sum of all lanes, twice as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        register = vector_of(source)
        element = f"i{2 * register.lane_bits}"
        wide = op(extend, f"<{register.lanes} x {element}>", read_vector(source, kind_of(source)))
        return set_vector(target, op("llvm.vector.reduce.add", element, wide), element)

    return meaning


def _float_lengthen(upper: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        if upper:
            raise Unsupported("the upper half of a vector of floats")
        type_, register = float_kind(target), vector_of(source)
        return set_vector(
            target, op("fpext", type_, read_register(register, register.float_vector_type)), type_
        )

    return meaning


def _float_narrow(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = float_kind(target)
    return set_vector(target, op("fptrunc", type_, read_vector(source, float_kind(source))), type_)


def _both_signs() -> dict[str, Meaning]:
    """What comes signed and unsigned, for the lower and (with a 2) the upper half."""
    table: dict[str, Meaning] = {}
    for letter, extend in (("s", "sext"), ("u", "zext")):
        table[f"{letter}addlv"] = _long_across(extend)
        for suffix, upper in (("", False), ("2", True)):
            table[f"{letter}shll{suffix}"] = table[f"{letter}xtl{suffix}"] = _lengthen(
                extend, upper
            )
            table[f"{letter}mlal{suffix}"] = _widening_accumulate("add", extend, upper)
            table[f"{letter}mlsl{suffix}"] = _widening_accumulate("sub", extend, upper)
            table[f"{letter}addw{suffix}"] = _wide_second("add", extend, upper)
            table[f"{letter}subw{suffix}"] = _wide_second("sub", extend, upper)
            for name, opcode in _WIDENING.items():
                table[f"{letter}{name}{suffix}"] = _widening(opcode, extend, upper)
    return table


WIDTHS: dict[str, Meaning] = {
    **_both_signs(),
    "xtn": _narrowed(False, False), "xtn2": _narrowed(True, False),
    "shrn": _narrowed(False, True), "shrn2": _narrowed(True, True),
    "fcvtl": _float_lengthen(False), "fcvtl2": _float_lengthen(True), "fcvtn": _float_narrow,
}  # fmt: skip
