"""Loads and stores of lists of vector registers, and of their lanes: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.lanes import repeated
from ozma.lift.aarch64.memory import ANY_ALIGNMENT
from ozma.lift.aarch64.operands import Memory, RegisterList
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning, Operands, address, constant, op, plus, read_register, stepped,
)  # fmt: skip
from ozma.lift.reading.effects import Effect, Expr, Load, Op, SetReg, Store, Unsupported


def _listed(operands: Operands) -> tuple[RegisterList, Memory]:
    registers, memory = operands
    if not isinstance(registers, RegisterList) or not isinstance(memory, Memory):
        raise Unsupported("operands of this form are not supported")
    return registers, memory


def _load_list(operands: Operands) -> list[Effect]:
    """ld1 of whole registers one after the other, or of one lane."""
    registers, memory = _listed(operands)
    where, effects = address(memory), []
    for place, register in enumerate(registers.registers):
        if registers.lane is None:
            start = plus(where, place * register.bits // 8)
            part: Expr = Load(start, register.vector_type, align=ANY_ALIGNMENT)
        else:
            part = _with_lane(register, registers.lane, where)
        effects.append(SetReg(register.name, part, _whole(register, registers.lane)))
    return effects + stepped(memory)


def _whole(register: Register, lane: int | None) -> str:
    return (
        register.vector_type
        if lane is None
        else f"<{128 // register.lane_bits} x i{register.lane_bits}>"
    )


def _with_lane(register: Register, lane: int, where: Expr) -> Op:
    type_ = _whole(register, lane)
    element = Load(where, f"i{register.lane_bits}", align=ANY_ALIGNMENT)
    return op(
        "insertelement",
        type_,
        read_register(_scalar(register), type_),
        element,
        constant(lane, "i64"),
    )


def _scalar(register: Register) -> Register:
    return Register(register.name, 128)


def _load_repeated(operands: Operands) -> list[Effect]:
    """ld1r: one element in every lane."""
    registers, memory = _listed(operands)
    (register,) = registers.registers
    element = Load(address(memory), f"i{register.lane_bits}", align=ANY_ALIGNMENT)
    return [SetReg(register.name, repeated(element, register.vector_type), register.vector_type),
            *stepped(memory)]  # fmt: skip


def _store_list(operands: Operands) -> list[Effect]:
    registers, memory = _listed(operands)
    where, effects = address(memory), []
    for place, register in enumerate(registers.registers):
        if registers.lane is None:
            type_ = register.vector_type
            start = plus(where, place * register.bits // 8)
            effects.append(Store(start, read_register(register, type_), type_, align=ANY_ALIGNMENT))
        else:
            element = f"i{register.lane_bits}"
            vector = read_register(_scalar(register), _whole(register, registers.lane))
            lane = constant(registers.lane, "i64")
            value = op("extractelement", element, vector, lane)
            effects.append(Store(where, value, element, align=ANY_ALIGNMENT))
    return effects + stepped(memory)


def _interleaved(operands: Operands) -> list[Effect]:
    raise Unsupported("loads and stores of interleaved elements")


LISTS: dict[str, Meaning] = {
    "ld1": _load_list, "ld1r": _load_repeated, "st1": _store_list,
    **{f"{kind}{count}": _interleaved for kind in ("ld", "st") for count in (2, 3, 4)},
}  # fmt: skip
