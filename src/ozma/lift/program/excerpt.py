"""One function of an assembly text, with what it names: lifting it costs what it is long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ozma.lift.asm.lines import code_lines, first_word
from ozma.lift.machines import find_architecture
from ozma.lift.program.parts import SECTIONS, SYMBOLS, EndNotMarked, Part, parts_of

_ORDERED = (".pushsection", ".popsection", ".previous")
_STATE = (".intel_syntax", ".att_syntax", ".cfi_sections", ".altmacro", ".code64")


class Excerpts:
    """Excerpts of one text. `of` gives the text itself where its form is not known."""

    def __init__(self, assembly: str, target: str = "x86-64") -> None:
        self._assembly = assembly
        self._is_part: Callable[[str], bool] = find_architecture(target).is_part
        lines = code_lines(assembly, target)
        known = not any(first_word(line) in _ORDERED for line in lines)
        try:
            self._parts = list(parts_of(lines)) if known else []
        except EndNotMarked:
            self._parts = []
        self._named = {name: p for p in self._parts if p.name for name in (p.name, *p.labels())}
        self._words = {id(p): p.words() for p in self._parts}

    def of(self, name: str) -> str:
        """The function, data that it reaches, and what is said of their symbols; in the order of
        the text, without other functions."""
        own = self._named.get(name)
        if own is None or not own.is_code:
            return self._assembly
        kept = self._reached(own)
        return "\n".join(self._lines(kept)) + "\n"

    def _reached(self, own: Part) -> list[Part]:
        found, waiting = [own], [own]
        while waiting:
            for word in sorted(self._words[id(waiting.pop())]):
                part = self._named.get(word)
                if part is None or part in found:
                    continue
                if not part.is_code or self._is_part(part.name) or _is_cold(part.name, own.name):
                    found.append(part)
                    waiting.append(part)
        return found

    def _lines(self, kept: list[Part]) -> Iterator[str]:
        chosen = {id(part) for part in kept}
        words = {word for part in kept for word in self._words[id(part)]}
        section, written, align = ".text", "", []
        for part in self._parts:
            line = part.lines[0]
            first = first_word(line)
            if part.name is None and first in SECTIONS:
                section, align = line, []
            elif part.name is None and first in SYMBOLS:
                if _names(line) & words:
                    yield line
            elif part.name is None and first in _STATE:
                yield line
            elif id(part) in chosen:
                yield from [section] if section != written else []
                yield from [*align, *part.lines]
                written, align = section, []
            else:
                align = [line] if part.name is None and "align" in first else []


def _names(line: str) -> set[str]:
    """Symbols that a directive speaks of."""
    arguments = line.split(None, 1)[1:]
    found = re.findall(r"[\w.$]+", arguments[0]) if arguments else []
    return {word for word in found if not word.isdigit()}


def _is_cold(name: str, function: str) -> bool:
    """gcc's name for a function's unlikely blocks."""
    return name.startswith(f"{function}.cold")
