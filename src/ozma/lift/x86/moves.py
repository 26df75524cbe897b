"""Integers moved, widened, pushed, exchanged with memory: stem -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import (
    Const, Effect, Expr, Let, Load, Op, Reg, SetFlags, SetReg, Store, Temp, Unsupported, bits,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Memory, Register, address

# (from, to) of the widening moves; Intel's movzx, movsx, movsxd read widths from operands
_WIDTHS = {"b": 8, "w": 16, "l": 32, "q": 64}


def _mov(d: Decoded) -> list[Effect]:
    return [write(d.operands[1], read(d.operands[0], d.type), d.type)]


def _widen(opcode: str, source: int, width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        narrow, wide = f"i{source or _source_width(d)}", f"i{width or d.width}"
        value = Op(opcode, wide, (read(d.operands[0], narrow),))
        return [write(d.operands[1], value, wide)]

    return rule


def _source_width(d: Decoded) -> int:
    source = d.operands[0]
    width = bits(source.type) if isinstance(source, Register) else getattr(source, "width", 0)
    if not width:
        raise Unsupported("the width of the source is not said")
    return width


def _lea(d: Decoded) -> list[Effect]:
    if not isinstance(d.operands[0], Memory):
        raise Unsupported("lea of what is no address")
    where = address(d.operands[0])
    return [write(d.operands[1], where if d.width == 64 else _cut(where, d.type), d.type)]


def _cut(value: Expr, type_: str) -> Expr:
    """The low part of a sum, by the low parts of what is added."""
    if isinstance(value, Op) and value.opcode in ("add", "shl"):
        return Op(value.opcode, type_, tuple(_cut(operand, type_) for operand in value.operands))
    if isinstance(value, Reg) and value.name != "rsp":
        return Reg(value.name, type_)
    if isinstance(value, Const):
        return Const(value.value & ((1 << bits(type_)) - 1), type_)
    return Op("trunc", type_, (value,))


def _xchg(d: Decoded) -> list[Effect]:
    first, second = d.operands
    if isinstance(first, Memory):
        first, second = second, first
    if isinstance(second, Memory):
        swap = Op("atomicrmw xchg seq_cst", d.type, (address(second), read(first, d.type)))
        return [write(first, swap, d.type)]
    return [
        Let("a", read(first, d.type), d.type), write(first, read(second, d.type), d.type),
        write(second, Temp("a"), d.type),
    ]  # fmt: skip


def _xadd(d: Decoded) -> list[Effect]:
    source, target = d.operands
    if not isinstance(target, Memory):
        raise Unsupported("xadd on registers")
    return [
        Let("b", read(source, d.type), d.type),
        Let("a", Op("atomicrmw add seq_cst", d.type, (address(target), Temp("b"))), d.type),
        SetFlags("add", Temp("a"), Temp("b"), d.type), write(source, Temp("a"), d.type),
    ]  # fmt: skip


def _cmpxchg(d: Decoded) -> list[Effect]:
    source, target = d.operands
    if not isinstance(target, Memory):
        raise Unsupported("cmpxchg on registers")
    pair = f"{{ {d.type}, i1 }}"
    swap = Op("cmpxchg seq_cst", pair, (address(target), Reg("rax", d.type), read(source, d.type)))
    return [
        Let("p", swap, pair), SetFlags("equal", Op("extractvalue", "i1", (Temp("p"),), 1)),
        SetReg("rax", Op("extractvalue", d.type, (Temp("p"),), 0), d.type, d.width < 32, 0, True),
    ]  # fmt: skip


def _extend_self(source: int, width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = Op("sext", f"i{width}", (Reg("rax", f"i{source}"),))
        return [SetReg("rax", value, f"i{width}", width < 32)]

    return rule


def _sign_of(width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_ = f"i{width}"
        value = Op("ashr", type_, (Reg("rax", type_), Const(width - 1, type_)))
        return [SetReg("rdx", value, type_, width < 32, 0, True)]

    return rule


def _push(d: Decoded) -> list[Effect]:
    _check_word(d)
    pointer = Op("add", "i64", (Reg("rsp", "i64"), Const((1 << 64) - 8, "i64")))
    return [
        Let("v", read(d.operands[0], "i64"), "i64"), SetReg("rsp", pointer, "i64"),
        Store(Reg("rsp", "i64"), Temp("v"), "i64"),
    ]  # fmt: skip


def _pop(d: Decoded) -> list[Effect]:
    _check_word(d)
    pointer = Op("add", "i64", (Reg("rsp", "i64"), Const(8, "i64")))
    return [
        Let("v", Load(Reg("rsp", "i64"), "i64"), "i64"), SetReg("rsp", pointer, "i64"),
        write(d.operands[0], Temp("v"), "i64"),
    ]  # fmt: skip


def _check_word(d: Decoded) -> None:
    if d.width == 16:
        raise Unsupported(f"{d.stem} of 16 bits")


def _leave(d: Decoded) -> list[Effect]:
    return [
        SetReg("rsp", Reg("rbp", "i64"), "i64"),
        *_pop(Decoded("pop", 64, (Register("rbp", "i64"),))),
    ]


def _widening_moves() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for source in "bw":
        for target in "wlq"["bw".index(source) :]:
            widths = _WIDTHS[source], _WIDTHS[target]
            table[f"movz{source}{target}"] = _widen("zext", *widths)
            table[f"movs{source}{target}"] = _widen("sext", *widths)
    return table | {
        "movslq": _widen("sext", 32, 64), "movzx": _widen("zext", 0, 0),
        "movsx": _widen("sext", 0, 0), "movsxd": _widen("sext", 32, 64),
    }  # fmt: skip


RULES: dict[str, Rule] = {
    **_widening_moves(),
    **dict.fromkeys(("mov", "movabs"), _mov),
    **dict.fromkeys(("cltq", "cdqe"), _extend_self(32, 64)),
    **dict.fromkeys(("cwtl", "cwde"), _extend_self(16, 32)),
    **dict.fromkeys(("cbtw", "cbw"), _extend_self(8, 16)),
    **dict.fromkeys(("cwtd", "cwd"), _sign_of(16)),
    **dict.fromkeys(("cltd", "cdq"), _sign_of(32)),
    **dict.fromkeys(("cqto", "cqo"), _sign_of(64)),
    "lea": _lea, "xchg": _xchg, "xadd": _xadd, "cmpxchg": _cmpxchg,
    "push": _push, "pop": _pop, "leave": _leave,
}  # fmt: skip
