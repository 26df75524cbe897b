"""Facts about registers before SSA: live widths, widths of definitions, reaching definitions.

Widths decide how wide a phi is: a chain of 32-bit operations stays i32. Reaching definitions and
who reads them decide what is an argument, and what a function returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ozma.lift.flow.cfg import Block, Graph, Step
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import (
    Call, Condition, Const, Do, Effect, Expr, Let, Load, Op, Reg, Return, SetFlags, SetReg,
    Symbol, Temp, bits, is_vector,
)  # fmt: skip

FLEXIBLE = 64
Width = tuple[int, bool]


@dataclass
class Definition:
    """A write to a register: `kind` is "set", "entry" (as the function began), "call" (what a
    call left) or "passed" (a slot of the stack after a call). `reads` counts instructions that use it, calls' arguments and returns apart."""

    register: str
    kind: str
    type: str = "i64"
    line: int = 0
    block: int = -1
    explicit: bool = True
    constant: bool = False
    reads: int = 0
    copy_of: str = ""
    sources: frozenset[int] = frozenset()
    loads: bool = False
    saves: bool = False
    symbol: str = ""
    """Whose address it is."""
    moved_from: str = ""
    """The register that it copies."""
    held: frozenset[int] = frozenset()
    """What was in the result's register then."""
    held_reads: int = 0
    """How often that had been read until then."""
    picked: bool = False
    """Loaded while all scratch registers that LLVM takes first were free: it is meant for a call."""
    named: int = 0
    """Instructions whose text reads it, addresses in the frame too (of the register for a result
    in memory only)."""


Reaching = dict[str, frozenset[int]]


@dataclass
class CallSite:
    """A call or tail jump with what reaches it; `sp`: the stack pointer there."""

    block: int
    step: int
    line: int
    target: Expr | None
    reaching: Reaching
    sp: int
    is_tail: bool = False
    popped: str = ""
    """Register into which the epilogue pops what nobody needs."""


@dataclass
class Facts:
    """`live[b][r]`: bits of r read from b on before it is set. `widths[b][r]`: widest definition
    that reaches b, and whether something of unknown width does (a parameter, a call's result). `definitions` by number; `calls`, `returns` with their reaching sets."""

    live: list[dict[str, int]] = field(default_factory=list)
    widths: list[dict[str, Width]] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    returns: list[CallSite] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    """Definitions that an effect, a branch or a call's argument needs, itself or through others."""
    flows: dict[int, set[int]] = field(default_factory=dict)
    slots: list[tuple[int, int]] = field(default_factory=list)
    """Slots of the frame: from, to."""
    tables: frozenset[str] = frozenset()
    """Jump tables: nobody passes their address on."""

    def flows_to(self, number: int) -> set[str]:
        """Registers that are made of a definition."""
        targets = (target for target, sources in self.flows.items() if number in sources)
        return {self.definitions[target].register for target in targets}

    def phi_width(self, block: int, register: str) -> int:
        """Bits of a phi for the register at the start of the block."""
        demand = self.live[block].get(register, 0)
        most, flexible = self.widths[block].get(register, (0, True))
        if 0 < demand < 32:
            return demand
        if most >= FLEXIBLE:
            return most if most == FLEXIBLE else demand
        if flexible:
            return max(demand, most) if demand or most else FLEXIBLE
        return max(most, min(demand, 32))


def find_facts(
    graph: Graph, architecture: Architecture, slots: list[tuple[int, int]] | None = None
) -> Facts:
    tables = frozenset(block.table for block in graph.blocks if block.table)
    facts = Facts(slots=slots or [], tables=tables)
    order = graph.order()
    facts.live = live_widths(graph, order, architecture)
    facts.widths = _widths(graph, order, architecture)
    _Reach(graph, order, architecture, facts).run()
    return facts


def reads(value: object) -> Iterator[Reg]:
    """Register reads of an expression or of an effect's operands."""
    if isinstance(value, Reg):
        yield value
    elif isinstance(value, Load):
        yield from reads(value.address)
    elif isinstance(value, Op):
        for operand in value.operands:
            yield from reads(operand)
    elif not isinstance(value, Const | Symbol | Temp | str | int | tuple | frozenset | type(None)):
        for name in type(value).__dataclass_fields__:
            yield from reads(getattr(value, name))


