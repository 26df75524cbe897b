"""Compares of a switch that were made one by one become one switch."""

from __future__ import annotations

from ozma.lift.reading.effects import bits
from ozma.lift.ssa.body import Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.tables import narrowed
from ozma.lift.ssa.values import Value, is_const, resolve


def merge_switch(builder: Builder, index: int) -> bool:
    """A jump table after its bounds check is one switch. True if the block went into the other."""
    body = builder.bodies[index]
    if body.end is None or body.end.kind != "switch" or body.end.targets[0] != -2:
        return False
    inner = narrowed(body.end.values[0])
    before = [b for b in builder.graph.blocks[index].predecessors if b in builder.bodies]
    if len(before) == 1 and not body.phis:
        check = builder.bodies[before[0]]
        found = _bounds(check.end, index)
        if found and resolve(found[0]) is inner and found[1] == len(body.end.cases):
            return _join(builder, before[0], index, inner, found[2])
    body.end.values = [inner]
    return False


def _bounds(end: Terminator | None, index: int) -> tuple[Value, int, int] | None:
    """(value, size, default) of `value > size - 1 ? default : this block`."""
    if end is None or end.kind != "br":
        return None
    test = resolve(end.values[0])
    if not test.op.startswith("icmp ") or not is_const(resolve(test.args[1])):
        return None
    code, limit = test.op[5:], resolve(test.args[1]).extra
    outside = end.targets[0] if end.targets[1] == index else end.targets[1]
    if end.targets[0] == index:
        code = {"ult": "uge", "ule": "ugt", "ugt": "ule", "uge": "ult"}.get(code, code)
    if code == "ugt":
        return resolve(test.args[0]), limit + 1, outside
    if code == "uge":
        return resolve(test.args[0]), limit, outside
    return None


def _join(builder: Builder, before: int, index: int, inner: Value, default: int) -> bool:
    check, body = builder.bodies[before], builder.bodies[index]
    if any(not (v.is_pure or v.op == "load") for v in body.values):
        body.end.values = [inner]
        return False
    if default in body.end.targets and not _same_inputs(builder, default, before, index):
        body.end.values = [inner]
        return False
    check.values += body.values
    line = check.end.line
    base, value = 0, inner
    if inner.op == "add" and is_const(resolve(inner.args[1])):
        base = resolve(inner.args[1]).extra
        value = resolve(inner.args[0])
    pairs = [
        (case, target)
        for case, target in zip(body.end.cases, body.end.targets[1:])
        if target != default
    ]
    check.end = Terminator(
        "switch", [value], [default, *(t for _, t in pairs)],
        [(case - base) & ((1 << bits(value.type)) - 1) for case, _ in pairs], line,
    )  # fmt: skip
    _redirect(builder, index, before, {*body.end.targets[1:]}, default)
    del builder.bodies[index]
    return True


def _same_inputs(builder: Builder, block: int, first: int, second: int) -> bool:
    before = builder.predecessors(block)
    one, two = before.index(first), before.index(second)
    return all(resolve(p.args[one]) is resolve(p.args[two]) for p in builder.bodies[block].phis)


def _redirect(builder: Builder, old: int, new: int, targets: set[int], default: int) -> None:
    """Edges from `old` now come from `new`; a second edge of `new` into the default goes."""
    for target in targets:
        before = builder.graph.blocks[target].predecessors
        position = before.index(old)
        if target == default and new in before:
            shift = position + (1 if target == 0 else 0)
            for phi in builder.bodies[target].phis:
                del phi.args[shift]
            del before[position]
        else:
            before[position] = new
    builder.graph.blocks[new].successors = list(builder.bodies[new].end.targets)
