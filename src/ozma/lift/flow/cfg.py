"""Basic blocks of a function: steps with their effects, and where each goes next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ozma.lift.flow.far_pushes import join_far_pushes
from ozma.lift.flow.landing_pads import Unwinding
from ozma.lift.reading.architecture import Architecture, Instruction
from ozma.lift.reading.assembly import AsmFunction, Directive, Label, Listing
from ozma.lift.reading.effects import (
    Branch, Call, Condition, Const, Do, Effect, IndirectJump, Jump, Let, Load, Op, Return, SetFlags,
    SetReg, Store, Symbol, Unsupported,
)  # fmt: skip
from ozma.lift.reading.exception_tables import Clause, Exceptions, read_exceptions
from ozma.lift.reading.prototypes import is_noreturn
from ozma.lift.reading.static_data import jump_table

_REFUSED = {
    "#APP": "inline assembly", ".byte": "bytes within code",
    ".long": "data within code", ".quad": "data within code", ".incbin": "a file within code",
    ".short": "data within code", ".ascii": "data within code", ".asciz": "data within code",
    ".seh_proc": "Windows unwind tables", ".zero": "data within code", ".inst": "bytes within code",
    ".value": "data within code", ".4byte": "data within code", ".8byte": "data within code",
    ".2byte": "data within code", ".octa": "data within code", ".macro": "a macro",
    ".rept": "a repetition", ".if": "conditional assembly", ".include": "another file",
}  # fmt: skip


class Refused(Exception):
    """A function that cannot be lifted: (line number, text, reason)."""

    def __init__(self, line: int, text: str, reason: str) -> None:
        super().__init__(reason)
        self.line, self.text, self.reason = line, text, reason


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
    returns to, the pad). `landing`: clauses of the landing pad that the block is. `combined` is an i1 expression for several branches in one.
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
    variadic: tuple[int, int] | None = None
    """Fixed integer and floating arguments in registers of a function that ends in `...`."""
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


def build_graph(function: AsmFunction, listing: Listing, architecture: Architecture) -> Graph:
    """Refused names the first line that stands in the way."""
    try:
        exceptions = read_exceptions(function, listing)
    except (Unsupported, ValueError, IndexError) as reason:
        raise Refused(function.number, function.name, str(reason)) from reason
    unwinding = Unwinding(function, exceptions)
    blocks, has_cfi = _cut(function, architecture, exceptions, unwinding)
    labels = {name: block.index for block in blocks for name in block.labels}
    original = list(blocks)
    explicit = bool(architecture.convention.link) and _is_explicit(blocks)
    for block in original:
        following = block.index + 1 if block.index + 1 < len(original) else None
        if explicit and following and _is_final_call(block):
            block.exit = Do(Op("unreachable", "void", ()))
        else:
            _connect(block, blocks, labels, listing, following)
    _merge_branches(blocks)
    reachable = set(Graph(blocks, labels).order())
    for block in blocks:
        for successor in block.successors if block.index in reachable else ():
            blocks[successor].predecessors.append(block.index)
    join_far_pushes(blocks)
    return Graph(
        blocks, labels, has_cfi, explicit=explicit, personality=exceptions.personality, caught=exceptions.types,
        nounwind=frozenset(unwinding.nounwind),
    )  # fmt: skip


def _cut(
    function: AsmFunction, architecture: Architecture, exceptions: Exceptions, unwinding: Unwinding
) -> tuple[list[Block], bool]:
    blocks, has_cfi = [Block(0, line=function.number)], False
    ended = False
    for line in function.lines:
        if isinstance(line, Directive):
            has_cfi |= line.name == ".cfi_startproc"
            _note(line, blocks[-1])
            unwinding.note(line)
            continue
        if isinstance(line, Label):
            if not unwinding.passes(line.name):
                continue
            landed = blocks[-1].landing is not None and line.name not in exceptions.pads
            if blocks[-1].steps or ended or landed:
                blocks.append(Block(len(blocks), line=line.number))
            blocks[-1].labels.append(line.name)
            blocks[-1].landing = exceptions.pads.get(line.name, blocks[-1].landing)
            ended = False
            continue
        if ended:
            blocks.append(Block(len(blocks), line=line.number))
        step = Step(line, unwinding.marked(_effects(line, architecture)))
        blocks[-1].steps.append(step)
        ended = any(_ends(effect) for effect in step.effects)
    for block in blocks:
        _join_pushes(block.steps)
    if not blocks[-1].steps and all(name.startswith(".Lfunc_end") for name in blocks[-1].labels):
        blocks = blocks[:-1] or blocks  # the label that marks the end begins no block
    if len(blocks) == 1 and not blocks[0].steps:
        raise Refused(function.number, function.name, "the function has no instruction")
    return blocks, has_cfi


def _join_pushes(steps: list[Step]) -> None:
    """`push $k; pop %r` is r = k: LLVM's shortest way to a small constant."""
    for position in range(len(steps) - 1):
        push, pop = steps[position].effects, steps[position + 1].effects
        if [type(e) for e in push] != [Let, SetReg, Store] or not isinstance(push[0].value, Const):
            continue
        if [type(e) for e in pop] == [Let, SetReg, SetReg] and pop[0].value == Load(
            push[2].address, "i64"
        ):
            value = push[0].value.value
            type_ = "i64" if value >> 31 else "i32"
            steps[position].effects, steps[position].adjust = [], 0
            steps[position + 1].effects = [replace(pop[2], value=Const(value, type_), type=type_)]
            steps[position + 1].adjust = 0


