"""Vector registers as vectors of LLVM: whole, one lane, one number in all lanes."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Operand
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import constant, op, read_register
from ozma.lift.reading.effects import Const, Effect, Expr, Op, SetReg, Unsupported, bits, lanes


def set_vector(target: Operand, value: Expr, type_: str) -> list[Effect]:
    """Sets a register; what is above the type becomes zero."""
    return [SetReg(vector_of(target).name, value, type_)]


def vector_of(operand: Operand) -> Register:
    """The operand, which must be a vector register."""
    if not isinstance(operand, Register) or not operand.is_vector:
        raise Unsupported("operands of this form are not supported")
    return operand


def read_vector(operand: Operand, type_: str) -> Expr:
    """A vector, or one lane of a register in all lanes (`v1.s[0]` as a factor)."""
    register = vector_of(operand)
    if register.lane is None:
        return read_register(register, type_)
    return repeated(lane_of(register, lanes(type_)[1]), type_)


def lane_of(register: Register, element: str) -> Expr:
    """The one lane that is named."""
    whole = f"<{128 // register.lane_bits} x {element}>"
    vector = read_register(Register(register.name, 128), whole)
    return op("extractelement", element, vector, constant(register.lane, "i64"))


def kind_of(operand: Operand) -> str:
    """The arrangement as a vector of integers; of scalars one lane."""
    register = vector_of(operand)
    return register.vector_type if register.lanes else f"<1 x i{register.bits}>"


def splat(value: int, type_: str) -> Const:
    """A constant vector of the same number in each lane."""
    count, element = lanes(type_)
    width = bits(element)
    part = value & ((1 << width) - 1)
    return Const(sum(part << width * place for place in range(count)), type_)


def opposite(value: Expr, type_: str) -> Expr:
    """All bits the other way."""
    return op("xor", type_, value, splat(-1, type_))


def float_kind(operand: Operand) -> str:
    """The arrangement as a vector of floats."""
    return vector_of(operand).float_vector_type


def repeated(element: Expr, type_: str) -> Expr:
    """A vector with `element` in each lane."""
    count = int(type_[1:].split(" ")[0])
    first = op("insertelement", type_, Op("poison", type_, ()), element, constant(0, "i64"))
    return op("shufflevector", type_, first, Op("poison", type_, ()), extra=(0,) * count)
