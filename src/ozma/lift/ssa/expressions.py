"""Expressions over registers and memory, as values of the builder."""

from __future__ import annotations

from ozma.lift.reading.effects import (
    Condition, Const, Expr, Load, Op, Reg, Symbol, Temp, Unsupported, bits, is_vector,
)  # fmt: skip
from ozma.lift.ssa.body import ENTRY
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, is_const, resolve

_SHIFTS = ("shl", "lshr", "ashr")


class Expressions:
    """Values of expressions; `temps` are those that `Let` named in the step."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.temps: dict[str, Value] = {}

    def value(self, expr: Expr) -> Value:
        builder = self.builder
        match expr:
            case Const():
                return builder.constant(expr.value, expr.type)
            case Reg():
                return builder.read(expr.name, expr.type, expr.offset)
            case Temp():
                return resolve(self.temps[expr.name])
            case Symbol():
                return self._symbol(expr)
            case Load():
                return builder.load(self.value(expr.address), expr.type, expr.atomic, expr.align)
            case Condition():
                return builder.condition(expr.code)
            case Op():
                return self._operation(expr)
        raise Unsupported("an expression of unknown kind")

    def _symbol(self, symbol: Symbol) -> Value:
        offsets = self.builder.offsets
        offsets[symbol.name] = max(offsets.get(symbol.name, 0), symbol.addend)
        return self.builder.symbol(symbol.name, symbol.addend, symbol.relocation)

    def _operation(self, expr: Op) -> Value:
        builder, op = self.builder, expr.opcode
        if op == "poison":
            return Value("poison", expr.type, [], None, ENTRY, 0)
        if op == "carries":
            return builder.constant(0, "i1")
        if op in _SHIFTS and builder.mode == "O0" and (count := _masked_register(expr.operands[1])):
            expr = Op(op, expr.type, (expr.operands[0], Reg(count.name, expr.type)))
        args = [self.value(operand) for operand in expr.operands]
        if op.endswith("wide"):
            return self._wide_division(op, expr.type, args)
        if op.startswith("icmp ") and not is_vector(expr.type):
            return builder.compare(op[5:], *args)
        if op.startswith(("atomicrmw", "cmpxchg")):
            return builder.append(op, expr.type, args, expr.extra)
        if op == "trunc" and expr.type == "i1":
            return self._bit(args[0])
        if op == "shl" and expr.type.startswith("i") and is_const(args[1]):
            return builder.make("shl", expr.type, args)
        return builder.make(op, expr.type, args, expr.extra)

    def _bit(self, value: Value) -> Value:
        """The lowest bit: a test of the bit where that was shifted down by a constant."""
        builder = self.builder
        one = builder.make("and", value.type, [value, builder.constant(1, value.type)])
        return builder.compare("ne", one, builder.constant(0, value.type))

    def _wide_division(self, op: str, type_: str, args: list[Value]) -> Value:
        """Division of a double-width number that is an extended single-width one."""
        builder, name = self.builder, f"{op[0]}{op[1:4]}"
        high, low, divisor = map(resolve, args)
        if op[0] == "u" and is_const(high, 0):
            return builder.make(name, type_, [low, divisor])
        if op[0] == "s" and high.op == "ashr" and resolve(high.args[0]) is low:
            if is_const(high.args[1], bits(type_) - 1):
                return builder.make(name, type_, [low, divisor])
        if (
            op[0] == "s"
            and low.op == high.op == "const"
            and high.extra == ((1 << bits(type_)) - 1 if low.extra >> (bits(type_) - 1) else 0)
        ):
            return builder.make(name, type_, [low, divisor])
        if bits(type_) == 64:
            raise Unsupported("division of a 128-bit number")
        wide = f"i{2 * bits(type_)}"
        shifted = builder.make(
            "shl", wide, [builder.make("zext", wide, [high]), builder.constant(bits(type_), wide)]
        )
        dividend = builder.make("or", wide, [shifted, builder.make("zext", wide, [low])])
        extended = builder.make("zext" if op[0] == "u" else "sext", wide, [divisor])
        return builder.make("trunc", type_, [builder.make(name, wide, [dividend, extended])])

    def carry(self, kind: str, parts: Op) -> Value:
        """Carry out of a + b + c, or borrow of a - b - c, from the partial results."""
        builder = self.builder
        a, b, partial, total, carry = (self.value(part) for part in parts.operands)
        if kind == "adc":
            pair = builder.compare("ult", partial, a), builder.compare("ult", total, partial)
        else:
            wide = builder.make("zext", partial.type, [carry])
            pair = builder.compare("ult", a, b), builder.compare("ult", partial, wide)
        return builder.make("or", "i1", list(pair))


def _masked_register(count: Expr) -> Reg | None:
    """The register of a shift's count that the machine masks; unoptimized IR does not."""
    if isinstance(count, Op) and count.opcode == "zext":
        count = count.operands[0]
    if isinstance(count, Op) and count.opcode == "and" and isinstance(count.operands[0], Reg):
        return count.operands[0]
    return None
