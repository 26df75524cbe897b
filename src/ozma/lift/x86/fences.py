"""Fences, traps, and what does nothing: stem -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import Do, Effect, Expr, Op
from ozma.lift.x86.decode import Decoded, Rule


def _do(opcode: str, *operands: Expr) -> Rule:
    return lambda d: [Do(Op(opcode, "void", operands))]


def _nothing(d: Decoded) -> list[Effect]:
    return []


RULES: dict[str, Rule] = {
    "nop": _nothing, "endbr64": _nothing, "cld": _nothing,
    "ud2": _do("llvm.trap"), "hlt": _do("unreachable"), "mfence": _do("fence seq_cst"),
    "pause": _do("llvm.x86.sse2.pause"), "lfence": _do("llvm.x86.sse2.lfence"),
    "sfence": _do("llvm.x86.sse.sfence"), "int3": _do("llvm.debugtrap"),
}  # fmt: skip
