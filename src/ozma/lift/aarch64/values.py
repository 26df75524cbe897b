"""Operands of AArch64 as expressions, and writes to its registers."""

from __future__ import annotations

from collections.abc import Callable

from ozma.lift.aarch64.operands import Condition as Code
from ozma.lift.aarch64.operands import Immediate, Label, Memory, Operand, Shifted
from ozma.lift.aarch64.registers import Register
from ozma.lift.reading.effects import (
    Condition,
    Const,
    Effect,
    Expr,
    Op,
    Reg,
    SetReg,
    Symbol,
    Unsupported,
    bits,
)  # fmt: skip

Operands = tuple[Operand, ...]
Meaning = Callable[[Operands], list[Effect]]
"""What an instruction does, by its operands."""

_SHIFTS = {"lsl": "shl", "lsr": "lshr", "asr": "ashr"}
_CODES = {
    "eq": "eq", "ne": "ne", "hs": "uge", "lo": "ult", "mi": "neg", "pl": "pos", "vs": "ovf",
    "vc": "novf", "hi": "ugt", "ls": "ule", "ge": "sge", "lt": "slt", "gt": "sgt", "le": "sle",
}  # fmt: skip
_THREAD_MODELS = {"tprel_lo12": "localexec", "tprel_lo12_nc": "localexec", "tprel": "localexec",
                  "gottprel_lo12": "initialexec", "gottprel": "initialexec"}  # fmt: skip


def constant(value: int, type_: str) -> Const:
    """A number cut to the type's width."""
    return Const(value & ((1 << bits(type_)) - 1), type_)


def op(opcode: str, type_: str, *operands: Expr, extra: object = None) -> Op:
    return Op(opcode, type_, operands, extra)


def read(operand: Operand, type_: str = "") -> Expr:
    """The operand's value as `type_`; without one, registers have their own."""
    if isinstance(operand, Register):
        return read_register(operand, type_ or operand.type)
    if isinstance(operand, Shifted):
        return _read_shifted(operand, type_ or operand.register.type)
    if isinstance(operand, Immediate) and isinstance(operand.value, int) and type_:
        return constant(operand.value, type_)
    raise Unsupported("an operand of this form is not supported here")


def read_register(register: Register, type_: str) -> Expr:
    """The low part of a register; of one lane, that lane."""
    if register.is_zero:
        return Const(0, type_)
    offset = (register.lane or 0) * (register.lane_bits or 0)
    return Reg(register.name, type_, offset)


def _read_shifted(operand: Shifted, type_: str) -> Expr:
    if not operand.extends:
        return shifted(operand.kind, read_register(operand.register, type_), operand.amount, type_)
    narrow = f"i{ {'b': 8, 'h': 16, 'w': 32, 'x': 64}[operand.kind[-1]] }"
    value = read_register(operand.register, type_ if bits(narrow) >= bits(type_) else narrow)
    if bits(narrow) < bits(type_):
        value = op("sext" if operand.kind[0] == "s" else "zext", type_, value)
    return shifted("lsl", value, operand.amount, type_)


def shifted(kind: str, value: Expr, amount: int, type_: str) -> Expr:
    """`value` shifted or rotated by a number of bits."""
    if amount == 0:
        return value
    if kind == "ror":
        back = constant(bits(type_) - amount, type_)
        return op("llvm.fshl", type_, value, value, back)
    return op(_SHIFTS[kind], type_, value, constant(amount, type_))


def write(register: Operand, value: Expr, type_: str) -> list[Effect]:
    """Sets a register; what is above the type's bits becomes zero. Writes to zr do nothing."""
    if not isinstance(register, Register):
        raise Unsupported("the destination is no register")
    return [] if register.is_zero else [SetReg(register.name, value, type_)]


def condition(operand: Operand) -> Condition:
    """The flags' test that a condition code names."""
    if not isinstance(operand, Code) or operand.code not in _CODES:
        raise Unsupported("this condition is not supported")
    return Condition(_CODES[operand.code])


def condition_named(code: str) -> Condition:
    return condition(Code({"cs": "hs", "cc": "lo"}.get(code, code)))


def holding(flags: int) -> frozenset[str]:
    """Conditions that hold when NZCV are these four bits."""
    negative, zero, carry, overflow = (bool(flags >> place & 1) for place in (3, 2, 1, 0))
    found = {
        "eq": zero, "uge": carry, "neg": negative, "ovf": overflow, "ugt": carry and not zero,
        "sge": negative == overflow, "sgt": not zero and negative == overflow,
    }  # fmt: skip
    opposite = {"eq": "ne", "uge": "ult", "neg": "pos", "ovf": "novf", "ugt": "ule", "sge": "slt",
                "sgt": "sle"}  # fmt: skip
    return frozenset(code if holds else opposite[code] for code, holds in found.items())


def address(memory: Memory) -> Expr:
    """The address that is accessed, as an i64: the base itself where it is stepped afterwards."""
    if isinstance(memory.offset, Label):
        return label_address(memory.base, memory.offset)
    base = read_register(memory.base, "i64")
    if memory.mode == "post":
        return base
    if memory.index is not None:
        return op("add", "i64", base, read(memory.index, "i64"))
    return plus(base, memory.offset)


def stepped(memory: Memory) -> list[Effect]:
    """The base's new value where the operand writes it back: never an argument or a result."""
    if memory.mode == "offset":
        return []
    base = read_register(memory.base, "i64")
    if memory.index is not None:
        value = op("add", "i64", base, read(memory.index, "i64"))
    else:
        value = plus(base, memory.offset)
    return [SetReg(memory.base.name, value, "i64", implicit=True)]


def plus(base: Expr, distance: int) -> Expr:
    return op("add", "i64", base, constant(distance, "i64")) if distance else base


def label_address(base: Register, label: Label) -> Expr:
    """What `base`, which holds a page or the thread pointer, and the label's low part make.

    The page in `base` is that of the label in any program that was linked: only the label counts.
    """
    if label.part == "lo12":
        return Symbol(label.name, label.addend)
    if label.part == "got_lo12":
        return Symbol(label.name, label.addend, "gotslot")
    if label.part == "tlsdesc_lo12":  # what its call gives is known by the variable
        return Const(0, "i64")
    if label.part in _THREAD_MODELS:
        symbol = thread_symbol(label)
        return (
            symbol
            if label.part.startswith("got")
            else op("add", "i64", read_register(base, "i64"), symbol)
        )
    raise Unsupported(f"relocation :{label.part}:")


def thread_symbol(label: Label) -> Symbol:
    """The distance of a thread-local variable from the thread pointer."""
    return Symbol(label.name, label.addend, "tpoff", _THREAD_MODELS[label.part])


def inverted(value: Expr, type_: str) -> Expr:
    """All bits the other way."""
    return op("xor", type_, value, constant(-1, type_))


def negated(value: Expr, type_: str) -> Expr:
    """0 - value."""
    return op("sub", type_, Const(0, type_), value)


def integer_type(target: Operand) -> str:
    """ "i32" of w0, "i64" of x0."""
    if not isinstance(target, Register) or target.is_vector:
        raise Unsupported("operands of this form are not supported")
    return target.type