def whole_copy(effect: Effect, architecture: Architecture) -> bool:
    """A move of a whole vector register: it says nothing about what is in it."""
    return (
        isinstance(effect, SetReg)
        and isinstance(effect.value, Reg)
        and is_vector(effect.type)
        and effect.value.type == effect.type
        and effect.value.offset == effect.offset == 0
        and effect.name[0] != "["
        and effect.value.name[0] != "["
    )


def live_widths(graph: Graph, order: list[int], architecture: Architecture) -> list[dict[str, int]]:
    """For each block, bits of each register that are read from it on before they are set."""
    exposed = [_exposed(block, architecture) for block in graph.blocks]
    live: list[dict[str, int]] = [{} for _ in graph.blocks]
    changed = True
    while changed:
        changed = False
        for index in reversed(order):
            read, killed = exposed[index]
            new = dict(read)
            for successor in graph.blocks[index].successors:
                for name, width in live[successor].items():
                    if name not in killed and new.get(name, 0) < width:
                        new[name] = width
            if new != live[index]:
                live[index], changed = new, True
    return live


def _exposed(block: Block, architecture: Architecture) -> tuple[dict[str, int], set[str]]:
    read: dict[str, int] = {}
    killed: set[str] = set()
    preserved = architecture.convention.preserved
    for step in block.steps:
        for effect in step.effects:
            for register in reads(effect):
                if register.name not in killed:
                    width = register.offset + bits(register.type)
                    read[register.name] = max(read.get(register.name, 0), width)
            if isinstance(effect, SetReg) and not effect.keeps and not effect.offset:
                killed.add(effect.name)
            elif isinstance(effect, Call):
                killed.update(r for r in _caller_saved(architecture) if r not in preserved)
    return read, killed


def _caller_saved(architecture: Architecture) -> set[str]:
    convention = architecture.convention
    names = {*architecture.scratch, *architecture.vector_registers, *convention.integers}
    return names - convention.preserved


def _widths(graph: Graph, order: list[int], architecture: Architecture) -> list[dict[str, Width]]:
    widths: list[dict[str, Width]] = [{} for _ in graph.blocks]
    seen = {0}
    changed = True
    while changed:
        changed = False
        for index in order:
            if index not in seen:
                continue
            out = _widths_after(graph.blocks[index], dict(widths[index]), architecture)
            for successor in graph.blocks[index].successors:
                if successor not in seen:
                    seen.add(successor)
                    widths[successor], changed = dict(out), True
                else:
                    changed |= _widen(widths[successor], out)
    return widths


def _unknown(register: str) -> Width:
    return (0, register[0] != "[")


def _widen(target: dict[str, Width], out: dict[str, Width]) -> bool:
    changed = False
    for name in {*out, *target}:
        one, two = out.get(name, _unknown(name)), target.get(name, _unknown(name))
        both = max(one[0], two[0]), one[1] or two[1]
        if target.get(name) != both:
            target[name], changed = both, True
    return changed


def _widths_after(
    block: Block, widths: dict[str, Width], architecture: Architecture
) -> dict[str, Width]:
    for step in block.steps:
        for effect in step.effects:
            if isinstance(effect, SetReg):
                width, flexible = effect.offset + bits(effect.type), False
                if isinstance(effect.value, Const) and effect.value.value >> 63:
                    width, flexible = 0, True  # -1 of any width
                if effect.keeps:
                    most, flexible = widths.get(effect.name, _unknown(effect.name))
                    width = max(width, most)
                widths[effect.name] = (width, flexible)
            elif isinstance(effect, Call):
                for name in _caller_saved(architecture):
                    widths.pop(name, None)
    return widths


