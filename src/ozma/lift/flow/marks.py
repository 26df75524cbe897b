"""What a write to a register is for beside its value: to save, to restore, to be kept for a
call."""

from __future__ import annotations

from ozma.lift.flow.definitions import Numbers, Reaching
from ozma.lift.flow.graph import Block, Step
from ozma.lift.flow.reads import reads
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import Call, Let, Reg, SetReg, bits, is_vector


class Marks:
    def __init__(self, architecture: Architecture, numbers: Numbers) -> None:
        self.architecture, self.numbers, self.facts = architecture, numbers, numbers.facts
        convention = architecture.convention
        self.arguments = {*convention.integers, *convention.floats, convention.indirect_result}

    def type_of(self, effect: SetReg, state: Reaching) -> str:
        """Its own, or that of what it copies: bytes move in registers of 32 bits, and above a byte
        that was set on some way is what the register held before."""
        if not isinstance(effect.value, Reg) or effect.type != "i32" or effect.value.offset:
            return effect.type
        found = self.numbers.found(state, effect.value.name)
        least = min((bits(d.type) for d in found), default=64)
        narrow = found and all(d.kind == "set" for d in found) and least < 32
        return f"i{least}" if narrow else effect.type

    def is_picked(self, register: str, block: Block, position: int, state: Reaching) -> bool:
        scratch = self.architecture.scratch
        if register not in scratch or scratch[0] != self.architecture.convention.results[0]:
            return False
        first = scratch[: scratch.index(register)]
        return bool(first) and all(self.is_free(name, block, position, state) for name in first)

    def is_free(self, name: str, block: Block, position: int, state: Reaching) -> bool:
        """Does nobody read it after the step, nor set it before the next call or the block's
        end?"""
        found = self.numbers.found(state, name)
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

    def saves(self, step: Step, state: Reaching) -> bool:
        """Does it store a register that is no argument as it was at entry?"""
        arguments = self.architecture.convention.integers
        names = {register.name for effect in step.effects for register in reads(effect)}
        names.discard(self.architecture.convention.stack_pointer)
        return bool(names) and all(
            name not in arguments
            and name[0] != "["
            and all(self.facts.definitions[n].kind == "entry" for n in self.numbers.of(state, name))
            for name in names
        )

    def kept(self, effect: SetReg, state: Reaching) -> frozenset[int]:
        """Definitions that a write to a part leaves standing: constants, zeroed for a `sete`."""
        if not effect.keeps or effect.name[0] == "[":
            return frozenset()
        if effect.name in self.architecture.vector_registers:
            return frozenset()
        before = self.numbers.of(state, effect.name)
        definitions = [self.facts.definitions[n] for n in before]
        return before if all(d.constant for d in definitions) else frozenset()

    def is_save(self, effect: SetReg, state: Reaching) -> bool:
        """What came in a register that the caller wants back, or as a whole vector register (for
        `va_arg`), goes to the frame: no argument of a call."""
        convention, value = self.architecture.convention, effect.value
        if effect.name[0] != "[" or not isinstance(value, Reg):
            return False
        came = all(
            self.facts.definitions[n].kind == "entry" for n in self.numbers.of(state, value.name)
        )
        kept = value.name in convention.preserved or value.name == convention.link
        return came and (kept or is_vector(value.type))

    def is_cleanup(self, block: Block, position: int) -> bool:
        """A pop that no push stands before: it restores, or only moves the stack pointer."""
        step = block.steps[position]
        moves = [e for e in step.effects if isinstance(e, SetReg)]
        if len(moves) != 2 or moves[0].name != self.architecture.convention.stack_pointer:
            return False
        if not isinstance(step.effects[0], Let) or moves[1].name[0] == "[":
            return False
        return not position or block.steps[position - 1].sp <= step.sp

    def popped(self, block: Block, position: int) -> str:
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
