"""Blocks of values: what is in them, and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.calls.arguments import CallPlan
from ozma.lift.ssa.values import Value

ENTRY = -1


@dataclass
class Terminator:
    """`kind`: "br" (value, two targets), "jump", "ret" (values), "switch" (value, default first,
    then the targets of `cases`), "invoke" (call; where it returns to, the landing pad), "resume"
    (exception, selector), "unreachable"."""

    kind: str
    values: list[Value] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    cases: list[int] = field(default_factory=list)
    line: int = 0


@dataclass
class Body:
    """A block: phis, then values in order, then how it ends."""

    phis: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    end: Terminator | None = None


@dataclass
class CallInfo:
    """`target`: a symbol's name or "" (then args[0] is the address); `results`: (register, type)
    demanded; `tail`: ends the function; `unwinds`: ends its block, and may go on at a landing pad;
    `throws`: may it, or its callee, be left by an exception."""

    target: str
    plan: CallPlan
    relocation: str = ""
    tail: bool = False
    unwinds: bool = False
    throws: bool = True
    results: list[tuple[str, str]] = field(default_factory=list)
