"""What a register holds at the end of the code read so far, as far as that code alone says."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.lift.flow.graph import Block
from ozma.lift.flow.successors import ends
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import (
    Branch, Call, Const, Effect, Expr, Op, Reg, SetReg, Symbol, bits, is_integer,
)  # fmt: skip

OWN, PASSED, SYMBOL = "own frame", "passed", "symbol"


@dataclass(frozen=True)
class Origin:
    """`offset` bytes into an object: the function's own frame (`base`: how often the stack pointer
    had changed), a symbol's, or (`PASSED`) anywhere in what the caller knew of."""

    kind: str
    base: str | int = ""
    offset: int = 0


class Before:
    """The code that leads to the end of the last block, and to nothing else, in one line.

    `is_start`: does it begin where the function does?
    """

    def __init__(self, blocks: list[Block], convention: Convention) -> None:
        self._convention = convention
        self._effects: list[Effect] = []
        for block in reversed(blocks):
            effects = [effect for step in block.steps for effect in step.effects]
            if block is not blocks[-1] and effects and _goes_elsewhere(effects[-1]):
                break
            self._effects += reversed(effects)
            if block.labels:
                break
        self.is_start = not any(block.labels for block in blocks)

    def constant(self, register: str) -> int | None:
        """The number in the whole register, if the last write to it is of one."""
        place = self._last_write(register)
        if place is None or place == len(self._effects):
            return None
        effect = self._effects[place]
        if effect.keeps or effect.offset or not is_integer(effect.type):
            return None
        return _number(effect.value, effect.type)

    def origin(self, register: str) -> Origin | None:
        """The object that the register points into; None if that is not seen."""
        return self._origin(register, 0)

    def bottom(self) -> Origin:
        """Where the stack pointer is."""
        return Origin(OWN, self._stack_changes(0))

    def _origin(self, register: str, start: int) -> Origin | None:
        place = self._last_write(register, start)
        if place is None:
            return None
        if place == len(self._effects):
            return Origin(PASSED) if self.is_start else None
        effect = self._effects[place]
        if effect.keeps or effect.type != "i64":
            return None
        return self._of_value(effect.value, place + 1)

    def _of_value(self, value: Expr, start: int) -> Origin | None:
        offset = 0
        if isinstance(value, Op) and value.opcode == "add" and isinstance(value.operands[1], Const):
            value, offset = value.operands[0], value.operands[1].value
        if isinstance(value, Symbol):
            return Origin(SYMBOL, value.name, value.addend + offset)
        if not isinstance(value, Reg) or value.type != "i64":
            return None
        if value.name == self._convention.stack_pointer:
            return Origin(OWN, self._stack_changes(start), offset)
        found = self._origin(value.name, start)
        return found and Origin(found.kind, found.base, found.offset + offset)

    def _stack_changes(self, start: int) -> int:
        name = self._convention.stack_pointer
        rest = self._effects[start:]
        return sum(isinstance(effect, SetReg) and effect.name == name for effect in rest)

    def _last_write(self, register: str, start: int = 0) -> int | None:
        """Its place; the number of effects if there is none; None where a call left something."""
        for place in range(start, len(self._effects)):
            effect = self._effects[place]
            if isinstance(effect, SetReg) and effect.name == register:
                return place
            if isinstance(effect, Call) and register not in self._convention.preserved:
                return None
        return len(self._effects)


def _goes_elsewhere(effect: Effect) -> bool:
    return ends(effect) and not isinstance(effect, Branch)


def _number(value: Expr, type_: str) -> int | None:
    ones = (1 << bits(type_)) - 1
    if isinstance(value, Const):
        return value.value & ones
    if isinstance(value, Op) and value.opcode == "or" and len(value.operands) == 2:
        full = any(isinstance(o, Const) and o.value & ones == ones for o in value.operands)
        return ones if full else None
    return None
