"""The stack frame: which addresses lie in it, which slots are values, which memory has an address.

Offsets are relative to the stack pointer at entry. Every register's offset is followed through the
function (so `leaq 8(%rsp), %rbx` ... `(%rbx)` is a slot too). A slot that is only read and written
whole or in parts becomes a register called "[-24]", which SSA then treats as any other; memory
whose address goes somewhere becomes `Symbol(relocation="frame")`, an alloca.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ozma.lift.flow.graph import Block, Graph, Refused, Step
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.effects import (
    Call, Const, Do, Effect, Expr, Let, Load, Op, Reg, Return, SetFlags, SetReg, Store, Symbol, Temp, bits,
)  # fmt: skip

State = dict[str, int]
_WRAP = 1 << 64
_VA_LIST = 24


@dataclass
class Access:
    """A direct access: `size` in bytes."""

    offset: int
    size: int
    writes: bool
    line: int


@dataclass(frozen=True)
class Region:
    """An alloca: [offset, end) with `align` in bytes."""

    offset: int
    end: int
    align: int


@dataclass
class Frame:
    """`regions` by ascending offset; `low`: the deepest stack pointer at a call; `realigned`: to how many
    bytes the function aligns its stack itself (0: it does not)."""

    accesses: list[Access] = field(default_factory=list)
    escapes: dict[int, int] = field(default_factory=dict)
    strides: dict[int, int] = field(default_factory=dict)
    """Bytes between elements where an offset is only indexed."""
    indexed: set[int] = field(default_factory=set)
    """Offsets to which something variable is added."""
    plain: set[int] = field(default_factory=set)
    """Offsets whose address goes somewhere as it is."""
    vectors: set[int] = field(default_factory=set)
    """Offsets that are accessed by instructions which need an address aligned to 16."""
    sizes: dict[int, int] = field(default_factory=dict)
    """Bytes of the objects whose size is known."""
    regions: list[Region] = field(default_factory=list)
    slots: list[tuple[int, int]] = field(default_factory=list)
    saved: set[int] = field(default_factory=set)
    low: int = 0
    realigned: int = 0
    uses_frame_pointer: bool = False
    changed: set[str] = field(default_factory=set)
    """Registers that were set so far: storing them saves nothing of the caller's."""


def signed(value: int) -> int:
    value %= _WRAP
    return value - _WRAP if value >= _WRAP // 2 else value


def is_frame(value: object) -> bool:
    return isinstance(value, Symbol) and value.relocation == "frame"


def frame_address(offset: int) -> Symbol:
    return Symbol("", offset, "frame")


class Rewriter:
    """Puts frame addresses in place of registers that hold them, step by step."""

    def __init__(self, state: State, frame: Frame) -> None:
        self.state, self.frame, self.temps = state, frame, {}

    def value(self, expr: Expr) -> Expr:
        if isinstance(expr, Reg):
            known = self.state.get(expr.name)
            if known is not None and expr.type == "i64":
                return frame_address(known)
            return expr
        if isinstance(expr, Temp):
            return self.temps.get(expr.name, expr)
        if isinstance(expr, Load):
            return replace(expr, address=self.value(expr.address))
        if isinstance(expr, Op):
            return self._operation(expr)
        return expr

    def _operation(self, expr: Op) -> Expr:
        operands = tuple(self.value(operand) for operand in expr.operands)
        if expr.opcode in ("add", "sub", "and", "or") and len(operands) == 2:
            first, second = operands
            if expr.opcode in ("add", "or") and is_frame(second) and isinstance(first, Const):
                first, second = second, first
            if is_frame(first) and isinstance(second, Const):
                return self._moved(expr.opcode, first.addend, signed(second.value))
            if is_frame(first) and is_frame(second) and expr.opcode == "sub":
                return Const((first.addend - second.addend) % _WRAP, "i64")
            if expr.opcode == "add" and (moved := _hoist(first, second)):
                return self.value(moved)
            if expr.opcode == "or" and (is_frame(first) or is_frame(second)):
                # The back end writes a sum so where bits of the address are known to be zero.
                return replace(expr, opcode="add", operands=operands)
        return replace(expr, operands=operands)

    def _moved(self, opcode: str, offset: int, amount: int) -> Expr:
        if opcode == "add":
            return frame_address(offset + amount)
        if opcode == "sub":
            return frame_address(offset - amount)
        if opcode == "or":  # AArch64, whose stack is aligned to 16: bits known to be zero
            return frame_address(offset | amount if 0 <= amount < 16 else offset + amount)
        self.frame.realigned = max(self.frame.realigned, -amount)
        return frame_address(offset & amount)

    def effect(self, effect: Effect, convention: Convention) -> Effect:
        """The effect in frame terms; the state follows."""
        if isinstance(effect, SetReg):
            new = replace(effect, value=self.value(effect.value))
            self._set(new)
            return new
        if isinstance(effect, Let):
            new = replace(effect, value=self.value(effect.value))
            if is_frame(new.value) or isinstance(new.value, Const):
                self.temps[effect.name] = new.value
            else:
                self.temps.pop(effect.name, None)
            return new
        if isinstance(effect, Call):
            new = replace(effect, target=self.value(effect.target))
            self.state = {r: v for r, v in self.state.items() if r in convention.preserved}
            return new
        return self._other(effect)

    def _other(self, effect: Effect) -> Effect:
        changes = {}
        for name in type(effect).__dataclass_fields__:
            part = getattr(effect, name)
            if isinstance(part, Reg | Temp | Load | Op):
                changes[name] = self.value(part)
            elif name == "then":
                changes[name] = self._other(part)
        return replace(effect, **changes) if changes else effect

    def _set(self, effect: SetReg) -> None:
        if is_frame(effect.value) and effect.type == "i64":
            self.state = self.state | {effect.name: effect.value.addend}
        elif effect.name in self.state:
            self.state = {r: v for r, v in self.state.items() if r != effect.name}


