"""Modules of single functions put together again: each name is defined once.

All come from one text, so equal names mean equal things; numbers of attribute groups and metadata
do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ozma.lift.editing.ir_text import NAME

_GLOBAL = re.compile(rf"(@{NAME}|\${NAME}|%{NAME}) = ")
_DEFINED = re.compile(rf"(define|declare) [^@]*(@{NAME})")
_NUMBER = re.compile(r'"[^"]*"|([#!])(\d+)\b')
_GROUP = re.compile(r"attributes #\d+ = |!\d+ = ")
_NAMED = re.compile(r"(![a-zA-Z][\w.]*) = !\{(.*)\}$")
_TARGET = re.compile(r"target (datalayout|triple) = ")
_COUNTED_ONCE = ("!llvm.module.flags", "!llvm.ident")


def merge_modules(modules: Sequence[tuple[str, str]], local: Iterable[str] = ()) -> str:
    """One module of (remark, text) pairs; the remark becomes a comment above its function.

    Functions in `local` become internal: they were not visible outside their file.
    """
    merged = _Merged(frozenset(local))
    for number, (remark, text) in enumerate(modules):
        merged.add(number, remark, text)
    return merged.text()


class _Merged:
    def __init__(self, local: frozenset[str]) -> None:
        self._local = local
        self._head: dict[str, str] = {}
        self._entities: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._functions: list[str] = []
        self._names: set[str] = set()
        self._groups: list[str] = []
        self._metadata: dict[str, list[str]] = {}

    def add(self, number: int, remark: str, text: str) -> None:
        lines = iter(_renumbered(text, number).splitlines())
        for line in lines:
            if match := _TARGET.match(line):
                self._head.setdefault(match.group(1), line)
            elif line.startswith("define "):
                self._define(remark, [line, *_until_brace(lines)])
            elif match := _DEFINED.match(line):
                self._declared.setdefault(match.group(2), line)
            elif match := _NAMED.match(line):
                self._name(match.group(1), match.group(2), number)
            elif _GROUP.match(line):
                self._groups.append(line)
            elif match := _GLOBAL.match(line):
                self._entities.setdefault(match.group(1), line)

    def _define(self, remark: str, lines: list[str]) -> None:
        name = _DEFINED.match(lines[0]).group(2)
        self._names.add(name)
        if name[1:].strip('"') in self._local:
            lines[0] = re.sub(
                r"^define (?:internal )?(?:(?:dso_local|hidden) )*", "define internal ", lines[0]
            )
        self._functions.append("\n".join([f"; {remark}" if remark else "", *lines]).lstrip("\n"))

    def _name(self, name: str, value: str, number: int) -> None:
        if number == 0 or name not in _COUNTED_ONCE:
            self._metadata.setdefault(name, []).append(value)

    def text(self) -> str:
        entities = [line for name, line in self._entities.items() if name not in self._names]
        declared = [
            line
            for name, line in self._declared.items()
            if name not in self._names and name not in self._entities
        ]
        named = [
            f"{name} = !{{{', '.join(filter(None, v))}}}" for name, v in self._metadata.items()
        ]
        parts = [
            list(self._head.values()),
            entities,
            ["\n\n".join(self._functions)],
            declared,
            named,
            self._groups,
        ]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _until_brace(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line == "}":
            return


def _renumbered(text: str, number: int) -> str:
    """With its groups' and metadata's numbers in a range of their own."""
    base = number * 100_000

    def shifted(match: re.Match) -> str:
        if match.group(1) is None:
            return match.group()
        return f"{match.group(1)}{int(match.group(2)) + base}"

    return _NUMBER.sub(shifted, text)
