"""A line of assembly taken apart: its operands, its numbers."""

from __future__ import annotations


def split_operands(text: str) -> tuple[str, ...]:
    """At top-level commas; brackets and quotes hold together."""
    parts, depth, start, quoted = [], 0, 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and not depth:
            parts.append(text[start:position].strip())
            start = position + 1
    rest = text[start:].strip()
    return (*parts, rest) if rest or parts else ()


def fits(number: int) -> bool:
    """Is it a number of 64 bits, signed or not?"""
    return -(1 << 63) <= number < 1 << 64
