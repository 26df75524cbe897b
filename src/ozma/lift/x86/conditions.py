"""Condition codes, and the instructions that only ask for one."""

from __future__ import annotations

from ozma.lift.reading.effects import Condition, Effect, Op
from ozma.lift.x86.decode import Decoded, Rule, read, write

CONDITIONS = {
    "e": "eq", "z": "eq", "ne": "ne", "nz": "ne", "b": "ult", "c": "ult", "nae": "ult", "ae": "uge",
    "nc": "uge", "nb": "uge", "be": "ule", "na": "ule", "a": "ugt", "nbe": "ugt", "l": "slt",
    "nge": "slt", "ge": "sge", "nl": "sge", "le": "sle", "ng": "sle", "g": "sgt", "nle": "sgt",
    "s": "neg", "ns": "pos", "o": "ovf", "no": "novf", "p": "uno", "pe": "uno", "np": "ord",
    "po": "ord",
}  # fmt: skip


def _set(code: str) -> Rule:
    return lambda d: [write(d.operands[0], Op("zext", "i8", (Condition(code),)), "i8")]


def _cmov(code: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        source, target = read(d.operands[0], d.type), read(d.operands[1], d.type)
        return [
            write(d.operands[1], Op("select", d.type, (Condition(code), source, target)), d.type)
        ]

    return rule


RULES: dict[str, Rule] = {
    **{f"set{suffix}": _set(code) for suffix, code in CONDITIONS.items()},
    **{f"cmov{suffix}": _cmov(code) for suffix, code in CONDITIONS.items()},
}
