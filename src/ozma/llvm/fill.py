"""A module whose local variables start with a byte pattern: two patterns that give different
results show that the program reads variables before it writes them.

Does what `clang -ftrivial-auto-var-init=pattern` does, on bitcode that is already made.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_size_t, c_uint, c_ulonglong, c_void_p

from ozma.llvm.capi import Library, load_library
from ozma.llvm.module import Module
from ozma.llvm.toolchain import Toolchain
from ozma.llvm.walk import declared, instructions

_FUNCTIONS: dict[str, tuple] = {
    "LLVMIsAAllocaInst": (c_void_p, [c_void_p]),
    "LLVMGetAllocatedType": (c_void_p, [c_void_p]),
    "LLVMInstructionEraseFromParent": (None, [c_void_p]),
    "LLVMCreateBuilderInContext": (c_void_p, [c_void_p]),
    "LLVMPositionBuilderBefore": (None, [c_void_p, c_void_p]),
    "LLVMBuildMemSet": (c_void_p, [c_void_p, c_void_p, c_void_p, c_void_p, c_uint]),
    "LLVMDisposeBuilder": (None, [c_void_p]),
    "LLVMIntTypeInContext": (c_void_p, [c_void_p, c_uint]),
    "LLVMConstInt": (c_void_p, [c_void_p, c_ulonglong, c_int]),
    "LLVMGetValueName2": (c_char_p, [c_void_p, ctypes.POINTER(c_size_t)]),
}


def fill_locals(toolchain: Toolchain, bitcode: bytes, byte: int) -> bytes:
    """Bitcode with all local variables of constant size set to `byte` where they are made."""
    library = load_library(toolchain.library)
    with Module(library, bitcode) as module:
        _Filler(library, declared(toolchain, _FUNCTIONS), module).fill(byte)
        return module.bitcode()


class _Filler:
    def __init__(self, library: Library, dll: ctypes.CDLL, module: Module) -> None:
        self._library, self._dll, self._module = library, dll, module
        self._layout = dll.LLVMGetModuleDataLayout(module.handle)

    def fill(self, byte: int) -> None:
        builder = self._dll.LLVMCreateBuilderInContext(self._module.context)
        for function in self._module.functions():
            for instruction in list(instructions(self._library, function)):
                if self._dll.LLVMIsAAllocaInst(instruction):
                    self._fill_one(builder, instruction, byte)
                elif self._is_lifetime_marker(instruction):
                    # It would say that the pattern is gone, or end before the slot is used again.
                    self._dll.LLVMInstructionEraseFromParent(instruction)
        self._dll.LLVMDisposeBuilder(builder)

    def _fill_one(self, builder: int, alloca: int, byte: int) -> None:
        dll = self._dll
        count = dll.LLVMGetOperand(alloca, 0)
        if not dll.LLVMIsAConstantInt(count):
            return
        size = dll.LLVMABISizeOfType(self._layout, dll.LLVMGetAllocatedType(alloca))
        size *= self._library.LLVMConstIntGetZExtValue(count)
        value = dll.LLVMConstInt(dll.LLVMIntTypeInContext(self._module.context, 8), byte, 0)
        length = dll.LLVMConstInt(dll.LLVMIntTypeInContext(self._module.context, 64), size, 0)
        dll.LLVMPositionBuilderBefore(builder, self._library.LLVMGetNextInstruction(alloca))
        dll.LLVMBuildMemSet(builder, alloca, value, length, 1)

    def _is_lifetime_marker(self, instruction: int) -> bool:
        if not self._dll.LLVMIsACallInst(instruction):
            return False
        name = self._dll.LLVMGetValueName2(
            self._dll.LLVMGetCalledValue(instruction), ctypes.byref(c_size_t())
        )
        return (name or b"").startswith(b"llvm.lifetime.")
