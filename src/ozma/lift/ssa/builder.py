"""SSA of one function: effects in, blocks of values out."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.calls.arguments import CallPlan, Key
from ozma.lift.calls.results import Result
from ozma.lift.flow.graph import Graph
from ozma.lift.flow.definitions import Facts
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.assembly import Listing
from ozma.lift.reading.effects import Unsupported, bits, is_float, is_integer, is_vector, lanes
from ozma.lift.reading.static_data import pool_bits
from ozma.lift.ssa.cells import Cell, Content, Origin
from ozma.lift.ssa.flags import OPPOSITE, Flags, condition, joined_compare
from ozma.lift.ssa.values import Value, fold, is_const, mask, resolve

ENTRY = -1
_SWAPPED = {"slt": "sgt", "sgt": "slt", "sle": "sge", "sge": "sle", "ult": "ugt", "ugt": "ult",
            "ule": "uge", "uge": "ule", "eq": "eq", "ne": "ne"}  # fmt: skip


@dataclass
class Terminator:
    """`kind`: "br" (value, two targets), "jump", "ret" (values), "switch" (value, default first,
    then the targets of `cases`), "invoke"
    (call; where it returns to, the landing pad), "resume" (exception, selector), "unreachable"."""

    kind: str
    values: list[Value] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    cases: list[int] = field(default_factory=list)
    line: int = 0


@dataclass
class Body:
    """A block: phis, then values in order, then how it ends."""

    phis: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    end: Terminator | None = None


@dataclass
class CallInfo:
    """`target`: a symbol's name or "" (then args[0] is the address); `results`: (register, type)
    demanded; `tail`: ends the function; `unwinds`: ends its block, and may go on at a landing pad;
    `throws`: may it, or its callee, be left by an exception."""

    target: str
    plan: CallPlan
    relocation: str = ""
    tail: bool = False
    unwinds: bool = False
    throws: bool = True
    results: list[tuple[str, str]] = field(default_factory=list)


class Builder:
    """Registers, memory and flags as SSA values. `translate.Translator` drives it."""

    def __init__(
        self, graph: Graph, facts: Facts, plans: dict[Key, CallPlan], result: Result,
        listing: Listing, architecture: Architecture, mode: str = "optimized",
    ) -> None:  # fmt: skip
        self.mode, self.memory_result = mode, False
        self.graph, self.facts, self.plans, self.result = graph, facts, plans, result
        self.listing, self.architecture = listing, architecture
        self.bodies: dict[int, Body] = {ENTRY: Body()}
        self.states: dict[int, dict[str, Content]] = {}
        self.flags_out: dict[int, Flags | None] = {}
        self.entries: dict[tuple[int, str, str, int], Value] = {}
        self.pending: list[tuple[Value, int, str, str, int]] = []
        self.constants: dict[tuple[int, str], Value] = {}
        self.symbols: dict[tuple[object, ...], Value] = {}
        self.offsets: dict[str, int] = {}
        """The largest offset by symbol that stands in an operand with its name."""
        self.block, self.line = ENTRY, 0
        self.local: dict[tuple[object, ...], Value] = {}
        self.conditions: dict[tuple[int, str], Value] = {}

    # making values

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
        """Does unoptimized code show an operation that could be folded? GlobalISel, all but those on
        numbers alone."""
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

    # registers

    def write(self, register: str, value: Value, type_: str, offset: int, keeps: bool) -> None:
        below = self.content(register)
        self.states[self.block][register] = Cell(
            value, offset, bits(type_), keeps, below, self.line
        )

    def content(self, register: str) -> Content:
        return self.states[self.block].get(register) or Origin(self.block, register)

    def read(self, register: str, type_: str, offset: int = 0) -> Value:
        return self.read_content(self.content(register), type_, offset)

    def read_content(self, content: Content, type_: str, offset: int) -> Value:
        width = bits(type_)
        start = content
        while isinstance(content, Cell):
            low, high = content.offset, content.offset + content.width
            if low <= offset and offset + width <= high:
                return self._part(content, type_, offset - low)
            if not content.keeps and offset >= high:
                return self.constant(0, type_)
            if offset + width <= low or offset >= high:
                content = content.below
                continue
            key = (type_, offset)
            if isinstance(start, Cell) and key in start.cache:
                return resolve(start.cache[key])
            value = self._combined(content, type_, offset)
            if isinstance(start, Cell):
                start.cache[key] = value
            return value
        return self.entry(content.block, content.register, type_, offset)

    def _part(self, cell: Cell, type_: str, offset: int) -> Value:
        key = (type_, offset + cell.offset)
        if key not in cell.cache:
            cell.cache[key] = self.extract(cell.value, type_, offset)
        return resolve(cell.cache[key])

    def _combined(self, cell: Cell, type_: str, offset: int) -> Value:
        """Bits of the cell's value among others: zeros, or what was there before."""
        if is_vector(type_):
            return self._combined_vector(cell, type_, offset)
        if is_float(type_):
            return self.make("bitcast", type_, [self._combined(cell, f"i{bits(type_)}", offset)])
        low = max(cell.offset, offset)
        count = min(cell.offset + cell.width, offset + bits(type_)) - low
        part = self.extract(cell.value, f"i{count}", low - cell.offset)
        wide = self.make("zext", type_, [part])
        if not cell.keeps and cell.offset <= offset:
            return wide
        wide = self.make("shl", type_, [wide, self.constant(low - offset, type_)])
        rest = self.read_content(cell.below, type_, offset)
        if self._is_left(rest):
            rest = self.constant(0, type_)
        hole = self.constant(~(((1 << count) - 1) << (low - offset)), type_)
        return self.make("or", type_, [self.make("and", type_, [rest, hole]), wide])

    def _is_left(self, value: Value) -> bool:
        """Is it what happened to be in a register that no caller passes anything in?"""
        value = resolve(value)
        while value.op in ("trunc", "and", "lshr"):
            value = resolve(value.args[0])
        convention = self.architecture.convention
        if value.op == "entry" and value.extra[0][0] != "[":
            return value.extra[0] in convention.preserved
        return value.op == "poison"

    def _combined_vector(self, cell: Cell, type_: str, offset: int) -> Value:
        element = cell.value.type if not is_vector(cell.value.type) else f"i{cell.width}"
        if cell.width not in (8, 16, 32, 64) or (cell.offset - offset) % cell.width or element == "ptr":
            raise Unsupported("a vector register written in odd parts")
        if bits(element) != cell.width:
            element = f"i{cell.width}"
        shape = f"<{bits(type_) // cell.width} x {element}>"
        if cell.keeps or cell.offset > offset:
            old = self.read_content(cell.below, shape, offset)
        else:
            old = self.constant(0, shape)
        lane = self.constant((cell.offset - offset) // cell.width, "i64")
        part = self.extract(cell.value, element, 0)
        return self.make("bitcast", type_, [self.make("insertelement", shape, [old, part, lane])])

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

    # block entries

    def entry(self, block: int, register: str, type_: str, offset: int) -> Value:
        """What the register's part held when the block began."""
        key = (block, register, type_, offset)
        if key in self.entries:
            return resolve(self.entries[key])
        value = self._entry(block, register, type_, offset)
        self.entries[key] = value
        return value

    def _entry(self, block: int, register: str, type_: str, offset: int) -> Value:
        width, wanted = bits(type_), self._natural_width(block, register)
        if is_integer(type_) and register not in self.architecture.vector_registers and wanted:
            if offset or wanted > width:
                if offset + width <= wanted:
                    return self.extract(self.entry(block, register, f"i{wanted}", 0), type_, offset)
            elif wanted < width and (block == ENTRY or len(self.predecessors(block)) > 1):
                return self.make("zext", type_, [self.entry(block, register, f"i{wanted}", 0)])
        if block == ENTRY:
            return Value("entry", type_, [], (register, offset), ENTRY, 0)
        before = self.predecessors(block)
        if not before:
            return Value("poison", type_, [], None, ENTRY, 0)
        if len(before) == 1:
            return self.at_end(before[0], register, type_, offset)
        phi = Value("phi", type_, [], (register, offset), block, self.graph.blocks[block].line)
        self.entries[block, register, type_, offset] = phi
        self.bodies[block].phis.append(phi)
        self.pending.append((phi, block, register, type_, offset))
        return phi

    def _natural_width(self, block: int, register: str) -> int:
        if block == ENTRY:
            return self.facts.live[0].get(register, 0)
        if not self.facts.live[block].get(register):
            return 0  # only a call's argument or a result: as wide as that asks for
        return self.facts.phi_width(block, register)

    def predecessors(self, block: int) -> list[int]:
        before = self.graph.blocks[block].predecessors
        return [ENTRY, *before] if block == 0 else before

    def at_end(self, block: int, register: str, type_: str, offset: int) -> Value:
        """The register's part at the end of a block that was translated before."""
        if block == ENTRY:
            return self.entry(ENTRY, register, type_, offset)
        saved = self.block, self.line, self.local
        self.block, self.local = block, {}
        content = self.states[block].get(register) or Origin(block, register)
        try:
            return self.read_content(content, type_, offset)
        finally:
            self.block, self.line, self.local = saved

    def complete_phis(self) -> None:
        """Fills the phis' operands; filling may make further ones."""
        while self.pending:
            phi, block, register, type_, offset = self.pending.pop()
            phi.args = [
                self.at_end(before, register, type_, offset) for before in self.predecessors(block)
            ]

    # flags

    def condition(self, code: str) -> Value:
        return self._condition_at(self.block, code)

    def _condition_at(self, block: int, code: str) -> Value:
        flags = self.flags_out.get(block)
        if flags is not None:
            return condition(self, flags, code)
        before = self.predecessors(block)
        if ENTRY in before or not before or any(p not in self.flags_out for p in before):
            raise Unsupported("flags that come from somewhere else")
        if (block, code) in self.conditions:
            return self.conditions[block, code]
        answers = []
        for previous in before:
            saved = self.block, self.local
            self.block, self.local = previous, {}
            answers.append(self._condition_at(previous, code))
            self.block, self.local = saved
        if all(resolve(answer) is resolve(answers[0]) for answer in answers):
            return answers[0]
        phi = Value("phi", "i1", answers, None, block, self.line)
        self.bodies[block].phis.append(phi)
        self.conditions[block, code] = phi
        return phi

    # calls

    def _call_result(self, clobbered: Value, type_: str, offset: int) -> Value:
        call, register = clobbered.args[0], clobbered.extra
        convention = self.architecture.convention
        if register not in (*convention.results, *convention.float_results) or offset:
            return Value("poison", type_, [], None, ENTRY, 0)
        for value in call.extra.results:
            if value[0] == register and value[1] == type_:
                return value[2]
        result = Value("result", type_, [call], register, call.block, call.line)
        call.extra.results.append((register, type_, result))
        return result
