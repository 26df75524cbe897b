"""One function of an assembly text, with what it names: lifting it costs what it is long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ozma.lift.asm.lines import INLINE_ASSEMBLY, first_word
from ozma.lift.asm.source import Source
from ozma.lift.machines import find_architecture
from ozma.lift.program.parts import SECTIONS, SYMBOLS, EndNotMarked, Part, parts_of
from ozma.tasks.assembly import bare_lines

_UNKNOWN = frozenset(
    ".pushsection .popsection .previous .macro .rept .irp .irpc .include .incbin .if .ifdef "
    ".ifndef .subsection".split()
)
_STATE = (".intel_syntax", ".att_syntax", ".cfi_sections", ".altmacro", ".code64", ".file",
          ".arch", ".arch_extension", ".cpu")  # fmt: skip
_ALIAS = re.compile(r"\s*(?:\.set|\.equ)\s+([\w.$]+)\s*,\s*(.+)|([\w.$]+)\s*=\s*(.+)")
_WORDS = re.compile(r"[\w.$]+")


@dataclass(frozen=True)
class Excerpt:
    """`numbers`: for each line of `text` the line of the whole text, from 1; 0 where there is
    none."""

    text: str
    numbers: tuple[int, ...]

    def number(self, line: int) -> int:
        """The line of the whole text for a line of the excerpt, both from 1; 0 for 0."""
        return self.numbers[line - 1] if line else 0


def whole_text(assembly: str) -> Excerpt:
    return Excerpt(assembly, tuple(range(1, len(assembly.splitlines()) + 1)))


def excerpts_of(source: Source, names: Iterable[str]) -> dict[str, Excerpt]:
    """What an answer for each of these functions needs to see."""
    if source.is_one_function():
        return {name: whole_text(source.assembly) for name in names}
    excerpts = Excerpts(source.assembly, source.target)
    return {name: excerpts.cut(name) for name in names}


@dataclass(frozen=True)
class _Piece:
    """A part, and the numbers of its first and last line. `symbols`: what a directive outside of
    parts speaks of."""

    part: Part
    first: int
    last: int
    word: str
    symbols: frozenset[str]


class Excerpts:
    """Excerpts of one text: the text itself where its form is not known."""

    def __init__(self, assembly: str, target: str = "x86-64") -> None:
        self._assembly = assembly
        self._is_part = find_architecture(target).is_part
        bare = bare_lines(assembly, target)
        raw = map(str.strip, assembly.splitlines())
        self._text = [b or (r if r.startswith(INLINE_ASSEMBLY) else "") for b, r in zip(bare, raw)]
        self._pieces = _pieces(bare)
        self._named = {
            name: p.part
            for p in self._pieces
            if p.part.name
            for name in (p.part.name, *p.part.labels())
        }
        self._aliases = _aliases(bare)
        self._words = {id(p.part): p.part.words() for p in self._pieces if p.part.name}

    def of(self, name: str) -> str:
        """The text of an excerpt."""
        return self.cut(name).text

    def cut(self, name: str) -> Excerpt:
        """The function, data that it reaches, and what is said of their symbols; in the order of
        the text, without other functions. Of comments only marks of inline assembly stay."""
        own = self._named.get(name)
        if own is None or not own.is_code:
            return whole_text(self._assembly)
        numbered = list(self._lines(self._reached(own)))
        text = "\n".join(line for _, line in numbered) + "\n"
        return Excerpt(text, tuple(number for number, _ in numbered))

    def _reached(self, own: Part) -> list[Part]:
        found, waiting, seen = [own], [own], {id(own)}
        while waiting:
            for word in sorted(self._words[id(waiting.pop())]):
                part = self._named.get(self._aliases.get(word, word))
                if part is None or id(part) in seen:
                    continue
                if not part.is_code or self._is_part(part.name) or _is_cold(part.name, own.name):
                    seen.add(id(part))
                    found.append(part)
                    waiting.append(part)
        return found

    def _lines(self, kept: list[Part]) -> Iterator[tuple[int, str]]:
        chosen = {id(part) for part in kept}
        words = {word for part in kept for word in self._words[id(part)]}
        section, written, align = (0, ".text"), "", []
        for piece in self._pieces:
            if piece.part.name is None and piece.word in SECTIONS:
                section, align = (piece.first, self._text[piece.first - 1]), []
            elif piece.symbols:
                if piece.symbols & words:
                    yield from self._numbered(piece)
            elif piece.word in _STATE:
                yield from self._numbered(piece)
            elif id(piece.part) in chosen:
                yield from [section] if section[1] != written else []
                yield from [*align, *self._numbered(piece)]
                written, align = section[1], []
            else:
                is_align = piece.part.name is None and "align" in piece.word
                align = list(self._numbered(piece)) if is_align else []

    def _numbered(self, piece: _Piece) -> Iterator[tuple[int, str]]:
        for number in range(piece.first, piece.last + 1):
            if line := self._text[number - 1]:
                yield number, line


def _pieces(bare: list[str]) -> list[_Piece]:
    """None at all where the form of the text is not known."""
    numbers = [number for number, line in enumerate(bare, 1) if line]
    lines = [line for line in bare if line]
    if any(first_word(line) in _UNKNOWN for line in lines):
        return []
    found, place = [], 0
    try:
        for part in parts_of(lines):
            end = place + len(part.lines)
            found.append(_piece(part, numbers[place], numbers[end - 1]))
            place = end
    except EndNotMarked:
        return []
    return found


def _piece(part: Part, first: int, last: int) -> _Piece:
    line = part.lines[0]
    speaks = part.name is None and (first_word(line) in SYMBOLS or _ALIAS.match(line))
    return _Piece(part, first, last, first_word(line), _symbols(line) if speaks else frozenset())


def _symbols(line: str) -> frozenset[str]:
    """Symbols that a directive speaks of: in its first word of arguments, or on both sides of
    `=`."""
    words = line.split(None, 1)[1:] if line.lstrip().startswith(".") else [line]
    found = _WORDS.findall(words[0]) if words else []
    return frozenset(word for word in found if not word.isdigit())


def _aliases(bare: list[str]) -> dict[str, str]:
    """Other names of symbols: name -> what it is set to."""
    found = [match.groups() for match in map(_ALIAS.match, bare) if match]
    return {a or c: _WORDS.findall(b or d)[0] for a, b, c, d in found if _WORDS.search(b or d)}


def _is_cold(name: str, function: str) -> bool:
    """gcc's name for a function's unlikely blocks."""
    return name.startswith(f"{function}.cold")
