"""What `ozma disassemble` reads: assembly text, or an object file made into it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.asm.lines import function_names
from ozma.lift.asm.object_text import object_text
from ozma.llvm import Toolchain
from ozma.llvm.clang import CXX_SUFFIXES
from ozma.llvm.objects import ObjectError
from ozma.tasks.assembly import code_lines

_AARCH64 = re.compile(
    r"^\s+(?:stp|ldp|adrp|cbn?z|tbn?z|b\.\w+|ldr|str|mov)\s+[wxsdq]\d+", re.MULTILINE
)
_X86 = re.compile(r"%[re]?[abcd][xl]\b|%[re]?[sd]i|%r\d+|%xmm\d|\b[er][abcd]x\b", re.MULTILINE)
_ARM = re.compile(r"^\s*\.(?:thumb|arm|syntax unified|cpu cortex-m\w*)\b.*$", re.MULTILINE)
_MACHINES = "x86-64 and AArch64 can be lifted"
_STRIPPED = "functions are found by symbols: was it stripped? `strip --strip-unneeded` keeps them"
_GLOBAL = re.compile(r"\s*\.(?:globl|global|weak)\s+(\S+)")


@dataclass(frozen=True)
class Source:
    """`assembly` for `target`; `from_object` where it was made from an object file."""

    name: str
    assembly: str
    target: str
    from_object: bool = False

    def functions(self) -> list[str]:
        return function_names(code_lines(self.assembly, self.target))

    def is_one_function(self) -> bool:
        """A text of a single function, all of which can be compared: data and directives too."""
        return len(self.functions()) == 1 and not self.from_object

    def local(self) -> set[str]:
        """Functions that other files cannot see."""
        seen = {m.group(1) for m in map(_GLOBAL.match, self.assembly.splitlines()) if m}
        return set(self.functions()) - seen


def read_source(toolchain: Toolchain, name: str, target: str | None = None) -> Source:
    """A file, or standard input for `-`. OzmaError with one clear line when it is neither assembly
    nor an object, or not for `target`."""
    data = _read(name)
    if data[:4] == b"\x7fELF":
        text, found = _text_of_object(toolchain, data, name)
        if target and target != found:
            raise OzmaError(f"{name} is an object for {found}, not for {target}")
        source = Source(name, text, found, from_object=True)
        if not source.functions():
            raise OzmaError(f"{name} names no function", hint=_STRIPPED)
        return source
    if data.startswith((b"!<arch>\n", b"!<thin>\n")):
        raise OzmaError(f"{name} is an archive", hint=f"take its objects out: ar x {name}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OzmaError(f"{name} is neither assembly text nor an ELF object") from error
    if other := _ARM.search(text):
        raise OzmaError(f"{name} is 32-bit ARM assembly ({other[0].strip()})", hint=_MACHINES)
    source = Source(name, text, target or _target_of(text))
    if not source.functions():
        wanted = "assembly needs .type NAME,@function and a label"
        hint = f"compile it first: clang -Oz -S {name}" if _is_c(name) else wanted
        raise OzmaError(f"{name} defines no function", hint=hint)
    return source


def _text_of_object(toolchain: Toolchain, data: bytes, name: str) -> tuple[str, str]:
    try:
        return object_text(toolchain, data)
    except ObjectError as error:
        raise OzmaError(f"cannot read {name}: {error.message}") from error


def _is_c(name: str) -> bool:
    return Path(name).suffix in (".c", ".i", *CXX_SUFFIXES)


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise OzmaError(f"cannot read {name}: {error.strerror}") from error


def _target_of(text: str) -> str:
    """By the registers that it names; x86-64 if in doubt."""
    return "aarch64" if len(_AARCH64.findall(text)) > len(_X86.findall(text)) else "x86-64"
