"""Macros that a package's build defines on the command line: versions, folders and names."""

from __future__ import annotations

import re

_UNDECLARED = re.compile(r"use of undeclared identifier '([A-Z][A-Z0-9_]*)'")
_UNFINISHED = ("expected ')'", "expected ';'", "expected '}'", "expected expression")
_STRING = re.compile(
    r"\w*(VERSION|VERSION_STR|VERSION_STRING|PREFIX|PACKAGE|PACKAGE_[A-Z]+|DIR|DIRECTORY|PATH|"
    r"DATA|CONFIG|_NAME|_FILE|_LOG|_CONF|_HOME|_ROOT|_HELPER|_URL|_STRING|_SOCKET)\d?"
)
_BESIDE = re.compile(rb'"[ \t]*([A-Z][A-Z0-9_]{2,})\b|\b([A-Z][A-Z0-9_]{2,})[ \t]*"')


def names_of_strings(reason: str, text: bytes) -> list[str]:
    """The macros for want of which the compiler gave `reason`, if their names say that they are
    strings; `text` is the source."""
    if found := _UNDECLARED.match(reason):
        return [found.group(1)] if _STRING.fullmatch(found.group(1)) else []
    if not reason.startswith(_UNFINISHED):
        return []
    names = {(before or after).decode() for before, after in _BESIDE.findall(text)}
    return sorted(name for name in names
                  if _STRING.fullmatch(name) and not _defines(text, name))  # fmt: skip


def _defines(text: bytes, name: str) -> bool:
    return re.search(rb"#[ \t]*define[ \t]+" + name.encode() + rb"\b", text) is not None


def text_of_string(name: str) -> str:
    """A string literal of the kind that `name` asks for."""
    return '"1.0"' if "VERSION" in name else '"/usr/share/package"'