def _note(line: Directive, block: Block) -> None:
    if line.name in _REFUSED:
        text = f"{line.name} {line.arguments}".strip()
        raise Refused(line.number, text, _REFUSED[line.name])
    if line.name == ".cfi_def_cfa_offset" and block.steps:
        block.steps[-1].framed = True
    if line.name == ".cfi_adjust_cfa_offset" and block.steps:
        block.steps[-1].adjust += int(line.arguments, 0)


def _effects(line: Instruction, architecture: Architecture) -> list[Effect]:
    try:
        return architecture.effects(line)
    except Unsupported as reason:
        raise Refused(line.number, line.text, str(reason)) from reason
    except (IndexError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(line.number, line.text, "operands are not as the table expects") from error


def _ends(effect: Effect) -> bool:
    if isinstance(effect, Do):
        return effect.op.opcode in ("unreachable", "llvm.trap")
    if isinstance(effect, Call):
        return bool(effect.unwind) or _never_returns(effect)
    return isinstance(effect, Branch | Jump | IndirectJump | Return)


def _never_returns(call: Call) -> bool:
    return isinstance(call.target, Symbol) and is_noreturn(call.target.name)


def _last_effect(block: Block) -> Effect | None:
    return block.steps[-1].effects[-1] if block.steps and block.steps[-1].effects else None


def _is_explicit(blocks: list[Block]) -> bool:
    """Some block jumps to the next one, and none but after a call runs into it."""
    jumps = False
    for block, following in zip(blocks, blocks[1:]):
        last = _last_effect(block)
        if isinstance(last, Jump):
            jumps |= last.target in following.labels
        elif following.labels and not isinstance(last, Call) and not (last and _ends(last)):
            return False
    return jumps


def _is_final_call(block: Block) -> bool:
    """A call that nothing follows in its block: where all ways are written out, it has none."""
    last = _last_effect(block)
    return isinstance(last, Call) and not last.unwind


def _connect(
    block: Block, blocks: list[Block], labels: dict[str, int], listing: Listing, following: int | None
) -> None:
    last = block.steps[-1].effects[-1] if block.steps and block.steps[-1].effects else None
    step = block.steps[-1].instruction if block.steps else None
    if last is not None and _ends(last):
        block.exit = last
    if isinstance(block.exit, Branch):
        if block.exit.target in labels:
            block.successors = [labels[block.exit.target]]
        else:
            block.successors = [_tail_block(block.exit.target, block, blocks)]
        if following is None:
            raise Refused(step.number, step.text, "the code runs out of the function")
        block.successors.append(following)
    elif isinstance(block.exit, Jump):
        if block.exit.target in labels and not block.exit.relocation:
            block.successors = [labels[block.exit.target]]
        elif block.exit.target.startswith(".L"):
            raise Refused(step.number, step.text, "a jump to a label outside of the function")
    elif isinstance(block.exit, IndirectJump):
        _find_table(block, blocks, labels, listing)
    elif isinstance(block.exit, Call) and block.exit.unwind:
        _connect_invoke(block, blocks, labels, following)
    elif block.exit is None:
        if following is not None and blocks[following].landing is None:
            block.successors = [following]
        else:
            block.exit = Do(Op("unreachable", "void", ()))


def _connect_invoke(
    block: Block, blocks: list[Block], labels: dict[str, int], following: int | None
) -> None:
    """First where it returns to, a block of its own; then the landing pad."""
    step = block.steps[-1].instruction
    if block.exit.unwind not in labels:
        raise Refused(step.number, step.text, "a landing pad outside of the function")
    pad = labels[block.exit.unwind]
    if _never_returns(block.exit) or following is None or blocks[following].landing is not None:
        block.successors = [pad]
        return
    if blocks[following].labels:
        new = Block(len(blocks), [], [], [following], line=step.number)
        blocks.append(new)
        following = new.index
    block.successors = [following, pad]


def _tail_block(target: str, block: Block, blocks: list[Block]) -> int:
    """A conditional tail call: a block of its own that jumps to the symbol."""
    step = block.steps[-1].instruction
    if target.startswith(".L"):
        raise Refused(step.number, step.text, "a jump to a label outside of the function")
    name, _, relocation = target.partition("@")
    jump = Jump(name, "plt" if relocation else "")
    for other in blocks:
        if other.exit == jump and len(other.steps) == 1:
            return other.index
    new = Block(len(blocks), [], [Step(step, [jump])], exit=jump, line=step.number)
    blocks.append(new)
    return new.index


def _find_table(block: Block, blocks: list[Block], labels: dict[str, int], listing: Listing) -> None:
    """A table of this function's labels whose address the block, or one before, uses."""
    known = set(labels)
    for step in reversed(_code_before(block, blocks)):
        for name in _symbols(step.effects):
            item = listing.data.get(name)
            targets = jump_table(item, known) if item else None
            if targets:
                block.table = name
                block.successors = list(dict.fromkeys(labels[target] for target in targets))
                return


def _code_before(block: Block, blocks: list[Block]) -> list[Step]:
    steps: list[Step] = []
    for other in blocks[: block.index + 1]:
        steps.extend(other.steps)
    return steps


def _symbols(value: object) -> list[str]:
    """Names of all symbols in effects or expressions."""
    if isinstance(value, Symbol):
        return [value.name]
    if isinstance(value, list | tuple):
        return [name for part in value for name in _symbols(part)]
    names = getattr(type(value), "__dataclass_fields__", ())
    return [name for entry in names for name in _symbols(getattr(value, entry))]


def join_jumps(blocks: list[Block], cases_only: bool = False) -> None:
    """`jne A; jmp B` is one branch with two targets, and a call that may unwind with the jump after
    it returns to where that goes. `cases_only`: FastISel leaves a block that only jumps, but where
    it lowers a switch."""
    for block in blocks:
        if isinstance(block.exit, Branch) and block.successors:
            place = 1
        elif isinstance(block.exit, Call) and len(block.successors) == 2:
            place = 0
        else:
            continue
        if cases_only and not _tests_case(block):
            continue
        second = blocks[block.successors[place]]
        if isinstance(second.exit, Jump) and second.successors and not second.labels:
            if len(second.steps) == 1 and second.predecessors == [block.index]:
                target = blocks[second.successors[0]]
                block.successors[place] = target.index
                target.predecessors[target.predecessors.index(second.index)] = block.index
                second.predecessors, second.successors, second.steps = [], [], []


def _tests_case(block: Block) -> bool:
    """`subl $k, %r; je` or `testl %r, %r; je`: FastISel itself compares. Nor does it turn a branch
    round whose condition is an i1 that a call gave: `testb $1, %al; jne A; jmp B`."""
    step = block.steps[-2] if len(block.steps) > 1 else None
    flags = next((e for e in step.effects if isinstance(e, SetFlags)), None) if step else None
    keeps = step is not None and any(isinstance(e, SetReg) for e in step.effects)
    if flags is None or (flags.kind, keeps) not in (("sub", True), ("logic", False)):
        return False
    code = getattr(block.exit.condition, "code", "")
    return not (isinstance(flags.a, Op) and flags.kind == "logic") or code == "ne"


def sink_hoisted(blocks: list[Block]) -> None:
    """What stands between a test and its branch was at the start of both blocks that follow: the
    back end hoists what two have in common, if nothing else leads there."""
    for block in blocks:
        if not isinstance(block.exit, Branch) or len(set(block.successors)) != 2:
            continue
        after = [blocks[index] for index in block.successors]
        if any(other.predecessors != [block.index] for other in after):
            continue
        first = len(block.steps) - 1
        while first and _is_plain(block.steps[first - 1]):
            first -= 1
        moved = block.steps[first:-1]
        if moved and first and any(isinstance(e, SetFlags) for e in block.steps[first - 1].effects):
            del block.steps[first:-1]
            for other in after:
                other.steps[0:0] = [replace(step) for step in moved]


def _is_plain(step: Step) -> bool:
    """Does it set one register, and nothing else?"""
    return len(step.effects) == 1 and isinstance(step.effects[0], SetReg) and not step.adjust


def _merge_branches(blocks: list[Block]) -> None:
    """`jne L; jp L` and `jne L; jnp M` on the same flags are one branch on two conditions."""
    for block in blocks:
        second = blocks[block.successors[1]] if isinstance(block.exit, Branch) else None
        if second is None or second.labels or len(second.steps) != 1:
            continue
        if not isinstance(second.exit, Branch) or len(second.steps[0].effects) != 1:
            continue
        codes = [getattr(part.exit.condition, "code", "") for part in (block, second)]
        if codes[0] in ("ne", "eq") and codes[1] in ("uno", "ord"):
            _merge_pair(block, second)


def _merge_pair(block: Block, second: Block) -> None:
    first, other = block.exit.condition, second.exit.condition
    taken, rest = second.successors
    if block.successors[0] == taken:
        condition = Op("or", "i1", (first, other))
        block.successors = [taken, rest]
    elif block.successors[0] == rest:
        condition = Op("and", "i1", (_opposite(first), other))
        block.successors = [taken, rest]
    else:
        return
    block.exit = Branch(condition, second.exit.target)
    block.steps[-1] = Step(block.steps[-1].instruction, [*block.steps[-1].effects[:-1], block.exit])


def _opposite(condition: Condition) -> Condition:
    return Condition({"eq": "ne", "ne": "eq"}[condition.code])
