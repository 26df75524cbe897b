"""printf's and scanf's format strings: how many arguments follow, and of which kind."""

from __future__ import annotations

import re

from ozma.lift.reading.listing import Listing
from ozma.lift.reading.effects import Unsupported
from ozma.lift.reading.static_data import pieces_of

_DIRECTIVE = re.compile(
    r"%(\*?)[-+ #0']*(\*|\d+)?(?:\.(\*|\d*))?(hh|h|ll|l|L|q|j|z|t)?([a-zA-Z%\[])"
)
_FLOATS = "aAeEfFgG"


def string_at(listing: Listing, symbol: str) -> str | None:
    """The text of a local string; None if the symbol is none."""
    item = listing.data.get(symbol)
    if item is None or not item.section.startswith(".rodata"):
        return None
    try:
        pieces = pieces_of(item)
    except Unsupported:
        return None
    if len(pieces) != 1 or not isinstance(pieces[0], bytes) or b"\0" not in pieces[0]:
        return None
    return pieces[0].split(b"\0")[0].decode("latin-1")


def arguments_of(text: str, scans: bool) -> list[str] | None:
    """ "i" or "f" for each argument; None for a format that needs more than registers tell."""
    kinds: list[str] = []
    for star, width, precision, size, letter in _DIRECTIVE.findall(text):
        if letter in "%":
            continue
        if scans:
            kinds += [] if star else ["i"]
            continue
        kinds += ["i"] * ((width == "*") + (precision == "*"))
        if size == "L" or letter == "[":
            return None
        if letter != "m":
            kinds.append("f" if letter in _FLOATS else "i")
    return kinds
