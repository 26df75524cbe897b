"""What lifted code does with an exception: asks for its type, and hands it on.

The back end turns `llvm.eh.typeid.for` into the number of a type in the table, and `resume` into a
call of `_Unwind_Resume` that no longer knows the selector (`DwarfEHPrepare`). Both are put back
where it is certain what they were.
"""

from __future__ import annotations

from ozma.lift.builder import Body, Builder, Terminator
from ozma.lift.decisions import Decisions
from ozma.lift.values import Value, resolve

_RESUME = "_Unwind_Resume"


def name_exceptions(builder: Builder, decisions: Decisions) -> None:
    """In place, before dead values go. Does nothing in a function without landing pads."""
    if not builder.graph.personality:
        return
    if decisions.type_numbers == "intrinsic":
        for body in builder.bodies.values():
            _name_types(body, builder.graph.caught)
    if decisions.resume == "resume":
        selectors: dict[int, Value] = {}
        for body in builder.bodies.values():
            _resume(builder, body, selectors)


def _name_types(body: Body, caught: tuple[str, ...]) -> None:
    """A selector compared with the number of a type: the type is named."""
    for value in list(body.values):
        if not value.op.startswith("icmp ") or not _is_selector(value.args[0], set()):
            continue
        number = resolve(value.args[1])
        if number.op == "const" and 0 < number.extra <= len(caught) and caught[number.extra - 1]:
            named = Value("typeid", "i32", [], caught[number.extra - 1], value.block, value.line)
            body.values.insert(body.values.index(value), named)
            value.args = [value.args[0], named]


def _is_selector(value: Value, seen: set[int]) -> bool:
    value = resolve(value)
    if value.op != "phi" or id(value) in seen:
        return value.op == "selector" or id(value) in seen
    return all(_is_selector(arg, seen | {id(value)}) for arg in value.args)


def _resume(builder: Builder, body: Body, selectors: dict[int, Value]) -> None:
    """`_Unwind_Resume` of what a landing pad gave, at the end of a block."""
    calls = [value for value in body.values if value.op == "call"]
    if not calls or body.end is None or body.end.kind != "unreachable":
        return
    call = calls[-1]
    if call.extra.target != _RESUME or len(call.args) != 1 or call is not body.values[-1]:
        return
    exception = resolve(call.args[0])
    if not _is_exception(exception, set()):
        return
    selector = _selector_of(builder, exception, selectors)
    body.values.pop()
    body.end = Terminator("resume", [exception, selector], [], [], call.line)


def _is_exception(value: Value, seen: set[int]) -> bool:
    value = resolve(value)
    if value.op != "phi" or id(value) in seen:
        return value.op == "landingpad" or id(value) in seen
    return all(_is_exception(arg, seen | {id(value)}) for arg in value.args)


def _selector_of(builder: Builder, exception: Value, known: dict[int, Value]) -> Value:
    """The selector that came with an exception, phi for phi."""
    exception = resolve(exception)
    if id(exception) in known:
        return known[id(exception)]
    if exception.op == "landingpad":
        values = builder.bodies[exception.block].values
        known[id(exception)] = next(
            value for value in values if value.op == "selector" and resolve(value.args[0]) is exception
        )
        return known[id(exception)]
    phi = Value("phi", "i32", [], None, exception.block, exception.line)
    known[id(exception)] = phi
    phi.args = [_selector_of(builder, arg, known) for arg in exception.args]
    builder.bodies[exception.block].phis.append(phi)
    return phi
