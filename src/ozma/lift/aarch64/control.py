"""Branches, calls, returns, barriers, and the atomic helpers of libgcc that calls name."""

from __future__ import annotations

import re

from ozma.lift.aarch64.operands import Immediate, Label, Operand, Word
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning,
    Operands,
    condition_named,
    constant,
    op,
    read,
    write,
)  # fmt: skip
from ozma.lift.reading.effects import (
    Branch,
    Call,
    Const,
    Do,
    Effect,
    Expr,
    IndirectJump,
    Jump,
    Op,
    Reg,
    Return,
    SetReg,
    Symbol,
    Unsupported,
    bits,
)  # fmt: skip

_FENCES = {"ish": "fence seq_cst", "ishld": "fence acquire", "sy": "fence seq_cst"}
_HELPER = re.compile(
    r"__aarch64_(cas|swp|ldadd|ldclr|ldeor|ldset)([1248])_(relax|acq|rel|acq_rel)$"
)
_ORDERS = {"relax": "monotonic", "acq": "acquire", "rel": "release", "acq_rel": "acq_rel"}
_UPDATES = {"swp": "xchg", "ldadd": "add", "ldclr": "and", "ldeor": "xor", "ldset": "or"}


def _label(operand: Operand) -> Label:
    if not isinstance(operand, Label) or operand.part:
        raise Unsupported("the target is no label")
    return operand


def conditional(code: str) -> Meaning:
    """`b.eq` and its like."""

    def meaning(operands: Operands) -> list[Effect]:
        return [Branch(condition_named(code), _label(operands[0]).name)]

    return meaning


def _if_zero(test: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        register, target = operands
        zero = Const(0, register.type)
        return [Branch(op(f"icmp {test}", "i1", read(register), zero), _label(target).name)]

    return meaning


def _if_bit(test: str) -> Meaning:
    """The highest bit is the sign; any other one is taken out of the register."""

    def meaning(operands: Operands) -> list[Effect]:
        register, place, target = operands
        value, width = read(register), bits(register.type)
        if place.value not in range(width):
            raise Unsupported(f"bit {place.value} of a register of {width}")
        found = test
        if place.value == width - 1:
            found = "slt" if test == "ne" else "sge"
        else:
            value = op("and", register.type, value, constant(1 << place.value, register.type))
        bit = op(f"icmp {found}", "i1", value, Const(0, register.type))
        return [Branch(bit, _label(target).name)]

    return meaning


def _jump(operands: Operands) -> list[Effect]:
    return [Jump(_label(operands[0]).name)]


def _indirect_jump(operands: Operands) -> list[Effect]:
    return [IndirectJump(read(operands[0]))]


def _call(operands: Operands) -> list[Effect]:
    label = _label(operands[0])
    return _helper(label.name) or [Call(Symbol(label.name, label.addend))]


def _indirect_call(operands: Operands) -> list[Effect]:
    return [Call(read(operands[0]))]


def _helper(name: str) -> list[Effect]:
    """What libgcc's out-of-line atomics do: the operand in x0, the address in x1; for a
    comparison the expected value, the new one and the address."""
    match = _HELPER.match(name)
    if not match:
        return []
    kind, size, order = match.groups()
    type_, ordering = f"i{8 * int(size)}", _ORDERS[order]
    if kind == "cas":
        return _compare_and_swap(type_, ordering)
    value: Expr = Reg("x0", type_)
    if kind == "ldclr":
        value = op("xor", type_, value, constant(-1, type_))
    old = op(f"atomicrmw {_UPDATES[kind]} {ordering}", type_, Reg("x1", "i64"), value)
    return [_result(old, type_)]


def _compare_and_swap(type_: str, ordering: str) -> list[Effect]:
    """What memory held; the order of a failure is the strongest that the success has."""
    failure = {"monotonic": "monotonic", "release": "monotonic", "acquire": "acquire"}
    orders = f"{ordering} {failure.get(ordering, 'seq_cst')}"
    sides = Reg("x2", "i64"), Reg("x0", type_), Reg("x1", type_)
    pair = op(f"cmpxchg {orders}", f"{{ {type_}, i1 }}", *sides)
    return [_result(Op("extractvalue", type_, (pair,), 0), type_)]


def _result(value: Op, type_: str) -> SetReg:
    if bits(type_) < 32:
        return SetReg("x0", op("zext", "i32", value), "i32", implicit=True)
    return SetReg("x0", value, type_, implicit=True)


def _return(operands: Operands) -> list[Effect]:
    if operands and operands != (Register("x30", 64),):
        return [IndirectJump(read(operands[0]))]
    return [Return()]


def _barrier(operands: Operands) -> list[Effect]:
    (kind,) = operands
    if not isinstance(kind, Word) or kind.text not in _FENCES:
        raise Unsupported("this barrier is not supported")
    return [Do(Op(_FENCES[kind.text], "void", ()))]


def _read_system(operands: Operands) -> list[Effect]:
    target, register = operands
    if register != Word("tpidr_el0"):
        raise Unsupported("a system register other than the thread pointer")
    return write(target, op("llvm.thread.pointer", "i64"), "i64")


def _describe(operands: Operands) -> list[Effect]:
    """A call of a thread-local variable's descriptor (`outlined.restored` makes it one word)."""
    label = _label(operands[0])
    return [SetReg("x0", Symbol(label.name, label.addend, "tpoff", "generaldynamic"), "i64")]


def _trap(operands: Operands) -> list[Effect]:
    if operands != (Immediate(1),):
        raise Unsupported("a break that is no trap")
    return [Do(Op("llvm.trap", "void", ())), Do(Op("unreachable", "void", ()))]


def _debug_trap(operands: Operands) -> list[Effect]:
    raise Unsupported("a system call or break")


def _hint(operands: Operands) -> list[Effect]:
    """No operation: landing pads of branches, padding."""
    return []


CONTROL: dict[str, Meaning] = {
    "b": _jump, "br": _indirect_jump, "bl": _call, "blr": _indirect_call, "ret": _return,
    "cbz": _if_zero("eq"), "cbnz": _if_zero("ne"), "tbz": _if_bit("eq"), "tbnz": _if_bit("ne"),
    "dmb": _barrier, "mrs": _read_system, "brk": _trap, "svc": _debug_trap, "hlt": _debug_trap,
    "tlsdesccall": _describe, "nop": _hint, "bti": _hint,
}  # fmt: skip
