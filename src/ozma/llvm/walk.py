"""C functions beyond those of `capi`, for the readers of modules, and a walk over instructions."""

from __future__ import annotations

import ctypes
from ctypes import c_int, c_uint, c_ulonglong, c_void_p
from typing import Iterator

from ozma.llvm.capi import Library
from ozma.llvm.toolchain import Toolchain

_SHARED: dict[str, tuple] = {
    "LLVMABISizeOfType": (c_ulonglong, [c_void_p, c_void_p]),
    "LLVMAddAttributeAtIndex": (None, [c_void_p, c_uint, c_void_p]),
    "LLVMGetCalledValue": (c_void_p, [c_void_p]),
    "LLVMGetInstructionOpcode": (c_int, [c_void_p]),
    "LLVMGetModuleDataLayout": (c_void_p, [c_void_p]),
    "LLVMGetNumOperands": (c_int, [c_void_p]),
    "LLVMGetOperand": (c_void_p, [c_void_p, c_uint]),
    "LLVMGetVisibility": (c_int, [c_void_p]),
    "LLVMIsACallInst": (c_void_p, [c_void_p]),
    "LLVMIsAConstantInt": (c_void_p, [c_void_p]),
    "LLVMIsAFunction": (c_void_p, [c_void_p]),
    "LLVMTypeOf": (c_void_p, [c_void_p]),
}


def declared(toolchain: Toolchain, functions: dict[str, tuple]) -> ctypes.CDLL:
    """libLLVM with the given functions typed, name -> (result type, argument types), beside those
    that several readers need."""
    dll = ctypes.CDLL(str(toolchain.library))
    for name, (result, arguments) in (_SHARED | functions).items():
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
