"""Arithmetic, logic and moves of the general registers: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Immediate, Label, Operand, Shifted
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning, Operands, condition, constant, holding, label_address, op, read, read_register,
    shifted, write,
)  # fmt: skip
from ozma.lift.effects import (
    Condition, Const, Effect, Expr, Reg, SelectFlags, SetFlags, SetReg, Symbol, Unsupported, bits,
)  # fmt: skip

_BINARY = {
    "add": "add", "sub": "sub", "and": "and", "orr": "or", "eor": "xor", "mul": "mul",
    "sdiv": "sdiv", "udiv": "udiv",
}  # fmt: skip
_INVERTED = {"bic": "and", "orn": "or", "eon": "xor"}
_FLAGGED = {"adds": ("add", "adds"), "subs": ("sub", "sub"), "ands": ("and", "logic"),
            "bics": ("and", "logic")}  # fmt: skip
_SHIFTS = {"lsl": "shl", "lsr": "lshr", "asr": "ashr", "lslv": "shl", "lsrv": "lshr", "asrv": "ashr"}
_EXTENDS = {
    "sxtb": ("sext", 8), "sxth": ("sext", 16), "sxtw": ("sext", 32),
    "uxtb": ("zext", 8), "uxth": ("zext", 16), "uxtw": ("zext", 32),
}  # fmt: skip
_UNARY = {"clz": "llvm.ctlz", "rbit": "llvm.bitreverse"}
_LONG = {"smull": ("sext", "mul", ""), "umull": ("zext", "mul", ""), "smaddl": ("sext", "mul", "add"),
         "umaddl": ("zext", "mul", "add"), "smsubl": ("sext", "mul", "sub"),
         "umsubl": ("zext", "mul", "sub"), "smnegl": ("sext", "mul", "neg"),
         "umnegl": ("zext", "mul", "neg")}  # fmt: skip
_SELECTS = ("csel", "csinc", "csinv", "csneg")


def inverted(value: Expr, type_: str) -> Expr:
    return op("xor", type_, value, constant(-1, type_))


def negated(value: Expr, type_: str) -> Expr:
    return op("sub", type_, Const(0, type_), value)


def _binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target)
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


def _type(target: Operand) -> str:
    if not isinstance(target, Register) or target.is_vector:
        raise Unsupported("operands of this form are not supported")
    return target.type


def _inverted_second(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target)
        other = inverted(read(right, type_), type_)
        return write(target, op(_INVERTED[mnemonic], type_, read(left, type_), other), type_)

    return meaning


def _flagged(mnemonic: str) -> Meaning:
    opcode, kind = _FLAGGED[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target) if not target.is_zero else _type(_registers(left))
        a, b = read(left, type_), read(right, type_)
        if mnemonic == "bics":
            b = inverted(b, type_)
        value = op(opcode, type_, a, b)
        flags = SetFlags("logic", value, None, type_) if kind == "logic" else _compared(kind, a, b, type_)
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
    type_ = _type(left)
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


def _shift(mnemonic: str) -> Meaning:
    """By a register: modulo the width."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target)
        return write(target, op(_SHIFTS[mnemonic], type_, read(left, type_), _amount(right, type_)), type_)

    return meaning


def _amount(operand: Operand, type_: str) -> Expr:
    if isinstance(operand, Immediate):
        return read(operand, type_)
    return op("and", type_, read(operand, type_), constant(bits(type_) - 1, type_))


def _rotate(operands: Operands) -> list[Effect]:
    target, left, right = operands
    type_ = _type(target)
    value = read(left, type_)
    if isinstance(right, Immediate):
        return write(target, shifted("ror", value, right.value, type_), type_)
    return write(target, op("llvm.fshr", type_, value, value, read(right, type_)), type_)


def _extract(operands: Operands) -> list[Effect]:
    target, high, low, place = operands
    type_ = _type(target)
    return write(target, op("llvm.fshr", type_, read(high, type_), read(low, type_), read(place, type_)), type_)


