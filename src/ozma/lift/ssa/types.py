"""Which 64-bit values are pointers: from addresses, symbols, and what flows into each other."""

from __future__ import annotations

from collections.abc import Iterator

from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, is_const, resolve

_INDEX_LIKE = ("shl", "const", "mul", "sext", "zext", "and", "lshr", "ashr", "sub", "or")
_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "and",
    "or",
    "xor",
    "shl",
    "lshr",
    "ashr",
    "trunc",
    "udiv",
    "sdiv",
)
_POINTER_OPS = ("symbol", "frame")


def infer_pointers(builder: Builder, leaves: str = "infer") -> None:
    """Sets `Value.pointer` of 64-bit values. `leaves` "ptr": also of parameters, results and loads
    that no arithmetic uses."""
    values = list(_all_values(builder))
    work = [v for v in values if v.op in _POINTER_OPS]
    for value in values:
        if address := address_of(value):
            _mark(resolve(address), work)
    for known in _known(values):
        _mark(known, work)
    for value in values:
        if builder.mode == "O0" and _is_difference(value):
            for arg in value.args:
                _mark(resolve(arg), work)
    users = _users(values)
    while work:
        _spread(work.pop(), users, work)
    if leaves == "ptr":
        counted = {id(resolve(arg)) for v in values if v.op in _ARITHMETIC for arg in v.args}
        for value in values:
            if value.op in ("entry", "result", "load") and id(value) not in counted:
                _mark(value, work)
        while work:
            _spread(work.pop(), users, work)


def _is_difference(value: Value) -> bool:
    """FastISel folds a load into a subtraction, unless a pointer's cast stands between."""
    if value.op != "sub" or value.type != "i64":
        return False
    return all(arg.op == "load" and arg.line != value.line for arg in map(resolve, value.args))


def address_of(value: Value) -> Value | None:
    """The operand that is an address."""
    if value.op == "load" or value.op.startswith(("atomicrmw", "cmpxchg")):
        return value.args[0]
    if value.op == "store":
        return value.args[1]
    if value.op == "call" and not value.extra.target:
        return value.args[0]
    if value.op.startswith(("llvm.memset", "llvm.memcpy", "llvm.prefetch", "llvm.va_")):
        return value.args[0]
    return None


def _all_values(builder: Builder) -> Iterator[Value]:
    seen: set[int] = set()
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for part in (value, *map(resolve, value.args)):
                if id(part) not in seen:
                    seen.add(id(part))
                    yield part
        for value in body.end.values if body.end else ():
            part = resolve(value)
            if id(part) not in seen:
                seen.add(id(part))
                yield part


def _known(values: list[Value]) -> Iterator[Value]:
    """Arguments and results that a prototype calls pointers."""
    for value in values:
        if value.op == "llvm.memcpy":
            yield resolve(value.args[1])
        if value.op != "call":
            continue
        first = 0 if value.extra.target else 1
        for argument, (_, type_) in zip(value.args[first:], value.extra.plan.arguments):
            if type_.startswith(("ptr", "byval")):
                yield resolve(argument)
        if value.extra.plan.prototype is None:
            continue
        known = value.extra.plan.prototype
        offset = 0 if value.extra.target else 1
        for argument, type_ in zip(value.args[offset:], known.arguments):
            if type_ == "ptr":
                yield resolve(argument)
        if known.result == "ptr":
            for _, _, result in value.extra.results:
                yield resolve(result)


def _mark(value: Value, work: list[Value]) -> None:
    value = resolve(value)
    if value.type == "i64" and not value.pointer and value.op not in ("const", "poison"):
        value.pointer = True
        work.append(value)


def base_of(value: Value) -> int | None:
    """Which operand of a sum is the pointer: 0 or 1; None if neither can be."""
    left, right = (resolve(arg) for arg in value.args)
    if left.pointer != right.pointer:
        return 0 if left.pointer else 1
    if left.op in _INDEX_LIKE and right.op not in _INDEX_LIKE:
        return 1
    if left.op in _INDEX_LIKE and right.op in _INDEX_LIKE:
        return None if left.op == "const" else 0 if is_const(right) and left.op != "shl" else None
    return 0


def _users(values: list[Value]) -> dict[int, list[Value]]:
    users: dict[int, list[Value]] = {}
    for value in values:
        if value.op in ("phi", "select", "add", "icmp eq", "icmp ne") or value.op.startswith(
            "icmp u"
        ):
            for arg in value.args:
                users.setdefault(id(resolve(arg)), []).append(value)
    return users


def _spread(value: Value, users: dict[int, list[Value]], work: list[Value]) -> None:
    if value.op == "phi":
        for arg in value.args:
            _mark(arg, work)
    elif value.op == "select":
        _mark(value.args[1], work)
        _mark(value.args[2], work)
    elif value.op == "add":
        base = base_of(value)
        if base is not None:
            _mark(value.args[base], work)
    for user in users.get(id(value), ()):
        if user.op in ("phi", "select"):
            _mark(user, work)
        elif user.op == "add":
            left, right = (resolve(arg) for arg in user.args)
            if left.pointer != right.pointer:
                _mark(user, work)
        elif user.op.startswith("icmp"):
            for arg in user.args:
                _mark(arg, work)
