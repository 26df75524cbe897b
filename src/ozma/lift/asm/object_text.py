"""An object file as the assembly text that a compiler would have written: labels, symbols, data.

`llvm-objdump` reads the instructions; what relocations say is put back into their operands. What an
object no longer tells is chosen: a call of a symbol that is not here goes through `@PLT`.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.asm.object_data import code_targets, data_text
from ozma.lift.asm.object_file import (
    GLOBAL,
    SECTION,
    WEAK,
    ObjectFile,
    Relocation,
    Symbol,
    read_object,
)
from ozma.lift.asm.object_operands import MARKED, operand_text
from ozma.llvm import Toolchain

_SECTION = re.compile(r"Disassembly of section (.*):$")
_LINE = re.compile(r"\s*([0-9a-f]+):\s+(\S.*)$")
_NEAR = re.compile(r"0x([0-9a-f]+) <[^>]*>")
_COMMENT = re.compile(r"\s+(?:#|//) .*$")
_PADDED_CALL = "data16\n\tdata16\n\trex64\n\t"
_PADDING = ("nop", "nopw", "nopl", "int3", "data16", "cs nopw", "xchgw\t%ax, %ax")


@dataclass(frozen=True)
class Line:
    """One instruction: its place, its length in bytes, its text without comment."""

    offset: int
    length: int
    text: str


def object_text(toolchain: Toolchain, data: bytes) -> tuple[str, str]:
    """(assembly text, target) of an object file. ObjectError if it is none; OzmaError if
    llvm-objdump does not read it."""
    found = read_object(data)
    return _Text(found, dict(_code(toolchain, found))).text(), found.target


def _code(toolchain: Toolchain, found: ObjectFile) -> Iterator[tuple[int, list[Line]]]:
    """Instructions of each section of code. Sections may share a name: they come in file order."""
    order = [i for i in range(len(found.sections)) if found.is_code(i) and found.sections[i].size]
    places = iter(order)
    current: list[tuple[int, str]] = []
    section = -1
    for line in _disassembly(toolchain, found.data).splitlines():
        if _SECTION.match(line):
            if section >= 0:
                yield section, _with_lengths(current, found.sections[section].size)
            section, current = next(places, -1), []
        elif section >= 0 and (match := _LINE.match(line)):
            current.append((int(match.group(1), 16), _COMMENT.sub("", match.group(2)).rstrip()))
    if section >= 0:
        yield section, _with_lengths(current, found.sections[section].size)


def _disassembly(toolchain: Toolchain, data: bytes) -> str:
    with tempfile.NamedTemporaryFile(prefix="ozma-", suffix=".o") as file:
        Path(file.name).write_bytes(data)
        words = ["-d", "--no-show-raw-insn", "--no-print-imm-hex", file.name]
        command = [str(toolchain.tool("llvm-objdump")), *words]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise OzmaError(f"llvm-objdump cannot read the object: {first}")
    return done.stdout


def _with_lengths(lines: list[tuple[int, str]], size: int) -> list[Line]:
    ends = [offset for offset, _ in lines[1:]] + [size]
    return [Line(offset, end - offset, text) for (offset, text), end in zip(lines, ends)]


def _is_padded(relocation: Relocation, line: Line) -> bool:
    """The call in a thread-local address, which linkers want eight bytes long."""
    return relocation.symbol.name == "__tls_get_addr" and line.length == 8


class _Text:
    def __init__(self, found: ObjectFile, code: dict[int, list[Line]]) -> None:
        self._file, self._code = found, code
        self._functions = found.functions()
        self._labels: dict[tuple[int, int], str] = {}
        targets = self._branch_targets() | self._data_targets()
        for number, function in enumerate(self._functions):
            self._label(number, function, targets)

    def _branch_targets(self) -> set[tuple[int, int]]:
        return {
            (section, int(match.group(1), 16))
            for section, lines in self._code.items()
            for line in lines
            if not self._relocation(section, line)
            for match in _NEAR.finditer(line.text)
        }

    def _data_targets(self) -> set[tuple[int, int]]:
        """Places of code that data points to; labels for the places of data that code points to."""
        for section, lines in self._code.items():
            for line in lines:
                if self._relocation(section, line):
                    self._instruction(section, line)
        return set(code_targets(self._file, self._labels))

    def _relocation(self, section: int, line: Line) -> tuple[int, Relocation] | None:
        """(bytes from the field to the end of the instruction, the relocation)"""
        for offset in range(line.offset, line.offset + line.length):
            if relocation := self._file.relocations.get((section, offset)):
                return line.offset + line.length - offset, relocation
        return None

    def _label(self, number: int, function: Symbol, targets: set[tuple[int, int]]) -> None:
        places = [(function.section, line.offset) for line in self._lines(function)]
        wanted = [place for place in places[1:] if place in targets]
        for count, place in enumerate(wanted):
            self._labels[place] = f".LBB{number}_{count}"

    def text(self) -> str:
        parts = []
        for number, function in enumerate(self._functions):
            parts += self._function(number, function)
        parts += data_text(self._file, self._labels, self._name)
        return "\n".join([*parts, '\t.section\t".note.GNU-stack","",@progbits', ""])

    def _end(self, function: Symbol) -> int:
        if function.size:
            return function.value + function.size
        later = [f.value for f in self._functions if f.section == function.section]
        size = self._file.sections[function.section].size
        return min((value for value in later if value > function.value), default=size)

    def _lines(self, function: Symbol) -> list[Line]:
        end = self._end(function)
        lines = self._code.get(function.section, [])
        return [line for line in lines if function.value <= line.offset < end]

    def _function(self, number: int, function: Symbol) -> list[str]:
        head = [f'\t.section\t{self._file.sections[function.section].name},"ax",@progbits']
        if function.binding in (GLOBAL, WEAK):
            head.append(f"\t{'.globl' if function.binding == GLOBAL else '.weak'}\t{function.name}")
        if function.hidden:
            head.append(f"\t.hidden\t{function.name}")
        head += [f"\t.type\t{function.name},@function", f"{function.name}:"]
        end = f".Lfunc_end{number}"
        size = [f"{end}:", f"\t.size\t{function.name}, {end}-{function.name}"]
        return [*head, *self._body(function), *size]

    def _body(self, function: Symbol) -> Iterator[str]:
        for line in self._lines(function):
            if label := self._labels.get((function.section, line.offset)):
                yield f"{label}:"
            if not line.text.startswith(_PADDING):
                yield f"\t{self._instruction(function.section, line)}"

    def _instruction(self, section: int, line: Line) -> str:
        found = self._relocation(section, line)
        if found is None:
            return _NEAR.sub(lambda m: self._near(section, int(m.group(1), 16)), line.text)
        after, relocation = found
        place = self._place(relocation, after)
        text = operand_text(self._file.target, line.text, relocation.kind, after, place)
        return _PADDED_CALL + text if _is_padded(relocation, line) else text

    def _near(self, section: int, place: int) -> str:
        if label := self._labels.get((section, place)):
            return label
        return self._name(section, place)

    def _place(self, relocation: Relocation, after: int) -> str:
        """What is named: a symbol with its offset, or our label for a place in a section."""
        symbol = relocation.symbol
        relative = self._file.target == "x86-64" and relocation.kind in MARKED
        offset = relocation.addend + (after if relative else 0)
        if symbol.kind == SECTION or (not symbol.name and symbol.section):
            return self._near(symbol.section, symbol.value + offset)
        plus = f"{offset:+d}" if offset else ""
        outside = symbol.section == 0 and not symbol.hidden
        return f"{symbol.name}{plus}|{'outside' if outside else ''}"

    def _name(self, section: int, place: int) -> str:
        """Symbol at a place, or before it in code; in data a label that is made up."""
        symbols = [
            s for s in self._file.symbols if s.section == section and s.name and s.kind < SECTION
        ]
        exact = next((s for s in symbols if s.value == place), None)
        if exact:
            return exact.name
        if self._file.is_code(section):
            before = max(
                (s for s in symbols if s.value <= place), key=lambda s: s.value, default=None
            )
            return f"{before.name}+{place - before.value}" if before else f".text+{place}"
        return self._labels.setdefault((section, place), f".Ldata{section}_{place}")
