"""Every access to the frame, and every address in it that goes somewhere."""

from __future__ import annotations

from ozma.lift.flow.graph import Block, Graph, Step
from ozma.lift.reading.architecture import Convention
from ozma.lift.reading.effects import (
    Call, Const, Do, Effect, Expr, Let, Load, Op, Reg, SetFlags, SetReg, Store, Symbol, Temp, bits,
    room_of,
)  # fmt: skip
from ozma.lift.stack.addresses import Rewriter, State, is_frame, moves_stack, registers_read
from ozma.lift.stack.objects import Access, Frame

_VA_LIST = 24


def collect(
    graph: Graph, states: dict[int, State], frame: Frame, convention: Convention
) -> None:
    """Direct accesses and escapes of all steps."""
    passed = 0
    for index in graph.order():
        block = graph.blocks[index]
        for step in block.steps:
            for call in (effect for effect in step.effects if isinstance(effect, Call)):
                frame.low, passed = min(frame.low, step.sp), max(passed, room_of(call.copies))
            for effect in step.effects:
                _collect_effect(effect, step, frame, convention)
            frame.changed.update(e.name for e in step.effects if isinstance(e, SetReg))
        _edges(block, graph, states, frame, convention)
    frame.low += passed


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
                passed = dict.fromkeys((*convention.integers, convention.indirect_result), 0)
                for name, size in (passed | dict(effect.copies)).items():
                    if (offset := rewriter.state.get(name)) is not None:
                        frame.escapes.setdefault(offset, step.line)
                        frame.plain.add(offset)
                        frame.copied[offset] = max(size, frame.copied.get(offset, 0))
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
            kept = (
                convention.link and name not in frame.changed and effect.value.addend in frame.saved
            )
            frame.uses_frame_pointer |= effect.value.addend == step.sp or bool(kept)
    elif isinstance(effect, Do) and effect.op.opcode == "llvm.va_start":
        frame.sizes[effect.op.operands[0].addend] = _VA_LIST
        frame.plain.add(effect.op.operands[0].addend)
        frame.escapes.setdefault(effect.op.operands[0].addend, step.line)
    elif not (
        isinstance(effect, SetFlags) and (moves_stack(step, convention) or effect.kind == "add")
    ):
        for name in type(effect).__dataclass_fields__:
            _escapes(getattr(effect, name), step, frame)


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
    elif hasattr(value, "__dataclass_fields__") and not isinstance(
        value, Reg | Const | Symbol | Temp
    ):
        for name in type(value).__dataclass_fields__:
            _escapes(getattr(value, name), step, frame)


def _indexed(left: Expr, right: Expr, step: Step, frame: Frame) -> None:
    """The frame's address in a sum with something variable."""
    base, index = (left, right) if is_frame(left) else (right, left)
    if isinstance(index, Op) and index.opcode == "shl" and base.addend not in frame.escapes:
        frame.strides[base.addend] = 1 << index.operands[1].value
    frame.escapes.setdefault(base.addend, step.line)
    frame.indexed.add(base.addend)
