"""Basic blocks of a function: steps with their effects, and where each goes next."""

from __future__ import annotations

from ozma.lift.flow.far_pushes import join_far_pushes
from ozma.lift.flow.graph import Block, Graph, Refused, Step, number_in
from ozma.lift.flow.joins import join_pushes, merge_branches
from ozma.lift.flow.kept_registers import mark_kept
from ozma.lift.flow.landing_pads import Unwinding
from ozma.lift.flow.repeats import expand
from ozma.lift.flow.successors import connect, ends, is_explicit, is_final_call
from ozma.lift.reading.architecture import Architecture, Instruction
from ozma.lift.reading.listing import AsmFunction, Directive, Label, Listing
from ozma.lift.reading.effects import Do, Effect, Op, Repeat, Unsupported
from ozma.lift.reading.exception_tables import Exceptions, read_exceptions

_REFUSED = {
    "#APP": "inline assembly", ".byte": "bytes within code",
    ".long": "data within code", ".quad": "data within code", ".incbin": "a file within code",
    ".short": "data within code", ".ascii": "data within code", ".asciz": "data within code",
    ".seh_proc": "Windows unwind tables", ".zero": "data within code", ".inst": "bytes within code",
    ".value": "data within code", ".4byte": "data within code", ".8byte": "data within code",
    ".2byte": "data within code", ".octa": "data within code", ".macro": "a macro",
    ".rept": "a repetition", ".if": "conditional assembly", ".include": "another file",
}  # fmt: skip


def build_graph(
    function: AsmFunction, listing: Listing, architecture: Architecture, apart: bool = False
) -> Graph:
    """Refused names the first line that stands in the way. `apart`: string instructions are taken
    to copy between places that do not overlap."""
    try:
        exceptions = read_exceptions(function, listing)
    except (Unsupported, ValueError, IndexError) as reason:
        raise Refused(function.number, function.name, str(reason)) from reason
    unwinding = Unwinding(function, exceptions)
    blocks, has_cfi = _cut(function, architecture, exceptions, unwinding, listing, apart)
    labels = {name: block.index for block in blocks for name in block.labels}
    original = list(blocks)
    explicit = bool(architecture.convention.link) and is_explicit(blocks)
    for block in original:
        following = block.index + 1 if block.index + 1 < len(original) else None
        if explicit and following and is_final_call(block):
            block.exit = Do(Op("unreachable", "void", ()))
        else:
            connect(block, blocks, labels, listing, following)
    merge_branches(blocks)
    reachable = set(Graph(blocks, labels).order())
    for block in blocks:
        for successor in block.successors if block.index in reachable else ():
            blocks[successor].predecessors.append(block.index)
    join_far_pushes(blocks)
    graph = Graph(
        blocks, labels, has_cfi, explicit=explicit, personality=exceptions.personality,
        caught=exceptions.types,
        nounwind=frozenset(unwinding.nounwind), of_gcc=function.is_of_gcc,
    )  # fmt: skip
    mark_kept(graph, architecture)
    return graph


def _cut(
    function: AsmFunction, architecture: Architecture, exceptions: Exceptions, unwinding: Unwinding,
    listing: Listing, apart: bool,
) -> tuple[list[Block], bool]:  # fmt: skip
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
        if step.effects and isinstance(step.effects[0], Repeat):
            expand(step, blocks, architecture.convention, listing, apart)
            ended = False
            continue
        blocks[-1].steps.append(step)
        ended = any(ends(effect) for effect in step.effects)
    for block in blocks:
        join_pushes(block.steps)
    if not blocks[-1].steps and all(name.startswith(".Lfunc_end") for name in blocks[-1].labels):
        blocks = blocks[:-1] or blocks  # the label that marks the end begins no block
    if len(blocks) == 1 and not blocks[0].steps:
        raise Refused(function.number, function.name, "the function has no instruction")
    return blocks, has_cfi


def _note(line: Directive, block: Block) -> None:
    if line.name in _REFUSED:
        text = f"{line.name} {line.arguments}".strip()
        raise Refused(line.number, text, _REFUSED[line.name])
    if line.name == ".cfi_def_cfa_offset" and block.steps:
        block.steps[-1].framed = True
    if line.name == ".cfi_adjust_cfa_offset" and block.steps:
        block.steps[-1].adjust += number_in(line, line.arguments)


def _effects(line: Instruction, architecture: Architecture) -> list[Effect]:
    try:
        return architecture.effects(line)
    except Unsupported as reason:
        raise Refused(line.number, line.text, str(reason)) from reason
    except (IndexError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(line.number, line.text, "operands are not as the table expects") from error
