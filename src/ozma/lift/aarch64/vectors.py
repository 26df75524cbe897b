"""NEON: arithmetic, comparisons, moves of lanes and shuffles; mnemonic -> effects.

A register of arrangement `.4s` is <4 x i32> here, or <4 x float> for floating instructions.
"""

from __future__ import annotations

from ozma.lift.aarch64.floating import float_bits
from ozma.lift.aarch64.memory import repeated
from ozma.lift.aarch64.operands import Immediate, Operand, RegisterList
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import Meaning, Operands, constant, op, read_register
from ozma.lift.effects import Const, Effect, Expr, Op, SetReg, Unsupported, bits, lanes

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "and": "and", "orr": "or", "eor": "xor",
    "smax": "llvm.smax", "smin": "llvm.smin", "umax": "llvm.umax", "umin": "llvm.umin",
    "sqadd": "llvm.sadd.sat", "uqadd": "llvm.uadd.sat", "sqsub": "llvm.ssub.sat",
    "uqsub": "llvm.usub.sat",
}  # fmt: skip
_FLOAT_BINARY = {"fadd": "fadd", "fsub": "fsub", "fmul": "fmul", "fdiv": "fdiv",
                 "fmaxnm": "llvm.maxnum", "fminnm": "llvm.minnum", "fmax": "llvm.maximum",
                 "fmin": "llvm.minimum"}  # fmt: skip
_FLOAT_UNARY = {
    "fneg": "fneg", "fabs": "llvm.fabs", "fsqrt": "llvm.sqrt", "frintm": "llvm.floor",
    "frintp": "llvm.ceil", "frintz": "llvm.trunc", "frinta": "llvm.round", "frintx": "llvm.rint",
    "frinti": "llvm.nearbyint", "frintn": "llvm.roundeven",
}  # fmt: skip
_COMPARES = {"cmeq": "eq", "cmgt": "sgt", "cmge": "sge", "cmhi": "ugt", "cmhs": "uge", "cmle": "sle",
             "cmlt": "slt"}  # fmt: skip
_FLOAT_COMPARES = {"fcmeq": "oeq", "fcmgt": "ogt", "fcmge": "oge", "fcmle": "ole", "fcmlt": "olt"}
_SHIFTS = {"shl": "shl", "ushr": "lshr", "sshr": "ashr"}
_ACROSS = {"addv": "add", "smaxv": "smax", "sminv": "smin", "umaxv": "umax", "uminv": "umin"}
_WIDENING = {"addl": "add", "subl": "sub", "mull": "mul"}


def _set(target: Operand, value: Expr, type_: str) -> list[Effect]:
    return [SetReg(_vector(target).name, value, type_)]


def _vector(operand: Operand) -> Register:
    if not isinstance(operand, Register) or not operand.is_vector:
        raise Unsupported("operands of this form are not supported")
    return operand


def _read(operand: Operand, type_: str) -> Expr:
    """A vector, or one lane of a register in all lanes (`v1.s[0]` as a factor)."""
    register = _vector(operand)
    if register.lane is None:
        return read_register(register, type_)
    return repeated(_lane(register, lanes(type_)[1]), type_)


def _lane(register: Register, element: str) -> Expr:
    whole = f"<{128 // register.lane_bits} x {element}>"
    vector = read_register(Register(register.name, 128), whole)
    return op("extractelement", element, vector, constant(register.lane, "i64"))


def _kind(operand: Operand) -> str:
    register = _vector(operand)
    return register.vector_type if register.lanes else f"<1 x i{register.bits}>"


def splat(value: int, type_: str) -> Const:
    """A constant vector of the same number in each lane."""
    count, element = lanes(type_)
    width = bits(element)
    part = value & ((1 << width) - 1)
    return Const(sum(part << width * place for place in range(count)), type_)


def _ones(type_: str) -> Const:
    return splat(-1, type_)


def _not(value: Expr, type_: str) -> Expr:
    return op("xor", type_, value, _ones(type_))


def _binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands if len(operands) == 3 else (operands[0], *operands)
        type_ = _kind(target)
        other = splat(right.value, type_) if isinstance(right, Immediate) else _read(right, type_)
        first = _read(left, type_)
        value = first if first == other else op(_BINARY[mnemonic], type_, first, other)
        if first == other and mnemonic not in ("and", "orr"):
            value = op(_BINARY[mnemonic], type_, first, other)
        return _set(target, value, type_)

    return meaning


