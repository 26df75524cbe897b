"""Passes run on a module, and code generated for it: objects and assembly."""

from __future__ import annotations

from ctypes import byref, c_char_p, c_void_p

from ozma.llvm.capi import Library
from ozma.llvm.module import InvalidIR, InvalidList, Module

_ASSEMBLY_FILE, _OBJECT_FILE = 0, 1
CODEGEN_DEFAULT = 2  # what clang asks for at -Oz, -Os and -O2; 1 at -O1, 0 at -O0
_RELOC_STATIC, _RELOC_PIC = 1, 2
_CODE_MODEL_DEFAULT = 0


class TargetMachine:
    """Code generator set up as `clang -Oz -c` sets it up for this module.

    CPU and features come from the functions' attributes and the relocation model from the 'PIC
    Level' flag, because clang writes both into the IR that it hands to the back end.
    """

    def __init__(self, library: Library, module: Module, codegen: int = CODEGEN_DEFAULT) -> None:
        self._library = library
        target, message = c_void_p(), c_char_p()
        triple = module.triple.encode()
        if library.LLVMGetTargetFromTriple(triple, byref(target), byref(message)):
            raise InvalidIR(f"no back end for triple '{module.triple}'")
        self.handle = library.LLVMCreateTargetMachine(
            target,
            triple,
            module.function_attribute("target-cpu").encode(),
            module.function_attribute("target-features").encode(),
            codegen,
            _RELOC_PIC if module.has_flag("PIC Level") else _RELOC_STATIC,
            _CODE_MODEL_DEFAULT,
        )

    def emit_object(self, module: Module) -> bytes:
        """Object file bytes. Code generation changes the module: it is of no use afterwards."""
        return self._emit(module, _OBJECT_FILE)

    def emit_assembly(self, module: Module) -> str:
        """Assembly with the comments of `clang -S`. Uses the module up, as `emit_object` does."""
        self._library.LLVMSetTargetMachineAsmVerbosity(self.handle, 1)
        return self._emit(module, _ASSEMBLY_FILE).decode("utf-8", "replace")

    def _emit(self, module: Module, kind: int) -> bytes:
        buffer, message = c_void_p(), c_char_p()
        failed = self._library.LLVMTargetMachineEmitToMemoryBuffer(
            self.handle, module.handle, kind, byref(message), byref(buffer)
        )
        if failed:
            raise InvalidIR(f"code generation failed: {(message.value or b'').decode()}")
        return self._library.take_buffer(buffer.value)

    def close(self) -> None:
        self._library.LLVMDisposeTargetMachine(self.handle)


def run_passes(
    library: Library, module: Module, passes: str, machine: TargetMachine | None
) -> None:
    """Runs `opt -passes=` text on the module in place; InvalidList if LLVM refuses the text.

    Passes that ask nothing of the target need no `machine`.
    """
    handle = machine.handle if machine else None
    options = library.LLVMCreatePassBuilderOptions()
    try:
        error = library.LLVMRunPasses(module.handle, passes.encode(), handle, options)
    finally:
        library.LLVMDisposePassBuilderOptions(options)
    if error:
        raise InvalidList(library.take_error(error))
