"""What a file includes whatever its conditions: if one of these is not there, nothing compiles."""

from __future__ import annotations

import re
from pathlib import Path

_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif|include|define)\b[ \t]*([^\r\n]*)",
    re.MULTILINE,
)
_NAMED = re.compile(rb'([<"])([^>"\n]+)[>"]')
_UNLESS = re.compile(rb"!\s*defined\s*\(?\s*(\w+)\s*\)?\s*$")


def certain_names(text: bytes) -> list[tuple[bool, str]]:
    """(in quotes, name) of each include under no condition but a guard, in order.

    Comments are left out. What follows an #endif that closes nothing is not judged.
    """
    directives = _DIRECTIVE.findall(_COMMENT.sub(b" ", text))
    conditions: list[bool] = []  # the open #ifs; False for a guard
    names = []
    for number, (word, rest) in enumerate(directives):
        if word in (b"if", b"ifdef", b"ifndef"):
            conditions.append(not _is_guard(directives[number : number + 2]))
        elif word in (b"else", b"elif") and conditions:
            conditions[-1] = True
        elif word == b"endif":
            if not conditions:
                break
            conditions.pop()
        elif word == b"include" and not any(conditions) and (found := _NAMED.match(rest)):
            names.append((found.group(1) == b'"', found.group(2).decode("latin-1")))
    return names


def _is_guard(pair: list[tuple[bytes, bytes]]) -> bool:
    """`#ifndef X` or `#if !defined(X)`, and then `#define X`."""
    if len(pair) < 2 or pair[1][0] != b"define":
        return False
    (word, rest), defined = pair[0], pair[1][1].split(None, 1)
    found = _UNLESS.match(rest) if word == b"if" else None
    name = found.group(1) if found else rest.strip().split(None, 1)[0] if rest.strip() else b""
    return word in (b"ifndef", b"if") and bool(defined) and name == defined[0]


def read_certain(path: Path) -> list[tuple[bool, str]]:
    """`certain_names` of a file; none if it cannot be read."""
    try:
        return certain_names(path.read_bytes())
    except OSError:
        return []
