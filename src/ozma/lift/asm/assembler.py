"""Assembly text to an ELF object, through LLVM's own assembler in this process (0.5 ms).

The text becomes the inline assembly of an empty module. What an assembler reads from files is
refused. Call it in a worker process: the text may come from anywhere.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from functools import lru_cache
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Toolchain
from ozma.llvm.capi import load_library
from ozma.llvm.module import Module
from ozma.llvm.codegen import TargetMachine
from ozma.llvm.walk import declared

_FUNCTIONS: dict[str, tuple] = {
    "LLVMSetModuleInlineAsm2": (None, [c_void_p, c_char_p, c_size_t]),
    "LLVMGetDiagInfoSeverity": (c_int, [c_void_p]),
    "LLVMGetDiagInfoDescription": (c_void_p, [c_void_p]),
}
_HANDLER = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
_ERROR = 0
_READS_FILES = re.compile(r"^\s*\.(incbin|include)\b.*", re.MULTILINE)
_LOCAL = re.compile(r"^\s*\.local\s+.*\n", re.MULTILINE)
_KINDS = "function|object|tls_object"
_TYPED = re.compile(rf"^\s*\.type\s+([^\s,]+)\s*,\s*[@%](?:{_KINDS})", re.MULTILINE)
_BOUND = re.compile(r"^\s*\.(?:globl|global|weak)\s+(\S+)", re.MULTILINE)
_ALL_EXTENSIONS = {"aarch64": "\t.arch armv8.6-a+crypto+fp16+sha3+sm4+fp16fml\n"}


class BadAssembly(OzmaError):
    """The assembler does not take the text; the message is its first complaint."""


@lru_cache(maxsize=64)
def assemble(toolchain: Toolchain, text: str, target: str) -> bytes:
    """The object of `text`; every function and variable in it is visible under its name."""
    found = _READS_FILES.search(text)
    if found:
        raise BadAssembly(f"reads a file: {found.group().strip()}")
    return _emit(toolchain, _ALL_EXTENSIONS.get(target, "") + _visible(text), target)


def refused_lines(toolchain: Toolchain, lines: Sequence[str], target: str) -> set[int]:
    """Which of these lines (from 0) the assembler does not take, each for itself."""
    head = _ALL_EXTENSIONS.get(target, "")
    _, complaints = _run(toolchain, head + "\n".join(lines) + "\n", target)
    numbers = (re.match(r"<inline asm>:(\d+):", complaint) for complaint in complaints)
    return {int(number[1]) - 1 - bool(head) for number in numbers if number}


def _visible(text: str) -> str:
    """Makes local symbols global: relocations then name them, and not a place in a section."""
    text = _LOCAL.sub("\n", text)
    bound = set(_BOUND.findall(text))
    typed = (name for name in _TYPED.findall(text) if not name.startswith(".L"))
    names = dict.fromkeys(name for name in typed if name not in bound)
    return text + "".join(f"\n\t.globl {name}" for name in names) + "\n"


def _emit(toolchain: Toolchain, text: str, target: str) -> bytes:
    data, complaints = _run(toolchain, text, target)
    if complaints:
        raise BadAssembly(_first_line(complaints[0]))
    return data


def _run(toolchain: Toolchain, text: str, target: str) -> tuple[bytes, list[str]]:
    """The object, and everything that the assembler complains of."""
    library, dll = load_library(toolchain.library), declared(toolchain, _FUNCTIONS)
    complaints: list[str] = []

    @_HANDLER
    def note(diagnostic: int, _context: int) -> None:
        message = library.take_text(dll.LLVMGetDiagInfoDescription(diagnostic))
        if dll.LLVMGetDiagInfoSeverity(diagnostic) == _ERROR:
            complaints.append(message.strip())

    with Module(library, f'target triple = "{TARGETS[target].triple}"\n'.encode()) as module:
        library.LLVMContextSetDiagnosticHandler(module.context, note, None)
        dll.LLVMSetModuleInlineAsm2(module.handle, text.encode(), len(text.encode()))
        machine = TargetMachine(library, module)
        try:
            return machine.emit_object(module), complaints
        finally:
            machine.close()


def _first_line(complaint: str) -> str:
    lines = complaint.removeprefix("<inline asm>:").splitlines()
    source = f": {lines[1].strip()}" if len(lines) > 1 else ""
    return f"line {lines[0]}{source}"
