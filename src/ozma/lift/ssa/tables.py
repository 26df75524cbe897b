"""Jump tables: from the address of a computed jump back to the index."""

from __future__ import annotations

from ozma.lift.reading.static_data import Reference
from ozma.lift.reading.effects import SPARE
from ozma.lift.ssa.values import Value, is_const, resolve

_SHIFTS = {"i8": 0, "i16": 1, "i32": 2, "i64": 3}


def match_table(
    address: Value, table: str, entries: list[Reference], guesses: list[Value]
) -> Value | None:
    """The index (any width) into `table`, None if the address is not its entry.

    Where the table's own address came through a loop it is not known yet: such phis are added to
    `guesses`, and `leads_to` has to confirm them when all phis are complete.
    """
    address, entry = resolve(address), entries[0]
    if entry.base:
        address = _relative(address, entry)
    if address is None or address.op != "load":
        return None
    found = _index(resolve(address.args[0]), table, _SHIFTS.get(address.type, -1), guesses)
    if found is not None:
        address.extra = SPARE
    return found


def leads_to(value: Value, table: str) -> bool:
    """Is the value the table's address, whichever way it came?"""
    seen, work = set(), [resolve(value)]
    while work:
        value = work.pop()
        if value.op == "phi" and id(value) not in seen:
            work.extend(map(resolve, value.args))
        elif value.op != "phi" and not _is_symbol(value, table):
            return False
        seen.add(id(value))
    return True


def _relative(address: Value, entry: Reference) -> Value | None:
    """The entry's load, from the sum of it and what all entries are relative to."""
    if address.op != "add":
        return None
    left, right = map(resolve, address.args)
    if not _is_symbol(right, entry.base):
        left, right = right, left
    if not _is_symbol(right, entry.base):
        return None
    if entry.shift:
        if left.op != "shl" or not is_const(resolve(left.args[1]), entry.shift):
            return None
        left = resolve(left.args[0])
    while left.op in ("sext", "zext"):
        left = resolve(left.args[0])
    return left


def _is_symbol(value: Value, name: str) -> bool:
    return value.op == "symbol" and value.extra[:2] == (name, 0)


def _index(where: Value, table: str, shift: int, guesses: list[Value]) -> Value | None:
    if where.op != "add":
        return None
    left, right = map(resolve, where.args)
    if _is_symbol(right, table):
        left, right = right, left
    if left.op == "phi":
        guesses.append(left)
    elif not _is_symbol(left, table):
        return None
    if shift == 0:
        return right
    if right.op == "shl" and is_const(right.args[1], shift):
        return resolve(right.args[0])
    return None


def narrowed(index: Value) -> Value:
    """The index before it was widened with zeros."""
    index = resolve(index)
    while index.op == "zext":
        index = resolve(index.args[0])
    return index
