"""What is left to do once all blocks are values: results of calls, phis, switches, dead values."""

from __future__ import annotations

from ozma.lift.decisions import Decisions
from ozma.lift.flow.graph import Block
from ozma.lift.reading.effects import SPARE, Unsupported
from ozma.lift.ssa.booleans import Booleans
from ozma.lift.ssa.body import ENTRY, Body, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.landing_values import check_numbers, name_exceptions
from ozma.lift.ssa.settled import settle_parameters, settle_results
from ozma.lift.ssa.switches import merge_switch
from ozma.lift.ssa.unoptimized import find_memory_result, join_cases, split_jumps
from ozma.lift.ssa.values import Value, is_const, resolve


def finish(builder: Builder, order: list[int], decisions: Decisions = Decisions()) -> list[int]:
    """Simplifies in place; returns the blocks that remain, in the given order."""
    drop_trivial_phis(builder)
    settle_results(builder)
    settle_parameters(builder)
    order = [index for index in order if not merge_switch(builder, index)]
    if decisions.returns == "merge":
        order += merge_returns(builder, order)
    drop_trivial_phis(builder)
    if builder.mode == "O0":
        Booleans(builder).run()
    name_exceptions(builder, decisions)
    drop_dead(builder)
    check_numbers(builder)
    _check_unsaved(builder)
    for body in builder.bodies.values():
        if body.end and body.end.kind == "invoke":
            _end_with_call(builder, body)
    if builder.mode == "optimized":
        constants_first(builder)
    if builder.mode == "O0":
        order = split_jumps(builder, join_cases(builder, order))
        builder.memory_result = find_memory_result(builder)
    return order


def _end_with_call(builder: Builder, body: Body) -> None:
    """What stands after an invoke goes before it, or, if its result is needed, to where it
    returns."""
    call = resolve(body.end.values[0])
    place = body.values.index(call)
    after, later, known = body.values[place + 1 :], [], {id(call)}
    before = []
    for value in after:
        if any(id(resolve(arg)) in known for arg in value.args):
            known.add(id(value))
            if value.op != "result":
                later.append(value)
        else:
            before.append(value)
    results = [value for value in after if value.op == "result"]
    body.values = [*body.values[:place], *before, call, *results]
    if later:
        builder.bodies[body.end.targets[0]].values[0:0] = later


def constants_first(builder: Builder) -> None:
    """(a + b) + c -> (a + c) + b where nobody else needs a + b: the back end splits an address of
    three parts in two, the constant last."""
    uses: dict[int, int] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                uses[id(resolve(arg))] = uses.get(id(resolve(arg)), 0) + 1
    for body in builder.bodies.values():
        for value in body.values:
            if value.op != "add" or value.type != "i64" or not is_const(resolve(value.args[1])):
                continue
            inner = resolve(value.args[0])
            if inner.op == "add" and inner.block == value.block and uses.get(id(inner)) == 1:
                if not is_const(resolve(inner.args[1])):
                    last, constant = inner.args[1], value.args[1]
                    inner.args[1], value.args[1] = constant, last
                    _move_after(body.values, inner, value)


def _move_after(values: list[Value], inner: Value, value: Value) -> None:
    """The inner sum moves to just before the outer one."""
    values.remove(inner)
    values.insert(values.index(value), inner)


def merge_returns(builder: Builder, order: list[int]) -> list[int]:
    """One return for all, tail calls included, as front ends make it; the new block if there is."""
    ends = [index for index in order if builder.bodies[index].end.kind == "ret"]
    if len(ends) < 2:
        return []
    new = len(builder.graph.blocks)
    line = max(builder.bodies[index].end.line for index in ends)
    builder.graph.blocks.append(Block(new, predecessors=list(ends), line=line))
    phis = [
        Value(
            "phi",
            type_,
            [builder.bodies[index].end.values[part] for index in ends],
            None,
            new,
            line,
        )
        for part, (_, type_) in enumerate(builder.result.parts)
    ]
    builder.bodies[new] = Body(phis, [], Terminator("ret", list(phis), [], [], line))
    for index in ends:
        own = builder.bodies[index].end.line
        builder.bodies[index].end = Terminator("jump", [], [new], [], own)
        builder.graph.blocks[index].successors = [new]
    return [new]


def drop_trivial_phis(builder: Builder) -> None:
    """A phi of one value and itself is that value."""
    changed = True
    while changed:
        changed = False
        for body in builder.bodies.values():
            kept = []
            for phi in body.phis:
                others = {id(v): v for v in map(resolve, phi.args) if v is not phi}
                known = [v for v in others.values() if v.op != "poison"]
                if phi.replaced is None and len(others) == 1:
                    phi.replaced, changed = next(iter(others.values())), True
                elif (
                    phi.replaced is None and len(known) == 1 and known[0].op in ("const", "symbol")
                ):
                    phi.replaced, changed = known[0], True
                elif phi.replaced is None and not others:
                    phi.replaced, changed = Value("poison", phi.type, [], None, ENTRY, 0), True
                elif phi.replaced is None:
                    kept.append(phi)
            body.phis = kept


def drop_dead(builder: Builder) -> None:
    """Values that nothing with an effect needs go; an unused load stays: it must be volatile."""
    live: set[int] = set()
    work: list[Value] = []
    for body in builder.bodies.values():
        work += [v for v in body.values if not v.is_pure and v.op != "result" and not _free(v)]
        work += body.end.values if body.end else []
    while work:
        value = resolve(work.pop())
        if id(value) in live:
            continue
        live.add(id(value))
        work += value.args
    for body in builder.bodies.values():
        body.values = [v for v in body.values if id(v) in live and v.replaced is None]
        body.phis = [p for p in body.phis if id(p) in live and p.replaced is None]
        for value in body.values:
            if value.op == "call":
                value.extra.results = [r for r in value.extra.results if id(resolve(r[2])) in live]


def _check_unsaved(builder: Builder) -> None:
    """Unsupported where code reads what a variadic function saved other than by its va_list."""
    places = builder.graph.unsaved
    for body in builder.bodies.values() if places else ():
        for value in (*body.phis, *body.values):
            for arg in map(resolve, value.args):
                if arg.op == "frame" and arg.extra in places:
                    raise Unsupported("saved arguments are read other than by the va_list")


def _free(value: Value) -> bool:
    return value.op == "load" and value.extra == SPARE
