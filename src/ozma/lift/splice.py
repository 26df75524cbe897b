"""Functions of an assembly text replaced by other assembly of theirs, the rest of the text kept.

What replaces a function is the assembly of a module of its own: local labels get new names, its jump
tables, constants and exception tables come along; data that has a name in the text stays the text's,
and tables of the replaced code go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ozma.lift.asm_lines import code_lines, first_word, function_names

_LOCAL = re.compile(r"(?<![\w.$@])(?:\.L[\w.$]+|GCC_except_table\d+)")
_LABEL = re.compile(r"([\w.$@]+):$")
_NUMBERED = re.compile(r"\.L(?:[A-Z]+|[a-z]+_[a-z]+|tmp|exception)\d+(?:_\d+)?$|GCC_except_table\d+$")
_EXCEPTIONS = "GCC_except_table"
_SECTION = (".section", ".text", ".data", ".bss", ".pushsection", ".popsection", ".previous")
_SYMBOL = (".type", ".globl", ".weak", ".hidden", ".protected", ".local", ".comm", ".set", ".ident",
           ".addrsig", ".addrsig_sym")  # fmt: skip


class CannotSplice(ValueError):
    """Why this assembly cannot stand in the text."""


@dataclass
class _Part:
    """Lines that belong together: a function from its label to its end, or data from its label on.
    `name` is None for what is neither. `head`: the section and alignment that data needs."""

    name: str | None
    is_code: bool = False
    lines: list[str] = field(default_factory=list)
    head: tuple[str, ...] = ()

    def labels(self) -> set[str]:
        return {match.group(1) for match in map(_LABEL.match, self.lines) if match}

    def mentions(self) -> set[str]:
        return {word for line in self.lines for word in _LOCAL.findall(line)}


def _parts(lines: list[str]) -> Iterator[_Part]:
    """A text of `code_lines` in parts, in order and whole."""
    functions = set(function_names(lines))
    section, align, place = ".text", "", 0
    while place < len(lines):
        line = lines[place]
        label = _LABEL.match(line)
        name = label.group(1) if label else None
        if name in functions:
            end = _end_of_function(lines, place, name)
            yield _Part(name, True, lines[place:end])
        elif name and not _is_code(section):
            end = _end_of_data(lines, place)
            yield _Part(name, False, lines[place:end], tuple(filter(None, (section, align))))
            align = ""
        else:
            end = place + 1
            word = first_word(line)
            if word in _SECTION:
                section, align = line, ""
            elif word == ".p2align":
                align = line
            yield _Part(None, _is_code(section), [line])
        place = end


def _is_code(section: str) -> bool:
    return section.split(None, 1)[0] == ".text" or bool(re.search(r'\.text|"\w*x\w*"', section))


def _end_of_function(lines: list[str], start: int, name: str) -> int:
    size = re.compile(rf"\s*\.size\s+{re.escape(name)}\s*,")
    end = next((p + 1 for p in range(start, len(lines)) if size.match(lines[p])), start)
    if end == start:
        raise CannotSplice(f"the end of {name} is not marked")
    if end < len(lines) and first_word(lines[end]) == ".cfi_endproc":
        end += 1
    return end


def _end_of_data(lines: list[str], start: int) -> int:
    """Of exception tables the whole section, of other data up to the next label or symbol."""
    whole = lines[start].startswith(_EXCEPTIONS)
    for place in range(start + 1, len(lines)):
        word = first_word(lines[place])
        if word in _SECTION or word in _SYMBOL and not whole:
            return place
        if not whole and (word == ".p2align" or _LABEL.match(lines[place])):
            return place
    return len(lines)


class Splicer:
    """Replaces functions of one text of `target`. Each replacement is checked to fit before."""

    def __init__(self, assembly: str, target: str = "x86-64") -> None:
        self._target = target
        self._parts = list(_parts(code_lines(assembly, target)))
        self._functions = {p.name: p for p in self._parts if p.is_code and p.name}
        self._data = {p.name: p for p in self._parts if p.name and not p.is_code}
        self._symbols = {name for p in self._parts for name in (*p.labels(), *_commons(p))}
        self._users: dict[str, list[_Part]] = {}
        for part in self._parts:
            for label in part.mentions():
                self._users.setdefault(label, []).append(part)
        self._gone: list[_Part] = []
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

    def _own_tables(self, part: _Part) -> list[_Part]:
        """Data that refers into the function: it goes with it, so nothing else may need it."""
        labels = part.labels() - {part.name}
        tables = [user for label in labels for user in self._users.get(label, ()) if user is not part]
        for table in tables:
            names = table.labels()
            others = [u for name in names for u in self._users.get(name, ()) if u is not part]
            if table.is_code or any(user not in tables for user in others):
                raise CannotSplice("other code or data refers into it")
        return tables

    def _renamed(self, name: str, assembly: str) -> tuple[list[str], list[str]]:
        """The function's lines and those of its data, with labels that are new in the text."""
        parts = list(_parts(code_lines(assembly, self._target)))
        own = next((p for p in parts if p.is_code and p.name == name), None)
        if own is None:
            raise CannotSplice("its assembly does not define it")
        if any(first_word(line) in _SECTION for line in own.lines):
            raise CannotSplice("its code is in more than one section")
        data = self._needed(own, {n: p for p in parts if p is not own for n in p.labels()})
        defined = {label for p in (own, *data) for label in p.labels() if _LOCAL.fullmatch(label)}

        def rename(match: re.Match) -> str:
            label = match.group()
            return f".Lspliced{self._count}_{label.lstrip('.')}" if label in defined else label

        def renamed(lines: Iterable[str]) -> list[str]:
            return [_LOCAL.sub(rename, line) for line in lines]

        return renamed(own.lines), [line for p in data for line in (*p.head, *renamed(p.lines))]

    def _needed(self, own: _Part, others: Mapping[str, _Part]) -> list[_Part]:
        """Local data that the code reaches and the text does not have."""
        found: list[_Part] = []
        waiting = [own]
        while waiting:
            for label in sorted(waiting.pop(0).mentions()):
                part = others.get(label)
                if label in self._data and not _NUMBERED.match(label) or part in found:
                    continue
                if part is not None and not part.is_code:
                    found.append(part)
                    waiting.append(part)
        for part in (own, *found):
            self._check_names(part, others)
        return found

    def _check_names(self, part: _Part, others: Mapping[str, _Part]) -> None:
        """What the module defines under a name that the text does not have would be lost."""
        words = {word for line in part.lines for word in re.findall(r"[\w.$]+", line)}
        for word in sorted(words & others.keys()):
            if not _LOCAL.fullmatch(word) and word not in self._symbols:
                raise CannotSplice(f"it defines {word}")

    def text(self) -> str:
        """The text as it is now; it has no comments."""
        lines = [line for part in self._parts if part not in self._gone for line in part.lines]
        return "\n".join([*lines, *self._added]) + "\n"


def _commons(part: _Part) -> Iterator[str]:
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
    splicer = Splicer(assembly, target)
    done, kept = [], {}
    for name, text in replacements.items():
        try:
            splicer.replace(name, text)
            done.append(name)
        except CannotSplice as why:
            kept[name] = str(why)
    return Spliced(splicer.text(), tuple(done), kept)
