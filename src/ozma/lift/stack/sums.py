"""Sums with an address in the frame that were made in parts, as one address each."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Step
from ozma.lift.reading.effects import (
    Call, Const, Effect, Let, Op, Reg, Return, SetFlags, SetReg, Temp,
)  # fmt: skip
from ozma.lift.stack.addresses import WRAP, frame_address, is_frame, registers_read, signed


def with_whole_sums(steps: list[Step]) -> list[Step]:
    """`lea (%rsp,%rcx), %rbx; add $92, %rbx`: the address of what lies at 92, not at 0. The back
    end splits an address of three parts so. The constant moves into the first sum."""
    steps = list(steps)
    for position, step in enumerate(steps):
        name = _sum_with_frame(step)
        later = next(
            (p for p in range(position + 1, len(steps)) if name and _mentions(steps[p], name)), 0
        )
        amount = _constant_added(steps[later], name) if later else None
        if amount is not None:
            steps[position] = replace(step, effects=[_shifted(e, amount) for e in step.effects])
            steps[later] = replace(steps[later], effects=_without_sum(steps[later], name, amount))
    return steps


def _sum_with_frame(step: Step) -> str:
    """The register that the step sets to an address in the frame and something variable."""
    sums = [
        e.value for e in step.effects
        if isinstance(e, SetReg | Let) and isinstance(e.value, Op) and e.value.opcode == "add"
        and any(map(is_frame, e.value.operands))
    ]  # fmt: skip
    last = step.effects[-1] if step.effects else None
    whole = isinstance(last, SetReg) and last.type == "i64" and not last.keeps
    return last.name if len(sums) == 1 and whole else ""


def _mentions(step: Step, name: str) -> bool:
    return any(
        name in registers_read(e) or isinstance(e, Call | Return)
        or (isinstance(e, SetReg) and e.name == name) for e in step.effects
    )  # fmt: skip


def _constant_added(step: Step, name: str) -> int | None:
    """What the step adds to the register, and does nothing else but set flags."""
    last = step.effects[-1]
    if not (isinstance(last, SetReg) and last.name == name and last.type == "i64"):
        return None
    lets = {e.name: e.value for e in step.effects if isinstance(e, Let)}
    others = [e for e in step.effects[:-1] if not isinstance(e, Let | SetFlags)]
    total = lets.get(last.value.name) if isinstance(last.value, Temp) else last.value
    if others or not (isinstance(total, Op) and total.opcode == "add"):
        return None
    first, second = total.operands
    first = lets.get(first.name) if isinstance(first, Temp) else first
    same = isinstance(first, Reg) and first.name == name and first.type == "i64"
    return signed(second.value) if same and isinstance(second, Const) else None


def _shifted(effect: Effect, amount: int) -> Effect:
    """With the frame's address moved."""
    if isinstance(effect, SetFlags):
        moved = {
            n: frame_address(v.addend + amount) for n in "ab" if is_frame(v := getattr(effect, n))
        }
        return replace(effect, **moved)
    if not (isinstance(effect, SetReg | Let) and isinstance(effect.value, Op)):
        return effect
    operands = tuple(
        frame_address(o.addend + amount) if is_frame(o) else o for o in effect.value.operands
    )
    return replace(effect, value=replace(effect.value, operands=operands))


def _without_sum(step: Step, name: str, amount: int) -> list[Effect]:
    """The register keeps its value; flags are those of the sum, as if it were made here."""
    register = Reg(name, "i64")
    before = Op("sub", "i64", (register, Const(amount % WRAP, "i64")))
    effects: list[Effect] = []
    for effect in step.effects[:-1]:
        if isinstance(effect, Let):
            if effect.value == register:
                effect = replace(effect, value=before)
            elif isinstance(effect.value, Op):
                effect = replace(effect, value=register)
        effects.append(effect)
    return [*effects, replace(step.effects[-1], value=register)]
