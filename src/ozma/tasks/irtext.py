"""Reading pieces of LLVM's printed IR: arguments, types, attributes, alignments."""

from __future__ import annotations

import re
from functools import cache

NAME = r'(?:"[^"]*"|[-\w.$]+)'
_BRACKET = re.compile(r'"[^"]*"|[()\[\]{}<>]|,')
_SIMPLE_TYPE = re.compile(
    r"(?:ptr(?: addrspace\(\d+\))?|i\d+|%T\d+|float|double|half|bfloat|x86_fp80|x86_amx|fp128"
    r"|ppc_fp128|metadata|token|void|label|target\([^)]*\))(?![\w.$-])"
)
_ATTRIBUTE = (
    r"align \d+|[a-z_]+(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?"
    r'|"[^"]*"(?:="[^"]*")?'
)
_VALUE_WORDS = (
    "null|true|false|undef|poison|zeroinitializer|none|getelementptr|inttoptr|ptrtoint|bitcast"
    "|addrspacecast|trunc|add|sub|mul|xor|shl|icmp|fcmp|extractelement|insertelement"
    "|shufflevector|blockaddress|dso_local_equivalent|no_cfi|ptrauth|splat|asm|c|x"
)
_ATTRIBUTES = re.compile(rf"(?: (?!(?:{_VALUE_WORDS})\b)(?:{_ATTRIBUTE})(?![^ ]))*")


def split_arguments(text: str, start: int) -> tuple[list[str], int]:
    """Parts between top-level commas from `start`, just after a bracket, and the offset of its end.

    The offset is -1 when the bracket is never closed.
    """
    parts: list[str] = []
    depth, begin = 0, start
    for found in _BRACKET.finditer(text, start):
        mark = found[0]
        if mark in "([{<":
            depth += 1
        elif mark in ")]}>":
            if depth == 0:
                last = text[begin : found.start()].strip()
                return (parts + [last] if last or parts else parts), found.start()
            depth -= 1
        elif mark == "," and depth == 0:
            parts.append(text[begin : found.start()].strip())
            begin = found.end()
    return parts, -1


def type_end(text: str, start: int = 0) -> int:
    """Offset after the type that begins at `start`; -1 if none does."""
    if text[start : start + 1] in ("[", "{", "<"):
        _, end = split_arguments(text, start + 1)
        if text.startswith("<{", start):
            _, inner = split_arguments(text, start + 2)
            end = inner + 1 if inner >= 0 else -1
        return end + 1 if end >= 0 else -1
    found = _SIMPLE_TYPE.match(text, start)
    return found.end() if found else -1


def split_argument(argument: str) -> tuple[str, str, str] | None:
    """(type, attributes, value) of a call's argument or a parameter; None if it is none.

    `noundef` is moved to the front of the attributes; attributes and value may be empty.
    """
    end = type_end(argument)
    if end < 0:
        return None
    attributes = _ATTRIBUTES.match(argument, end)[0]
    value = argument[end + len(attributes) + 1 :]
    if " noundef" in attributes and not attributes.startswith(" noundef"):
        attributes = " noundef" + attributes.replace(" noundef", "", 1)
    return argument[:end], attributes[1:], value


class Alignment:
    """Natural (ABI) alignment of types under a data layout, in bytes."""

    def __init__(self, layout: str, types: dict[str, str]) -> None:
        self._types = types
        self._pointer = _pointer_bytes(layout)
        self._i64 = _integer_bytes(layout, 64, 8 if self._pointer == 8 else 4)
        self._i128 = _integer_bytes(layout, 128, self._i64)
        self._known: dict[str, int] = {}

    def of(self, kind: str) -> int:
        """0 for a type that is not understood."""
        if kind not in self._known:
            self._known[kind] = 0  # a type that holds itself cannot be laid out
            self._known[kind] = self._compute(kind)
        return self._known[kind]

    def _compute(self, kind: str) -> int:
        if kind.startswith("ptr"):
            return self._pointer if kind == "ptr" else 0
        if kind[0] == "i" and kind[1:].isdigit():
            return self._integer(int(kind[1:]))
        if kind in _FLOATS:
            return _FLOATS[kind]
        if kind.startswith("%"):
            return self.of(self._types[kind]) if kind in self._types else 0
        if kind.startswith("["):
            return self.of(kind[1:-1].partition(" x ")[2])
        if kind.startswith("{"):
            parts, _ = split_arguments(kind, 1)
            found = [self.of(part) for part in parts]
            return 0 if 0 in found else max(found, default=1)
        return 1 if kind.startswith("<{") else 0

    def _integer(self, bits: int) -> int:
        if bits <= 32:
            return 1 if bits <= 8 else 2 if bits <= 16 else 4
        return self._i64 if bits <= 64 else self._i128


_FLOATS = {"half": 2, "bfloat": 2, "float": 4, "double": 8, "x86_fp80": 16, "fp128": 16}


@cache
def _pointer_bytes(layout: str) -> int:
    found = re.search(r"(?:^|-)p(?:0)?:(\d+)", layout)
    return int(found[1]) // 8 if found else 8


@cache
def _integer_bytes(layout: str, bits: int, default: int) -> int:
    found = re.search(rf"(?:^|-)i{bits}:(\d+)", layout)
    return int(found[1]) // 8 if found else default
