"""What an instruction of AArch64 does: the tables put together."""

from __future__ import annotations

from ozma.lift.aarch64.comparisons import COMPARISONS
from ozma.lift.aarch64.control import CONTROL, conditional
from ozma.lift.aarch64.fields import FIELDS
from ozma.lift.aarch64.floating import FLOATING
from ozma.lift.aarch64.integers import INTEGERS
from ozma.lift.aarch64.memory import MEMORY
from ozma.lift.aarch64.memory_lists import LISTS
from ozma.lift.aarch64.operands import CONDITIONS, Operand, RegisterList, parse_operands
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import Meaning
from ozma.lift.aarch64.vector_floats import FLOATS
from ozma.lift.aarch64.vector_moves import MOVES
from ozma.lift.aarch64.vector_widths import WIDTHS
from ozma.lift.aarch64.vectors import VECTORS as INTEGER_LANES
from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.effects import Effect, Unsupported

_ACCESSES = MEMORY.keys() | LISTS.keys()
SCALARS: dict[str, Meaning] = {
    **INTEGERS, **FIELDS, **COMPARISONS, **FLOATING, **MEMORY, **LISTS, **CONTROL,
    **{f"b.{code}": conditional(code) for code in (*CONDITIONS[:14], "cs", "cc")},
}  # fmt: skip
VECTORS: dict[str, Meaning] = {**INTEGER_LANES, **FLOATS}
LANES: dict[str, Meaning] = {**VECTORS, **MOVES, **WIDTHS}


def effects(instruction: Instruction) -> list[Effect]:
    """The effects of one line; Unsupported says why there are none."""
    operands = parse_operands(instruction.mnemonic, instruction.operands)
    table = LANES if _is_vector(instruction.mnemonic, operands) else SCALARS
    meaning = table.get(instruction.mnemonic)
    if meaning is None:
        raise Unsupported(f"instruction '{instruction.mnemonic}' is not supported")
    try:
        return meaning(operands)
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise Unsupported(f"the operands of '{instruction.mnemonic}' are not supported") from error


def _is_vector(mnemonic: str, operands: tuple[Operand, ...]) -> bool:
    """By the operands: an arrangement of lanes, or registers of vectors where no float is meant."""
    if any(isinstance(operand, RegisterList) for operand in operands):
        return mnemonic not in _ACCESSES
    registers = [operand for operand in operands if isinstance(operand, Register)]
    if any(register.lanes is not None for register in registers):
        return True
    return (
        mnemonic not in FLOATING
        and mnemonic not in _ACCESSES
        and any(r.is_vector for r in registers)
    )
