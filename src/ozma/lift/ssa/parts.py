"""Parts of values: some bits of them, in the type that is asked for."""

from __future__ import annotations

from ozma.lift.reading.effects import Unsupported, bits, is_float, is_integer, is_vector, lanes
from ozma.lift.ssa.body import ENTRY
from ozma.lift.ssa.making import Making
from ozma.lift.ssa.values import Value, is_const, resolve


FLOATING = {"i32": "float", "i64": "double"}
"""By the integer type of the same size."""


class Parts(Making):
    """Takes bits out of values: of vectors their lanes, of calls their results."""

    def extract(self, value: Value, type_: str, offset: int) -> Value:
        """`type_` from bit `offset` of the value."""
        value = resolve(value)
        width = bits(type_)
        if value.op == "clobber":
            return self._call_result(value, type_, offset)
        if value.op == "const":
            return self.constant(value.extra >> offset, type_)
        if value.op == "poison":
            return Value("poison", type_, [], None, ENTRY, 0)
        if bits(value.type) == width:
            return self._as_type(value, type_)
        if is_vector(value.type):
            return self._lane(value, type_, offset)
        if value.op == "zext" and offset == 0 and bits(value.args[0].type) == width:
            return self._as_type(value.args[0], type_)
        if not is_integer(value.type):
            value = self.make("bitcast", f"i{bits(value.type)}", [value])
        if offset:
            value = self.make("lshr", value.type, [value, self.constant(offset, value.type)])
        return self._as_type(self.make("trunc", f"i{width}", [value]), type_)

    def _call_result(self, clobbered: Value, type_: str, offset: int) -> Value:
        call, register = clobbered.args[0], clobbered.extra
        convention = self.architecture.convention
        if register not in (*convention.results, *convention.float_results) or offset:
            return Value("poison", type_, [], None, ENTRY, 0)
        floating = FLOATING.get(type_) if register in convention.float_results else None
        if floating:  # moved out of its register as a number: `movq %xmm0, %rax`
            return self.make("bitcast", type_, [self._call_result(clobbered, floating, 0)])
        for value in call.extra.results:
            if value[0] == register and value[1] == type_:
                return value[2]
        result = Value("result", type_, [call], register, call.block, call.line)
        call.extra.results.append((register, type_, result))
        return result

    def _as_type(self, value: Value, type_: str) -> Value:
        value = resolve(value)
        if value.type == type_ or value.op == "const":
            return value if value.type == type_ else self.constant(value.extra, type_)
        if is_float(type_) and not is_vector(type_) and (found := self._sign_trick(value, type_)):
            return found
        return self.make("bitcast", type_, [value])

    def _sign_trick(self, value: Value, type_: str) -> Value | None:
        """Bitwise operations that only touch the sign are fabs, fneg and copysign."""
        sign = 1 << (bits(type_) - 1)
        if value.op == "and" and is_const(value.args[1], sign - 1):
            return self.make("llvm.fabs", type_, [self._as_type(value.args[0], type_)])
        if value.op == "xor" and is_const(value.args[1], sign):
            return self.make("fneg", type_, [self._as_type(value.args[0], type_)])
        if value.op == "or":
            parts = {}
            for part in map(resolve, value.args):
                if part.op == "and" and is_const(part.args[1]):
                    parts[part.args[1].extra] = part.args[0]
                elif part.op == "const":
                    parts[sign if part.extra & ~sign == 0 else sign - 1] = part
            if sign in parts and sign - 1 in parts:
                pair = [self._as_type(parts[sign - 1], type_), self._as_type(parts[sign], type_)]
                return self.make("llvm.copysign", type_, pair)
        return None

    def _lane(self, value: Value, type_: str, offset: int) -> Value:
        width = bits(type_)
        if value.op in ("and", "or", "xor") and not is_vector(type_):
            integer = f"i{width}"
            parts = [self.extract(arg, integer, offset) for arg in value.args]
            if is_const(parts[0]):
                parts.reverse()
            return self._as_type(self.make(value.op, integer, parts), type_)
        if value.op == "bitcast" and bits(value.args[0].type) == bits(value.type):
            return self.extract(value.args[0], type_, offset)
        if value.op == "insertelement" and value.args[2].op == "const":
            inserted = bits(value.args[1].type)
            if value.args[2].extra * inserted == offset and inserted == width:
                return self._as_type(value.args[1], type_)
        count, element = lanes(value.type)
        if is_vector(type_):
            return self._low_vector(value, type_, offset)
        if offset % width:
            raise Unsupported("a part of a vector that is no lane")
        if bits(element) != width:
            element = type_
            value = self.make("bitcast", f"<{bits(value.type) // width} x {type_}>", [value])
        lane = self.constant(offset // width, "i64")
        return self._as_type(self.make("extractelement", element, [value, lane]), type_)

    def _low_vector(self, value: Value, type_: str, offset: int) -> Value:
        """Part of a vector that is a vector itself."""
        count, element = lanes(type_)
        whole = f"<{bits(value.type) // bits(element)} x {element}>"
        value = self.make("bitcast", whole, [value])
        first = offset // bits(element)
        return self.make("shufflevector", type_, [value, value], tuple(range(first, first + count)))
