"""SSA of one function: effects in, blocks of values out."""

from __future__ import annotations

from ozma.lift.calls.arguments import CallPlan, Key
from ozma.lift.calls.results import Result
from ozma.lift.flow.definitions import Facts
from ozma.lift.flow.graph import Graph
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import Unsupported, bits, is_float, is_integer, is_vector
from ozma.lift.ssa.body import ENTRY
from ozma.lift.ssa.cells import Cell, Content, Origin
from ozma.lift.ssa.flags import Flags, condition
from ozma.lift.ssa.parts import Parts
from ozma.lift.ssa.values import Value, resolve


class Builder(Parts):
    """Registers and flags as SSA values. `translate.Translator` drives it."""

    def __init__(
        self, graph: Graph, facts: Facts, plans: dict[Key, CallPlan], result: Result,
        listing: Listing, architecture: Architecture, mode: str = "optimized",
    ) -> None:  # fmt: skip
        super().__init__(listing, architecture, mode)
        self.memory_result = False
        self.graph, self.facts, self.plans, self.result = graph, facts, plans, result
        self.states: dict[int, dict[str, Content]] = {}
        self.flags_out: dict[int, Flags | None] = {}
        self.entries: dict[tuple[int, str, str, int], Value] = {}
        self.pending: list[tuple[Value, int, str, str, int]] = []
        self.offsets: dict[str, int] = {}
        """The largest offset by symbol that stands in an operand with its name."""
        self.conditions: dict[tuple[int, str], Value] = {}

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
        """Is it what happened to be in a register or slot that no caller passes anything in, or the
        place of a computed jump?"""
        value = resolve(value)
        while value.op in ("trunc", "and", "lshr"):
            value = resolve(value.args[0])
        convention = self.architecture.convention
        if value.op == "entry" and value.extra[0][0] != "[":
            return value.extra[0] in convention.preserved
        if value.op == "entry" and value.extra[0][1] == "-":
            return True  # of the function's own frame
        tables, sums = self.facts.tables, value.args if value.op == "add" else ()
        if any(part.op == "symbol" and part.extra[0] in tables for part in map(resolve, sums)):
            return True
        return value.op == "poison"

    def _combined_vector(self, cell: Cell, type_: str, offset: int) -> Value:
        element = cell.value.type if not is_vector(cell.value.type) else f"i{cell.width}"
        if (
            cell.width not in (8, 16, 32, 64)
            or (cell.offset - offset) % cell.width
            or element == "ptr"
        ):
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
            elif wanted < width and self._is_widened(block, register):
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

    def _is_widened(self, block: int, register: str) -> bool:
        """Are the bits above what is read zero? Of what comes from elsewhere, a call with the
        widest arguments passes them on."""
        if self.facts.widest:
            known = block != ENTRY and not self.facts.widths[block].get(register, (0, True))[1]
            return known and len(self.predecessors(block)) > 1
        return block == ENTRY or len(self.predecessors(block)) > 1

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
            return resolve(self.conditions[block, code])
        phi = Value("phi", "i1", [], None, block, self.line)
        self.conditions[block, code] = phi  # a loop that leaves the flags asks for it again
        answers = []
        for previous in before:
            saved = self.block, self.local
            self.block, self.local = previous, {}
            answers.append(self._condition_at(previous, code))
            self.block, self.local = saved
        found = {id(one): one for one in map(resolve, answers) if one is not phi}
        if len(found) == 1:
            (phi.replaced,) = found.values()
            return resolve(phi)
        phi.args = answers
        self.bodies[block].phis.append(phi)
        return phi
