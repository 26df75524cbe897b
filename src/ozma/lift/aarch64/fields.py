"""Parts of general registers: extensions, bit fields, rotations, reversals; mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Immediate
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning,
    Operands,
    constant,
    integer_type,
    op,
    read,
    read_register,
    shifted,
    write,
)  # fmt: skip
from ozma.lift.reading.effects import (
    Const,
    Effect,
    Expr,
    Reg,
    Unsupported,
    bits,
)  # fmt: skip

_EXTENDS = {
    "sxtb": ("sext", 8), "sxth": ("sext", 16), "sxtw": ("sext", 32),
    "uxtb": ("zext", 8), "uxth": ("zext", 16), "uxtw": ("zext", 32),
}  # fmt: skip
_UNARY = {"clz": "llvm.ctlz", "rbit": "llvm.bitreverse"}


def _rotate(operands: Operands) -> list[Effect]:
    target, left, right = operands
    type_ = integer_type(target)
    value = read(left, type_)
    if isinstance(right, Immediate):
        return write(target, shifted("ror", value, right.value, type_), type_)
    return write(target, op("llvm.fshr", type_, value, value, read(right, type_)), type_)


def _extract(operands: Operands) -> list[Effect]:
    target, high, low, place = operands
    type_ = integer_type(target)
    return write(
        target,
        op("llvm.fshr", type_, read(high, type_), read(low, type_), read(place, type_)),
        type_,
    )


def _extend(mnemonic: str) -> Meaning:
    opcode, width = _EXTENDS[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = integer_type(target)
        if bits(type_) <= width:
            return write(target, read_register(source, type_), type_)
        return write(target, op(opcode, type_, read_register(source, f"i{width}")), type_)

    return meaning


def _check(lowest: int, width: int, total: int) -> None:
    if lowest < 0 or width < 1 or lowest + width > total:
        raise Unsupported("a field outside of the register")


def _field(source: Register, lowest: int, width: int, type_: str, signed: bool) -> Expr:
    """`width` bits from bit `lowest` on, extended to the type."""
    value = read_register(source, type_)
    total = bits(type_)
    _check(lowest, width, total)
    if lowest == 0 and width in (8, 16, 32) and width < total and not source.is_zero:
        return op("sext" if signed else "zext", type_, Reg(source.name, f"i{width}"))
    if signed:
        value = shifted("lsl", value, total - width - lowest, type_)
        return shifted("asr", value, total - width, type_)
    if lowest + width == total:
        return shifted("lsr", value, lowest, type_)
    return op("and", type_, shifted("lsr", value, lowest, type_), constant((1 << width) - 1, type_))


def _extract_field(signed: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, lowest, width = operands
        type_ = integer_type(target)
        return write(target, _field(source, lowest.value, width.value, type_, signed), type_)

    return meaning


def _insert_zeros(signed: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, lowest, width = operands
        type_ = integer_type(target)
        _check(lowest.value, width.value, bits(type_))
        value = _field(source, 0, width.value, type_, signed)
        return write(target, shifted("lsl", value, lowest.value, type_), type_)

    return meaning


def _merged(target: Register, value: Expr, mask: int, type_: str) -> list[Effect]:
    """The bits of `mask` from `value` (which has no others), the rest as it was."""
    kept = op("and", type_, read_register(target, type_), constant(~mask, type_))
    return write(target, op("or", type_, kept, value), type_)


def _insert_field(operands: Operands) -> list[Effect]:
    target, source, lowest, width = operands
    type_ = integer_type(target)
    _check(lowest.value, width.value, bits(type_))
    mask = ((1 << width.value) - 1) << lowest.value
    if lowest.value + width.value == bits(type_):
        value = shifted("lsl", read_register(source, type_), lowest.value, type_)
    else:
        value = shifted("lsl", _field(source, 0, width.value, type_, False), lowest.value, type_)
    return _merged(target, value, mask, type_)


def _insert_low(operands: Operands) -> list[Effect]:
    target, source, lowest, width = operands
    type_ = integer_type(target)
    value = _field(source, lowest.value, width.value, type_, False)
    return _merged(target, value, (1 << width.value) - 1, type_)


def _clear_field(operands: Operands) -> list[Effect]:
    target, lowest, width = operands
    type_ = integer_type(target)
    _check(lowest.value, width.value, bits(type_))
    mask = ((1 << width.value) - 1) << lowest.value
    kept = op("and", type_, read_register(target, type_), constant(~mask, type_))
    return write(target, kept, type_)


def _reverse(width: int) -> Meaning:
    """The bytes of each `width` bits in the opposite order."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = integer_type(target)
        part, total = min(width or bits(type_), bits(type_)), bits(type_)
        value = read(source, type_)
        if part == total:
            return write(target, op("llvm.bswap", type_, value), type_)
        turned = op("llvm.bswap", type_, value)
        if total == 2 * part:
            return write(
                target, op("llvm.fshl", type_, turned, turned, constant(part, type_)), type_
            )
        raise Unsupported("reversing 16 bits in each quarter of a register")

    return meaning


def _move_keeping(operands: Operands) -> list[Effect]:
    """movk: 16 bits of a constant that is built piece by piece."""
    target, piece = operands
    type_ = integer_type(target)
    return _merged(target, constant(piece.value, type_), 0xFFFF << piece.shift, type_)


def _unary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = integer_type(target)
        arguments = [read(source, type_), *([Const(0, "i1")] if mnemonic == "clz" else [])]
        return write(target, op(_UNARY[mnemonic], type_, *arguments), type_)

    return meaning


FIELDS: dict[str, Meaning] = {
    **{mnemonic: _extend(mnemonic) for mnemonic in _EXTENDS},
    **{mnemonic: _unary(mnemonic) for mnemonic in _UNARY},
    "ror": _rotate, "rorv": _rotate, "extr": _extract,
    "ubfx": _extract_field(False), "sbfx": _extract_field(True),
    "ubfiz": _insert_zeros(False), "sbfiz": _insert_zeros(True),
    "bfi": _insert_field, "bfxil": _insert_low, "bfc": _clear_field,
    "rev": _reverse(0), "rev32": _reverse(32), "rev16": _reverse(16), "rev64": _reverse(64),
    "movk": _move_keeping,
}  # fmt: skip
