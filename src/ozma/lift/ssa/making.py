"""Values made one at a time: constants, operations, compares, loads."""

from __future__ import annotations

from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import bits
from ozma.lift.reading.static_data import pool_bits
from ozma.lift.ssa.body import ENTRY, Body
from ozma.lift.ssa.flags import OPPOSITE, joined_compare
from ozma.lift.ssa.values import Value, fold, is_const, mask, resolve

_SWAPPED = {"slt": "sgt", "sgt": "slt", "sle": "sge", "sge": "sle", "ult": "ugt", "ugt": "ult",
            "ule": "uge", "uge": "ule", "eq": "eq", "ne": "ne"}  # fmt: skip


class Making:
    """Makes values in the block at hand, with a little folding."""

    def __init__(self, listing: Listing, architecture: Architecture, mode: str) -> None:
        self.listing, self.architecture, self.mode = listing, architecture, mode
        self.bodies: dict[int, Body] = {ENTRY: Body()}
        self.constants: dict[tuple[int, str], Value] = {}
        self.symbols: dict[tuple[object, ...], Value] = {}
        self.block, self.line = ENTRY, 0
        self.local: dict[tuple[object, ...], Value] = {}

    def constant(self, number: int, type_: str) -> Value:
        key = (number & mask(type_), type_)
        if key not in self.constants:
            self.constants[key] = Value("const", type_, [], key[0], ENTRY, 0)
        return self.constants[key]

    def symbol(self, name: str, addend: int, relocation: str) -> Value:
        key = (name, addend, relocation)
        if key not in self.symbols:
            kind = "frame" if relocation == "frame" else "symbol"
            extra = addend if kind == "frame" else key
            self.symbols[key] = Value(kind, "i64", [], extra, ENTRY, 0)
            self.symbols[key].pointer = True
        return self.symbols[key]

    def make(self, op: str, type_: str, args: list[Value], extra: object = None) -> Value:
        """A pure operation, folded, or one made before in the same block."""
        args = [resolve(arg) for arg in args]
        if op == "add" and type_ == "i64" and (sum_ := self._address_sum(*args)):
            return sum_
        if op == "trunc" and type_ == "i1" and args[0].op == "xor" and is_const(args[0].args[1]):
            bit = self.make("trunc", "i1", [args[0].args[0]])
            return self.make("xor", "i1", [bit, self.constant(args[0].args[1].extra & 1, "i1")])
        if type_ == "i1" and op in ("and", "or") and (joined := joined_compare(op, *args)):
            return self.make(joined, "i1", args[0].args)
        while op == "zext" and args[0].op == "zext":
            args = [resolve(args[0].args[0])]
        found = None
        if self.mode == "O0" and op == "sub" and (rest := self._remainder(type_, *args)):
            return rest
        if self.mode != "O0" or not self._is_kept(op, args):
            found = fold(op, type_, args, extra)
        if isinstance(found, int):
            return self.constant(found, type_)
        if found is not None:
            return found
        key = (op, type_, *map(id, args), str(extra))
        if key in self.local and self.mode != "O0":
            return self.local[key]
        value = self.append(op, type_, args, extra)
        self.local[key] = value
        return value

    def _is_kept(self, op: str, args: list[Value]) -> bool:
        """Does unoptimized code show an operation that could be folded? GlobalISel, all but those
        on numbers alone."""
        if not self.architecture.convention.link:
            return op in ("shl", "mul", "lshr", "ashr") and args[0].op != "const"
        return len(args) == 2 and any(arg.op not in ("const", "frame", "symbol") for arg in args)

    def _remainder(self, type_: str, whole: Value, product: Value) -> Value | None:
        """a - a / b * b: how a machine without a remainder computes it."""
        if not self.architecture.convention.link or product.op != "mul":
            return None
        quotient, divisor = map(resolve, product.args)
        if quotient.op not in ("sdiv", "udiv"):
            return None
        if resolve(quotient.args[0]) is not whole or resolve(quotient.args[1]) is not divisor:
            return None
        return self.append(quotient.op[0] + "rem", type_, [whole, divisor])

    def append(self, op: str, type_: str, args: list[Value], extra: object = None) -> Value:
        """A new value at the end of the block at hand."""
        value = Value(op, type_, args, extra, self.block, self.line)
        self.bodies[self.block].values.append(value)
        return value

    def _address_sum(self, left: Value, right: Value) -> Value | None:
        """Sums that are addresses: symbol or frame and number, number and number, thread-local."""
        if left.op == "const":
            left, right = right, left
        if right.op == "symbol" and right.extra[2] == "tpoff":
            left, right = right, left
        if left.op == "symbol" and left.extra[2] == "tpoff" and right.op == "llvm.thread.pointer":
            return self.symbol(left.extra[0], left.extra[1], "tls")
        if right.op != "const":
            return None
        number = right.extra - (1 << 64) if right.extra >> 63 else right.extra
        if left.op == "symbol" and left.extra[2] in ("", "got", "tls", "plt"):
            return self.symbol(left.extra[0], left.extra[1] + number, left.extra[2])
        if left.op == "frame":
            return self.symbol("", left.extra + number, "frame")
        if self.mode == "O0" and left.line != self.line:
            return None  # FastISel adds what the front end added apart
        if left.op == "add" and left.args[1].op == "const":
            total = self.constant(left.args[1].extra + number, "i64")
            return self.make("add", "i64", [left.args[0], total])
        return None

    def compare(self, code: str, left: Value, right: Value) -> Value:
        left, right = resolve(left), resolve(right)
        if left.op == "const" and right.op != "const" and self.mode != "O0":
            left, right, code = right, left, _SWAPPED[code]
        return self.make(f"icmp {code}", "i1", [left, right])

    def invert(self, bit: Value) -> Value:
        bit = resolve(bit)
        if bit.op == "const":
            return self.constant(1 - bit.extra, "i1")
        if bit.op.startswith("icmp "):
            return self.make(f"icmp {OPPOSITE[bit.op[5:]]}", "i1", bit.args)
        if bit.op == "xor" and is_const(bit.args[1], 1):
            return bit.args[0]
        return self.make("xor", "i1", [bit, self.constant(1, "i1")])

    def load(self, address: Value, type_: str, atomic: str = "", align: int = 0) -> Value:
        address = resolve(address)
        if address.op == "symbol" and not atomic:
            name, offset, _ = address.extra
            number = pool_bits(self.listing, name, offset, bits(type_))
            if number is not None:
                return self.constant(number, type_)
        value = self.append("load", type_, [address], atomic)
        value.align = align
        return value
