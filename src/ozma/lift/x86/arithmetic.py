"""Sums, products, quotients, logic and compares of integers: stem -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import (
    Condition, Const, Do, Effect, Expr, Let, Op, Reg, SetFlags, SetReg, Temp, Unsupported, bits,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Immediate, Memory, Register, address

# stem -> (LLVM opcode, how the flags follow)
_BINARY = {
    "add": ("add", "add"), "sub": ("sub", "sub"), "and": ("and", "logic"), "or": ("or", "logic"),
    "xor": ("xor", "logic"),
}  # fmt: skip
_ABSORBING = {"and": lambda d: Const(0, d.type), "or": lambda d: Const((1 << d.width) - 1, d.type)}


def _last(d: Decoded) -> tuple[Expr, Expr]:
    """(value of the destination, value of the source)."""
    return read(d.operands[-1], d.type), read(d.operands[0], d.type)


def _same_register(d: Decoded) -> bool:
    return (
        len(d.operands) == 2
        and isinstance(d.operands[0], Register)
        and d.operands[0] == d.operands[1]
    )


def _binary(opcode: str, flags: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_ = d.type
        if "lock" in d.prefixes:
            return _locked(d, opcode, flags)
        if _same_register(d) and opcode in ("sub", "xor"):
            zero = Const(0, type_)
            return [SetFlags("logic", zero, None, type_), write(d.operands[1], zero, type_)]
        left, right = _last(d)
        if right == _ABSORBING.get(opcode, lambda _: None)(d):  # the shortest way to store it
            return [SetFlags("logic", right, None, type_), write(d.operands[-1], right, type_)]
        effects = [Let("a", left, type_), Let("b", right, type_)]
        effects.append(Let("r", Op(opcode, type_, (Temp("a"), Temp("b"))), type_))
        return effects + [_flags(flags, type_), write(d.operands[-1], Temp("r"), type_)]

    return rule


def _flags(kind: str, type_: str) -> SetFlags:
    if kind == "logic":
        return SetFlags("logic", Temp("r"), None, type_)
    return SetFlags(kind, Temp("a"), Temp("b"), type_)


def _locked(d: Decoded, opcode: str, flags: str) -> list[Effect]:
    """`lock op src, mem`; flags are of the sum that memory then holds."""
    if not isinstance(d.operands[-1], Memory):
        raise Unsupported("lock on a register")
    type_, where = d.type, address(d.operands[-1])
    source = read(d.operands[0], type_)
    if opcode == "or" and isinstance(d.operands[-1].base, Register) and source == Const(0, type_):
        if d.operands[-1].base.whole == "rsp":  # LLVM's and gcc's cheaper mfence
            return [Do(Op("fence seq_cst", "void", ())), SetFlags("none")]
    rmw = Op(f"atomicrmw {opcode} seq_cst", type_, (where, Temp("b")))
    return [
        Let("b", source, type_), Let("a", rmw, type_),
        Let("r", Op(opcode, type_, (Temp("a"), Temp("b"))), type_), _flags(flags, type_),
    ]  # fmt: skip


def _cmp(d: Decoded) -> list[Effect]:
    left, right = _last(d)
    if left == right and isinstance(left, Reg):  # gcc's way to say "equal" before `repz cmpsb`
        left = right = Const(0, d.type)
    return [SetFlags("sub", left, right, d.type)]


def _test(d: Decoded) -> list[Effect]:
    left, right = _last(d)
    both = left if left == right else Op("and", d.type, (left, right))
    return [SetFlags("logic", both, None, d.type)]


def _step(opcode: str, kind: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        if "lock" in d.prefixes:
            operands = (Immediate(1), d.operands[0])
            return _locked(Decoded(opcode, d.width, operands, d.prefixes), opcode, opcode)
        sum_ = Op(opcode, d.type, (read(d.operands[0], d.type), Const(1, d.type)))
        return [
            Let("r", sum_, d.type), SetFlags(kind, Temp("r"), None, d.type),
            write(d.operands[0], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


def _neg(d: Decoded) -> list[Effect]:
    zero, value = Const(0, d.type), Temp("a")
    return [
        Let("a", read(d.operands[0], d.type), d.type), SetFlags("sub", zero, value, d.type),
        write(d.operands[0], Op("sub", d.type, (zero, value)), d.type),
    ]  # fmt: skip


def _not(d: Decoded) -> list[Effect]:
    ones = Const((1 << d.width) - 1, d.type)
    return [write(d.operands[0], Op("xor", d.type, (read(d.operands[0], d.type), ones)), d.type)]


def _imul(d: Decoded) -> list[Effect]:
    if len(d.operands) == 1:
        return _wide_multiply("sext")(d)
    left = read(d.operands[-1] if len(d.operands) == 2 else d.operands[1], d.type)
    right = read(d.operands[0], d.type)
    product = Op("mul", d.type, (Temp("a"), Temp("b")))
    return [
        Let("a", left, d.type), Let("b", right, d.type),
        SetFlags("smul", Temp("a"), Temp("b"), d.type), write(d.operands[-1], product, d.type),
    ]  # fmt: skip


def _wide_multiply(extend: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_, wide = d.type, f"i{2 * d.width}"
        factors = (Reg("rax", type_), read(d.operands[0], type_))
        product = Op("mul", wide, tuple(Op(extend, wide, (factor,)) for factor in factors))
        kind = "umul" if extend == "zext" else "smul"
        effects = [SetFlags(kind, *factors, type_), Let("p", product, wide)]
        if d.width == 8:
            return effects + [SetReg("rax", Temp("p"), "i16", True, 0, True)]
        return effects + _pair(Temp("p"), type_, wide)

    return rule


def _pair(value: Expr, type_: str, wide: str) -> list[Effect]:
    """Halves of a value of twice the width to rax and rdx."""
    high = Op("trunc", type_, (Op("lshr", wide, (value, Const(bits(type_), wide))),))
    keeps = bits(type_) < 32
    low = Op("trunc", type_, (value,))
    return [SetReg("rax", low, type_, keeps, 0, True), SetReg("rdx", high, type_, keeps, 0, True)]


def _divide(sign: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_, divisor = d.type, read(d.operands[0], d.type)
        if d.width == 8:
            return _divide_bytes(sign, divisor)
        inputs = (Reg("rdx", type_), Reg("rax", type_), Temp("d"))
        keeps = d.width < 32
        return [
            Let("d", divisor, type_), Let("q", Op(f"{sign}divwide", type_, inputs), type_),
            Let("m", Op(f"{sign}remwide", type_, inputs), type_), SetFlags("none"),
            SetReg("rax", Temp("q"), type_, keeps, 0, True),
            SetReg("rdx", Temp("m"), type_, keeps, 0, True),
        ]  # fmt: skip

    return rule


def _divide_bytes(sign: str, divisor: Expr) -> list[Effect]:
    wide = Op("sext" if sign == "s" else "zext", "i16", (divisor,))
    inputs = (Reg("rax", "i16"), wide)
    return [
        Let("q", Op("trunc", "i8", (Op(f"{sign}div", "i16", inputs),)), "i8"),
        Let("m", Op("trunc", "i8", (Op(f"{sign}rem", "i16", inputs),)), "i8"), SetFlags("none"),
        SetReg("rax", Temp("q"), "i8", True, 0, True),
        SetReg("rax", Temp("m"), "i8", True, 8, True),
    ]  # fmt: skip


def _with_carry(opcode: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        carry = Condition("ult")
        if opcode == "sub" and _same_register(d):
            mask = Op("sext", d.type, (carry,))
            return [write(d.operands[1], mask, d.type)]  # the carry stays as it was
        left, right = _last(d)
        return [
            Let("c", carry, "i1"), Let("a", left, d.type), Let("b", right, d.type),
            Let("s", Op(opcode, d.type, (Temp("a"), Temp("b"))), d.type),
            Let("r", Op(opcode, d.type, (Temp("s"), Op("zext", d.type, (Temp("c"),)))), d.type),
            SetFlags("adc" if opcode == "add" else "sbb", Op("carries", "i1", (
                Temp("a"), Temp("b"), Temp("s"), Temp("r"), Temp("c"),
            )), Temp("r"), d.type),
            write(d.operands[-1], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


RULES: dict[str, Rule] = {
    **{stem: _binary(*how) for stem, how in _BINARY.items()},
    "cmp": _cmp, "test": _test, "inc": _step("add", "inc"), "dec": _step("sub", "dec"),
    "neg": _neg, "not": _not, "imul": _imul, "mul": _wide_multiply("zext"), "div": _divide("u"),
    "idiv": _divide("s"), "adc": _with_carry("add"), "sbb": _with_carry("sub"),
}  # fmt: skip
