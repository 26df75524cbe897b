"""The blocks of a text's function, for rules that read the original and not the lifter's answer."""

from __future__ import annotations

from functools import lru_cache

from ozma.lift.flow.cfg import build_graph
from ozma.lift.flow.graph import Graph, Refused
from ozma.lift.machines import find_architecture
from ozma.lift.reading.assembly import parse_assembly


@lru_cache(maxsize=2)
def graph_of(text: str, name: str, target: str) -> Graph | None:
    """None for a function that is not there, or cannot be read. The rules of one check ask for the
    same one in turn; none changes it."""
    architecture = find_architecture(target)
    listing = parse_assembly(text, architecture)
    found = next((one for one in listing.functions if one.name == name), None)
    try:
        return found and build_graph(found, listing, architecture, apart=True)
    except Refused:
        return None
