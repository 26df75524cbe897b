"""What is left to do once all blocks are values: results of calls, phis, switches, dead values."""

from __future__ import annotations

from ozma.lift.decisions import Decisions
from ozma.lift.flow.graph import Block
from ozma.lift.reading.effects import bits, is_integer, is_vector
from ozma.lift.reading.prototypes import Prototype
from ozma.lift.ssa.booleans import Booleans
from ozma.lift.ssa.builder import ENTRY, Body, Builder, Terminator
from ozma.lift.ssa.landing_values import check_numbers, name_exceptions
from ozma.lift.ssa.tables import narrowed
from ozma.lift.ssa.unoptimized import find_memory_result, join_cases, split_jumps
from ozma.lift.ssa.values import Value, is_const, resolve


def finish(builder: Builder, order: list[int], decisions: Decisions = Decisions()) -> list[int]:
    """Simplifies in place; returns the blocks that remain, in the given order."""
    drop_trivial_phis(builder)
    settle_results(builder)
    settle_parameters(builder)
    order = [index for index in order if not _merge_switch(builder, index)]
    if decisions.returns == "merge":
        order += merge_returns(builder, order)
    drop_trivial_phis(builder)
    if builder.mode == "O0":
        Booleans(builder).run()
    name_exceptions(builder, decisions)
    drop_dead(builder)
    check_numbers(builder)
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
    """What stands after an invoke goes before it, or, if its result is needed, to where it returns."""
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
        Value("phi", type_, [builder.bodies[index].end.values[part] for index in ends], None, new, line)
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
                elif phi.replaced is None and len(known) == 1 and known[0].op in ("const", "symbol"):
                    phi.replaced, changed = known[0], True
                elif phi.replaced is None and not others:
                    phi.replaced, changed = Value("poison", phi.type, [], None, ENTRY, 0), True
                elif phi.replaced is None:
                    kept.append(phi)
            body.phis = kept


def settle_results(builder: Builder) -> None:
    """One result per register of a call, the widest that anyone reads; others are parts of it."""
    for body in builder.bodies.values():
        values: list[Value] = []
        for value in body.values:
            values.append(value)
            if value.op == "call" and value.extra.results:
                values.extend(_settle(builder, value, value.extra.results))
        body.values = values


def _settle(builder: Builder, call: Value, demanded: list[tuple[str, str, Value]]) -> list[Value]:
    widest: dict[str, Value] = {}
    for register, type_, value in demanded:
        best = widest.get(register)
        if best is None or bits(type_) > bits(best.type):
            widest[register] = value
    known = call.extra.plan.prototype
    for register, value in widest.items():
        if known and is_integer(value.type) and bits(_known_type(known)) > bits(value.type):
            type_ = _known_type(known)
            widest[register] = Value("result", type_, [call], register, call.block, call.line)
    made: list[Value] = []
    for register, type_, value in demanded:
        source = widest[register]
        if value is source:
            continue
        made += _part(builder, source, value, type_, call)
    call.extra.results = [(register, value.type, value) for register, value in widest.items()]
    return [*widest.values(), *made]


def _known_type(known: Prototype) -> str:
    return {"ptr": "i64", "void": "i1"}.get(known.result, known.result)


def _part(builder: Builder, source: Value, value: Value, type_: str, call: Value) -> list[Value]:
    if bits(source.type) == bits(type_):
        part = Value("bitcast", type_, [source], None, call.block, call.line)
    elif is_vector(source.type):
        count = bits(source.type) // bits(type_)
        cast = Value("bitcast", f"<{count} x {type_}>", [source], None, call.block, call.line)
        zero = builder.constant(0, "i64")
        part = Value("extractelement", type_, [cast, zero], None, call.block, call.line)
        value.replaced = part
        return [cast, part]
    elif is_integer(source.type) and is_integer(type_):
        part = Value("trunc", type_, [source], None, call.block, call.line)
    else:
        integer = Value("bitcast", f"i{bits(source.type)}", [source], None, call.block, call.line)
        cut = Value("trunc", f"i{bits(type_)}", [integer], None, call.block, call.line)
        part = Value("bitcast", type_, [cut], None, call.block, call.line)
        value.replaced = part
        return [integer, cut, part]
    value.replaced = part
    return [part]


def settle_parameters(builder: Builder) -> None:
    """Parts of one register at entry become parts of the widest one read."""
    entries = [v for (b, *_), v in builder.entries.items() if b == ENTRY and v.op == "entry"]
    widest: dict[str, Value] = {}
    for value in entries:
        if value.replaced is not None:
            continue
        register, offset = value.extra
        best = widest.get(register)
        if best is None or bits(value.type) + offset > bits(best.type):
            widest[register] = value
    for value in entries:
        source = widest.get(value.extra[0])
        if value.replaced is None and source is not None and value is not source:
            builder.block, builder.local = ENTRY, {}
            part = builder.extract(source, value.type, value.extra[1])
            if part is not value:
                value.replaced = part


def _merge_switch(builder: Builder, index: int) -> bool:
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


def _free(value: Value) -> bool:
    return value.op == "load" and value.extra == "consumed"

