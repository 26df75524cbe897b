"""The function's parameters, from what its code finds in registers and on the stack."""

from __future__ import annotations

from ozma.lift.printing.operands import UNKNOWN
from ozma.lift.reading.architecture import Architecture
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value


def parameters(builder: Builder, architecture: Architecture) -> tuple[list[str], dict[str, str]]:
    """(types with names in order, name by register) from the entry values that are used."""
    convention = architecture.convention
    used: dict[str, Value] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                _note(arg, used)
        for value in body.end.values if body.end else ():
            _note(value, used)
    stack = sorted((name for name in used if name[0] == "["), key=lambda n: int(n[1:-1]))
    stack = [name for name in stack if int(name[1:-1]) >= convention.stack_arguments]
    integers = _count(used, convention.integers)
    floats = _count(used, convention.floats)
    variadic = builder.graph.variadic
    if variadic:
        integers, floats = max(integers, variadic[0]), max(floats, variadic[1])
    if stack:
        integers = len(convention.integers)
    names = [*convention.integers[:integers], *convention.floats[:floats]]
    names += _stack_names(stack, convention.stack_arguments)
    texts, by_register = [], {}
    if convention.indirect_result in used:
        texts.append("ptr sret(i8) %indirect")
        by_register[convention.indirect_result] = "%indirect"
        used[convention.indirect_result].pointer = True
    for position, name in enumerate(names):
        value = used.get(name)
        type_ = "double" if name in convention.floats else "i64"
        if value is not None:
            value.pointer |= builder.memory_result and not position
            type_ = "ptr" if value.pointer else value.type
        if builder.memory_result and not position:
            type_ = "ptr sret(i8)"
        texts.append(f"{type_} %a{position}")
        by_register[name] = f"%a{position}"
    if variadic:
        texts.append("...")
    for name, value in used.items():
        value.name = by_register.get(name, UNKNOWN)
    return texts, by_register


def _note(value: Value, used: dict[str, Value]) -> None:
    while value.replaced is not None:
        value = value.replaced
    if value.op == "entry":
        used[value.extra[0]] = value


def _count(used: dict[str, Value], registers: tuple[str, ...]) -> int:
    return max((n + 1 for n, name in enumerate(registers) if name in used), default=0)


def _stack_names(used: list[str], first: int) -> list[str]:
    last = max((int(name[1:-1]) for name in used), default=first - 8)
    return [f"[{offset}]" for offset in range(first, last + 1, 8)]
