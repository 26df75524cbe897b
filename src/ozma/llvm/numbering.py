"""Names a function's values by their place, so that its text no longer depends on their names."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_uint, c_void_p
from typing import Iterator

from ozma.llvm.capi import Library
from ozma.llvm.toolchain import Toolchain
from ozma.llvm.walk import declared

_FUNCTIONS: dict[str, tuple] = {
    "LLVMCountParams": (c_uint, [c_void_p]),
    "LLVMGetParams": (None, [c_void_p, POINTER(c_void_p)]),
    "LLVMBasicBlockAsValue": (c_void_p, [c_void_p]),
}
_VOID = 0


def numbering_functions(toolchain: Toolchain) -> ctypes.CDLL:
    """The C functions that `number_values` needs."""
    return declared(toolchain, _FUNCTIONS)


def number_values(library: Library, dll: ctypes.CDLL, function: int) -> bytes:
    """Names arguments, blocks and results `.0`, `.1`, ...; returns the opcodes, a byte each.

    No struct type has such a name, so that in the text `%.5` is always a value.
    """
    opcodes: list[int] = []
    values = [*_arguments(dll, function), *_values(library, dll, function, opcodes)]
    for value in values:  # first away with all names, as one of them may be `.5`
        library.LLVMSetValueName2(value, b"", 0)
    for number, value in enumerate(values):
        name = b".%d" % number
        library.LLVMSetValueName2(value, name, len(name))
    return bytes(opcodes)


def _arguments(dll: ctypes.CDLL, function: int) -> list[int]:
    arguments = (c_void_p * dll.LLVMCountParams(function))()
    dll.LLVMGetParams(function, arguments)
    return list(arguments)


def _values(library: Library, dll: ctypes.CDLL, function: int, opcodes: list[int]) -> Iterator[int]:
    """Blocks and instructions with a result, in order; notes every opcode on the way."""
    block = library.LLVMGetFirstBasicBlock(function)
    while block:
        yield dll.LLVMBasicBlockAsValue(block)
        instruction = library.LLVMGetFirstInstruction(block)
        while instruction:
            opcodes.append(dll.LLVMGetInstructionOpcode(instruction))
            if library.LLVMGetTypeKind(dll.LLVMTypeOf(instruction)) != _VOID:
                yield instruction
            instruction = library.LLVMGetNextInstruction(instruction)
        block = library.LLVMGetNextBasicBlock(block)
