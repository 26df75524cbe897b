"""Reaching definitions, who reads them, and what is needed in the end."""

from __future__ import annotations

from ozma.lift.flow.definitions import CallSite, Definition, Facts, Numbers, Reaching
from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.flow.marks import Marks
from ozma.lift.flow.reads import caller_saved, conditions, reads, whole_copy
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import (
    Call, Const, Effect, Expr, Let, Load, Op, Reg, Return, SetFlags, SetReg, Symbol, bits,
)  # fmt: skip


class Reach:
    """Reaching definitions, then reads of each, then the sets at calls and returns."""

    def __init__(self, graph: Graph, order: list[int], architecture: Architecture, facts: Facts):
        self.graph, self.order, self.architecture, self.facts = graph, order, architecture, facts
        self.numbers = Numbers(facts)
        self.marks = Marks(architecture, self.numbers)
        self.saved = caller_saved(architecture)
        self.record = False

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
            both = self.numbers.of(target, name) | self.numbers.of(out, name)
            if target.get(name) != both:
                target[name], changed = both, True
        return changed

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
                    for name in self.saved - effect.keeps:
                        number = self.numbers.number(
                            name, "call", (*key, name), line=step.line, block=block.index
                        )
                        state[name] = frozenset((number,))
                    self._pass(sorted(effect.keeps), step, key, state)
                    self._pass_slots(step, key, state)
        return state

    def _pass_slots(self, step: Step, key: tuple[int, ...], state: Reaching) -> None:
        """What a call may have taken from the stack is no later call's argument."""
        slots = [n for n in state if n[0] == "[" and int(n[1:-1]) >= step.sp]
        self._pass(slots, step, key, state)

    def _pass(
        self, names: list[str], step: Step, key: tuple[int, ...], state: Reaching
    ) -> None:
        """After the call they hold the same, which nobody set for a later call."""
        for name in names:
            number = self.numbers.number(name, "passed", (*key, name), line=step.line)
            self.facts.definitions[number].sources |= self.numbers.of(state, name) - {number}
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
        number = self._definition(effect, step, block, key, state)
        definition = self.facts.definitions[number]
        definition.type = self.marks.type_of(effect, state)
        if self.record:
            self._note_scratch(definition, effect, block, key[1], state)
        if effect.name[0] == "[":
            definition.saves = self.marks.saves(step, state)
        if definition.copy_of:
            definition.sources = self.numbers.of(state, definition.copy_of)
        kept = self.marks.kept(effect, state)
        for old in kept:
            definition.type = max(definition.type, self.facts.definitions[old].type, key=bits)
        state[effect.name] = frozenset((number,)) | kept

    def _definition(
        self, effect: SetReg, step: Step, block: Block, key: tuple[int, ...], state: Reaching
    ) -> int:
        value, position = effect.value, key[1]
        explicit = not effect.implicit and not self.marks.is_save(effect, state)
        return self.numbers.number(
            effect.name, "set", key, type=effect.type, line=step.line, block=block.index,
            explicit=explicit and not self.marks.is_cleanup(block, position),
            constant=_is_constant(value),
            copy_of=value.name if whole_copy(effect, self.architecture) else "",
            loads=isinstance(value, Load),
            moved_from=value.name if isinstance(value, Reg) else "",
            symbol=value.name if isinstance(value, Symbol) else "",
        )  # fmt: skip

    def _note_scratch(
        self, definition: Definition, effect: SetReg, block: Block, position: int, state: Reaching
    ) -> None:
        """What the choice of a scratch register tells: which other was taken, or meant for a
        call."""
        if effect.name in self.architecture.scratch[1:3]:
            definition.held = self.numbers.of(state, self.architecture.scratch[0])
            definition.held_reads = sum(self.facts.definitions[n].reads for n in definition.held)
        if isinstance(effect.value, Load):
            definition.picked = self.marks.is_picked(effect.name, block, position, state)

    def _note(
        self, effect: Effect, step: Step, block: Block, position: int, state: Reaching
    ) -> None:
        if not whole_copy(effect, self.architecture) and not self.marks.is_cleanup(block, position):
            for register in reads(effect):
                for number in self.numbers.of(state, register.name):
                    self._read(number)
        self._note_flow(effect, step, block, position, state)
        indirect = self.architecture.convention.indirect_result
        if indirect and _names(step, indirect) and not _spills(step):
            for number in self.numbers.of(state, indirect):
                self.facts.definitions[number].named += 1
        if isinstance(effect, Call | Return) or _is_tail(effect, self.graph):
            target = getattr(effect, "target", getattr(effect, "address", None))
            if isinstance(target, str):
                target = Symbol(target, 0, effect.relocation)
            site = CallSite(
                block.index, position, step.line, target, dict(state), step.sp,
                not isinstance(effect, Call | Return),
            )  # fmt: skip
            site.popped = self.marks.popped(block, position)
            site.copies = getattr(effect, "copies", ())
            (self.facts.returns if isinstance(effect, Return) else self.facts.calls).append(site)

    def _note_flow(
        self, effect: Effect, step: Step, block: Block, position: int, state: Reaching
    ) -> None:
        """Which definitions flow into which: all of a step into what it sets, or into effects."""
        if self.marks.is_cleanup(block, position):
            return
        made = [
            self.numbers.known[key] for part, other in enumerate(step.effects)
            if isinstance(other, SetReg)
            and (key := (block.index, position, part)) in self.numbers.known
        ]  # fmt: skip
        acts = not made or any(_acts(other) for other in step.effects) or _tested(block, position)
        for register in reads(effect):
            for number in self.numbers.of(state, register.name):
                if acts:
                    self.facts.needed.add(number)
                for target in made:
                    self.facts.flows.setdefault(target, set()).add(number)

    def _need(self) -> None:
        """What is needed: for effects, for arguments, and for what these need in turn."""
        facts = self.facts
        for site in facts.calls:
            for name, numbers in site.reaching.items():
                if name[0] == "[" or name in self.marks.arguments or name in dict(site.copies):
                    facts.needed |= {n for n in numbers if not facts.definitions[n].reads}
        work = list(facts.needed)
        while work:
            number = work.pop()
            sources = facts.definitions[number].sources | facts.flows.get(number, set())
            new = sources - facts.needed
            facts.needed |= new
            work.extend(new)


def _is_constant(value: Expr) -> bool:
    """A number, or an operation on nothing but numbers."""
    if isinstance(value, Op):
        return bool(value.operands) and all(isinstance(o, Const) for o in value.operands)
    return isinstance(value, Const)


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
