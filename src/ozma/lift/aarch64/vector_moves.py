"""NEON: copies, lanes in and out, constants, shuffles and choices of bits; mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.floating import float_bits
from ozma.lift.aarch64.lanes import (
    float_kind,
    kind_of,
    lane_of,
    opposite,
    read_vector,
    repeated,
    set_vector,
    splat,
    vector_of,
)  # fmt: skip
from ozma.lift.aarch64.operands import Immediate, RegisterList
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import Meaning, Operands, constant, op, read_register
from ozma.lift.reading.effects import Effect, Op, SetReg, Unsupported, bits, lanes


def _duplicate(operands: Operands) -> list[Effect]:
    target, source = operands
    if not isinstance(source, Register):
        raise Unsupported("operands of this form are not supported")
    register, type_ = vector_of(target), kind_of(target)
    if source.is_vector:
        if register.lanes is None:  # `mov s0, v1.s[1]`
            return set_vector(target, lane_of(source, source.type), source.type)
        return set_vector(target, repeated(lane_of(source, f"i{source.lane_bits}"), type_), type_)
    return set_vector(
        target, repeated(read_register(source, f"i{register.lane_bits}"), type_), type_
    )


def _move(operands: Operands) -> list[Effect]:
    """mov of a whole register, into a lane or out of one."""
    target, source = operands
    if not isinstance(target, Register) or not isinstance(source, Register):
        raise Unsupported("operands of this form are not supported")
    if not target.is_vector:
        return _unsigned_out(operands)
    if target.lane is not None:
        return _insert(target, source)
    if source.lane is not None:
        return _duplicate(operands)
    type_ = "<2 x i64>" if target.bits == 128 else "double"
    return set_vector(target, read_register(source, type_), type_)


def _insert(target: Register, source: Register) -> list[Effect]:
    element = f"i{target.lane_bits}"
    type_ = f"<{128 // target.lane_bits} x {element}>"
    value = lane_of(source, element) if source.is_vector else read_register(source, element)
    vector = read_register(Register(target.name, 128), type_)
    place = constant(target.lane, "i64")
    return set_vector(target, op("insertelement", type_, vector, value, place), type_)


def _out(extend: str) -> Meaning:
    """umov, smov: a lane to a general register."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        element = f"i{vector_of(source).lane_bits}"
        value = lane_of(source, element)
        if bits(element) < target.bits:
            value = op(extend, target.type, value)
        return [SetReg(target.name, value, target.type)]

    return meaning


_unsigned_out = _out("zext")


def _constant(inverse: bool) -> Meaning:
    """movi, mvni: the same number in each lane."""

    def meaning(operands: Operands) -> list[Effect]:
        target, value = operands
        register = vector_of(target)
        type_ = register.vector_type if register.lanes else "i64"
        number = ~value.value if inverse else value.value
        return set_vector(target, splat(number, type_), type_)

    return meaning


def _float_constant(operands: Operands) -> list[Effect]:
    """`fmov v0.2d, #1.0`, and moves that are no vector's own."""
    target, value = operands
    if isinstance(target, Register) and target.is_vector and isinstance(value, Immediate):
        type_ = float_kind(target)
        number = float_bits(float(value.value), lanes(type_)[1]).value
        return set_vector(target, splat(number, type_), type_)
    if isinstance(target, Register) and isinstance(value, Register):
        if target.is_vector and target.lane is not None:
            return _insert(target, value)
        if value.is_vector and value.lane is not None:
            return _unsigned_out(operands)
    raise Unsupported("operands of this form are not supported")


def _shuffle(kind: str, second: int) -> Meaning:
    """zip1, zip2, uzp1, uzp2, trn1, trn2."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = kind_of(target)
        mask = _mask(kind, second, lanes(type_)[0])
        return set_vector(
            target,
            op(
                "shufflevector",
                type_,
                read_vector(left, type_),
                read_vector(right, type_),
                extra=mask,
            ),
            type_,
        )

    return meaning


def _mask(kind: str, second: int, count: int) -> tuple[int, ...]:
    if kind == "uzp":
        return tuple(2 * place + second for place in range(count))
    if kind == "zip":
        start = second * count // 2
        return tuple(start + place // 2 + (place % 2) * count for place in range(count))
    return tuple(place - place % 2 + second + (place % 2) * count for place in range(count))


def _reverse(width: int) -> Meaning:
    """rev64, rev32, rev16: the lanes of each `width` bits in the opposite order."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = kind_of(target)
        count, element = lanes(type_)
        group = width // bits(element)
        mask = tuple(place - place % group + group - 1 - place % group for place in range(count))
        value = op(
            "shufflevector", type_, read_vector(source, type_), Op("poison", type_, ()), extra=mask
        )
        return set_vector(target, value, type_)

    return meaning


def _extract(operands: Operands) -> list[Effect]:
    """ext: bytes from the middle of two registers."""
    target, left, right, start = operands
    type_ = kind_of(target)
    mask = tuple(range(start.value, start.value + lanes(type_)[0]))
    return set_vector(
        target,
        op("shufflevector", type_, read_vector(left, type_), read_vector(right, type_), extra=mask),
        type_,
    )


def _select_bits(chooser: int) -> Meaning:
    """bsl, bit, bif: each bit of one operand or another, as a third one says."""

    def meaning(operands: Operands) -> list[Effect]:
        target, first, second = (read_vector(operand, kind_of(operands[0])) for operand in operands)
        mask, yes, no = ((target, first, second), (second, first, target), (second, target, first))[
            chooser
        ]
        type_ = kind_of(operands[0])
        chosen = op("and", type_, mask, yes)
        other = op("and", type_, opposite(mask, type_), no)
        return set_vector(operands[0], op("or", type_, chosen, other), type_)

    return meaning


def _table(operands: Operands) -> list[Effect]:
    """tbl of one register."""
    target, table, indices = operands
    if not isinstance(table, RegisterList) or len(table.registers) != 1:
        raise Unsupported("a table of several registers")
    type_ = kind_of(target)
    value = op(
        "llvm.aarch64.neon.tbl1",
        type_,
        read_vector(table.registers[0], "<16 x i8>"),
        read_vector(indices, type_),
    )
    return set_vector(target, value, type_)


MOVES: dict[str, Meaning] = {
    **{f"{kind}1": _shuffle(kind, 0) for kind in ("zip", "uzp", "trn")},
    **{f"{kind}2": _shuffle(kind, 1) for kind in ("zip", "uzp", "trn")},
    **{f"rev{width}": _reverse(width) for width in (16, 32, 64)},
    "dup": _duplicate, "mov": _move, "ins": _move, "umov": _out("zext"), "smov": _out("sext"),
    "movi": _constant(False), "mvni": _constant(True), "fmov": _float_constant, "ext": _extract,
    "bsl": _select_bits(0), "bit": _select_bits(1), "bif": _select_bits(2), "tbl": _table,
}  # fmt: skip
