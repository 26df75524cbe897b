"""Which way round each branch is written, decided before anything is printed."""

from __future__ import annotations

from ozma.lift.printing.calls import Calls
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import bits, is_integer
from ozma.lift.ssa.body import Body
from ozma.lift.ssa.values import Value, is_const, resolve, signed

_CANONICAL_OPPOSITE = {"ne": "eq", "uge": "ult", "ule": "ugt", "sge": "slt", "sle": "sgt"}
_FLOAT_OPPOSITE = {"one": "ueq", "une": "oeq", "ule": "ogt", "uge": "olt", "ult": "oge",
                   "ugt": "ole", "uno": "ord"}  # fmt: skip
_INTEGER_OPPOSITES = _CANONICAL_OPPOSITE | {v: k for k, v in _CANONICAL_OPPOSITE.items()}
_FLOAT_OPPOSITES = _FLOAT_OPPOSITE | {v: k for k, v in _FLOAT_OPPOSITE.items()}


class Branches(Calls):
    """`_orient` turns branches; a compare that only one branch needs is changed itself."""

    def _orient(self) -> None:
        """Turns branches round as the decisions say, before anything is printed."""
        uses = self.uses
        for body in self.builder.bodies.values():
            if body.end and body.end.kind == "br":
                test = resolve(body.end.values[0])
                default = self._orientation(test)
                if self.chooser.choose("branch", body.end.line, ("asm", "flip"), default) == "flip":
                    body.end.targets.reverse()
                    body.end.values = [self._opposite(test, uses.get(id(test), 0) == 1, body)]

    def _orientation(self, test: Value) -> str:
        wanted = self.chooser.decisions.orientation
        if wanted != "hint":
            return "flip" if wanted == "fallthrough" else "asm"
        if self.builder.mode == "O0" and not test.op.startswith(("icmp", "fcmp", "xor")):
            return "asm"  # FastISel turns no branch round on what is no compare
        if self.builder.mode != "optimized":
            return "flip"
        return "flip" if _prefers_inverse(test, self.builder.architecture) else "asm"

    def _opposite(self, test: Value, alone: bool, body: Body) -> Value:
        """The inverted condition; a compare that nobody else needs is changed itself."""
        kind, _, code = test.op.partition(" ")
        if test.op == "xor" and is_const(resolve(test.args[1]), 1):
            if alone:
                body.values.remove(test)
            return resolve(test.args[0])
        opposite = (_INTEGER_OPPOSITES if kind == "icmp" else _FLOAT_OPPOSITES).get(code)
        if kind in ("icmp", "fcmp") and opposite:
            if alone:
                test.op = f"{kind} {opposite}"
                return test
            new = Value(f"{kind} {opposite}", "i1", test.args, None, test.block, body.end.line)
        else:
            one = self.builder.constant(1, "i1")
            new = Value("xor", "i1", [test, one], None, test.block, body.end.line)
        new.name = self.fresh()
        body.values.append(new)
        return new


def _prefers_inverse(test: Value, architecture: Architecture) -> bool:
    """InstCombine leaves only canonical predicates: others were inverted after it."""
    kind, _, code = test.op.partition(" ")
    if kind != "icmp":
        return kind == "fcmp" and code in _FLOAT_OPPOSITE
    limit = resolve(test.args[1])
    if code in ("eq", "ne") and is_const(limit, 0) and _is_flag(test.args[0], set()):
        return code == "eq"  # a branch on an i1, as front ends note which cleanups are due
    if code in _CANONICAL_OPPOSITE or not is_const(limit) or not is_integer(limit.type):
        return code in _CANONICAL_OPPOSITE
    return architecture.was_inverted(code, signed(limit.extra, bits(limit.type)))


def _is_flag(value: Value, seen: set[int]) -> bool:
    """A byte that is 0 or 1 on every way here."""
    value = resolve(value)
    if value.op != "phi" or value.type != "i8" or id(value) in seen:
        return id(value) in seen or value.op == "const" and value.extra in (0, 1)
    return all(_is_flag(arg, seen | {id(value)}) for arg in value.args)
