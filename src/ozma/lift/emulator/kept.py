"""Registers that a text takes to be as before after calls of its own file's functions."""

from __future__ import annotations

import re

from ozma.lift.flow.cfg import build_graph
from ozma.lift.flow.graph import Refused
from ozma.lift.flow.kept_registers import kept_by_callee
from ozma.lift.machines import find_architecture
from ozma.lift.reading.assembly import parse_assembly
from ozma.lift.reading.listing import GCC_START

_OF_GCC = re.compile(f"^{GCC_START}:", re.MULTILINE)


def kept_registers(text: str, name: str, target: str) -> dict[str, frozenset[str]]:
    """By callee; none where the text is not gcc's, or cannot be read (flow/kept_registers.py)."""
    if not _OF_GCC.search(text):
        return {}
    architecture = find_architecture(target)
    listing = parse_assembly(text, architecture)
    for function in listing.functions:
        if function.name == name:
            try:
                return kept_by_callee(build_graph(function, listing, architecture))
            except Refused:
                return {}
    return {}
