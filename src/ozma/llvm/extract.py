"""Whole module -> single-function modules, through LLVM: `llvm-extract --func` for all at once.

Cloning the module once per function would be quadratic (C++ units hold hundreds). It is halved
instead: a clone keeps one half of the functions, the original the other, each drops what its half
does not need, and so on down to one function. Each function is cloned about log2(n) times.

Everything here can crash or hang inside LLVM: it is called in a worker process (`Worker.split`).
"""

from __future__ import annotations

import copy
import ctypes
import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator

from ozma.llvm.capi import load_library
from ozma.llvm.module import AVAILABLE_EXTERNALLY, InvalidIR, Module
from ozma.llvm.codegen import run_passes
from ozma.llvm.numbering import number_values, numbering_functions
from ozma.llvm.standalone import Standalone, forget_origin, standalone_functions
from ozma.llvm.toolchain import Toolchain

_DROP = "elim-avail-extern,globaldce"
_STRUCTURAL = re.compile(r"^Function (.*) Hash: (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class ExtractedFunction:
    """One function as a module of its own, verified.

    `characters` of its text as LLVM prints it; `numbered` is that text with the function's values
    named `.0`, `.1`, ... in order, for hashing; `opcodes` has one byte per instruction;
    `structural` is LLVM's own structural hash, which ignores names and constants.
    """

    symbol: str
    bitcode: bytes
    characters: int
    numbered: str
    opcodes: bytes
    structural: str


@dataclass(frozen=True)
class SplitUnit:
    """A unit without traces of where it was built, and its functions.

    `text_hash` (sha256) is over LLVM's text of the unit without its file name; `refused` holds a
    function's name and the verifier's complaint for each that could not be split off.
    """

    bitcode: bytes
    text_hash: str
    characters: int
    instructions: int
    functions: tuple[ExtractedFunction, ...]
    refused: tuple[tuple[str, str], ...]


def split_unit(toolchain: Toolchain, bitcode: bytes, file: str) -> SplitUnit:
    """Splits a module (bitcode or text) whose source is called `file`; InvalidIR if not valid."""
    library, dll = load_library(toolchain.library), standalone_functions(toolchain)
    with Module(library, bitcode) as module:
        module.verify()
        forget_origin(dll, module, "")
        text = module.text()
        forget_origin(dll, module, file)
        kept, instructions = module.bitcode(), module.count_instructions()
        splitter = _Splitter(toolchain, dll, module)
        functions = tuple(splitter.functions())
    digest = hashlib.sha256(text.encode()).hexdigest()
    return SplitUnit(kept, digest, len(text), instructions, functions, tuple(splitter.refused))


class _Splitter:
    def __init__(self, toolchain: Toolchain, dll: ctypes.CDLL, module: Module) -> None:
        self._library, self._dll, self._module = load_library(toolchain.library), dll, module
        self._numbering = numbering_functions(toolchain)
        self._structural: dict[str, str] = {}
        self._copies_by_bitcode = False
        self.refused: list[tuple[str, str]] = []

    def functions(self) -> Iterator[ExtractedFunction]:
        standalone = Standalone(self._library, self._dll, self._module)
        names = standalone.prepare()
        self._copies_by_bitcode = standalone.has_label_tables
        forget_origin(self._dll, self._module, "")
        if not names:
            return
        run_passes(self._library, self._module, _DROP, None)
        self._structural = self._structural_hashes()
        yield from self._halve(self._module, names)

    def _halve(self, module: Module, names: list[bytes]) -> Iterator[ExtractedFunction]:
        """Splits `module`, whose definitions are `names`, and uses it up."""
        if len(names) == 1:
            try:
                yield self._finish(module, names[0])
            except InvalidIR as error:
                self.refused.append((names[0].decode("utf-8", "replace"), error.message))
            return
        middle = len(names) // 2
        with self._copied(module) as half:
            self._declare(half, names[middle:])
            yield from self._halve(half, names[:middle])
        self._declare(module, names[:middle])
        yield from self._halve(module, names[middle:])

    @contextmanager
    def _copied(self, module: Module) -> Iterator[Module]:
        """A copy of `module`, gone after the block.

        LLVM's clone leaves the labels in a variable's initial value those of the original, which
        is wrong as soon as either changes: then the copy is made by writing and reading.
        """
        if self._copies_by_bitcode:
            with Module(self._library, module.bitcode(), "") as read:
                yield read
            return
        clone = copy.copy(module)  # another module in the same context
        clone.handle = self._library.LLVMCloneModule(module.handle)
        try:
            yield clone
        finally:
            self._library.LLVMDisposeModule(clone.handle)

    def _declare(self, module: Module, names: list[bytes]) -> None:
        """Turns these definitions into declarations, and drops what nobody uses then."""
        for name in names:
            function = self._dll.LLVMGetNamedFunction(module.handle, name)
            self._dll.LLVMSetComdat(function, None)
            self._dll.LLVMSetLinkage(function, AVAILABLE_EXTERNALLY)
        run_passes(self._library, module, _DROP, None)

    def _finish(self, module: Module, name: bytes) -> ExtractedFunction:
        module.verify()
        bitcode, characters = module.bitcode(), len(module.text())
        function = self._dll.LLVMGetNamedFunction(module.handle, name)
        opcodes = number_values(self._library, self._numbering, function)
        symbol = name.decode("utf-8", "replace")
        return ExtractedFunction(
            symbol, bitcode, characters, module.text(), opcodes,
            self._structural.get(symbol, ""),
        )  # fmt: skip

    def _structural_hashes(self) -> dict[str, str]:
        """LLVM only prints these, on standard error, which is a file in a worker process."""
        start = os.lseek(2, 0, os.SEEK_END)
        run_passes(self._library, self._module, "print<structural-hash><detailed>", None)
        size = os.lseek(2, 0, os.SEEK_END) - start
        printed = os.pread(2, size, start).decode("utf-8", "replace")
        os.ftruncate(2, start)
        os.lseek(2, start, os.SEEK_SET)
        return dict(_STRUCTURAL.findall(printed))
