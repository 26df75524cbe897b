"""Definitions of registers, and what of them reaches calls and returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.lift.reading.effects import Copies, Expr

FLEXIBLE = 64
Width = tuple[int, bool]


@dataclass
class Definition:
    """A write to a register: `kind` is "set", "entry" (as the function began), "call" (what a
    call left) or "passed" (a slot of the stack or a kept register after a call). `reads` counts
    instructions that use it, calls' arguments and returns apart."""

    register: str
    kind: str
    type: str = "i64"
    line: int = 0
    block: int = -1
    explicit: bool = True
    constant: bool = False
    reads: int = 0
    copy_of: str = ""
    sources: frozenset[int] = frozenset()
    loads: bool = False
    saves: bool = False
    symbol: str = ""
    """Whose address it is."""
    moved_from: str = ""
    """The register that it copies."""
    held: frozenset[int] = frozenset()
    """What was in the result's register then."""
    held_reads: int = 0
    """How often that had been read until then."""
    picked: bool = False
    """Loaded while all scratch registers that LLVM takes first were free: it is meant for a
    call."""
    named: int = 0
    """Instructions whose text reads it, addresses in the frame too (of the register for a result
    in memory only)."""


Reaching = dict[str, frozenset[int]]


@dataclass
class CallSite:
    """A call or tail jump with what reaches it; `sp`: the stack pointer there."""

    block: int
    step: int
    line: int
    target: Expr | None
    reaching: Reaching
    sp: int
    is_tail: bool = False
    popped: str = ""
    """Register into which the epilogue pops what nobody needs."""
    copies: Copies = ()
    """As the call says."""


@dataclass
class Facts:
    """`live[b][r]`: bits of r read from b on before it is set. `widths[b][r]`: widest definition
    that reaches b, and whether something of unknown width does (a parameter, a call's result).
    `definitions` by number; `calls`, `returns` with their reaching sets."""

    live: list[dict[str, int]] = field(default_factory=list)
    widths: list[dict[str, Width]] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    returns: list[CallSite] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    """Definitions that an effect, a branch or a call's argument needs, itself or through others."""
    flows: dict[int, set[int]] = field(default_factory=dict)
    slots: list[tuple[int, int]] = field(default_factory=list)
    """Slots of the frame: from, to."""
    tables: frozenset[str] = frozenset()
    """Jump tables: nobody passes their address on."""
    widest: bool = False
    """The choice of registers shows nothing: all that may be an argument or a result is one."""

    def flows_to(self, number: int) -> set[str]:
        """Registers that are made of a definition."""
        targets = (target for target, sources in self.flows.items() if number in sources)
        return {self.definitions[target].register for target in targets}

    def phi_width(self, block: int, register: str) -> int:
        """Bits of a phi for the register at the start of the block."""
        demand = self.live[block].get(register, 0)
        most, flexible = self.widths[block].get(register, (0, True))
        if 0 < demand < 32:
            return demand
        if most >= FLEXIBLE:
            return most if most == FLEXIBLE else demand
        if flexible:
            return max(demand, most) if demand or most else FLEXIBLE
        return max(most, min(demand, 32))


class Numbers:
    """Numbers of definitions, given once for each place in the code."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.known: dict[tuple[object, ...], int] = {}

    def number(self, register: str, kind: str, key: tuple[object, ...], **facts: object) -> int:
        if key not in self.known:
            self.known[key] = len(self.facts.definitions)
            self.facts.definitions.append(Definition(register, kind, **facts))
        return self.known[key]

    def of(self, state: Reaching, name: str) -> frozenset[int]:
        """What reaches: at least what was there as the function began."""
        return state.get(name) or frozenset((self.number(name, "entry", (name, "entry")),))

    def found(self, state: Reaching, name: str) -> list[Definition]:
        return [self.facts.definitions[n] for n in self.of(state, name)]