class _Reach:
    """Reaching definitions, then reads of each, then the sets at calls and returns."""

    def __init__(self, graph: Graph, order: list[int], architecture: Architecture, facts: Facts):
        self.graph, self.order, self.architecture, self.facts = graph, order, architecture, facts
        self.known: dict[tuple[object, ...], int] = {}
        self.saved = _caller_saved(architecture)
        self.record = False
        convention = architecture.convention
        self.arguments = {*convention.integers, *convention.floats, convention.indirect_result}

    def run(self) -> None:
        entries: dict[int, Reaching] = {0: {}}
        changed = True
        while changed:
            changed = False
            for index in self.order:
                if index not in entries:
                    continue
                out = self._through(self.graph.blocks[index], entries[index])
                for successor in self.graph.blocks[index].successors:
                    changed |= self._merge(entries, successor, out)
        self.record = True
        for index in self.order:
            self._through(self.graph.blocks[index], entries[index])
        self._need()

    def _merge(self, entries: dict[int, Reaching], successor: int, out: Reaching) -> bool:
        target = entries.get(successor)
        if target is None:
            entries[successor] = dict(out)
            return True
        changed = False
        for name in {*out, *target}:
            both = self._of(target, name) | self._of(out, name)
            if target.get(name) != both:
                target[name], changed = both, True
        return changed

    def _of(self, state: Reaching, name: str) -> frozenset[int]:
        return state.get(name) or frozenset((self._number(name, "entry", (name, "entry")),))

    def _number(self, register: str, kind: str, key: tuple[object, ...], **facts: object) -> int:
        if key not in self.known:
            self.known[key] = len(self.facts.definitions)
            self.facts.definitions.append(Definition(register, kind, **facts))
        return self.known[key]

    def _through(self, block: Block, entry: Reaching) -> Reaching:
        state = dict(entry)
        for position, step in enumerate(block.steps):
            for part, effect in enumerate(step.effects):
                key = (block.index, position, part)
                if self.record:
                    self._note(effect, step, block, position, state)
                if isinstance(effect, SetReg):
                    self._set(effect, step, block, key, state)
                elif isinstance(effect, Call):
                    for name in self.saved:
                        number = self._number(
                            name, "call", (*key, name), line=step.line, block=block.index
                        )
                        state[name] = frozenset((number,))
                    self._pass_slots(step, key, state)
        return state

    def _pass_slots(self, step: Step, key: tuple[int, ...], state: Reaching) -> None:
        """What a call may have taken from the stack is no later call's argument."""
        for name in [n for n in state if n[0] == "[" and int(n[1:-1]) >= step.sp]:
            number = self._number(name, "passed", (*key, name), line=step.line)
            self.facts.definitions[number].sources |= state[name] - {number}
            state[name] = frozenset((number,))

    def _read(self, number: int) -> None:
        definition = self.facts.definitions[number]
        definition.reads += 1
        if definition.kind == "passed" and definition.reads == 1:
            for source in definition.sources:
                self._read(source)

    def _set(
        self, effect: SetReg, step: Step, block: Block, key: tuple[int, ...], state: Reaching
    ) -> None:
        constant = isinstance(effect.value, Const) or (
            isinstance(effect.value, Op)
            and bool(effect.value.operands)
            and all(isinstance(o, Const) for o in effect.value.operands)
        )
        copy = effect.value.name if whole_copy(effect, self.architecture) else ""
        number = self._number(
            effect.name, "set", key, type=effect.type, line=step.line, block=block.index,
            explicit=not effect.implicit and not self._is_save(effect, state)
            and not self._is_cleanup(block, key[1]), constant=constant,
            copy_of=copy, loads=isinstance(effect.value, Load),
            moved_from=effect.value.name if isinstance(effect.value, Reg) else "",
            symbol=effect.value.name if isinstance(effect.value, Symbol) else "",
        )  # fmt: skip
        self.facts.definitions[number].type = self._type_of(effect, state)
        if self.record and effect.name in self.architecture.scratch[1:3]:
            definition = self.facts.definitions[number]
            definition.held = self._of(state, self.architecture.scratch[0])
            definition.held_reads = sum(self.facts.definitions[n].reads for n in definition.held)
        if self.record and isinstance(effect.value, Load):
            self.facts.definitions[number].picked = self._is_picked(effect.name, block, key[1], state)
        if effect.name[0] == "[":
            self.facts.definitions[number].saves = self._saves(step, state)
        if copy:
            self.facts.definitions[number].sources = self._of(state, copy)
        kept = self._kept(effect, state)
        for old in kept:
            definition = self.facts.definitions[number]
            definition.type = max(definition.type, self.facts.definitions[old].type, key=bits)
        state[effect.name] = frozenset((number,)) | kept

    def _type_of(self, effect: SetReg, state: Reaching) -> str:
        """Its own, or that of what it copies: bytes move in registers of 32 bits."""
        if not isinstance(effect.value, Reg) or effect.type != "i32" or effect.value.offset:
            return effect.type
        found = [self.facts.definitions[n] for n in self._of(state, effect.value.name)]
        widest = max((bits(d.type) for d in found), default=64)
        narrow = found and all(d.kind == "set" for d in found) and widest < 32
        return f"i{widest}" if narrow else effect.type

    def _is_picked(self, register: str, block: Block, position: int, state: Reaching) -> bool:
        scratch = self.architecture.scratch
        if register not in scratch or scratch[0] != self.architecture.convention.results[0]:
            return False
        first = scratch[: scratch.index(register)]
        return bool(first) and all(self._is_free(name, block, position, state) for name in first)

    def _is_free(self, name: str, block: Block, position: int, state: Reaching) -> bool:
        """Does nobody read it after the step, nor set it before the next call or the block's end?"""
        found = [self.facts.definitions[n] for n in self._of(state, name)]
        if name in self.arguments and any(d.kind == "set" and not d.reads for d in found):
            return False
        for step in block.steps[position + 1 :]:
            for effect in step.effects:
                if isinstance(effect, Call):
                    return True
                if any(register.name == name for register in reads(effect)):
                    return False
                if isinstance(effect, SetReg) and effect.name == name:
                    return False
        return not any(self.facts.live[index].get(name) for index in block.successors)

    def _saves(self, step: Step, state: Reaching) -> bool:
        """Does it store a register that is no argument as it was at entry?"""
        arguments = self.architecture.convention.integers
        names = {register.name for effect in step.effects for register in reads(effect)}
        names.discard(self.architecture.convention.stack_pointer)
        return bool(names) and all(
            name not in arguments
            and name[0] != "["
            and all(self.facts.definitions[n].kind == "entry" for n in self._of(state, name))
            for name in names
        )

    def _kept(self, effect: SetReg, state: Reaching) -> frozenset[int]:
        """Definitions that a write to a part leaves standing: constants, zeroed for a `sete`."""
        if not effect.keeps or effect.name[0] == "[":
            return frozenset()
        if effect.name in self.architecture.vector_registers:
            return frozenset()
        before = self._of(state, effect.name)
        definitions = [self.facts.definitions[n] for n in before]
        return before if all(d.constant for d in definitions) else frozenset()

    def _is_save(self, effect: SetReg, state: Reaching) -> bool:
        """What came in a register that the caller wants back, or as a whole vector register (for
        `va_arg`), goes to the frame: no argument of a call."""
        convention, value = self.architecture.convention, effect.value
        if effect.name[0] != "[" or not isinstance(value, Reg):
            return False
        came = all(self.facts.definitions[n].kind == "entry" for n in self._of(state, value.name))
        kept = value.name in convention.preserved or value.name == convention.link
        return came and (kept or is_vector(value.type))

    def _is_cleanup(self, block: Block, position: int) -> bool:
        """A pop that no push stands before: it restores, or only moves the stack pointer."""
        step = block.steps[position]
        moves = [e for e in step.effects if isinstance(e, SetReg)]
        if len(moves) != 2 or moves[0].name != self.architecture.convention.stack_pointer:
            return False
        if not isinstance(step.effects[0], Let) or moves[1].name[0] == "[":
            return False
        return not position or block.steps[position - 1].sp <= step.sp

    def _note(self, effect: Effect, step: Step, block: Block, position: int, state: Reaching) -> None:
        if not whole_copy(effect, self.architecture) and not self._is_cleanup(block, position):
            for register in reads(effect):
                for number in self._of(state, register.name):
                    self._read(number)
        self._note_flow(effect, step, block, position, state)
        indirect = self.architecture.convention.indirect_result
        if indirect and _names(step, indirect) and not _spills(step):
            for number in self._of(state, indirect):
                self.facts.definitions[number].named += 1
        if isinstance(effect, Call | Return) or _is_tail(effect, self.graph):
            target = getattr(effect, "target", getattr(effect, "address", None))
            if isinstance(target, str):
                target = Symbol(target, 0, effect.relocation)
            site = CallSite(
                block.index, position, step.line, target, dict(state), step.sp,
                not isinstance(effect, Call | Return),
            )  # fmt: skip
            site.popped = self._popped(block, position)
            (self.facts.returns if isinstance(effect, Return) else self.facts.calls).append(site)

    def _note_flow(
        self, effect: Effect, step: Step, block: Block, position: int, state: Reaching
    ) -> None:
        """Which definitions flow into which: all of a step into what it sets, or into effects."""
        if self._is_cleanup(block, position):
            return
        made = [
            self.known[key] for part, other in enumerate(step.effects)
            if isinstance(other, SetReg) and (key := (block.index, position, part)) in self.known
        ]  # fmt: skip
        acts = not made or any(_acts(other) for other in step.effects) or _tested(block, position)
        for register in reads(effect):
            for number in self._of(state, register.name):
                if acts:
                    self.facts.needed.add(number)
                for target in made:
                    self.facts.flows.setdefault(target, set()).add(number)

    def _need(self) -> None:
        """What is needed: for effects, for arguments, and for what these need in turn."""
        facts = self.facts
        for site in facts.calls:
            for name, numbers in site.reaching.items():
                if name[0] == "[" or name in self.arguments:
                    facts.needed |= {n for n in numbers if not facts.definitions[n].reads}
        work = list(facts.needed)
        while work:
            number = work.pop()
            sources = facts.definitions[number].sources | facts.flows.get(number, set())
            new = sources - facts.needed
            facts.needed |= new
            work.extend(new)

    def _popped(self, block: Block, position: int) -> str:
        """The scratch register that the instructions before a return pop into, if any."""
        convention = self.architecture.convention
        for number in range(position - 1, -1, -1):
            step = block.steps[number]
            moves = [effect for effect in step.effects if isinstance(effect, SetReg)]
            if not moves or moves[0].name != convention.stack_pointer:
                break
            if number and block.steps[number - 1].sp > step.sp:  # it pops what was just pushed
                break
            if len(moves) == 2 and moves[1].name not in convention.preserved:
                return moves[1].name
        return ""


