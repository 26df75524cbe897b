"""What sets flags and what reads them, but for branches; mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Operand, Shifted
from ozma.lift.aarch64.values import (
    Meaning,
    Operands,
    condition,
    constant,
    holding,
    integer_type,
    inverted,
    negated,
    op,
    read,
    write,
)  # fmt: skip
from ozma.lift.reading.effects import (
    Condition,
    Const,
    Effect,
    Expr,
    SelectFlags,
    SetFlags,
    SetReg,
    bits,
)  # fmt: skip

_FLAGGED = {"adds": ("add", "adds"), "subs": ("sub", "sub"), "ands": ("and", "logic"),
            "bics": ("and", "logic")}  # fmt: skip
_SELECTS = ("csel", "csinc", "csinv", "csneg")


def _flagged(mnemonic: str) -> Meaning:
    opcode, kind = _FLAGGED[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = integer_type(target) if not target.is_zero else integer_type(_registers(left))
        a, b = read(left, type_), read(right, type_)
        if mnemonic == "bics":
            b = inverted(b, type_)
        value = op(opcode, type_, a, b)
        flags = (
            SetFlags("logic", value, None, type_)
            if kind == "logic"
            else _compared(kind, a, b, type_)
        )
        if target.is_zero:
            return [flags]
        # Unoptimized code compares this way: what it leaves in a scratch register is for nobody.
        return [flags, SetReg(target.name, value, type_, implicit=target.number > 7)]

    return meaning


def _registers(operand: Operand) -> Operand:
    return operand.register if isinstance(operand, Shifted) else operand


def _compared(kind: str, a: Expr, b: Expr, type_: str) -> SetFlags:
    """Adding a constant other than 0 and the least number sets flags as comparing with its
    negative does."""
    if kind == "adds" and isinstance(b, Const) and b.value not in (0, 1 << bits(type_) - 1):
        return SetFlags("sub", a, constant(-b.value, type_), type_)
    return SetFlags(kind, a, b, type_)


def _compare(kind: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        left, right = operands
        return [_comparison(kind, left, right)]

    return meaning


def _comparison(kind: str, left: Operand, right: Operand) -> SetFlags:
    type_ = integer_type(left)
    a, b = read(left, type_), read(right, type_)
    if kind == "logic":
        value = a if a == b else op("and", type_, a, b)
        return SetFlags("logic", value, None, type_)
    return _compared(kind, a, b, type_)


def _conditional_compare(kind: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        left, right, flags, code = operands
        return [SelectFlags(condition(code), _comparison(kind, left, right), holding(flags.value))]

    return meaning


def _with_carry(opcode: str, flags: bool) -> Meaning:
    """adc adds the carry; sbc subtracts its absence, which is what "ult" asks for."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = integer_type(target)
        carry = op("zext", type_, Condition("uge" if opcode == "add" else "ult"))
        value = op(opcode, type_, op(opcode, type_, read(left, type_), read(right, type_)), carry)
        return [*write(target, value, type_), *([SetFlags("none")] if flags else [])]

    return meaning


def _select(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, code = operands
        type_ = integer_type(target)
        return write(target, _selected(mnemonic, left, right, condition(code), type_), type_)

    return meaning


def _selected(mnemonic: str, left: Operand, right: Operand, test: Condition, type_: str) -> Expr:
    first, second = read(left, type_), read(right, type_)
    changed = {
        "csel": second, "csinc": op("add", type_, second, constant(1, type_)),
        "csinv": inverted(second, type_), "csneg": negated(second, type_),
    }[mnemonic]  # fmt: skip
    if isinstance(second, Const):  # of zr
        changed = constant({"csinc": 1, "csinv": -1}.get(mnemonic, 0), type_)
    return op("select", type_, test, first, changed)


def _set(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, code = operands
        return write(
            target, op(opcode, integer_type(target), condition(code)), integer_type(target)
        )

    return meaning


def _changed_if(mnemonic: str) -> Meaning:
    """`cinc w0, w1, c`: w1 + 1 if c holds, else w1; likewise cinv, cneg."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, code = operands
        type_ = integer_type(target)
        value, test = read(source, type_), condition(code)
        if mnemonic == "cinc":
            return write(target, op("add", type_, value, op("zext", type_, test)), type_)
        if mnemonic == "cinv":
            return write(target, op("xor", type_, value, op("sext", type_, test)), type_)
        return write(target, op("select", type_, test, negated(value, type_), value), type_)

    return meaning


def _negate_flagged(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = integer_type(target)
    value = read(source, type_)
    return [
        SetFlags("sub", Const(0, type_), value, type_),
        *write(target, negated(value, type_), type_),
    ]


COMPARISONS: dict[str, Meaning] = {
    **{mnemonic: _flagged(mnemonic) for mnemonic in _FLAGGED},
    **{mnemonic: _select(mnemonic) for mnemonic in _SELECTS},
    **{mnemonic: _changed_if(mnemonic) for mnemonic in ("cinc", "cinv", "cneg")},
    "cmp": _compare("sub"), "cmn": _compare("adds"), "tst": _compare("logic"),
    "ccmp": _conditional_compare("sub"), "ccmn": _conditional_compare("adds"),
    "adc": _with_carry("add", False), "adcs": _with_carry("add", True),
    "sbc": _with_carry("sub", False), "sbcs": _with_carry("sub", True),
    "cset": _set("zext"), "csetm": _set("sext"), "negs": _negate_flagged,
}  # fmt: skip
