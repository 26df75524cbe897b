"""Edits of IR on offer, with what is known of each before it is tried: what can be ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ozma.lift.editing.edits import Edit
from ozma.lift.editing.ir_text import Body, read
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Tried
from ozma.lift.searching.debug_lines import Place


@dataclass(frozen=True)
class Offer:
    """`tier`: how near to the differing lines (aim.py), -1 for the whole function; `group`: which
    generator names it; `make` gives the edit, or None where it comes to nothing."""

    kind: str
    opcode: str
    tier: int
    group: str
    make: Callable[[], Edit | None]


class EditOrder(Protocol):
    """Puts offers into the order in which they are tried, for one state."""

    def __call__(
        self, tried: Tried, reference: Reference, offers: Iterable[Offer]
    ) -> Iterable[Offer]: ...


Watch = Callable[[Offer, Tried, Tried], None]
"""(offer, state that it was made for, what came of it)"""


def offers_at(
    edits: Callable[[Body, int, int], Iterator[Edit]], body: Body, place: Place, tier: int
) -> Iterator[Offer]:
    """What a generator of edits has for one instruction."""
    block, at = place
    opcode = read(body.blocks[block].lines[at]).opcode
    for edit in edits(body, block, at):
        yield Offer(edit.kind, opcode, tier, edits.__name__, lambda edit=edit: edit)


def ready(edits: Iterable[Edit]) -> Iterator[Offer]:
    """Edits of blocks, or of all."""
    for edit in edits:
        yield Offer(edit.kind, "", -1, "whole", lambda edit=edit: edit)
