"""Truth values of unoptimized code: bytes of which only the lowest bit counts become i1.

FastISel keeps an i1 in a byte register and masks it where it is widened: `sete %al; xorb $-1, %al;
andb $1, %al` is a compare, its opposite, and a `zext`.
"""

from __future__ import annotations

from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.flags import joined_compare
from ozma.lift.ssa.values import Value, is_const, resolve

_LOGIC = ("and", "or", "xor")


class Booleans:
    """Finds the masks, and gives what they mask as i1 values, each made once."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.made: dict[int, Value] = {}
        self.users: dict[int, list[Value]] = {}

    def run(self) -> None:
        """In place; what is masked by nobody stays a byte."""
        for body in self.builder.bodies.values():
            for value in (*body.phis, *body.values):
                for arg in value.args:
                    self.users.setdefault(id(resolve(arg)), []).append(value)
        for body in self.builder.bodies.values():
            for value in list(body.values):
                source = _masked(value)
                if source is None or value.replaced is not None or not self._is_bit(source):
                    continue
                bit = self._bit(source)
                if value.type == "i1":
                    value.replaced = bit
                else:
                    value.op, value.args = "zext", [bit]
            for value in body.values:
                if value.op == "zext" and resolve(value.args[0]).op == "zext":
                    value.args = [resolve(resolve(value.args[0]).args[0])]

    def _is_bit(self, value: Value) -> bool:
        """Is its lowest bit that of a compare, or of such bits put together?"""
        seen, work, compared = {id(value)}, [resolve(value)], False
        while work:
            part = work.pop()
            if _is_widened(part) or self._is_returned(part):
                compared = True
            elif part.op in (*_LOGIC, "phi") and part.type == "i8":
                new = [arg for arg in map(resolve, part.args) if id(arg) not in seen]
                seen.update(map(id, new))
                work += new
            elif part.op != "const":
                return False
        return compared

    def _is_returned(self, value: Value) -> bool:
        """A call's result of which nobody needs more than the lowest bit."""
        if value.op != "result" or value.type not in ("i8", "i1"):
            return False
        work, seen = list(self.users.get(id(value), ())), set()
        while work:
            user = work.pop()
            if id(user) in seen or user.replaced is not None:
                continue
            if _masked(user) is not None or _is_widened(user):
                continue
            seen.add(id(user))
            if user.op != "phi" or user.type != "i8":
                return False
            work += self.users.get(id(user), ())
        return value.type == "i1" or bool(self.users.get(id(value)))

    def _bit(self, value: Value) -> Value:
        value = resolve(value)
        if value.op == "const":
            return self.builder.constant(value.extra & 1, "i1")
        if _is_widened(value):
            return resolve(value.args[0])
        if value.op == "result":
            call = value.args[0].extra
            value.type = "i1"
            call.results = [(r, "i1" if v is value else t, v) for r, t, v in call.results]
            return value
        if id(value) not in self.made:
            new = Value(value.op, "i1", [], value.extra, value.block, value.line)
            self.made[id(value)] = new
            new.args = [self._bit(arg) for arg in value.args]
            body = self.builder.bodies[value.block]
            if value.op == "phi":
                body.phis.append(new)
            else:
                if new.op in ("or", "and") and (code := joined_compare(new.op, *new.args)):
                    new.op, new.args = code, list(new.args[0].args)
                body.values.insert(body.values.index(value), new)
        return self.made[id(value)]


def _masked(value: Value) -> Value | None:
    """What a mask of the lowest bit, or a cut to it, is applied to."""
    if value.op == "trunc" and value.type == "i1":
        return resolve(value.args[0])
    if value.op == "and" and value.type == "i8" and is_const(resolve(value.args[1]), 1):
        return resolve(value.args[0])
    return None


def _is_widened(value: Value) -> bool:
    return value.op == "zext" and resolve(value.args[0]).type == "i1"