def _hoist(first: Expr, second: Expr) -> Op | None:
    """(frame + x) + 8 -> (frame + 8) + x, so that the known part stays together."""
    if isinstance(first, Op) and first.opcode == "add" and is_frame(first.operands[0]):
        if isinstance(second, Const):
            moved = Op("add", "i64", (first.operands[0], second))
            return Op("add", "i64", (moved, first.operands[1]))
    return None


def find_frame(graph: Graph, architecture: Architecture) -> tuple[Graph, Frame]:
    """The graph with frame addresses in its effects, and what the frame holds so far."""
    frame = Frame()
    states = _flow(graph, architecture, frame)
    blocks = []
    for block in graph.blocks:
        if block.index not in states:
            blocks.append(replace(block, steps=[], successors=[]))
            continue
        rewriter = Rewriter(states[block.index], frame)
        steps = _rewrite(block, rewriter, architecture, graph.has_cfi)
        exit_ = steps[-1].effects[-1] if block.exit is not None and steps and steps[-1].effects else block.exit
        blocks.append(replace(block, steps=steps, exit=exit_ if block.exit is not None else None))
    new = architecture.without_variadic(_without_unreachable(replace(graph, blocks=blocks)))
    _collect(new, states, frame, architecture)
    return new, frame


def _is_padding(step: Step, block: Block, convention: Convention, has_cfi: bool) -> bool:
    """A push of what nobody needs, in place of `sub $8, %rsp`: CFI calls no argument of a call so."""
    if [type(effect) for effect in step.effects] != [Let, SetReg, Store] or step.adjust:
        return False
    pushed = step.effects[0].value
    if not isinstance(pushed, Reg) or pushed.name in convention.preserved:
        return False
    return step.framed if has_cfi else not block.index and _only_pushes(block, step)


def _is_discard(position: int, block: Block, convention: Convention) -> bool:
    """A pop into a scratch register before a return: it moves the stack pointer, and reads nobody's
    slot."""
    step, rest = block.steps[position], block.steps[position + 1 :]
    if [type(effect) for effect in step.effects] != [Let, SetReg, SetReg]:
        return False
    pointer, target = step.effects[1].name, step.effects[2].name
    scratch = target not in convention.preserved and target not in convention.results[:1]
    ends = all(isinstance(e, Return | SetReg | Let) for other in rest for e in other.effects)
    return pointer == convention.stack_pointer and scratch and bool(rest) and ends and all(
        isinstance(other.effects[-1], Return) or _moves_stack(other, convention)
        for other in rest if other.effects
    )  # fmt: skip


def _only_pushes(block: Block, until: Step) -> bool:
    for step in block.steps:
        if step is until:
            return True
        if [type(effect) for effect in step.effects] != [Let, SetReg, Store]:
            return False
    return False


