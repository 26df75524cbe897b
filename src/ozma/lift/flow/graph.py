"""The graph of a function's basic blocks, and the refusal that stands for none."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.effects import Call, Effect
from ozma.lift.reading.exception_tables import Clause
from ozma.lift.reading.listing import Directive


class Refused(Exception):
    """A function that cannot be lifted: (line number, text, reason)."""

    def __init__(self, line: int, text: str, reason: str) -> None:
        super().__init__(reason)
        self.line, self.text, self.reason = line, text, reason


def number_in(line: Directive, word: str) -> int:
    """Refused where a word of the directive is no number."""
    try:
        return int(word, 0)
    except ValueError as error:
        reason = f"'{word}' is no number"
        raise Refused(line.number, f"{line.name} {line.arguments}", reason) from error


@dataclass
class Step:
    """An instruction and its effects. `adjust`: bytes that CFI says are pushed here for a call.
    `framed`: CFI says that it makes or unmakes the frame. `sp`: the stack pointer before it,
    relative to that at entry, once the frame is known."""

    instruction: Instruction
    effects: list[Effect]
    adjust: int = 0
    sp: int = 0
    framed: bool = False

    @property
    def line(self) -> int:
        return self.instruction.number


@dataclass
class Block:
    """`successors` in order (taken, fall-through) for a branch; tables: as their entries say.

    `exit` is the last control effect: Branch, Jump, IndirectJump, Return, Do (unreachable), or
    None when it only falls through; a Call that unwinds to a landing pad (successors: where it
    returns to, the pad). `landing`: clauses of the landing pad that the block is. `combined` is an
    i1 expression for several branches in one.
    """

    index: int
    labels: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    successors: list[int] = field(default_factory=list)
    predecessors: list[int] = field(default_factory=list)
    exit: Effect | None = None
    table: str = ""
    line: int = 0
    landing: tuple[Clause, ...] | None = None


@dataclass
class Graph:
    blocks: list[Block]
    labels: dict[str, int]
    has_cfi: bool = False
    of_gcc: bool = False
    variadic: tuple[int, int] | None = None
    """Fixed integer and floating arguments in registers of a function that ends in `...`."""
    unsaved: frozenset[int] = frozenset()
    """Offsets in its frame where arguments were saved, which `llvm.va_start` now does elsewhere."""
    personality: str = ""
    explicit: bool = False
    """Does every block end in a jump, even to the next one? (Code without optimization.)"""
    caught: tuple[str, ...] = ()
    """Types that its landing pads catch, by their number from 1."""
    nounwind: frozenset[str] = frozenset()
    """Called symbols that no exception leaves, as the table of landing pads says."""

    def in_text_order(self) -> list[int]:
        """All blocks; those that were made stand after the one that they were made for."""
        made = {b.successors[0] for b in self.blocks if isinstance(b.exit, Call) and b.successors}
        made = {index for index in made if not self.blocks[index].steps}
        found: list[int] = []
        for block in self.blocks:
            if block.index not in made:
                found.append(block.index)
                found += [index for index in block.successors[:1] if index in made]
        return found

    def order(self) -> list[int]:
        """Reachable blocks in reverse postorder."""
        seen, order = {0}, []
        stack = [(0, iter(self.blocks[0].successors))]
        while stack:
            index, successors = stack[-1]
            for successor in successors:
                if successor not in seen:
                    seen.add(successor)
                    stack.append((successor, iter(self.blocks[successor].successors)))
                    break
            else:
                order.append(index)
                stack.pop()
        return order[::-1]
