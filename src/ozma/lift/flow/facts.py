"""Facts about registers before SSA: live widths, widths of definitions, reaching definitions.

Widths decide how wide a phi is: a chain of 32-bit operations stays i32. Reaching definitions and
who reads them decide what is an argument, and what a function returns.
"""

from __future__ import annotations

from ozma.lift.flow.definitions import Facts
from ozma.lift.flow.graph import Graph
from ozma.lift.flow.reaching import Reach
from ozma.lift.flow.widths import defined_widths, live_widths
from ozma.lift.reading.architecture import Architecture


def find_facts(
    graph: Graph, architecture: Architecture, slots: list[tuple[int, int]] | None = None,
    widest: bool = False,
) -> Facts:  # fmt: skip
    tables = frozenset(block.table for block in graph.blocks if block.table)
    facts = Facts(slots=slots or [], tables=tables, widest=widest)
    order = graph.order()
    facts.live = live_widths(graph, order, architecture)
    facts.widths = defined_widths(graph, order, architecture)
    Reach(graph, order, architecture, facts).run()
    return facts
