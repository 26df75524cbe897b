"""Effects of a block, one after the other, as values of the builder."""

from __future__ import annotations

from ozma.lift.flow.graph import Block, Refused, Step
from ozma.lift.flow.reads import whole_copy
from ozma.lift.reading.effects import (
    Branch, Call, Const, Do, Effect, IndirectJump, Jump, Let, Op, Reg, Return, SelectFlags,
    SetFlags, SetReg, Store, Symbol, Unsupported,
)  # fmt: skip
from ozma.lift.reading.static_data import byte_table
from ozma.lift.ssa.body import Body, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.calls import Calls
from ozma.lift.ssa.expressions import Expressions
from ozma.lift.ssa.finish import drop_trivial_phis
from ozma.lift.ssa.flags import Flags
from ozma.lift.ssa.tables import leads_to, match_table
from ozma.lift.ssa.values import Value, resolve


class Translator:
    """Walks the blocks in reverse postorder."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.expressions = Expressions(builder)
        self.calls = Calls(builder, self.expressions)
        self.jumps: list[tuple[Value, Block]] = []
        self.guesses: list[tuple[Value, Block]] = []

    def run(self) -> None:
        """Refused names the line that cannot be translated."""
        builder = self.builder
        order = builder.graph.order()
        for index in order:
            builder.bodies[index] = Body()
        for index in order:
            self._block(builder.graph.blocks[index])
        builder.complete_phis()
        drop_trivial_phis(builder)
        for address, block in self.jumps:
            self._match(address, block)
        for guess, block in self.guesses:
            if not leads_to(guess, block.table):
                step = block.steps[-1].instruction
                raise Refused(
                    step.number, step.text, "a computed jump through one of several tables"
                )

    def _block(self, block: Block) -> None:
        builder = self.builder
        builder.block, builder.line, builder.local = block.index, block.line, {}
        builder.states[block.index] = {}
        builder.flags_out[block.index] = None
        if block.landing is not None:
            self.calls.land(block)
        for position, step in enumerate(block.steps):
            self.rest = block.steps[position + 1 :]
            self._step(block, position, step)
        if builder.bodies[block.index].end is None:
            builder.line = block.steps[-1].line if block.steps else block.line
            targets = block.successors
            kind = "jump" if targets else "unreachable"
            builder.bodies[block.index].end = Terminator(kind, [], list(targets), [], builder.line)

    def _step(self, block: Block, position: int, step: Step) -> None:
        self.builder.line = step.line
        self.expressions.temps = {}
        self.subtracts = any(isinstance(effect, SetReg) for effect in step.effects)
        try:
            for effect in step.effects:
                self._effect(effect, block, position)
        except Unsupported as reason:
            raise Refused(step.line, step.instruction.text, str(reason)) from reason

    def _effect(self, effect: Effect, block: Block, position: int) -> None:
        builder = self.builder
        match effect:
            case SetReg():
                self._set(effect)
            case Let():
                self.expressions.temps[effect.name] = self.expressions.value(effect.value)
            case Store():
                value, address = (
                    self.expressions.value(effect.value),
                    self.expressions.value(effect.address),
                )
                builder.local = {k: v for k, v in builder.local.items() if v.op != "load"}
                store = builder.append("store", effect.type, [value, address], effect.atomic)
                store.align = effect.align
            case SetFlags():
                builder.flags_out[block.index] = self._flags(effect)
            case SelectFlags():
                chosen = builder.condition(effect.condition.code)
                flags = Flags("select", selects=(chosen, self._flags(effect.then), effect.holds))
                builder.flags_out[block.index] = flags
            case Call():
                self.calls.call(effect, block, position)
            case Do():
                self._do(effect.op, block)
            case _:
                self._leave(effect, block, position)

    def _set(self, effect: SetReg) -> None:
        builder = self.builder
        if effect.name == builder.architecture.convention.stack_pointer:
            return
        if whole_copy(effect, builder.architecture):
            builder.states[builder.block][effect.name] = builder.content(effect.value.name)
            return
        value = self.expressions.value(effect.value)
        if value.op == "frame" and builder.mode == "O0" and self._is_decay(effect, self.rest, {}):
            value = builder.append("decay", "i64", [value])
            value.pointer = True
        builder.write(effect.name, value, effect.type, effect.offset, effect.keeps)
        builder.content(effect.name).copied = isinstance(effect.value, Reg)

    def _is_decay(
        self, effect: SetReg, rest: list[Step], known: dict[tuple[int, int], bool]
    ) -> bool:
        """FastISel takes an alloca's address where a `getelementptr` stands, else only where the
        argument is set: after the loads of other arguments, in the arguments' order. `known`:
        of other effects, by how many steps follow."""
        place = id(effect), len(rest)
        if place not in known:
            known[place] = self._decays(effect, rest, known)
        return known[place]

    def _decays(
        self, effect: SetReg, rest: list[Step], known: dict[tuple[int, int], bool]
    ) -> bool:
        if not isinstance(effect.value, Symbol):
            return False
        arguments = self.builder.architecture.convention.integers
        for position, step in enumerate(rest):
            for other in step.effects:
                if isinstance(other, Call):
                    return False
                if not isinstance(other, SetReg):
                    continue
                following = rest[position + 1 :]
                if isinstance(other.value, Symbol) and self._is_decay(other, following, known):
                    return True
                if isinstance(other.value, Const | Symbol):
                    if other.name in arguments and effect.name in arguments:
                        if arguments.index(other.name) < arguments.index(effect.name):
                            return True
                elif other.name in arguments:
                    return True
        return False

    def _flags(self, effect: SetFlags) -> Flags:
        before = self.builder.flags_out[self.builder.block]
        a = self.expressions.value(effect.a) if effect.a is not None else None
        b = self.expressions.value(effect.b) if effect.b is not None else None
        if effect.kind in ("adc", "sbb"):
            a = self.expressions.carry(effect.kind, effect.a)
        return Flags(effect.kind, a, b, before, subtracted=self.subtracts)

    def _do(self, op: Op, block: Block) -> None:
        builder = self.builder
        if op.opcode == "unreachable":
            builder.bodies[block.index].end = Terminator("unreachable", line=builder.line)
            return
        args = [self.expressions.value(operand) for operand in op.operands]
        builder.append(op.opcode, op.type, args, op.extra)
        if op.opcode == "llvm.trap":
            builder.bodies[block.index].end = Terminator("unreachable", line=builder.line)

    def _leave(self, effect: Effect, block: Block, position: int) -> None:
        builder = self.builder
        body, line = builder.bodies[block.index], builder.line
        if isinstance(effect, Branch):
            chosen = resolve(self.expressions.value(effect.condition))
            taken, following = block.successors
            if taken == following:
                body.end = Terminator("jump", [], [taken], [], line)
            elif chosen.op == "const":
                raise Unsupported("a branch whose condition is always the same")
            else:
                body.end = Terminator("br", [chosen], [taken, following], [], line)
        elif isinstance(effect, Jump) and block.successors:
            body.end = Terminator("jump", [], list(block.successors), [], line)
        elif isinstance(effect, Jump):
            self.calls.tail(Symbol(effect.target, 0, effect.relocation), block, position)
        elif isinstance(effect, IndirectJump) and block.table:
            self._switch(effect, block)
        elif isinstance(effect, IndirectJump):
            self.calls.tail(effect.address, block, position)
        elif isinstance(effect, Return):
            body.end = Terminator("ret", self.calls.results(), [], [], line)

    def _switch(self, effect: IndirectJump, block: Block) -> None:
        """A switch whose index is found when all phis are known: the table's address may have been
        loaded before a loop."""
        builder = self.builder
        address = self.expressions.value(effect.address)
        builder.bodies[block.index].end = Terminator("switch", [address], [-2], [], builder.line)
        self.jumps.append((address, block))

    def _match(self, address: Value, block: Block) -> None:
        builder = self.builder
        item = builder.listing.data[block.table]
        entries = byte_table(item, set(builder.graph.labels))
        guesses: list[Value] = []
        index = match_table(address, block.table, entries, guesses) if entries else None
        if index is None:
            step = block.steps[-1].instruction
            reason = "a computed jump that is no known form of a jump table"
            raise Refused(step.number, step.text, reason)
        self.guesses += [(guess, block) for guess in guesses]
        targets = [builder.graph.labels[entry.symbol] for entry in entries]
        end = builder.bodies[block.index].end
        end.values, end.targets, end.cases = [index], [-2, *targets], list(range(len(targets)))