def _rewrite(
    block: Block, rewriter: Rewriter, architecture: Architecture, has_cfi: bool
) -> list[Step]:
    steps, convention = [], architecture.convention
    for position, step in enumerate(block.steps):
        rewriter.temps = {}
        sp = rewriter.state.get(convention.stack_pointer)
        if sp is None:
            raise Refused(step.line, step.instruction.text, "dynamic stack allocation")
        effects = [rewriter.effect(effect, convention) for effect in step.effects]
        if _is_padding(step, block, convention, has_cfi):
            effects = effects[1:2]
        elif _is_discard(position, block, convention):
            effects[0] = replace(effects[0], value=Const(0, "i64"))
        steps.append(Step(step.instruction, effects, step.adjust, sp))
    return _with_whole_sums(steps)


def _with_whole_sums(steps: list[Step]) -> list[Step]:
    """`lea (%rsp,%rcx), %rbx; add $92, %rbx`: the address of what lies at 92, not at 0. The back end
    splits an address of three parts so. The constant moves into the first sum."""
    steps = list(steps)
    for position, step in enumerate(steps):
        name = _sum_with_frame(step)
        later = next((p for p in range(position + 1, len(steps)) if name and _mentions(steps[p], name)), 0)
        amount = _constant_added(steps[later], name) if later else None
        if amount is not None:
            steps[position] = replace(step, effects=[_shifted(e, amount) for e in step.effects])
            steps[later] = replace(steps[later], effects=_without_sum(steps[later], name, amount))
    return steps


def _sum_with_frame(step: Step) -> str:
    """The register that the step sets to an address in the frame and something variable."""
    sums = [
        e.value for e in step.effects
        if isinstance(e, SetReg | Let) and isinstance(e.value, Op) and e.value.opcode == "add"
        and any(map(is_frame, e.value.operands))
    ]  # fmt: skip
    last = step.effects[-1] if step.effects else None
    whole = isinstance(last, SetReg) and last.type == "i64" and not last.keeps
    return last.name if len(sums) == 1 and whole else ""


def _mentions(step: Step, name: str) -> bool:
    return any(
        name in registers_read(e) or isinstance(e, Call | Return)
        or (isinstance(e, SetReg) and e.name == name) for e in step.effects
    )  # fmt: skip


def _constant_added(step: Step, name: str) -> int | None:
    """What the step adds to the register, and does nothing else but set flags."""
    last = step.effects[-1]
    if not (isinstance(last, SetReg) and last.name == name and last.type == "i64"):
        return None
    lets = {e.name: e.value for e in step.effects if isinstance(e, Let)}
    others = [e for e in step.effects[:-1] if not isinstance(e, Let | SetFlags)]
    total = lets.get(last.value.name) if isinstance(last.value, Temp) else last.value
    if others or not (isinstance(total, Op) and total.opcode == "add"):
        return None
    first, second = total.operands
    first = lets.get(first.name) if isinstance(first, Temp) else first
    same = isinstance(first, Reg) and first.name == name and first.type == "i64"
    return signed(second.value) if same and isinstance(second, Const) else None


def _shifted(effect: Effect, amount: int) -> Effect:
    """With the frame's address moved."""
    if isinstance(effect, SetFlags):
        moved = {n: frame_address(v.addend + amount) for n in "ab" if is_frame(v := getattr(effect, n))}
        return replace(effect, **moved)
    if not (isinstance(effect, SetReg | Let) and isinstance(effect.value, Op)):
        return effect
    operands = tuple(
        frame_address(o.addend + amount) if is_frame(o) else o for o in effect.value.operands
    )
    return replace(effect, value=replace(effect.value, operands=operands))


def _without_sum(step: Step, name: str, amount: int) -> list[Effect]:
    """The register keeps its value; flags are those of the sum, as if it were made here."""
    register = Reg(name, "i64")
    before = Op("sub", "i64", (register, Const(amount % _WRAP, "i64")))
    effects: list[Effect] = []
    for effect in step.effects[:-1]:
        if isinstance(effect, Let):
            if effect.value == register:
                effect = replace(effect, value=before)
            elif isinstance(effect.value, Op):
                effect = replace(effect, value=register)
        effects.append(effect)
    return [*effects, replace(step.effects[-1], value=register)]


