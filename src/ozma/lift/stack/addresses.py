"""Addresses in the frame: registers that hold one, followed and replaced by offsets."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.flow.graph import Step
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import (
    Call, Const, Effect, Expr, Let, Load, Op, Reg, SetReg, Symbol, Temp,
)  # fmt: skip
from ozma.lift.stack.objects import Frame

State = dict[str, int]
WRAP = 1 << 64


def signed(value: int) -> int:
    value %= WRAP
    return value - WRAP if value >= WRAP // 2 else value


def is_frame(value: object) -> bool:
    return isinstance(value, Symbol) and value.relocation == "frame"


def frame_address(offset: int) -> Symbol:
    return Symbol("", offset, "frame")


class Rewriter:
    """Puts frame addresses in place of registers that hold them, step by step."""

    def __init__(self, state: State, frame: Frame) -> None:
        self.state, self.frame, self.temps = state, frame, {}

    def value(self, expr: Expr) -> Expr:
        if isinstance(expr, Reg):
            known = self.state.get(expr.name)
            if known is not None and expr.type == "i64":
                return frame_address(known)
            return expr
        if isinstance(expr, Temp):
            return self.temps.get(expr.name, expr)
        if isinstance(expr, Load):
            return replace(expr, address=self.value(expr.address))
        if isinstance(expr, Op):
            return self._operation(expr)
        return expr

    def _operation(self, expr: Op) -> Expr:
        operands = tuple(self.value(operand) for operand in expr.operands)
        if expr.opcode in ("add", "sub", "and", "or") and len(operands) == 2:
            first, second = operands
            if expr.opcode in ("add", "or") and is_frame(second) and isinstance(first, Const):
                first, second = second, first
            if is_frame(first) and isinstance(second, Const):
                return self._moved(expr.opcode, first.addend, signed(second.value))
            if is_frame(first) and is_frame(second) and expr.opcode == "sub":
                return Const((first.addend - second.addend) % WRAP, "i64")
            if expr.opcode == "add" and (moved := _hoist(first, second)):
                return self.value(moved)
            if expr.opcode == "or" and (is_frame(first) or is_frame(second)):
                # The back end writes a sum so where bits of the address are known to be zero.
                return replace(expr, opcode="add", operands=operands)
        return replace(expr, operands=operands)

    def _moved(self, opcode: str, offset: int, amount: int) -> Expr:
        if opcode == "add":
            return frame_address(offset + amount)
        if opcode == "sub":
            return frame_address(offset - amount)
        if opcode == "or":  # AArch64, whose stack is aligned to 16: bits known to be zero
            return frame_address(offset | amount if 0 <= amount < 16 else offset + amount)
        self.frame.realigned = max(self.frame.realigned, -amount)
        return frame_address(offset & amount)

    def effect(self, effect: Effect, convention: Convention) -> Effect:
        """The effect in frame terms; the state follows."""
        if isinstance(effect, SetReg):
            new = replace(effect, value=self.value(effect.value))
            self._set(new)
            return new
        if isinstance(effect, Let):
            new = replace(effect, value=self.value(effect.value))
            if is_frame(new.value) or isinstance(new.value, Const):
                self.temps[effect.name] = new.value
            else:
                self.temps.pop(effect.name, None)
            return new
        if isinstance(effect, Call):
            new = replace(effect, target=self.value(effect.target))
            kept = convention.preserved | effect.keeps
            self.state = {r: v for r, v in self.state.items() if r in kept}
            return new
        return self._other(effect)

    def _other(self, effect: Effect) -> Effect:
        changes = {}
        for name in type(effect).__dataclass_fields__:
            part = getattr(effect, name)
            if isinstance(part, Reg | Temp | Load | Op):
                changes[name] = self.value(part)
            elif name == "then":
                changes[name] = self._other(part)
        return replace(effect, **changes) if changes else effect

    def _set(self, effect: SetReg) -> None:
        if is_frame(effect.value) and effect.type == "i64":
            self.state = self.state | {effect.name: effect.value.addend}
        elif effect.name in self.state:
            self.state = {r: v for r, v in self.state.items() if r != effect.name}


def _hoist(first: Expr, second: Expr) -> Op | None:
    """(frame + x) + 8 -> (frame + 8) + x, so that the known part stays together."""
    if isinstance(first, Op) and first.opcode == "add" and is_frame(first.operands[0]):
        if isinstance(second, Const):
            moved = Op("add", "i64", (first.operands[0], second))
            return Op("add", "i64", (moved, first.operands[1]))
    return None


def registers_read(value: object) -> set[str]:
    """Names of registers in an effect's or expression's operands."""
    if isinstance(value, Reg):
        return {value.name}
    if isinstance(value, tuple):
        return {name for part in value for name in registers_read(part)}
    found: set[str] = set()
    for name in getattr(type(value), "__dataclass_fields__", ()):
        part = getattr(value, name)
        if not isinstance(part, str | int):
            found |= registers_read(part)
    return found


def moves_stack(step: Step, convention: Convention) -> bool:
    return any(isinstance(e, SetReg) and e.name == convention.stack_pointer for e in step.effects)
