"""Shifts, rotations, and single bits of integers: stem -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import Const, Effect, Expr, Let, Op, Reg, SetFlags, Temp, Unsupported
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Immediate, Memory, Register

_SHIFTS = {"shl": "shl", "sal": "shl", "shr": "lshr", "sar": "ashr"}
_ROTATES = {"rol": "llvm.fshl", "ror": "llvm.fshr"}
_COUNTS = {"popcnt": "llvm.ctpop", "tzcnt": "llvm.cttz", "lzcnt": "llvm.ctlz"}
_BIT_CHANGES = {"bts": "or", "btr": "and", "btc": "xor"}


def _count_of(d: Decoded) -> Expr:
    """A shift's count in the value's type, masked as the hardware does."""
    mask = 63 if d.width == 64 else 31
    if len(d.operands) == 1:
        return Const(1, d.type)
    if isinstance(d.operands[0], Immediate):
        return Const(d.operands[0].value & mask, d.type)
    count = Op("and", "i8", (read(Register("rcx", "i8"), "i8"), Const(mask, "i8")))
    return count if d.width == 8 else Op("zext", d.type, (count,))


def _shift(opcode: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = Op(opcode, d.type, (read(d.operands[-1], d.type), _count_of(d)))
        return [
            Let("r", value, d.type), SetFlags("shift", Temp("r"), None, d.type),
            write(d.operands[-1], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


def _rotate(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[-1], d.type)
        turned = Op(name, d.type, (value, value, _count_of(d)))
        return [SetFlags("none"), write(d.operands[-1], turned, d.type)]

    return rule


def _double_shift(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count = _count_of(Decoded(d.stem, d.width, (d.operands[0], d.operands[-1])))
        if len(d.operands) == 2:
            count = Op(
                "zext", d.type, (Op("and", "i8", (Reg("rcx", "i8"), Const(d.width - 1, "i8"))),)
            )
        low, high = read(d.operands[-1], d.type), read(d.operands[-2], d.type)
        pair = (low, high) if name == "llvm.fshl" else (high, low)
        return [SetFlags("none"), write(d.operands[-1], Op(name, d.type, (*pair, count)), d.type)]

    return rule


def _bit_test(d: Decoded) -> list[Effect]:
    value = read(d.operands[-1], d.type)
    if isinstance(d.operands[0], Immediate):
        index: Expr = Const(d.operands[0].value % d.width, d.type)
    elif isinstance(d.operands[-1], Memory):
        raise Unsupported("a bit string in memory")
    else:
        index = Op("and", d.type, (read(d.operands[0], d.type), Const(d.width - 1, d.type)))
    shifted = Op("lshr", d.type, (value, index))
    effects = [SetFlags("carry", Op("trunc", "i1", (shifted,)))]
    if change := _BIT_CHANGES.get(d.stem):
        bit = Op("shl", d.type, (Const(1, d.type), index))
        if change == "and":
            bit = Op("xor", d.type, (bit, Const((1 << d.width) - 1, d.type)))
        if "lock" in d.prefixes:
            raise Unsupported("locked bit test")
        effects.append(write(d.operands[-1], Op(change, d.type, (value, bit)), d.type))
    return effects


def _scan(name: str) -> Rule:
    """bsf, bsr: of zero the destination is not defined."""

    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[0], d.type)
        found = Op(name, d.type, (value, Const(1, "i1")))
        if name == "llvm.ctlz":
            found = Op("xor", d.type, (found, Const(d.width - 1, d.type)))
        return [
            Let("v", value, d.type), SetFlags("logic", Temp("v"), None, d.type),
            write(d.operands[1], found, d.type),
        ]  # fmt: skip

    return rule


def _count(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[0], d.type)
        rest = () if name == "llvm.ctpop" else (Const(0, "i1"),)
        return [SetFlags("none"), write(d.operands[1], Op(name, d.type, (value, *rest)), d.type)]

    return rule


def _bswap(d: Decoded) -> list[Effect]:
    value = Op("llvm.bswap", d.type, (read(d.operands[0], d.type),))
    return [write(d.operands[0], value, d.type)]


RULES: dict[str, Rule] = {
    **{stem: _shift(opcode) for stem, opcode in _SHIFTS.items()},
    **{stem: _rotate(name) for stem, name in _ROTATES.items()},
    **{stem: _count(name) for stem, name in _COUNTS.items()},
    **dict.fromkeys(("bt", *_BIT_CHANGES), _bit_test),
    "shld": _double_shift("llvm.fshl"), "shrd": _double_shift("llvm.fshr"),
    "bsf": _scan("llvm.cttz"), "bsr": _scan("llvm.ctlz"), "bswap": _bswap,
}  # fmt: skip