def _flow(graph: Graph, architecture: Architecture, frame: Frame) -> dict[int, State]:
    """What each register points to at the start of each reachable block."""
    convention = architecture.convention
    states: dict[int, State] = {0: {convention.stack_pointer: 0}}
    work = [0]
    while work:
        index = work.pop()
        block = graph.blocks[index]
        rewriter = Rewriter(states[index], frame)
        for step in block.steps:
            rewriter.temps = {}
            for effect in step.effects:
                rewriter.effect(effect, convention)
        for successor in list(block.successors):
            state = _on_way(rewriter.state, block, graph.blocks[successor], convention)
            met = _meet(states.get(successor), state, block, successor, graph, convention)
            if met is not None and met != states.get(successor):
                states[successor] = met
                work.append(successor)
    return states


def _on_way(state: State, block: Block, successor: Block, convention: Convention) -> State:
    """At a landing pad the arguments that were pushed for the call are gone."""
    pushed = block.exit.pushed if isinstance(block.exit, Call) else 0
    pointer = convention.stack_pointer
    if not pushed or successor.landing is None or pointer not in state:
        return state
    return state | {pointer: state[pointer] + pushed}


def _meet(
    old: State | None, new: State, block: Block, successor: int, graph: Graph, convention: Convention
) -> State | None:
    """Agreeing entries; None if the edge is none because the last call does not return."""
    if old is None:
        return new
    pointer = convention.stack_pointer
    if old.get(pointer) != new.get(pointer):
        last = block.steps[-1] if block.steps else None
        if last and any(isinstance(effect, Call) for effect in last.effects):
            _cut_edge(block, successor, graph)
            return None
        where = last.instruction if last else None
        raise Refused(
            where.number if where else block.line, where.text if where else "",
            "the stack pointer differs between two ways to the same place",
        )  # fmt: skip
    return {name: offset for name, offset in old.items() if new.get(name) == offset}


def _cut_edge(block: Block, successor: int, graph: Graph) -> None:
    """The call at the block's end does not return; it may still unwind."""
    graph.blocks[successor].predecessors.remove(block.index)
    block.successors.remove(successor)
    if not isinstance(block.exit, Call):
        block.exit = Do(Op("unreachable", "void", ()))
        block.steps[-1].effects.append(block.exit)


def _without_unreachable(graph: Graph) -> Graph:
    """What only cut edges led to is no predecessor any more."""
    reachable = set(graph.order())
    for block in graph.blocks:
        block.predecessors = [index for index in block.predecessors if index in reachable]
    return graph


def _collect(graph: Graph, states: dict[int, State], frame: Frame, architecture: Architecture) -> None:
    """Direct accesses and escapes of all steps."""
    convention = architecture.convention
    for index in graph.order():
        block = graph.blocks[index]
        for step in block.steps:
            if any(isinstance(effect, Call) for effect in step.effects):
                frame.low = min(frame.low, step.sp)
            for effect in step.effects:
                _collect_effect(effect, step, frame, convention)
            frame.changed.update(e.name for e in step.effects if isinstance(e, SetReg))
        _edges(block, graph, states, frame, convention)


def _edges(
    block: Block, graph: Graph, states: dict[int, State], frame: Frame, convention: Convention
) -> None:
    """A register that holds an address at the end of a block, but not surely at the next one's
    start, holds it as a value there."""
    state = dict(states[block.index])
    rewriter = Rewriter(state, Frame())
    for step in block.steps:
        rewriter.temps = {}
        for effect in step.effects:
            if isinstance(effect, Call):
                for name in (*convention.integers, convention.indirect_result):
                    if (offset := rewriter.state.get(name)) is not None:
                        frame.escapes.setdefault(offset, step.line)
                        frame.plain.add(offset)
            rewriter.effect(effect, convention)
    for name, offset in rewriter.state.items():
        if name in (convention.stack_pointer,):
            continue
        for successor in block.successors:
            if states[successor].get(name) != offset and _may_read(graph, successor, name):
                frame.escapes.setdefault(offset, block.line)
                frame.plain.add(offset)


def _may_read(graph: Graph, start: int, name: str) -> bool:
    """Is the register read before it is set, from this block on?"""
    seen, work = {start}, [start]
    while work:
        block = graph.blocks[work.pop()]
        verdict = _first_touch(block, name)
        if verdict == "read":
            return True
        if verdict is None:
            work.extend(s for s in block.successors if s not in seen)
            seen.update(block.successors)
    return False


