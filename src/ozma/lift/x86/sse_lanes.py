"""Vector registers of SSE: types by suffix, what is done alike in all lanes."""

from __future__ import annotations

from ozma.lift.reading.effects import Const, Effect, Expr, Op, SetReg, Store, lanes
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Operand, Register
from ozma.lift.x86.strings import string_rule

FLOATS = {"ps": "<4 x float>", "pd": "<2 x double>"}
INTEGERS = {"b": "<16 x i8>", "w": "<8 x i16>", "d": "<4 x i32>", "q": "<2 x i64>"}
BITWISE = {
    "and": "and", "or": "or", "xor": "xor", "andn": "andn",
}  # fmt: skip


def both(d: Decoded, type_: str) -> tuple[Expr, Expr]:
    return read(d.operands[-1], type_), read(d.operands[0], type_)


def put(operand: Operand, value: Expr, type_: str, keeps: bool = False) -> SetReg | Store:
    """Writes a vector register's low part; `keeps`: what is above stays."""
    if isinstance(operand, Register):
        return SetReg(operand.whole, value, type_, keeps)
    return write(operand, value, type_)


def vector(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = both(d, type_)
        if opcode.startswith("icmp"):
            count, _ = lanes(type_)
            value = Op("sext", type_, (Op(opcode, f"<{count} x i1>", (left, right)),))
        else:
            value = Op(opcode, type_, (left, right))
        return [put(d.operands[1], value, type_)]

    return rule


def bitwise(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = both(d, type_)
        if left == right and opcode == "xor":
            return [put(d.operands[1], Const(0, type_), type_)]
        if opcode == "andn":
            ones = Const((1 << 128) - 1, type_)
            return [
                put(d.operands[1], Op("and", type_, (Op("xor", type_, (left, ones)), right)), type_)
            ]
        return [put(d.operands[1], Op(opcode, type_, (left, right)), type_)]

    return rule


def string_or(move: Rule, name: str) -> Rule:
    """movsd and cmpsd are also names of string instructions."""
    string = string_rule(name[:-1], "d") if name.endswith("d") else move

    def rule(d: Decoded) -> list[Effect]:
        registers = any(isinstance(operand, Register) for operand in d.operands)
        return move(d) if registers else string(d)

    return rule
