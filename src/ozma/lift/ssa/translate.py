"""Effects of a block, one after the other, as values of the builder."""

from __future__ import annotations

from ozma.lift.calls.arguments import CallPlan
from ozma.lift.flow.graph import Block, Refused, Step
from ozma.lift.flow.reads import whole_copy
from ozma.lift.reading.effects import (
    Branch, Call, Condition, Const, Do, Effect, Expr, IndirectJump, Jump, Let, Load, Op, Reg, Return,
    SelectFlags, SetFlags, SetReg, Store, Symbol, Temp, Unsupported, bits, is_float, is_vector,
)  # fmt: skip
from ozma.lift.reading.static_data import byte_table
from ozma.lift.ssa.builder import ENTRY, Body, Builder, CallInfo, Terminator
from ozma.lift.ssa.cells import Cell
from ozma.lift.ssa.finish import drop_trivial_phis
from ozma.lift.ssa.flags import Flags
from ozma.lift.ssa.tables import leads_to, match_table
from ozma.lift.ssa.values import Value, is_const, resolve

_TLS_GETTER = "__tls_get_addr"


class Translator:
    """Walks the blocks in reverse postorder."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.temps: dict[str, Value] = {}
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
                raise Refused(step.number, step.text, "a computed jump through one of several tables")

    def _block(self, block: Block) -> None:
        builder = self.builder
        builder.block, builder.line, builder.local = block.index, block.line, {}
        builder.states[block.index] = {}
        builder.flags_out[block.index] = None
        if block.landing is not None:
            self._land(block)
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
        self.temps = {}
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
                self.temps[effect.name] = self.value(effect.value)
            case Store():
                value, address = self.value(effect.value), self.value(effect.address)
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
                self._call(effect, block, position)
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
        value = self.value(effect.value)
        if value.op == "frame" and builder.mode == "O0" and self._is_decay(effect, self.rest):
            value = builder.append("decay", "i64", [value])
            value.pointer = True
        builder.write(effect.name, value, effect.type, effect.offset, effect.keeps)
        builder.content(effect.name).copied = isinstance(effect.value, Reg)

    def _is_decay(self, effect: SetReg, rest: list[Step]) -> bool:
        """FastISel takes an alloca's address where a `getelementptr` stands, else only where the
        argument is set: after the loads of other arguments, in the arguments' order."""
        if not isinstance(effect.value, Symbol):
            return False
        arguments = self.builder.architecture.convention.integers
        for position, step in enumerate(rest):
            for other in step.effects:
                if isinstance(other, Call):
                    return False
                if not isinstance(other, SetReg):
                    continue
                if isinstance(other.value, Symbol) and self._is_decay(other, rest[position + 1 :]):
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
        a = self.value(effect.a) if effect.a is not None else None
        b = self.value(effect.b) if effect.b is not None else None
        if effect.kind in ("adc", "sbb"):
            a = self._carry(effect.kind, effect.a)
        return Flags(effect.kind, a, b, before, subtracted=self.subtracts)

    def _carry(self, kind: str, parts: Op) -> Value:
        """Carry out of a + b + c, or borrow of a - b - c, from the partial results."""
        builder = self.builder
        a, b, partial, total, carry = (self.value(part) for part in parts.operands)
        if kind == "adc":
            pair = builder.compare("ult", partial, a), builder.compare("ult", total, partial)
        else:
            wide = builder.make("zext", partial.type, [carry])
            pair = builder.compare("ult", a, b), builder.compare("ult", partial, wide)
        return builder.make("or", "i1", list(pair))

    # expressions

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
        if op[0] == "s" and low.op == high.op == "const" and high.extra == (
            (1 << bits(type_)) - 1 if low.extra >> (bits(type_) - 1) else 0
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

    # calls and ends

    def _call(self, effect: Call, block: Block, position: int) -> None:
        builder = self.builder
        target = effect.target
        if isinstance(target, Symbol) and target.name == _TLS_GETTER:
            self._after_call(builder.read("rdi", "i64"))
            return
        plan = builder.plans[block.index, position]
        call = self._make_call(target, plan)
        call.extra.throws = effect.throws
        self._after_call(None, call)
        if effect.unwind:
            call.extra.unwinds = True
            targets = [-2, *block.successors] if len(block.successors) == 1 else block.successors
            builder.bodies[block.index].end = Terminator(
                "invoke", [call], list(targets), [], builder.line
            )

    def _land(self, block: Block) -> None:
        """The exception and its selector are where a call leaves its results."""
        builder = self.builder
        exception, selector = builder.architecture.convention.results
        landed = builder.append("landingpad", "i64", [], block.landing)
        landed.pointer = True
        builder.write(exception, landed, "i64", 0, False)
        chosen = builder.append("selector", "i32", [landed])
        builder.write(selector, builder.make("sext", "i64", [chosen]), "i64", 0, False)

    def _make_call(self, target: Expr, plan: CallPlan) -> Value:
        builder = self.builder
        args = []
        name, relocation = "", ""
        if isinstance(target, Symbol) and target.relocation != "frame" and not target.addend:
            name, relocation = target.name, target.relocation
        else:
            args.append(self.value(target))
        wide = self._wide_constants(plan)
        args += [
            self.natural(register, "i64" if register in wide else type_)
            for register, type_ in plan.arguments
        ]
        return builder.append("call", "void", args, CallInfo(name, plan, relocation))

    def _wide_constants(self, plan: CallPlan) -> set[str]:
        """Constants set before an earlier argument's copy: those are of 64 bits, as the back end
        materializes 32-bit ones where they are copied."""
        if self.builder.architecture.sized_constants:
            return set()
        contents = [(register, self.builder.content(register)) for register, _ in plan.arguments]
        lines = {
            register: content.line
            for register, content in contents
            if isinstance(content, Cell)
        }
        wide = set()
        for position, (register, content) in enumerate(contents):
            if register[0] == "[" or register in self.builder.architecture.vector_registers:
                continue
            if _is_number(content) and register in lines:
                earlier = [
                    lines[other] for other, held in contents[:position]
                    if other in lines and not _is_number(held)
                ]  # fmt: skip
                if any(line > lines[register] for line in earlier):
                    wide.add(register)
        return wide

    def natural(self, register: str, type_: str) -> Value:
        """A register in the type of what it holds, or in the one that is known."""
        builder = self.builder
        register, _, part = register.partition("@")
        if part:
            return builder.read(register, "i64", int(part))
        wanted = {"ptr": "i64", "sret": "i64"}.get(type_, type_)
        content = builder.content(register)
        if register in builder.architecture.vector_registers:
            return builder.read(register, wanted or "double")
        if isinstance(content, Cell):
            value = resolve(content.value)
            held = f"i{content.width}" if content.offset == 0 and content.width < 64 else "i64"
            if value.type in ("float", "double") and register[0] == "[":
                held = value.type
            if value.op == "clobber":
                held = wanted or "i64"
        else:
            width = builder.facts.phi_width(content.block, register) if content.block >= 0 else 0
            held = f"i{width or 64}"
        if _is_number(content) and content.copied and builder.mode == "O0":
            held = "i64"  # FastISel zeroes 32 bits and widens them for a 64-bit zero
        if wanted and (bits(wanted) <= bits(held) or _is_number(content)):
            return builder.read(register, wanted)
        return builder.read(register, held)

    def _after_call(self, result: Value | None, call: Value | None = None) -> None:
        """Registers that a call does not preserve hold what it left there."""
        builder = self.builder
        architecture, state = builder.architecture, builder.states[builder.block]
        convention = architecture.convention
        names = {*architecture.scratch, *architecture.vector_registers, *convention.integers}
        for name in names - convention.preserved:
            width = 128 if name in architecture.vector_registers else 64
            if result is not None and name == convention.results[0]:
                left = result
            elif call is None:
                left = Value("poison", f"i{width}", [], None, ENTRY, 0)
            else:
                left = Value("clobber", f"i{width}", [call], name, builder.block, builder.line)
            state[name] = Cell(left, 0, width, False, builder.content(name))
        builder.flags_out[builder.block] = Flags("none")
        builder.local = {k: v for k, v in builder.local.items() if v.is_pure}

    def _do(self, op: Op, block: Block) -> None:
        builder = self.builder
        if op.opcode == "unreachable":
            builder.bodies[block.index].end = Terminator("unreachable", line=builder.line)
            return
        args = [self.value(operand) for operand in op.operands]
        builder.append(op.opcode, op.type, args, op.extra)
        if op.opcode == "llvm.trap":
            builder.bodies[block.index].end = Terminator("unreachable", line=builder.line)

    def _leave(self, effect: Effect, block: Block, position: int) -> None:
        builder = self.builder
        body, line = builder.bodies[block.index], builder.line
        if isinstance(effect, Branch):
            chosen = resolve(self.value(effect.condition))
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
            self._tail_call(Symbol(effect.target, 0, effect.relocation), block, position)
        elif isinstance(effect, IndirectJump) and block.table:
            self._switch(effect, block)
        elif isinstance(effect, IndirectJump):
            self._tail_call(effect.address, block, position)
        elif isinstance(effect, Return):
            body.end = Terminator("ret", self._results(), [], [], line)

    def _results(self) -> list[Value]:
        return [self.builder.read(register, type_) for register, type_ in self.builder.result.parts]

    def _tail_call(self, target: Expr, block: Block, position: int) -> None:
        builder = self.builder
        plan = builder.plans[block.index, position]
        call = self._make_call(target, plan)
        call.extra.tail = True
        self._after_call(None, call)
        end = Terminator("ret", self._results(), [], [], builder.line)
        builder.bodies[block.index].end = end

    def _switch(self, effect: IndirectJump, block: Block) -> None:
        """A switch whose index is found when all phis are known: the table's address may have been
        loaded before a loop."""
        builder = self.builder
        address = self.value(effect.address)
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


_SHIFTS = ("shl", "lshr", "ashr")


def _masked_register(count: Expr) -> Reg | None:
    """The register of a shift's count that the machine masks; unoptimized IR does not."""
    if isinstance(count, Op) and count.opcode == "zext":
        count = count.operands[0]
    if isinstance(count, Op) and count.opcode == "and" and isinstance(count.operands[0], Reg):
        return count.operands[0]
    return None


def _is_number(content: object) -> bool:
    return isinstance(content, Cell) and resolve(content.value).op == "const"