def _first_touch(block: Block, name: str) -> str | None:
    for step in block.steps:
        for effect in step.effects:
            if name in registers_read(effect):
                return "read"
            if isinstance(effect, SetReg) and effect.name == name and not effect.keeps:
                return "set"
    return None


def registers_read(value: object) -> set[str]:
    """Names of registers in an effect's or expression's operands."""
    if isinstance(value, Reg):
        return {value.name}
    if isinstance(value, tuple):
        return {name for part in value for name in registers_read(part)}
    found: set[str] = set()
    for name in getattr(type(value), "__dataclass_fields__", ()):
        part = getattr(value, name)
        if not isinstance(part, str | int):
            found |= registers_read(part)
    return found


def _collect_effect(effect: Effect, step: Step, frame: Frame, convention: Convention) -> None:
    if isinstance(effect, Store):
        if is_frame(effect.address) and not effect.atomic:
            _access(effect.address.addend, effect, True, step, frame)
            _save(effect, step, frame, convention)
        else:
            _escapes(effect.address, step, frame)
        _escapes(effect.value, step, frame)
    elif isinstance(effect, SetReg | Let) and is_frame(effect.value):
        name = effect.name
        if isinstance(effect, SetReg) and name == convention.frame_pointer:
            kept = convention.link and name not in frame.changed and effect.value.addend in frame.saved
            frame.uses_frame_pointer |= effect.value.addend == step.sp or bool(kept)
    elif isinstance(effect, Do) and effect.op.opcode == "llvm.va_start":
        frame.sizes[effect.op.operands[0].addend] = _VA_LIST
        frame.plain.add(effect.op.operands[0].addend)
        frame.escapes.setdefault(effect.op.operands[0].addend, step.line)
    elif not (isinstance(effect, SetFlags) and (_moves_stack(step, convention) or effect.kind == "add")):
        for name in type(effect).__dataclass_fields__:
            _escapes(getattr(effect, name), step, frame)


def _moves_stack(step: Step, convention: Convention) -> bool:
    return any(isinstance(e, SetReg) and e.name == convention.stack_pointer for e in step.effects)


def _save(effect: Store, step: Step, frame: Frame, convention: Convention) -> None:
    value = effect.value
    if isinstance(value, Temp):  # a push reads its operand before the stack pointer moves
        lets = (e.value for e in step.effects if isinstance(e, Let) and e.name == value.name)
        value = next(lets, value)
    kept = isinstance(value, Reg) and value.name not in frame.changed
    if kept and value.name in (*convention.preserved, convention.link):
        frame.saved.add(effect.address.addend)


def _access(offset: int, access: Load | Store, writes: bool, step: Step, frame: Frame) -> None:
    size = bits(access.type) // 8
    frame.accesses.append(Access(offset, size, writes, step.line))
    if size >= 16 and not access.align:
        frame.vectors.add(offset)


def _escapes(value: object, step: Step, frame: Frame) -> None:
    if is_frame(value):
        frame.escapes.setdefault(value.addend, step.line)
        frame.plain.add(value.addend)
    elif isinstance(value, Load):
        if is_frame(value.address) and not value.atomic:
            _access(value.address.addend, value, False, step, frame)
        else:
            _escapes(value.address, step, frame)
    elif isinstance(value, Op):
        operands = value.operands
        if value.opcode == "add" and any(map(is_frame, operands)):
            _indexed(*operands, step, frame)
            operands = [operand for operand in operands if not is_frame(operand)]
        for operand in operands:
            _escapes(operand, step, frame)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, Reg | Const | Symbol | Temp):
        for name in type(value).__dataclass_fields__:
            _escapes(getattr(value, name), step, frame)


def _indexed(left: Expr, right: Expr, step: Step, frame: Frame) -> None:
    """The frame's address in a sum with something variable."""
    base, index = (left, right) if is_frame(left) else (right, left)
    if isinstance(index, Op) and index.opcode == "shl" and base.addend not in frame.escapes:
        frame.strides[base.addend] = 1 << index.operands[1].value
    frame.escapes.setdefault(base.addend, step.line)
    frame.indexed.add(base.addend)
