"""Arithmetic, logic, moves and addresses in the general registers: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Immediate, Label, Operand
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning,
    Operands,
    constant,
    integer_type,
    inverted,
    label_address,
    negated,
    op,
    read,
    read_register,
    write,
)  # fmt: skip
from ozma.lift.reading.effects import (
    Const,
    Effect,
    Expr,
    SetReg,
    Symbol,
    Unsupported,
    bits,
)  # fmt: skip

_BINARY = {
    "add": "add", "sub": "sub", "and": "and", "orr": "or", "eor": "xor", "mul": "mul",
    "sdiv": "sdiv", "udiv": "udiv",
}  # fmt: skip
_INVERTED = {"bic": "and", "orn": "or", "eon": "xor"}
_SHIFTS = {
    "lsl": "shl",
    "lsr": "lshr",
    "asr": "ashr",
    "lslv": "shl",
    "lsrv": "lshr",
    "asrv": "ashr",
}
_LONG = {
    "smull": ("sext", "mul", ""), "umull": ("zext", "mul", ""), "smaddl": ("sext", "mul", "add"),
    "umaddl": ("zext", "mul", "add"), "smsubl": ("sext", "mul", "sub"),
    "umsubl": ("zext", "mul", "sub"), "smnegl": ("sext", "mul", "neg"),
    "umnegl": ("zext", "mul", "neg"),
}  # fmt: skip


def _binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = integer_type(target)
        if isinstance(right, Label):
            return write(target, _low_part(left, right), type_)
        value = op(_BINARY[mnemonic], type_, read(left, type_), read(right, type_))
        return write(target, _simple(value), type_)

    return meaning


def _simple(value: Expr) -> Expr:
    """`orr x0, xzr, #1` and `sub x0, xzr, x1` are moves and negations; `add x0, sp, #0` too."""
    left, right = value.operands
    zero = Const(0, value.type)
    if value.opcode in ("add", "or", "sub") and right == zero:
        return left
    if value.opcode in ("add", "or") and left == zero:
        return right
    return value


def _low_part(base: Operand, label: Label) -> Expr:
    if not isinstance(base, Register):
        raise Unsupported("the base of a label's low part is no register")
    if label.part in ("tprel_hi12", "dtprel_hi12"):  # what `tprel_lo12` adds is all of it
        return read_register(base, "i64")
    return label_address(base, label)


def _inverted_second(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = integer_type(target)
        other = inverted(read(right, type_), type_)
        return write(target, op(_INVERTED[mnemonic], type_, read(left, type_), other), type_)

    return meaning


def _shift(mnemonic: str) -> Meaning:
    """By a register: modulo the width."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = integer_type(target)
        return write(
            target, op(_SHIFTS[mnemonic], type_, read(left, type_), _amount(right, type_)), type_
        )

    return meaning


def _amount(operand: Operand, type_: str) -> Expr:
    if isinstance(operand, Immediate):
        return read(operand, type_)
    return op("and", type_, read(operand, type_), constant(bits(type_) - 1, type_))


def _multiply_add(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, addend = operands
        type_ = integer_type(target)
        product = op("mul", type_, read(left, type_), read(right, type_))
        return write(target, op(opcode, type_, read(addend, type_), product), type_)

    return meaning


def _multiply_negated(operands: Operands) -> list[Effect]:
    target, left, right = operands
    type_ = integer_type(target)
    return write(
        target, negated(op("mul", type_, read(left, type_), read(right, type_)), type_), type_
    )


def _long_multiply(mnemonic: str) -> Meaning:
    extend, opcode, accumulate = _LONG[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, *addend = operands
        wide = [op(extend, "i64", read_register(factor, "i32")) for factor in (left, right)]
        value = op(opcode, "i64", *wide)
        if accumulate == "neg":
            value = negated(value, "i64")
        elif accumulate:
            value = op(accumulate, "i64", read(addend[0], "i64"), value)
        return write(target, value, "i64")

    return meaning


def _high_multiply(extend: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        wide = [op(extend, "i128", read(factor, "i64")) for factor in (left, right)]
        product = op("lshr", "i128", op("mul", "i128", *wide), constant(64, "i128"))
        return write(target, op("trunc", "i64", product), "i64")

    return meaning


def _move(operands: Operands) -> list[Effect]:
    """A move of the lower half onto itself is there to clear the upper one."""
    target, source = operands
    if target == source and isinstance(source, Register) and source.bits == 32:
        return write(target, op("zext", "i64", read(source)), "i64")
    return write(target, read(source, integer_type(target)), integer_type(target))


def _move_wide(inverse: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, value = operands
        number = ~value.value if inverse else value.value
        return write(target, constant(number, integer_type(target)), integer_type(target))

    return meaning


def _negate(operands: Operands) -> list[Effect]:
    target, source = operands
    return write(
        target,
        negated(read(source, integer_type(target)), integer_type(target)),
        integer_type(target),
    )


def _invert(operands: Operands) -> list[Effect]:
    target, source = operands
    return write(
        target,
        inverted(read(source, integer_type(target)), integer_type(target)),
        integer_type(target),
    )


def _page(operands: Operands) -> list[Effect]:
    """adrp: the label's page. Labels in the GOT and thread-local ones get theirs from the
    instruction that adds the low part. Never an argument or a result: the whole address is."""
    target, label = operands
    value: Expr = Const(0, "i64")
    if label.part not in ("got", "gottprel", "tlsdesc"):
        value = op("and", "i64", Symbol(label.name, label.addend), constant(-4096, "i64"))
    return [SetReg(target.name, value, "i64", implicit=True)]


def _near(operands: Operands) -> list[Effect]:
    target, label = operands
    return write(target, Symbol(label.name, label.addend), "i64")


INTEGERS: dict[str, Meaning] = {
    **{mnemonic: _binary(mnemonic) for mnemonic in _BINARY},
    **{mnemonic: _inverted_second(mnemonic) for mnemonic in _INVERTED},
    **{mnemonic: _shift(mnemonic) for mnemonic in _SHIFTS},
    **{mnemonic: _long_multiply(mnemonic) for mnemonic in _LONG},
    "madd": _multiply_add("add"), "msub": _multiply_add("sub"), "mneg": _multiply_negated,
    "umulh": _high_multiply("zext"), "smulh": _high_multiply("sext"),
    "mov": _move, "movz": _move_wide(False), "movn": _move_wide(True),
    "neg": _negate, "mvn": _invert, "adrp": _page, "adr": _near,
}  # fmt: skip
