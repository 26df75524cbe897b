"""What an x86-64 instruction does: decode, then the integer or the SSE table."""

from __future__ import annotations

from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.effects import (
    Branch, Call, Condition, Effect, IndirectJump, Jump, Return, SetFlags, Symbol, Unsupported,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, decode, read
from ozma.lift.x86.integer import CONDITIONS
from ozma.lift.x86.integer import RULES as INTEGER_RULES
from ozma.lift.x86.sse import RULES as SSE_RULES

_JUMPS = frozenset(
    ["jmp", "jmpq", "call", "callq", "loop", "jrcxz", "jecxz", *(f"j{code}" for code in CONDITIONS)]
)
_RETURNS = frozenset(["ret", "retq"])
_X87 = ("fld", "fst", "fxch", "fadd", "fsub", "fmul", "fdiv", "fild", "fist", "fcom", "fucom", "fnst",
        "fchs", "fabs", "fsqrt", "fcmov", "fldcw", "fnstcw", "fisttp", "wait", "fninit", "frndint")  # fmt: skip
RULES = INTEGER_RULES | SSE_RULES


def effects(instruction: Instruction) -> list[Effect]:
    """Unsupported names what is not in the table."""
    mnemonic = instruction.mnemonic.split()[-1]
    if mnemonic in _RETURNS:
        return [Return()]
    if mnemonic.startswith(_X87):
        raise Unsupported(f"x87 instruction '{mnemonic}'")
    decoded = decode(instruction, RULES, _JUMPS)
    if mnemonic in _JUMPS:
        return _control(decoded)
    if not decoded.width and decoded.stem in INTEGER_RULES and _needs_width(decoded):
        raise Unsupported("the width of the operation is not said")
    return RULES[decoded.stem](decoded)


def _needs_width(decoded: Decoded) -> bool:
    return bool(decoded.operands) and not decoded.stem.startswith(("set", "movs", "movz", "push", "pop", "nop"))


def _control(decoded: Decoded) -> list[Effect]:
    stem, (target,) = decoded.stem.removesuffix("q"), decoded.operands
    if stem in ("loop", "jrcxz", "jecxz"):
        raise Unsupported(f"instruction '{stem}' is not supported")
    if decoded.indirect:
        where = read(target, "i64")
        if stem == "call":
            return [Call(where)]
        if isinstance(where, Symbol):
            return [Jump(where.name, where.relocation)]
        return [IndirectJump(where)]
    relocation = "plt" if target.relocation == "PLT" else target.relocation.lower()
    if stem == "call":
        return [Call(Symbol(target.symbol, target.displacement, relocation))]
    if stem == "jmp":
        return [Jump(target.symbol, relocation)]
    return [Branch(Condition(CONDITIONS[stem[1:]]), target.symbol)]
