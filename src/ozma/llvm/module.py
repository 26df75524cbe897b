"""LLVM modules in this process: parse, verify, run a pipeline, write bitcode, generate code.

Everything here can crash or hang inside LLVM: call it only in a worker process (`worker.py`).
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_size_t, c_uint, c_void_p
from typing import Iterator

from ozma.errors import OzmaError
from ozma.llvm.capi import Library

_RETURN_STATUS = 2
_NO_UNNAMED_ADDRESS, _LOCAL_UNNAMED_ADDRESS, _GLOBAL_UNNAMED_ADDRESS = 0, 1, 2
AVAILABLE_EXTERNALLY = 1
FUNCTION_INDEX = 0xFFFFFFFF
_DIAGNOSTIC_HANDLER = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)


class InvalidIR(OzmaError):
    """The text or bitcode is not a valid LLVM module."""


class InvalidList(OzmaError):
    """`LLVMRunPasses` refused the pipeline text."""


@_DIAGNOSTIC_HANDLER
def _ignore_diagnostic(_diagnostic: int, _context: int) -> None:
    """Remarks and warnings of passes are not results; errors come back through return values."""


class Module:
    """One module in a context of its own, so that closing it gives back all of its memory."""

    def __init__(self, library: Library, source: bytes, name: str = "module") -> None:
        self._library = library
        self.context = library.LLVMContextCreate()
        library.LLVMContextSetDiagnosticHandler(self.context, _ignore_diagnostic, None)
        self.handle: int | None = None
        try:
            self.handle = self._parse(source, name)
        except InvalidIR:
            self.close()
            raise

    def _parse(self, source: bytes, name: str) -> int:
        library = self._library
        # The copy is null-terminated, which LLVM's text parser needs; it consumes the buffer.
        buffer = library.LLVMCreateMemoryBufferWithMemoryRangeCopy(
            source, len(source), name.encode()
        )
        module, message = c_void_p(), c_char_p()
        if library.LLVMParseIRInContext(self.context, buffer, byref(module), byref(message)):
            text = (message.value or b"unknown error").decode("utf-8", "replace")
            raise InvalidIR(f"not valid LLVM-IR: {text.strip().splitlines()[0]}")
        return module.value

    def close(self) -> None:
        if self.handle:
            self._library.LLVMDisposeModule(self.handle)
        self._library.LLVMContextDispose(self.context)
        self.handle = None

    def __enter__(self) -> Module:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def verify(self) -> None:
        """Raises InvalidIR with the verifier's first complaint."""
        message = c_char_p()
        broken = self._library.LLVMVerifyModule(self.handle, _RETURN_STATUS, byref(message))
        text = (message.value or b"").decode("utf-8", "replace")
        if broken:
            raise InvalidIR(f"the verifier rejects the module: {text.strip().splitlines()[0]}")

    def bitcode(self) -> bytes:
        return self._library.take_buffer(self._library.LLVMWriteBitcodeToMemoryBuffer(self.handle))

    def text(self) -> str:
        return self._library.take_text(self._library.LLVMPrintModuleToString(self.handle))

    @property
    def triple(self) -> str:
        return self._library.LLVMGetTarget(self.handle).decode()

    def functions(self) -> Iterator[int]:
        """Handles of all functions, declarations included."""
        function = self._library.LLVMGetFirstFunction(self.handle)
        while function:
            yield function
            function = self._library.LLVMGetNextFunction(function)

    def globals(self) -> Iterator[int]:
        """Handles of all global variables."""
        variable = self._library.LLVMGetFirstGlobal(self.handle)
        while variable:
            yield variable
            variable = self._library.LLVMGetNextGlobal(variable)

    def defines(self, value: int) -> bool:
        """Will the object hold it? Available-externally bodies are for the optimizer only."""
        library = self._library
        copied = library.LLVMGetLinkage(value) == AVAILABLE_EXTERNALLY
        return not (library.LLVMIsDeclaration(value) or copied)

    def name_of(self, value: int) -> str:
        length = c_size_t()
        start = self._library.LLVMGetValueName2(value, byref(length))
        return ctypes.string_at(start, length.value).decode("utf-8", "replace")

    def drop_names(self) -> None:
        """Takes away what no ELF code depends on: names of arguments, blocks and instructions, and
        `local_unnamed_addr` of functions, which is for linkers that optimize."""
        library = self._library
        set_name = library.LLVMSetValueName2
        for function in self.functions():
            if library.LLVMGetUnnamedAddress(function) == _LOCAL_UNNAMED_ADDRESS:
                library.LLVMSetUnnamedAddress(function, _NO_UNNAMED_ADDRESS)
            argument = library.LLVMGetFirstParam(function)
            while argument:
                set_name(argument, b"", 0)
                argument = library.LLVMGetNextParam(argument)
            for block in self._blocks(function):
                set_name(library.LLVMBasicBlockAsValue(block), b"", 0)
                for instruction in self._instructions(block):
                    set_name(instruction, b"", 0)

    def _blocks(self, function: int) -> Iterator[int]:
        block = self._library.LLVMGetFirstBasicBlock(function)
        while block:
            yield block
            block = self._library.LLVMGetNextBasicBlock(block)

    def _instructions(self, block: int) -> Iterator[int]:
        following = self._library.LLVMGetNextInstruction
        instruction = self._library.LLVMGetFirstInstruction(block)
        while instruction:
            yield instruction
            instruction = following(instruction)

    def count_instructions(self) -> int:
        """IR instructions in all function bodies."""
        blocks = (block for function in self.functions() for block in self._blocks(function))
        return sum(1 for block in blocks for _ in self._instructions(block))

    def has_flag(self, name: str) -> bool:
        """Is this module flag (such as 'PIC Level') set?"""
        return bool(self._library.LLVMGetModuleFlag(self.handle, name.encode(), len(name)))

    def has_global(self, name: str) -> bool:
        return bool(self._library.LLVMGetNamedGlobal(self.handle, name.encode()))

    def function_attribute(self, name: str) -> str:
        """Value of a string attribute such as 'target-cpu' on the first function that has it."""
        for function in self.functions():
            attribute = self._library.LLVMGetStringAttributeAtIndex(
                function, FUNCTION_INDEX, name.encode(), len(name)
            )
            if attribute:
                length = c_uint()
                start = self._library.LLVMGetStringAttributeValue(attribute, byref(length))
                return ctypes.string_at(start, length.value).decode()
        return ""

    def split_sections(self, functions: bool, data: bool) -> None:
        """Puts each definition into a section of its own, as -ffunction-sections does.

        The C API cannot set that target option; sizes then differ from clang's by padding only.
        """
        for function in self.functions() if functions else ():
            self._place(function, ".text.")
        for variable in self.globals() if data else ():
            if stem := self._data_section(variable):
                self._place(variable, stem)

    def _data_section(self, variable: int) -> str | None:
        """Where -fdata-sections puts this variable; None where LLVM decides as ever."""
        library = self._library
        if library.LLVMIsDeclaration(variable) or library.LLVMIsThreadLocal(variable):
            return None
        if library.LLVMIsGlobalConstant(variable):
            merged = library.LLVMGetUnnamedAddress(variable) == _GLOBAL_UNNAMED_ADDRESS
            return None if merged else ".rodata."
        return ".bss." if library.LLVMIsNull(library.LLVMGetInitializer(variable)) else ".data."

    def _place(self, value: int, stem: str) -> None:
        library = self._library
        if not library.LLVMIsDeclaration(value) and not library.LLVMGetSection(value):
            library.LLVMSetSection(value, (stem + self.name_of(value)).encode())
