"""String instructions: one element, or as many as %rcx says: stem -> effects.

The direction flag is clear, as the System V ABI has it at every entry of a function.
"""

from __future__ import annotations

from ozma.lift.reading.effects import (
    Condition, Const, Do, Effect, Let, Load, Op, Reg, Repeat, SetFlags, SetReg, Store, Temp,
    Unsupported,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, Rule
from ozma.lift.x86.operands import Memory, Operand, Register

_TARGET, _SOURCE = Reg("rdi", "i64"), Reg("rsi", "i64")
_COUNT = Reg("rcx", "i64")
_BYTES = {"b": 1, "w": 2, "l": 4, "d": 4, "q": 8}
_WHILE_EQUAL, _WHILE_OTHER = ("rep", "repe", "repz"), ("repne", "repnz")
_SEGMENTS = {"rdi": ("", "es"), "rsi": ("", "ds")}


def string_rule(name: str, letter: str) -> Rule:
    """`name` is movs, stos, lods, scas or cmps; `letter` says how wide an element is."""
    size = _BYTES[letter]
    body = (*_ELEMENT[name](f"i{8 * size}"), *(_onward(r, size) for r in _MOVED[name]))

    def rule(d: Decoded) -> list[Effect]:
        if not all(map(_is_usual, d.operands)):
            raise Unsupported("a string instruction on other registers than the usual")
        if not d.prefixes:
            return list(body)
        if len(d.prefixes) > 1 or d.prefixes[0] not in (*_WHILE_EQUAL, *_WHILE_OTHER):
            raise Unsupported(f"'{' '.join(d.prefixes)}' before a string instruction")
        return _repeated(name, size, body, d.prefixes[0])

    return rule


def _repeated(name: str, size: int, body: tuple[Effect, ...], prefix: str) -> list[Effect]:
    if name in ("scas", "cmps"):
        return [Repeat(_COUNT, body, Condition("eq" if prefix in _WHILE_EQUAL else "ne"))]
    if prefix in _WHILE_OTHER:
        raise Unsupported(f"'{prefix}' before {name}")
    if name == "stos" and size == 1:
        return list(_filled(size))
    if name == "stos":
        return [Repeat(_COUNT, body, whole=_filled(size), alike=Reg("rax", f"i{8 * size}"))]
    if name == "movs":
        return [Repeat(_COUNT, body, whole=_copied(size), apart=(_TARGET, _SOURCE), size=size)]
    return [Repeat(_COUNT, body)]


def _is_usual(operand: Operand) -> bool:
    """Is it one of those that the instruction has anyway? An assembler lets them be written."""
    if isinstance(operand, Register):
        return operand.whole == "rax" and not operand.offset
    if not isinstance(operand, Memory) or operand.index or operand.displacement or operand.symbol:
        return False
    base = operand.base
    return base is not None and base.type == "i64" and (
        operand.segment in _SEGMENTS.get(base.whole, ())
    )  # fmt: skip


def _onward(register: str, size: int) -> SetReg:
    next_ = Op("add", "i64", (Reg(register, "i64"), Const(size, "i64")))
    return SetReg(register, next_, "i64", implicit=True)


def _move(type_: str) -> tuple[Effect, ...]:
    return Let("v", Load(_SOURCE, type_, align=1), type_), Store(_TARGET, Temp("v"), type_, align=1)


def _fill(type_: str) -> tuple[Effect, ...]:
    return (Store(_TARGET, Reg("rax", type_), type_, align=1),)


def _take(type_: str) -> tuple[Effect, ...]:
    return (SetReg("rax", Load(_SOURCE, type_, align=1), type_, type_ in ("i8", "i16")),)


def _scan(type_: str) -> tuple[Effect, ...]:
    return (SetFlags("sub", Reg("rax", type_), Load(_TARGET, type_, align=1), type_),)


def _compare(type_: str) -> tuple[Effect, ...]:
    left, right = Load(_SOURCE, type_, align=1), Load(_TARGET, type_, align=1)
    return (SetFlags("sub", left, right, type_),)


_ELEMENT = {"movs": _move, "stos": _fill, "lods": _take, "scas": _scan, "cmps": _compare}
_MOVED = {
    "movs": ("rdi", "rsi"), "stos": ("rdi",), "lods": ("rsi",), "scas": ("rdi",),
    "cmps": ("rdi", "rsi"),
}  # fmt: skip


def _filled(size: int) -> tuple[Effect, ...]:
    """All elements at once, of equal bytes."""
    fill = Op("llvm.memset", "void", (_TARGET, Reg("rax", "i8"), Temp("n")))
    return _at_once(fill, size, "rdi")


def _copied(size: int) -> tuple[Effect, ...]:
    """All elements at once, between places that do not overlap."""
    return _at_once(Op("llvm.memcpy", "void", (_TARGET, _SOURCE, Temp("n"))), size, "rdi", "rsi")


def _at_once(operation: Op, size: int, *moved: str) -> tuple[Effect, ...]:
    shift = Const(size.bit_length() - 1, "i64")
    length = Op("shl", "i64", (_COUNT, shift)) if size > 1 else _COUNT
    ends = (
        SetReg(name, Op("add", "i64", (Reg(name, "i64"), Temp("n"))), "i64", implicit=True)
        for name in moved
    )
    zero = SetReg("rcx", Const(0, "i64"), "i64", implicit=True)
    return Let("n", length, "i64"), Do(operation), *ends, zero


RULES: dict[str, Rule] = {
    f"{name}{letter}": string_rule(name, letter) for name in _ELEMENT for letter in _BYTES
}
