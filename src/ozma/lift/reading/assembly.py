"""Assembly text -> functions, data and symbols. Knows GNU directives, no instruction."""

from __future__ import annotations

import re

from ozma.lift.asm.lines import INLINE_ASSEMBLY
from ozma.lift.reading.architecture import Architecture, Instruction
from ozma.lift.reading.lines import split_operands
from ozma.lift.reading.listing import AsmFunction, DataObject, Directive, Label, Listing
from ozma.tasks.assembly import without_comment

_LABEL = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\w.$@]+)\s*:(?!:)')
_WORD = re.compile(r"\s*(\S+)\s*(.*)", re.S)
_SECTIONS = (".text", ".data", ".bss", ".rodata")


def parse_assembly(text: str, architecture: Architecture) -> Listing:
    """Never raises: what is not understood stays in the lines, and is refused with its function."""
    return _Parser(architecture).run(text)


class _Parser:
    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.listing = Listing()
        self.function: AsmFunction | None = None
        self.object: DataObject | None = None
        self.section, self.flags, self.previous = ".text", "", (".text", "")
        self.stack: list[tuple[str, str]] = []
        self.alignment = 1

    def run(self, text: str) -> Listing:
        for number, raw in enumerate(text.splitlines(), 1):
            self._line(number, raw)
        return self.listing

    def _line(self, number: int, raw: str) -> None:
        stripped = raw.strip()
        if stripped.startswith(INLINE_ASSEMBLY):
            self._inline_assembly(number)
        line = without_comment(raw, self.architecture.comment).strip()
        while line and (match := _LABEL.match(line)):
            self._label(match[1].strip('"'), number)
            line = line[match.end() :].strip()
        if not line:
            return
        word, rest = _WORD.match(line).groups()
        if word.startswith(".") and word != ".inst":
            self._directive(number, word, rest.strip())
        elif "=" in line and re.match(r"[\w.$]+\s*=", line):
            self._directive(number, ".set", line.replace("=", ",", 1))
        else:
            self._instruction(number, line)

    def _inline_assembly(self, number: int) -> None:
        if self.function:
            self.function.lines.append(Directive(number, "#APP", ""))

    def _label(self, name: str, number: int) -> None:
        if self._in_text():
            if self.function is None or self._starts_function(name):
                if name.startswith(".L") and self.function is None:
                    return
                self._begin_function(name, number)
            else:
                self.function.lines.append(Label(name, number))
        else:
            self.object = DataObject(name, number, self.section, self.flags, self.alignment)
            self.listing.data[name] = self.object
        self.alignment = 1

    def _in_text(self) -> bool:
        return self.section.startswith(".text") or "x" in self.flags.split(",")[0]

    def _starts_function(self, name: str) -> bool:
        if name in self.listing.symbols.functions:
            return True
        return not name.startswith(".L") and not name[0].isdigit()

    def _begin_function(self, name: str, number: int) -> None:
        self.function = AsmFunction(
            name, number, alignment=self.alignment, section=self.section, flags=self.flags
        )
        self.listing.functions.append(self.function)

    def _instruction(self, number: int, line: str) -> None:
        if self.function is None or not self._in_text():
            return
        words = re.sub(r"^((?:rep\w*|lock)) *;", r"\1 ", line).split(None, 1)
        rest, prefixes = "", []
        while len(words) and words[0].lower() in self.architecture.prefixes:
            prefixes.append(words[0].lower())
            words = words[1].split(None, 1) if len(words) > 1 else []
        if words:
            rest = words[1] if len(words) > 1 else ""
            prefixes.append(words[0].lower())
        mnemonic = " ".join(prefixes)
        self.function.lines.append(Instruction(number, mnemonic, split_operands(rest), line))

    def _directive(self, number: int, name: str, arguments: str) -> None:
        symbols = self.listing.symbols
        lists = {
            ".globl": symbols.globals, ".global": symbols.globals, ".weak": symbols.weak,
            ".hidden": symbols.hidden, ".protected": symbols.protected,
        }  # fmt: skip
        if name in lists:
            names = [part.strip('"') for part in split_operands(arguments)]
            lists[name].extend(names)
            for symbol in names if name not in (".globl", ".global") else ():
                symbols.places.setdefault(symbol, number)
        elif name == ".type":
            self._type(split_operands(arguments))
        elif name in _SECTIONS or name in (".section", ".pushsection", ".popsection", ".previous"):
            self._change_section(name, arguments)
        elif name in (".p2align", ".align", ".balign"):
            self._align(name, arguments)
        elif name in (".intel_syntax", ".set", ".equ"):
            pass  # operands tell their syntax; calls and addresses keep the name that they have
        elif name in (".comm", ".lcomm"):
            self._common(number, arguments)
        elif name == ".local":
            symbols.local.extend(part.strip('"') for part in split_operands(arguments))
        elif self._in_text():
            self._code_directive(number, name, arguments)
        elif self.object and name not in (".size", ".ident", ".addrsig", ".addrsig_sym", ".file"):
            self.object.items.append((name, arguments))

    def _code_directive(self, number: int, name: str, arguments: str) -> None:
        if self.function is None:
            return
        if name == ".size" and arguments.split(",")[0].strip().strip('"') == self.function.name:
            return
        self.function.lines.append(Directive(number, name, arguments))
        if name == ".cfi_endproc":
            self.function = None

    def _type(self, parts: tuple[str, ...]) -> None:
        if len(parts) == 2:
            kind = parts[1].strip('@%"')
            if kind in ("function", "gnu_indirect_function"):
                self.listing.symbols.functions.append(parts[0].strip('"'))
            elif kind == "tls_object":
                self.listing.symbols.thread_local.append(parts[0].strip('"'))

    def _change_section(self, name: str, arguments: str) -> None:
        before = (self.section, self.flags)
        if name == ".popsection":
            self.section, self.flags = self.stack.pop() if self.stack else before
        elif name == ".previous":
            self.section, self.flags = self.previous
        else:
            if name == ".pushsection":
                self.stack.append(before)
            parts = split_operands(arguments) if name not in _SECTIONS else (name,)
            self.section = parts[0].strip('"') if parts else ".text"
            self.flags = ",".join(parts[1:])
        self.previous = before
        self.alignment = 1
        self.object = None
        if self._in_text() and name == ".text":
            self.function = None if self._outside() else self.function

    def _outside(self) -> bool:
        """`.text` begins a new function's text, unless we are between its CFI directives."""
        lines = self.function.lines if self.function else []
        names = [line.name for line in lines if isinstance(line, Directive)]
        return ".cfi_startproc" not in names or ".cfi_endproc" in names

    def _align(self, name: str, arguments: str) -> None:
        number = split_operands(arguments)[:1]
        amount = int(number[0]) if number and number[0].isdecimal() else 0
        self.alignment = 1 << min(amount, 16) if name == ".p2align" else max(amount, 1)
        if self.object is not None and self.object.items == []:
            self.object.alignment = self.alignment

    def _common(self, number: int, arguments: str) -> None:
        parts = split_operands(arguments)
        name, size = parts[0].strip('"'), parts[1] if len(parts) > 1 else "8"
        alignment = int(parts[2], 0) if len(parts) > 2 and parts[2].isdigit() else 1
        item = DataObject(name, number, ".bss", "common", alignment, [(".zero", size)])
        self.listing.data[name] = item
