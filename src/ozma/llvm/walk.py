"""Steps through a module's instructions with C functions that only a few readers need."""

from __future__ import annotations

import ctypes
from typing import Iterator, Mapping

from ozma.llvm.capi import Library
from ozma.llvm.toolchain import Toolchain


def declared(toolchain: Toolchain, functions: Mapping[str, tuple]) -> ctypes.CDLL:
    """libLLVM with the given functions typed: name -> (result type, argument types)."""
    dll = ctypes.CDLL(str(toolchain.library))
    for name, (result, arguments) in functions.items():
        function = getattr(dll, name)
        function.restype, function.argtypes = result, arguments
    return dll


def instructions(library: Library, function: int) -> Iterator[int]:
    """Handles of a function's instructions, in order."""
    block = library.LLVMGetFirstBasicBlock(function)
    while block:
        instruction = library.LLVMGetFirstInstruction(block)
        while instruction:
            yield instruction
            instruction = library.LLVMGetNextInstruction(instruction)
        block = library.LLVMGetNextBasicBlock(block)
