"""What an x86-64 instruction does: decode, then the tables of integers and of SSE."""

from __future__ import annotations

from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.effects import (
    Branch, Call, Condition, Effect, IndirectJump, Jump, Return, Symbol, Unsupported,
)  # fmt: skip
from ozma.lift.x86 import arithmetic, bits, conditions, fences, moves, strings
from ozma.lift.x86 import sse_floats, sse_integers, sse_moves
from ozma.lift.x86.conditions import CONDITIONS
from ozma.lift.x86.decode import Decoded, Rule, decode, read

_INTEGERS = (arithmetic, bits, conditions, moves, strings, fences)
_SSE = (sse_floats, sse_integers, sse_moves)
_INTEGER_RULES: dict[str, Rule] = {stem: rule for t in _INTEGERS for stem, rule in t.RULES.items()}
RULES = _INTEGER_RULES | {stem: rule for table in _SSE for stem, rule in table.RULES.items()}
"""Stem (AT&T's mnemonic without width suffix, or Intel's) -> what it does."""

_JUMPS = frozenset(
    ["jmp", "jmpq", "call", "callq", "loop", "jrcxz", "jecxz", *(f"j{code}" for code in CONDITIONS)]
)
_LOCKED = frozenset(
    ("add", "sub", "and", "or", "xor", "inc", "dec", "bts", "btr", "btc", "xchg", "xadd", "cmpxchg")
)
_RETURNS = frozenset(["ret", "retq"])
_X87 = ("fld", "fst", "fxch", "fadd", "fsub", "fmul", "fdiv", "fild", "fist", "fcom", "fucom",
        "fnst", "fchs", "fabs", "fsqrt", "fcmov", "fldcw", "fnstcw", "fisttp", "wait", "fninit",
        "frndint")  # fmt: skip


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
    if not decoded.width and decoded.stem in _INTEGER_RULES and _needs_width(decoded):
        raise Unsupported("the width of the operation is not said")
    if "lock" in decoded.prefixes and decoded.stem not in _LOCKED:
        raise Unsupported(f"lock before '{decoded.stem}'")
    return RULES[decoded.stem](decoded)


def _needs_width(decoded: Decoded) -> bool:
    said = ("set", "movs", "movz", "cmps", "lods", "push", "pop", "nop")
    return bool(decoded.operands) and not decoded.stem.startswith(said)


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
