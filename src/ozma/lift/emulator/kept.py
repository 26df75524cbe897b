"""Registers that a text takes to be as before after calls of its own file's functions."""

from __future__ import annotations

import re

from ozma.lift.emulator.graphs import graph_of
from ozma.lift.flow.kept_registers import kept_by_callee
from ozma.lift.reading.listing import GCC_START

_OF_GCC = re.compile(f"^{GCC_START}:", re.MULTILINE)


def kept_registers(text: str, name: str, target: str) -> dict[str, frozenset[str]]:
    """By callee; none where the text is not gcc's, or cannot be read (flow/kept_registers.py)."""
    if not _OF_GCC.search(text):
        return {}
    graph = graph_of(text, name, target)
    return kept_by_callee(graph) if graph else {}
