"""Types of calls' results and of parameters, once it is known how they are used."""

from __future__ import annotations

from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import bits, is_integer, is_vector
from ozma.lift.reading.prototypes import Prototype
from ozma.lift.ssa.body import ENTRY
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.parts import FLOATING
from ozma.lift.ssa.values import Value

_WORD = 8  # bytes


def settle_results(builder: Builder) -> None:
    """One result per register of a call, the widest that anyone reads; others are parts of it."""
    for body in builder.bodies.values():
        values: list[Value] = []
        for value in body.values:
            values.append(value)
            if value.op == "call" and value.extra.results:
                values.extend(_settle(builder, value, value.extra.results))
        body.values = values


def _settle(builder: Builder, call: Value, demanded: list[tuple[str, str, Value]]) -> list[Value]:
    widest: dict[str, Value] = {}
    for register, type_, value in demanded:
        best = widest.get(register)
        if best is None or bits(type_) > bits(best.type):
            widest[register] = value
    known = call.extra.plan.prototype
    for register, value in widest.items():
        if known and is_integer(value.type) and bits(_known_type(known)) > bits(value.type):
            type_ = _known_type(known)
            widest[register] = Value("result", type_, [call], register, call.block, call.line)
    made: list[Value] = []
    for register, type_, value in demanded:
        source = widest[register]
        if value is source:
            continue
        made += _part(builder, source, value, type_, call)
    call.extra.results = [(register, value.type, value) for register, value in widest.items()]
    return [*widest.values(), *made]


def _known_type(known: Prototype) -> str:
    return {"ptr": "i64", "void": "i1"}.get(known.result, known.result)


def _part(builder: Builder, source: Value, value: Value, type_: str, call: Value) -> list[Value]:
    if bits(source.type) == bits(type_):
        part = Value("bitcast", type_, [source], None, call.block, call.line)
    elif is_vector(source.type):
        count = bits(source.type) // bits(type_)
        cast = Value("bitcast", f"<{count} x {type_}>", [source], None, call.block, call.line)
        zero = builder.constant(0, "i64")
        part = Value("extractelement", type_, [cast, zero], None, call.block, call.line)
        value.replaced = part
        return [cast, part]
    elif is_integer(source.type) and is_integer(type_):
        part = Value("trunc", type_, [source], None, call.block, call.line)
    else:
        integer = Value("bitcast", f"i{bits(source.type)}", [source], None, call.block, call.line)
        cut = Value("trunc", f"i{bits(type_)}", [integer], None, call.block, call.line)
        part = Value("bitcast", type_, [cut], None, call.block, call.line)
        value.replaced = part
        return [integer, cut, part]
    value.replaced = part
    return [part]


def settle_parameters(builder: Builder) -> None:
    """Parts of one register at entry become parts of the widest one read; parts of a word on the
    stack, of a struct that is passed there, parts of the word."""
    entries = [v for (b, *_), v in builder.entries.items() if b == ENTRY and v.op == "entry"]
    entries = [value for value in entries if value.replaced is None]
    widest = {**_widest(entries), **_words(entries, builder.architecture.convention)}
    for register, value in widest.items():
        if register in builder.architecture.vector_registers and value.type in FLOATING:
            type_ = FLOATING[value.type]  # a number, moved out of its register: `movq %xmm0, %rax`
            widest[register] = Value("entry", type_, [], value.extra, ENTRY, 0)
    for value in entries:
        register, offset = _place(value)
        source = widest.get(register)
        if source is not None and value is not source:
            builder.block, builder.local = ENTRY, {}
            part = builder.extract(source, value.type, offset)
            if part is not value:
                value.replaced = part


def _widest(entries: list[Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for value in entries:
        register, offset = value.extra
        best = found.get(register)
        if best is None or bits(value.type) + offset > bits(best.type):
            found[register] = value
    return found


def _words(entries: list[Value], convention: Convention) -> dict[str, Value]:
    """A whole word for each one on the stack of which only a later part is read."""
    found: dict[str, Value] = {}
    for value in entries:
        register, _ = _place(value)
        if register != value.extra[0] and int(register[1:-1]) >= convention.stack_arguments:
            found[register] = Value("entry", "i64", [], (register, 0), ENTRY, 0)
    return found


def _place(value: Value) -> tuple[str, int]:
    """Register, or word of the stack, and the bit where the entry's part begins in it."""
    register, offset = value.extra
    inside = int(register[1:-1]) % _WORD if register[0] == "[" and register[1] != "-" else 0
    if not inside or 8 * inside + offset + bits(value.type) > 8 * _WORD:
        return register, offset
    return f"[{int(register[1:-1]) - inside}]", 8 * inside + offset
