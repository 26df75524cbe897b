"""A line of assembly taken apart: its operands, its comment."""

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


def without_comment(line: str, mark: str) -> str:
    """The line up to a comment mark that is not within quotes."""
    if mark not in line:
        return line
    if '"' not in line:
        return line[: line.index(mark)]
    quoted = False
    position = 0
    while position < len(line):
        character = line[position]
        if character == "\\" and quoted:
            position += 1
        elif character == '"':
            quoted = not quoted
        elif not quoted and line.startswith(mark, position):
            return line[:position]
        position += 1
    return line
