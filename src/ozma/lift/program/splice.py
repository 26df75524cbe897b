"""Functions of an assembly text replaced by other assembly of theirs, the rest of the text kept.

What replaces a function is the assembly of a module of its own: local labels get new names, its
jump tables, constants and exception tables come along; data that has a name in the text stays the
text's, and tables of the replaced code go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ozma.lift.asm.lines import first_word
from ozma.lift.program.parts import LOCAL, SECTIONS, EndNotMarked, Part, parts_of
from ozma.tasks.assembly import code_lines

_NUMBERED = re.compile(
    r"\.L(?:[A-Z]+|[a-z]+_[a-z]+|tmp|exception)\d+(?:_\d+)?$|GCC_except_table\d+$"
)


class CannotSplice(ValueError):
    """Why this assembly cannot stand in the text."""


class Splicer:
    """Replaces functions of one text of `target`. Each replacement is checked to fit before."""

    def __init__(self, assembly: str, target: str = "x86-64") -> None:
        self._target = target
        self._parts = list(parts_of(code_lines(assembly, target)))
        self._functions = {p.name: p for p in self._parts if p.is_code and p.name}
        self._data = {p.name: p for p in self._parts if p.name and not p.is_code}
        self._symbols = {name for p in self._parts for name in (*p.labels(), *_commons(p))}
        self._users: dict[str, list[Part]] = {}
        for part in self._parts:
            for label in part.local_names():
                self._users.setdefault(label, []).append(part)
        self._gone: list[Part] = []
        self._added: list[str] = []
        self._count = 0

    def replace(self, name: str, assembly: str) -> None:
        """`assembly` is that of a module that defines `name`. CannotSplice says why not; then
        nothing has changed."""
        part = self._functions.get(name)
        if part is None:
            raise CannotSplice(f"no function {name}")
        tables = self._own_tables(part)
        body, data = self._renamed(name, assembly)
        part.lines = body
        self._gone += tables
        self._added += data
        self._count += 1

    def _own_tables(self, part: Part) -> list[Part]:
        """Data that refers into the function: it goes with it, so nothing else may need it."""
        labels = part.labels() - {part.name}
        tables = [
            user for label in labels for user in self._users.get(label, ()) if user is not part
        ]
        for table in tables:
            names = table.labels()
            others = [u for name in names for u in self._users.get(name, ()) if u is not part]
            if table.is_code or any(user not in tables for user in others):
                raise CannotSplice("other code or data refers into it")
        return tables

    def _renamed(self, name: str, assembly: str) -> tuple[list[str], list[str]]:
        """The function's lines and those of its data, with labels that are new in the text."""
        parts = list(parts_of(code_lines(assembly, self._target)))
        own = next((p for p in parts if p.is_code and p.name == name), None)
        if own is None:
            raise CannotSplice("its assembly does not define it")
        if any(first_word(line) in SECTIONS for line in own.lines):
            raise CannotSplice("its code is in more than one section")
        data = self._needed(own, {n: p for p in parts if p is not own for n in p.labels()})
        defined = {label for p in (own, *data) for label in p.labels() if LOCAL.fullmatch(label)}

        def rename(match: re.Match) -> str:
            label = match.group()
            return f".Lspliced{self._count}_{label.lstrip('.')}" if label in defined else label

        def renamed(lines: Iterable[str]) -> list[str]:
            return [LOCAL.sub(rename, line) for line in lines]

        return renamed(own.lines), [line for p in data for line in (*p.head, *renamed(p.lines))]

    def _needed(self, own: Part, others: Mapping[str, Part]) -> list[Part]:
        """Local data that the code reaches and the text does not have."""
        found: list[Part] = []
        waiting = [own]
        while waiting:
            for label in sorted(waiting.pop(0).local_names()):
                part = others.get(label)
                if label in self._data and not _NUMBERED.match(label) or part in found:
                    continue
                if part is not None and not part.is_code:
                    found.append(part)
                    waiting.append(part)
        for part in (own, *found):
            self._check_names(part, others)
        return found

    def _check_names(self, part: Part, others: Mapping[str, Part]) -> None:
        """What the module defines under a name that the text does not have would be lost."""
        for word in sorted(part.words() & others.keys()):
            if not LOCAL.fullmatch(word) and word not in self._symbols:
                raise CannotSplice(f"it defines {word}")

    def text(self) -> str:
        """The text as it is now; it has no comments."""
        gone = {id(part) for part in self._gone}
        lines = [line for part in self._parts if id(part) not in gone for line in part.lines]
        return "\n".join([*lines, *self._added]) + "\n"


def _commons(part: Part) -> Iterator[str]:
    for line in part.lines:
        if first_word(line) in (".comm", ".lcomm", ".set"):
            yield line.split(None, 1)[1].split(",")[0].strip()


@dataclass(frozen=True)
class Spliced:
    """A text with functions replaced: `done` of them, and why the others could not be (`kept`)."""

    text: str
    done: tuple[str, ...]
    kept: Mapping[str, str]


def splice(assembly: str, replacements: Mapping[str, str], target: str = "x86-64") -> Spliced:
    """`replacements`: function -> assembly of its own module. What does not fit stays as it is."""
    try:
        splicer = Splicer(assembly, target)
    except EndNotMarked as why:
        return Spliced(assembly, (), dict.fromkeys(replacements, str(why)))
    done, kept = [], {}
    for name, text in replacements.items():
        try:
            splicer.replace(name, text)
            done.append(name)
        except CannotSplice as why:
            kept[name] = str(why)
    return Spliced(splicer.text(), tuple(done), kept)