def _extend(mnemonic: str) -> Meaning:
    opcode, width = _EXTENDS[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = _type(target)
        if bits(type_) <= width:
            return write(target, read_register(source, type_), type_)
        return write(target, op(opcode, type_, read_register(source, f"i{width}")), type_)

    return meaning


def _field(source: Register, lowest: int, width: int, type_: str, signed: bool) -> Expr:
    """`width` bits from bit `lowest` on, extended to the type."""
    value = read_register(source, type_)
    total = bits(type_)
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
        type_ = _type(target)
        return write(target, _field(source, lowest.value, width.value, type_, signed), type_)

    return meaning


def _insert_zeros(signed: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, lowest, width = operands
        type_ = _type(target)
        value = _field(source, 0, width.value, type_, signed)
        return write(target, shifted("lsl", value, lowest.value, type_), type_)

    return meaning


def _merged(target: Register, value: Expr, mask: int, type_: str) -> list[Effect]:
    """The bits of `mask` from `value` (which has no others), the rest as it was."""
    kept = op("and", type_, read_register(target, type_), constant(~mask, type_))
    return write(target, op("or", type_, kept, value), type_)


def _insert_field(operands: Operands) -> list[Effect]:
    target, source, lowest, width = operands
    type_ = _type(target)
    mask = ((1 << width.value) - 1) << lowest.value
    if lowest.value + width.value == bits(type_):
        value = shifted("lsl", read_register(source, type_), lowest.value, type_)
    else:
        value = shifted("lsl", _field(source, 0, width.value, type_, False), lowest.value, type_)
    return _merged(target, value, mask, type_)


def _insert_low(operands: Operands) -> list[Effect]:
    target, source, lowest, width = operands
    type_ = _type(target)
    value = _field(source, lowest.value, width.value, type_, False)
    return _merged(target, value, (1 << width.value) - 1, type_)


def _clear_field(operands: Operands) -> list[Effect]:
    target, lowest, width = operands
    mask = ((1 << width.value) - 1) << lowest.value
    type_ = _type(target)
    kept = op("and", type_, read_register(target, type_), constant(~mask, type_))
    return write(target, kept, type_)


def _multiply_add(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, addend = operands
        type_ = _type(target)
        product = op("mul", type_, read(left, type_), read(right, type_))
        return write(target, op(opcode, type_, read(addend, type_), product), type_)

    return meaning


def _multiply_negated(operands: Operands) -> list[Effect]:
    target, left, right = operands
    type_ = _type(target)
    return write(target, negated(op("mul", type_, read(left, type_), read(right, type_)), type_), type_)


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


def _with_carry(opcode: str, flags: bool) -> Meaning:
    """adc adds the carry; sbc subtracts its absence, which is what "ult" asks for."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _type(target)
        carry = op("zext", type_, Condition("uge" if opcode == "add" else "ult"))
        value = op(opcode, type_, op(opcode, type_, read(left, type_), read(right, type_)), carry)
        return [*write(target, value, type_), *([SetFlags("none")] if flags else [])]

    return meaning


def _select(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right, code = operands
        type_ = _type(target)
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
        return write(target, op(opcode, _type(target), condition(code)), _type(target))

    return meaning


def _changed_if(mnemonic: str) -> Meaning:
    """`cinc w0, w1, c`: w1 + 1 if c holds, else w1; likewise cinv, cneg."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, code = operands
        type_ = _type(target)
        value, test = read(source, type_), condition(code)
        if mnemonic == "cinc":
            return write(target, op("add", type_, value, op("zext", type_, test)), type_)
        if mnemonic == "cinv":
            return write(target, op("xor", type_, value, op("sext", type_, test)), type_)
        return write(target, op("select", type_, test, negated(value, type_), value), type_)

    return meaning


def _reverse(width: int) -> Meaning:
    """The bytes of each `width` bits in the opposite order."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = _type(target)
        part, total = min(width or bits(type_), bits(type_)), bits(type_)
        value = read(source, type_)
        if part == total:
            return write(target, op("llvm.bswap", type_, value), type_)
        turned = op("llvm.bswap", type_, value)
        if total == 2 * part:
            return write(target, op("llvm.fshl", type_, turned, turned, constant(part, type_)), type_)
        raise Unsupported("reversing 16 bits in each quarter of a register")

    return meaning


def _move(operands: Operands) -> list[Effect]:
    """A move of the lower half onto itself is there to clear the upper one."""
    target, source = operands
    if target == source and isinstance(source, Register) and source.bits == 32:
        return write(target, op("zext", "i64", read(source)), "i64")
    return write(target, read(source, _type(target)), _type(target))


def _move_wide(inverse: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, value = operands
        number = ~value.value if inverse else value.value
        return write(target, constant(number, _type(target)), _type(target))

    return meaning


def _move_keeping(operands: Operands) -> list[Effect]:
    """movk: 16 bits of a constant that is built piece by piece."""
    target, piece = operands
    type_ = _type(target)
    return _merged(target, constant(piece.value, type_), 0xFFFF << piece.shift, type_)


def _negate(operands: Operands) -> list[Effect]:
    target, source = operands
    return write(target, negated(read(source, _type(target)), _type(target)), _type(target))


def _negate_flagged(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _type(target)
    value = read(source, type_)
    return [SetFlags("sub", Const(0, type_), value, type_), *write(target, negated(value, type_), type_)]


def _invert(operands: Operands) -> list[Effect]:
    target, source = operands
    return write(target, inverted(read(source, _type(target)), _type(target)), _type(target))


def _unary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = _type(target)
        arguments = [read(source, type_), *([Const(0, "i1")] if mnemonic == "clz" else [])]
        return write(target, op(_UNARY[mnemonic], type_, *arguments), type_)

    return meaning


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
    **{mnemonic: _flagged(mnemonic) for mnemonic in _FLAGGED},
    **{mnemonic: _shift(mnemonic) for mnemonic in _SHIFTS},
    **{mnemonic: _extend(mnemonic) for mnemonic in _EXTENDS},
    **{mnemonic: _unary(mnemonic) for mnemonic in _UNARY},
    **{mnemonic: _long_multiply(mnemonic) for mnemonic in _LONG},
    **{mnemonic: _select(mnemonic) for mnemonic in _SELECTS},
    **{mnemonic: _changed_if(mnemonic) for mnemonic in ("cinc", "cinv", "cneg")},
    "cmp": _compare("sub"), "cmn": _compare("adds"), "tst": _compare("logic"),
    "ccmp": _conditional_compare("sub"), "ccmn": _conditional_compare("adds"),
    "ror": _rotate, "rorv": _rotate, "extr": _extract,
    "ubfx": _extract_field(False), "sbfx": _extract_field(True),
    "ubfiz": _insert_zeros(False), "sbfiz": _insert_zeros(True),
    "bfi": _insert_field, "bfxil": _insert_low, "bfc": _clear_field,
    "madd": _multiply_add("add"), "msub": _multiply_add("sub"), "mneg": _multiply_negated,
    "umulh": _high_multiply("zext"), "smulh": _high_multiply("sext"),
    "adc": _with_carry("add", False), "adcs": _with_carry("add", True),
    "sbc": _with_carry("sub", False), "sbcs": _with_carry("sub", True),
    "cset": _set("zext"), "csetm": _set("sext"),
    "rev": _reverse(0), "rev32": _reverse(32), "rev16": _reverse(16), "rev64": _reverse(64),
    "mov": _move, "movz": _move_wide(False), "movn": _move_wide(True), "movk": _move_keeping,
    "neg": _negate, "negs": _negate_flagged, "mvn": _invert,
    "adrp": _page, "adr": _near,
}  # fmt: skip
