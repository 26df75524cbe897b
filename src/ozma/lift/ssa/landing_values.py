"""What lifted code does with an exception: asks for its type, and hands it on.

The back end turns `llvm.eh.typeid.for` into the number of a type in the table, and `resume` into a
call of `_Unwind_Resume` that no longer knows the selector (`DwarfEHPrepare`). Both are put back
where it is certain what they were.
"""

from __future__ import annotations

from ozma.lift.decisions import Decisions
from ozma.lift.reading.effects import Unsupported, bits
from ozma.lift.ssa.body import Body, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, resolve

_RESUME = "_Unwind_Resume"


def name_exceptions(builder: Builder, decisions: Decisions) -> None:
    """In place; values that are no longer needed stay. Does nothing in a function without landing
    pads."""
    if not builder.graph.personality:
        return
    if decisions.type_numbers == "intrinsic":
        for body in builder.bodies.values():
            _name_types(body, builder.graph.caught)
    if decisions.resume == "resume":
        selectors: dict[int, Value] = {}
        for body in builder.bodies.values():
            _resume(builder, body, selectors)


def check_numbers(builder: Builder) -> None:
    """Unsupported: numbers of types that would be others when compiled back."""
    if builder.graph.personality:
        _check_numbers(builder, builder.graph.order())


def _name_types(body: Body, caught: tuple[str, ...]) -> None:
    """A selector compared with the number of a type: the type is named."""
    for value in list(body.values):
        if value.op not in ("icmp eq", "icmp ne"):
            continue
        selector, number = _compared(value)
        if selector is not None and 0 < number <= len(caught) and caught[number - 1]:
            named = Value("typeid", "i32", [], caught[number - 1], value.block, value.line)
            body.values.insert(body.values.index(value), named)
            value.args = [selector, named]


def _compared(test: Value) -> tuple[Value | None, int]:
    """The selector in a comparison, and the number that it is equal to."""
    left, right = resolve(test.args[0]), resolve(test.args[1])
    if right.op != "const":
        return None, 0
    number = right.extra
    while left.op in ("add", "sub") and resolve(left.args[1]).op == "const":  # `decq`, as gcc tests
        step = resolve(left.args[1]).extra
        number, left = number - step if left.op == "add" else number + step, resolve(left.args[0])
    number &= (1 << bits(left.type)) - 1
    if left.op == "sext":
        left = resolve(left.args[0])
    return (left, number) if _is_selector(left, set()) else (None, 0)


def _check_numbers(builder: Builder, order: list[int]) -> None:
    """Numbers that stand in the code must come out again. The back end numbers types pad by pad,
    the last clause first (`MachineFunction::addLandingPad`)."""
    caught, numbered = builder.graph.caught, []
    pads = [p for p in map(builder.graph.blocks.__getitem__, order) if p.landing]
    for pad in pads:
        for clause in reversed(pad.landing):
            numbered += [name for name in clause.types if name not in numbered]
    filters = {clause for pad in pads for clause in pad.landing if clause.kind == "filter"}
    if tuple(numbered) == caught and len(filters) < 2:
        return
    for body in builder.bodies.values():
        for value in body.values:
            if any(_is_selector(arg, set()) for arg in value.args) and not _is_harmless(value):
                raise Unsupported("numbers of caught types in another order than the back end's")


def _is_harmless(value: Value) -> bool:
    """Does it not ask which number the selector is?"""
    if value.op.startswith("icmp "):
        other = resolve(value.args[1])
        return other.op == "typeid" or other.op == "const" and other.extra == 0
    return False


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
            value
            for value in values
            if value.op == "selector" and resolve(value.args[0]) is exception
        )
        return known[id(exception)]
    exception.pointer = True
    phi = Value("phi", "i32", [], None, exception.block, exception.line)
    known[id(exception)] = phi
    phi.args = [_selector_of(builder, arg, known) for arg in exception.args]
    builder.bodies[exception.block].phis.append(phi)
    return phi
