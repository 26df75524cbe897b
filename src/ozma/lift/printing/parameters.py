"""The function's parameters, from what its code finds in registers and on the stack."""

from __future__ import annotations

from ozma.lift.printing.operands import UNKNOWN
from ozma.lift.reading.architecture import Architecture
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value
from ozma.lift.stack.objects import GIVEN, Frame


def parameters(
    builder: Builder, architecture: Architecture, frame: Frame
) -> tuple[list[str], dict[str, str]]:
    """(types with names in order, name by register) from the entry values that are used."""
    used = _used(builder)
    texts, by_register = [], {}
    indirect = architecture.convention.indirect_result
    if indirect in used:
        texts.append("ptr sret(i8) %indirect")
        by_register[indirect] = "%indirect"
        used[indirect].pointer = True
    for position, name in enumerate(_places(builder, architecture, used)):
        value, returned = used.get(name), builder.memory_result and not position
        if value is not None:
            value.pointer |= returned
        type_ = "ptr sret(i8)" if returned else _type(value, name, architecture)
        texts.append(f"{type_} %a{position}")
        by_register[name] = f"%a{position}"
    for region in frame.regions:
        if region.given:
            texts.append(f"ptr byval([{region.end - region.offset} x i8]) align 8 {GIVEN}")
    if builder.graph.variadic:
        texts.append("...")
    for name, value in used.items():
        value.name = by_register.get(name, UNKNOWN)
    return texts, by_register


def _used(builder: Builder) -> dict[str, Value]:
    """Entry values that some value or some end of a block uses, by register."""
    used: dict[str, Value] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                _note(arg, used)
        for value in body.end.values if body.end else ():
            _note(value, used)
    return used


def _places(builder: Builder, architecture: Architecture, used: dict[str, Value]) -> list[str]:
    """Registers and slots of the parameters: all up to the last that is used."""
    convention = architecture.convention
    integers = _count(used, convention.integers)
    floats = _count(used, convention.floats)
    if builder.graph.variadic:
        fixed = builder.graph.variadic
        integers, floats = max(integers, fixed[0]), max(floats, fixed[1])
    stack = [int(name[1:-1]) for name in used if name[0] == "["]
    stack = [offset for offset in stack if offset >= convention.stack_arguments]
    if stack:
        integers = len(convention.integers)
    names = [*convention.integers[:integers], *convention.floats[:floats]]
    last = max(stack, default=convention.stack_arguments - 8)
    return names + [f"[{o}]" for o in range(convention.stack_arguments, last + 1, 8)]


def _type(value: Value | None, name: str, architecture: Architecture) -> str:
    if value is None:
        return "double" if name in architecture.convention.floats else "i64"
    return "ptr" if value.pointer else value.type


def _note(value: Value, used: dict[str, Value]) -> None:
    while value.replaced is not None:
        value = value.replaced
    if value.op == "entry":
        used[value.extra[0]] = value


def _count(used: dict[str, Value], registers: tuple[str, ...]) -> int:
    return max((n + 1 for n, name in enumerate(registers) if name in used), default=0)
