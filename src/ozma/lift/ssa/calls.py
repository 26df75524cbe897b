"""Calls, tail calls, landing pads and results, as values of the builder."""

from __future__ import annotations

from ozma.lift.calls.arguments import CallPlan
from ozma.lift.flow.graph import Block
from ozma.lift.reading.effects import Call, Expr, Symbol
from ozma.lift.ssa.body import ENTRY, CallInfo, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.cells import Cell
from ozma.lift.ssa.expressions import Expressions
from ozma.lift.ssa.flags import Flags
from ozma.lift.ssa.values import Value, resolve

_TLS_GETTER = "__tls_get_addr"


class Calls:
    """Calls with the arguments that were planned, and what they leave in registers."""

    def __init__(self, builder: Builder, expressions: Expressions) -> None:
        self.builder, self.expressions = builder, expressions

    def call(self, effect: Call, block: Block, position: int) -> None:
        builder = self.builder
        target = effect.target
        if isinstance(target, Symbol) and target.name == _TLS_GETTER:
            self._after_call(builder.read("rdi", "i64"))
            return
        plan = builder.plans[block.index, position]
        call = self._make(target, plan)
        call.extra.throws = effect.throws
        self._after_call(None, call, effect.keeps)
        if effect.unwind:
            call.extra.unwinds = True
            targets = [-2, *block.successors] if len(block.successors) == 1 else block.successors
            builder.bodies[block.index].end = Terminator(
                "invoke", [call], list(targets), [], builder.line
            )

    def tail(self, target: Expr, block: Block, position: int) -> None:
        builder = self.builder
        plan = builder.plans[block.index, position]
        call = self._make(target, plan)
        call.extra.tail = True
        self._after_call(None, call)
        end = Terminator("ret", self.results(), [], [], builder.line)
        builder.bodies[block.index].end = end

    def results(self) -> list[Value]:
        return [self.builder.read(register, type_) for register, type_ in self.builder.result.parts]

    def land(self, block: Block) -> None:
        """The exception and its selector are where a call leaves its results."""
        builder = self.builder
        exception, selector = builder.architecture.convention.results
        landed = builder.append("landingpad", "i64", [], block.landing)
        landed.pointer = True
        builder.write(exception, landed, "i64", 0, False)
        chosen = builder.append("selector", "i32", [landed])
        builder.write(selector, builder.make("sext", "i64", [chosen]), "i64", 0, False)

    def _make(self, target: Expr, plan: CallPlan) -> Value:
        builder = self.builder
        args = []
        name, relocation = "", ""
        if isinstance(target, Symbol) and target.relocation != "frame" and not target.addend:
            name, relocation = target.name, target.relocation
        else:
            args.append(self.expressions.value(target))
        wide = self._wide_constants(plan)
        args += [
            self._natural(register, "i64" if register in wide else type_)
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
            register: content.line for register, content in contents if isinstance(content, Cell)
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

    def _natural(self, register: str, type_: str) -> Value:
        """A register in the type of what it holds, or in the one that is known."""
        builder = self.builder
        register, _, part = register.partition("@")
        if part:
            return builder.read(register, "i64", int(part))
        wanted = "i64" if type_.startswith(("ptr", "sret", "byval")) else type_
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
            if held == "i32" and builder.facts.widest and register[0] != "[":
                held = "i64"  # who knows how much of it the callee reads
        elif builder.facts.widest:
            held = "i64"
        else:
            width = builder.facts.phi_width(content.block, register) if content.block >= 0 else 0
            held = f"i{width or 64}"
        if _is_number(content) and content.copied and builder.mode == "O0":
            held = "i64"  # FastISel zeroes 32 bits and widens them for a 64-bit zero
        return builder.read(register, wanted or held)

    def _after_call(
        self, result: Value | None, call: Value | None = None, kept: frozenset[str] = frozenset()
    ) -> None:
        """Registers that a call does not preserve hold what it left there."""
        builder = self.builder
        architecture, state = builder.architecture, builder.states[builder.block]
        convention = architecture.convention
        names = {*architecture.scratch, *architecture.vector_registers, *convention.integers}
        for name in names - convention.preserved - kept:
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


def _is_number(content: object) -> bool:
    return isinstance(content, Cell) and resolve(content.value).op == "const"