def _inverted_second(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands if len(operands) == 3 else (operands[0], *operands)
        type_ = _kind(target)
        if isinstance(right, Immediate):
            other: Expr = splat(~right.value, type_)
        else:
            other = _not(_read(right, type_), type_)
        return _set(target, op(opcode, type_, _read(left, type_), other), type_)

    return meaning


def _float_type(operand: Operand) -> str:
    return _vector(operand).float_vector_type


def _float_binary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _float_type(target)
        return _set(target, op(_FLOAT_BINARY[mnemonic], type_, _read(left, type_), _read(right, type_)), type_)

    return meaning


def _float_unary(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        type_ = _float_type(target)
        return _set(target, op(_FLOAT_UNARY[mnemonic], type_, _read(source, type_)), type_)

    return meaning


def _float_fused(negate: bool) -> Meaning:
    """fmla adds a product to the target, fmls takes it away."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _float_type(target)
        first = _read(left, type_)
        first = op("fneg", type_, first) if negate else first
        return _set(target, op("llvm.fma", type_, first, _read(right, type_), _read(target, type_)), type_)

    return meaning


def _multiply_add(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _kind(target)
        product = op("mul", type_, _read(left, type_), _read(right, type_))
        return _set(target, op(opcode, type_, _read(target, type_), product), type_)

    return meaning


def _compare(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _kind(target)
        other = splat(right.value, type_) if isinstance(right, Immediate) else _read(right, type_)
        truth = f"<{lanes(type_)[0]} x i1>"
        return _set(target, op("sext", type_, op(f"icmp {test}", truth, _read(left, type_), other)), type_)

    return meaning


def _test_bits(operands: Operands) -> list[Effect]:
    """cmtst: lanes that have a bit in common."""
    target, left, right = operands
    type_ = _kind(target)
    common = op("and", type_, _read(left, type_), _read(right, type_))
    truth = op("icmp ne", f"<{lanes(type_)[0]} x i1>", common, splat(0, type_))
    return _set(target, op("sext", type_, truth), type_)


def _float_compare(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        floats, type_ = _float_type(left), _kind(target)
        other = Const(0, floats) if isinstance(right, Immediate) else _read(right, floats)
        truth = op(f"fcmp {test}", f"<{lanes(type_)[0]} x i1>", _read(left, floats), other)
        return _set(target, op("sext", type_, truth), type_)

    return meaning


def _shift(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, amount = operands
        type_ = _kind(target)
        return _set(target, op(_SHIFTS[mnemonic], type_, _read(source, type_), splat(amount.value, type_)), type_)

    return meaning


def _shift_by_vector(extend: str) -> Meaning:
    """ushl, sshl: left by what is positive in each lane, right by what is negative."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, amounts = operands
        type_ = _kind(target)
        name = f"llvm.aarch64.neon.{extend}shl"
        return _set(target, op(name, type_, _read(source, type_), _read(amounts, type_)), type_)

    return meaning


def _shift_accumulate(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, amount = operands
        type_ = _kind(target)
        value = op(opcode, type_, _read(source, type_), splat(amount.value, type_))
        return _set(target, op("add", type_, _read(target, type_), value), type_)

    return meaning


def _half(register: Register, upper: bool) -> Expr:
    """The low or high half of a register's lanes, as a vector of its own."""
    element = f"i{register.lane_bits}"
    count = 64 // register.lane_bits
    if not upper:
        return read_register(register, f"<{count} x {element}>")
    whole = f"<{2 * count} x {element}>"
    vector = read_register(register, whole)
    mask = tuple(range(count, 2 * count))
    return op("shufflevector", f"<{count} x {element}>", vector, Op("poison", whole, ()), extra=mask)


def _lengthen(extend: str, upper: bool) -> Meaning:
    """sshll, ushll, sxtl, uxtl: each lane twice as wide, shifted left."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *amount = operands
        type_ = _kind(target)
        value: Expr = op(extend, type_, _half(_vector(source), upper))
        if amount and amount[0].value:
            value = op("shl", type_, value, splat(amount[0].value, type_))
        return _set(target, value, type_)

    return meaning


def _narrowed(upper: bool, shifted: bool) -> Meaning:
    """xtn, shrn: each lane half as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source, *amount = operands
        wide = _kind(source)
        count, narrow = lanes(wide)[0], f"i{_vector(target).lane_bits}"
        value = _read(source, wide)
        if shifted:
            value = op("lshr", wide, value, splat(amount[0].value, wide))
        value = op("trunc", f"<{count} x {narrow}>", value)
        if not upper:
            return _set(target, value, f"<{count} x {narrow}>")
        return _set(target, _joined(_vector(target), value, count, narrow), _kind(target))

    return meaning


def _joined(target: Register, upper: Expr, count: int, element: str) -> Expr:
    low = read_register(target, f"<{count} x {element}>")
    mask = tuple(range(2 * count))
    return op("shufflevector", f"<{2 * count} x {element}>", low, upper, extra=mask)


def _widening(opcode: str, extend: str, upper: bool) -> Meaning:
    """saddl, umull and their like: both operands twice as wide first."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _kind(target)
        factors = [op(extend, type_, _wide_operand(_vector(side), upper, type_)) for side in (left, right)]
        return _set(target, op(opcode, type_, *factors), type_)

    return meaning


def _wide_operand(register: Register, upper: bool, type_: str) -> Expr:
    if register.lane is None:
        return _half(register, upper)
    narrow = f"<{lanes(type_)[0]} x i{register.lane_bits}>"
    return repeated(_lane(register, f"i{register.lane_bits}"), narrow)


def _wide_second(opcode: str, extend: str, upper: bool) -> Meaning:
    """saddw, uaddw: the second operand twice as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _kind(target)
        other = op(extend, type_, _half(_vector(right), upper))
        return _set(target, op(opcode, type_, _read(left, type_), other), type_)

    return meaning


def _widening_accumulate(opcode: str, extend: str, upper: bool) -> Meaning:
    """smlal, umlal, smlsl, umlsl."""

    def meaning(operands: Operands) -> list[Effect]:
        target, left, right = operands
        type_ = _kind(target)
        factors = [op(extend, type_, _wide_operand(_vector(side), upper, type_)) for side in (left, right)]
        product = op("mul", type_, *factors)
        return _set(target, op(opcode, type_, _read(target, type_), product), type_)

    return meaning


def _negate(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _kind(target)
    return _set(target, op("sub", type_, splat(0, type_), _read(source, type_)), type_)


def _absolute(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _kind(target)
    return _set(target, op("llvm.abs", type_, _read(source, type_), Const(0, "i1")), type_)


def _invert(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _kind(target)
    return _set(target, _not(_read(source, type_), type_), type_)


def _across(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        element = f"i{_vector(source).lane_bits}"
        value = op(f"llvm.vector.reduce.{_ACROSS[mnemonic]}", element, _read(source, _kind(source)))
        return _set(target, value, element)

    return meaning


def _across_pair(operands: Operands) -> list[Effect]:
    """`addp d0, v0.2d`, or adding neighbours of two vectors."""
    if len(operands) == 2:
        target, source = operands
        value = op("llvm.vector.reduce.add", "i64", _read(source, _kind(source)))
        return _set(target, value, "i64")
    return _pairwise(operands, "add", _kind(operands[0]))


def _float_pair(operands: Operands) -> list[Effect]:
    if len(operands) == 2:
        target, source = operands
        vector, element = _float_type(source), _vector(target).type
        parts = [op("extractelement", element, _read(source, vector), constant(place, "i64")) for place in (0, 1)]
        return _set(target, op("fadd", element, *parts), element)
    return _pairwise(operands, "fadd", _float_type(operands[0]))


def _pairwise(operands: Operands, opcode: str, type_: str) -> list[Effect]:
    target, left, right = operands
    count = lanes(type_)[0]
    both = (_read(left, type_), _read(right, type_))
    parts = [
        op("shufflevector", type_, *both, extra=tuple(range(start, 2 * count, 2))) for start in (0, 1)
    ]
    return _set(target, op(opcode, type_, *parts), type_)


def _duplicate(operands: Operands) -> list[Effect]:
    target, source = operands
    if not isinstance(source, Register):
        raise Unsupported("operands of this form are not supported")
    register, type_ = _vector(target), _kind(target)
    if source.is_vector:
        if register.lanes is None:  # `mov s0, v1.s[1]`
            return _set(target, _lane(source, source.type), source.type)
        return _set(target, repeated(_lane(source, f"i{source.lane_bits}"), type_), type_)
    return _set(target, repeated(read_register(source, f"i{register.lane_bits}"), type_), type_)


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
    return _set(target, read_register(source, type_), type_)


def _insert(target: Register, source: Register) -> list[Effect]:
    element = f"i{target.lane_bits}"
    type_ = f"<{128 // target.lane_bits} x {element}>"
    value = _lane(source, element) if source.is_vector else read_register(source, element)
    vector = read_register(Register(target.name, 128), type_)
    place = constant(target.lane, "i64")
    return _set(target, op("insertelement", type_, vector, value, place), type_)


def _out(extend: str) -> Meaning:
    """umov, smov: a lane to a general register."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        element = f"i{_vector(source).lane_bits}"
        value = _lane(source, element)
        if bits(element) < target.bits:
            value = op(extend, target.type, value)
        return [SetReg(target.name, value, target.type)]

    return meaning


_unsigned_out = _out("zext")


def _constant(inverse: bool) -> Meaning:
    """movi, mvni: the same number in each lane."""

    def meaning(operands: Operands) -> list[Effect]:
        target, value = operands
        register = _vector(target)
        type_ = register.vector_type if register.lanes else "i64"
        number = ~value.value if inverse else value.value
        return _set(target, splat(number, type_), type_)

    return meaning


def _float_constant(operands: Operands) -> list[Effect]:
    """`fmov v0.2d, #1.0`, and moves that are no vector's own."""
    target, value = operands
    if isinstance(target, Register) and target.is_vector and isinstance(value, Immediate):
        type_ = _float_type(target)
        number = float_bits(float(value.value), lanes(type_)[1]).value
        return _set(target, splat(number, type_), type_)
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
        type_ = _kind(target)
        mask = _mask(kind, second, lanes(type_)[0])
        return _set(target, op("shufflevector", type_, _read(left, type_), _read(right, type_), extra=mask), type_)

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
        type_ = _kind(target)
        count, element = lanes(type_)
        group = width // bits(element)
        mask = tuple(place - place % group + group - 1 - place % group for place in range(count))
        value = op("shufflevector", type_, _read(source, type_), Op("poison", type_, ()), extra=mask)
        return _set(target, value, type_)

    return meaning


def _extract(operands: Operands) -> list[Effect]:
    """ext: bytes from the middle of two registers."""
    target, left, right, start = operands
    type_ = _kind(target)
    mask = tuple(range(start.value, start.value + lanes(type_)[0]))
    return _set(target, op("shufflevector", type_, _read(left, type_), _read(right, type_), extra=mask), type_)


def _select_bits(chooser: int) -> Meaning:
    """bsl, bit, bif: each bit of one operand or another, as a third one says."""

    def meaning(operands: Operands) -> list[Effect]:
        target, first, second = (_read(operand, _kind(operands[0])) for operand in operands)
        mask, yes, no = ((target, first, second), (second, first, target), (second, target, first))[chooser]
        type_ = _kind(operands[0])
        chosen = op("and", type_, mask, yes)
        other = op("and", type_, _not(mask, type_), no)
        return _set(operands[0], op("or", type_, chosen, other), type_)

    return meaning


def _count_bits(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _kind(target)
    return _set(target, op("llvm.ctpop", type_, _read(source, type_)), type_)


def _long_across(extend: str) -> Meaning:
    """uaddlv, saddlv: the sum of all lanes, twice as wide."""

    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        register = _vector(source)
        element = f"i{2 * register.lane_bits}"
        wide = op(extend, f"<{register.lanes} x {element}>", _read(source, _kind(source)))
        return _set(target, op("llvm.vector.reduce.add", element, wide), element)

    return meaning


def _table(operands: Operands) -> list[Effect]:
    """tbl of one register."""
    target, table, indices = operands
    if not isinstance(table, RegisterList) or len(table.registers) != 1:
        raise Unsupported("a table of several registers")
    type_ = _kind(target)
    value = op("llvm.aarch64.neon.tbl1", type_, _read(table.registers[0], "<16 x i8>"), _read(indices, type_))
    return _set(target, value, type_)


def _from_integers(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        if fraction:
            raise Unsupported("a conversion of fixed-point numbers")
        type_ = _float_type(target)
        return _set(target, op(opcode, type_, _read(source, _kind(source))), type_)

    return meaning


def _to_integers(opcode: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source, *fraction = operands
        if fraction:
            raise Unsupported("a conversion of fixed-point numbers")
        type_ = _kind(target)
        return _set(target, op(opcode, type_, _read(source, _float_type(source))), type_)

    return meaning


def _float_lengthen(upper: bool) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        target, source = operands
        if upper:
            raise Unsupported("the upper half of a vector of floats")
        type_, register = _float_type(target), _vector(source)
        return _set(target, op("fpext", type_, read_register(register, register.float_vector_type)), type_)

    return meaning


def _float_narrow(operands: Operands) -> list[Effect]:
    target, source = operands
    type_ = _float_type(target)
    return _set(target, op("fptrunc", type_, _read(source, _float_type(source))), type_)


def _wide_table() -> dict[str, Meaning]:
    """The instructions that come signed and unsigned, for the lower and (with a 2) upper half."""
    table: dict[str, Meaning] = {}
    for letter, extend in (("s", "sext"), ("u", "zext")):
        for suffix, upper in (("", False), ("2", True)):
            table[f"{letter}shll{suffix}"] = table[f"{letter}xtl{suffix}"] = _lengthen(extend, upper)
            table[f"{letter}mlal{suffix}"] = _widening_accumulate("add", extend, upper)
            table[f"{letter}mlsl{suffix}"] = _widening_accumulate("sub", extend, upper)
            for name, opcode in _WIDENING.items():
                table[f"{letter}{name}{suffix}"] = _widening(opcode, extend, upper)
            for name, opcode in (("addw", "add"), ("subw", "sub")):
                table[f"{letter}{name}{suffix}"] = _wide_second(opcode, extend, upper)
        table[f"{letter}shl"] = _shift_by_vector(letter)
        table[f"{letter}addlv"] = _long_across(extend)
        table[f"{letter}mov"] = _out(extend)
    return table


VECTORS: dict[str, Meaning] = {
    **_wide_table(),
    **{mnemonic: _binary(mnemonic) for mnemonic in _BINARY},
    **{mnemonic: _float_binary(mnemonic) for mnemonic in _FLOAT_BINARY},
    **{mnemonic: _float_unary(mnemonic) for mnemonic in _FLOAT_UNARY},
    **{mnemonic: _compare(test) for mnemonic, test in _COMPARES.items()},
    **{mnemonic: _float_compare(test) for mnemonic, test in _FLOAT_COMPARES.items()},
    **{mnemonic: _shift(mnemonic) for mnemonic in _SHIFTS},
    **{mnemonic: _across(mnemonic) for mnemonic in _ACROSS},
    **{f"{kind}{second + 1}": _shuffle(kind, second) for kind in ("zip", "uzp", "trn") for second in (0, 1)},
    **{f"rev{width}": _reverse(width) for width in (16, 32, 64)},
    "bic": _inverted_second("and"), "orn": _inverted_second("or"),
    "fmla": _float_fused(False), "fmls": _float_fused(True),
    "mla": _multiply_add("add"), "mls": _multiply_add("sub"), "cmtst": _test_bits,
    "usra": _shift_accumulate("lshr"), "ssra": _shift_accumulate("ashr"),
    "xtn": _narrowed(False, False), "xtn2": _narrowed(True, False),
    "shrn": _narrowed(False, True), "shrn2": _narrowed(True, True),
    "neg": _negate, "abs": _absolute, "mvn": _invert, "not": _invert, "cnt": _count_bits,
    "addp": _across_pair, "faddp": _float_pair, "dup": _duplicate, "mov": _move, "ins": _move,
    "movi": _constant(False), "mvni": _constant(True), "fmov": _float_constant, "ext": _extract,
    "bsl": _select_bits(0), "bit": _select_bits(1), "bif": _select_bits(2), "tbl": _table,
    "scvtf": _from_integers("sitofp"), "ucvtf": _from_integers("uitofp"),
    "fcvtzs": _to_integers("fptosi"), "fcvtzu": _to_integers("fptoui"),
    "fcvtl": _float_lengthen(False), "fcvtl2": _float_lengthen(True), "fcvtn": _float_narrow,
}  # fmt: skip
