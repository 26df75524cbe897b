"""What only FastISel's code shows: switches as chains of subtractions, results in memory."""

from __future__ import annotations

from ozma.lift.calls.results import Result
from ozma.lift.flow.graph import Block
from ozma.lift.reading.effects import Jump
from ozma.lift.ssa.body import ENTRY, Body, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, is_const, resolve


def join_cases(builder: Builder, order: list[int]) -> list[int]:
    """`sub $k, %r; je` whose difference nobody needs is a case of a switch."""
    gone: set[int] = set()
    for index in order:
        if index in gone or not (case := _case(builder, index)):
            continue
        value, number, target, following = case
        cases, targets = [number], [target]
        last = index
        while (more := _next_case(builder, following, last, value)) and following not in gone:
            cases.append(more[1])
            targets.append(more[2])
            gone.add(following)
            last, following = following, more[3]
        _replace(builder, index, last, value, cases, targets, following)
    for index in gone:
        del builder.bodies[index]
    return [index for index in order if index not in gone]


def _case(builder: Builder, index: int) -> tuple[Value, int, int, int] | None:
    """(value, number, where to if equal, where to else)."""
    end = builder.bodies[index].end
    if end is None or end.kind != "br":
        return None
    test = resolve(end.values[0])
    if test.op not in ("icmp eq", "icmp ne") or test.extra != "case":
        return None
    if not is_const(resolve(test.args[1])):
        return None
    equal, other = end.targets if test.op == "icmp eq" else end.targets[::-1]
    return resolve(test.args[0]), resolve(test.args[1]).extra, equal, other


def _next_case(
    builder: Builder, index: int, before: int, value: Value
) -> tuple[Value, int, int, int] | None:
    """The same of a block that does nothing else, and is reached from `before` only."""
    body = builder.bodies[index]
    case = _case(builder, index)
    if case is None or case[0] is not value or body.phis or len(body.values) != 1:
        return None
    return case if builder.predecessors(index) == [before] else None


def _replace(
    builder: Builder, index: int, last: int, value: Value, cases: list[int], targets: list[int],
    default: int,
) -> None:  # fmt: skip
    body = builder.bodies[index]
    line = body.end.line
    body.values = [v for v in body.values if v is not resolve(body.end.values[0])]
    body.end = Terminator("switch", [value], [default, *targets], cases, line)
    builder.graph.blocks[index].successors = list(body.end.targets)
    for target in {default, *targets}:
        before = builder.graph.blocks[target].predecessors
        known = set(before) & set(builder.bodies)
        for position, block in enumerate(before):
            if block != index and block in known and _is_merged(builder, block, index, last):
                before[position] = index


def _is_merged(builder: Builder, block: int, first: int, last: int) -> bool:
    """Is the block one of the chain from `first` to `last`?"""
    index = last
    while index != first:
        if index == block:
            return True
        before = builder.graph.blocks[index].predecessors
        if len(before) != 1:
            return False
        index = before[0]
    return False


def split_jumps(builder: Builder, order: list[int]) -> list[int]:
    """FastISel leaves no jump to the next block, unless a block does nothing else: one that works
    and ends so is two."""
    if builder.architecture.name != "x86-64":
        return order
    found = []
    for index in order:
        found.append(index)
        body, blocks = builder.bodies[index], builder.graph.blocks
        if not isinstance(blocks[index].exit, Jump) or body.end.targets != [index + 1]:
            continue
        if body.values:
            new, target = len(blocks), blocks[index + 1]
            blocks.append(Block(new, [], [], [index + 1], [index], line=body.end.line))
            builder.bodies[new] = Body([], [], body.end)
            body.end = Terminator("jump", [], [new], [], body.end.line)
            target.predecessors[target.predecessors.index(index)] = new
            blocks[index].successors = [new]
            found.append(new)
    return found


def find_memory_result(builder: Builder) -> bool:
    """Does the function return the address it was given for its result (`sret`)? Any other
    parameter comes back from its variable."""
    convention = builder.architecture.convention
    first, result = convention.integers[0], convention.results[0]
    if builder.result.parts != ((result, "i64"),):
        return False
    ends = [body.end for body in builder.bodies.values() if body.end and body.end.kind == "ret"]
    if not all(_is_given(end, first) for end in ends):
        return False
    for end in ends:
        end.values = []
    builder.result = Result()
    return True


def _is_given(end: Terminator, register: str) -> bool:
    value = resolve(end.values[0])
    return value.op == "entry" and value.block == ENTRY and value.extra[0] == register