def _acts(effect: Effect) -> bool:
    """Does it do more than to set a register or flags?"""
    return not isinstance(effect, SetReg | Let | SetFlags)


def _tested(block: Block, position: int) -> bool:
    """Does anything in the block ask for the flags that the step sets?"""
    if not any(isinstance(effect, SetFlags) for effect in block.steps[position].effects):
        return False
    for step in block.steps[position + 1 :]:
        for effect in step.effects:
            if conditions(effect):
                return True
            if isinstance(effect, SetFlags):
                return False
    return False


def conditions(value: object) -> bool:
    """Is there a `Condition` in the effect or expression?"""
    if isinstance(value, Condition):
        return True
    if isinstance(value, Op):
        return any(conditions(operand) for operand in value.operands)
    if isinstance(value, Effect):
        return any(conditions(getattr(value, name)) for name in type(value).__dataclass_fields__)
    return False


def _spills(step: Step) -> bool:
    """Does it only put a register into a slot?"""
    return all(isinstance(e, SetReg) and e.name[0] == "[" for e in step.effects)


def _names(step: Step, register: str) -> bool:
    """Does the text name the register other than to set it?"""
    first, *others = step.instruction.operands or ("",)
    if any(register in text for text in others):
        return True
    return register in first and not any(getattr(e, "name", "") == register for e in step.effects)


def _is_tail(effect: Effect, graph: Graph) -> bool:
    kind = type(effect).__name__
    if kind == "Jump":
        return effect.target not in graph.labels
    return kind == "IndirectJump" and not any(
        block.table and block.exit is effect for block in graph.blocks
    )


def is_do(effect: Effect, opcode: str) -> bool:
    return isinstance(effect, Do) and effect.op.opcode == opcode
