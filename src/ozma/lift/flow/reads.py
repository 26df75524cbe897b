"""What effects and expressions read."""

from __future__ import annotations

from collections.abc import Iterator

from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import (
    Condition, Const, Effect, Load, Op, Reg, SetReg, Symbol, Temp, is_vector,
)  # fmt: skip


def reads(value: object) -> Iterator[Reg]:
    """Register reads of an expression or of an effect's operands."""
    if isinstance(value, Reg):
        yield value
    elif isinstance(value, Load):
        yield from reads(value.address)
    elif isinstance(value, Op):
        for operand in value.operands:
            yield from reads(operand)
    elif not isinstance(value, Const | Symbol | Temp | str | int | tuple | frozenset | type(None)):
        for name in type(value).__dataclass_fields__:
            yield from reads(getattr(value, name))


def whole_copy(effect: Effect, architecture: Architecture) -> bool:
    """A move of a whole vector register: it says nothing about what is in it."""
    return (
        isinstance(effect, SetReg)
        and isinstance(effect.value, Reg)
        and is_vector(effect.type)
        and effect.value.type == effect.type
        and effect.value.offset == effect.offset == 0
        and effect.name[0] != "["
        and effect.value.name[0] != "["
    )


def caller_saved(architecture: Architecture) -> set[str]:
    convention = architecture.convention
    names = {*architecture.scratch, *architecture.vector_registers, *convention.integers}
    return names - convention.preserved


def conditions(value: object) -> bool:
    """Is there a `Condition` in the effect or expression?"""
    if isinstance(value, Condition):
        return True
    if isinstance(value, Op):
        return any(conditions(operand) for operand in value.operands)
    if isinstance(value, Effect):
        return any(conditions(getattr(value, name)) for name in type(value).__dataclass_fields__)
    return False
