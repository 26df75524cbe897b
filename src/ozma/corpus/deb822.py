"""Debian's control format: `Field: value` lines, continued by lines that start with a blank."""

from __future__ import annotations


def parse_fields(stanza: str) -> dict[str, str]:
    """Fields of one stanza by lower-case name; continuation lines are joined by newlines."""
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t":
            fields[key] = fields.get(key, "") + "\n" + line.strip()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return fields
