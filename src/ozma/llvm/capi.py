"""The C API of libLLVM through ctypes: only the functions that Ozma calls, with their types.

One `Library` per process and release; loading two releases into one process is not supported by
LLVM (both register the same global options), so each worker process loads exactly one.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_ulonglong, c_void_p
from functools import cache
from pathlib import Path

from ozma.errors import OzmaError

_TEXT = POINTER(c_char_p)
_HANDLE = POINTER(c_void_p)

# name -> (result type, argument types)
_SIGNATURES: dict[str, tuple] = {
    "LLVMContextCreate": (c_void_p, []),
    "LLVMContextDispose": (None, [c_void_p]),
    "LLVMContextSetDiagnosticHandler": (None, [c_void_p, c_void_p, c_void_p]),
    "LLVMCreateMemoryBufferWithMemoryRangeCopy": (c_void_p, [c_char_p, c_size_t, c_char_p]),
    "LLVMGetBufferStart": (c_void_p, [c_void_p]),
    "LLVMGetBufferSize": (c_size_t, [c_void_p]),
    "LLVMDisposeMemoryBuffer": (None, [c_void_p]),
    "LLVMParseIRInContext": (c_int, [c_void_p, c_void_p, _HANDLE, _TEXT]),
    "LLVMVerifyModule": (c_int, [c_void_p, c_int, _TEXT]),
    "LLVMDisposeModule": (None, [c_void_p]),
    "LLVMCloneModule": (c_void_p, [c_void_p]),
    "LLVMDisposeMessage": (None, [c_void_p]),
    "LLVMPrintModuleToString": (c_void_p, [c_void_p]),
    "LLVMPrintTypeToString": (c_void_p, [c_void_p]),
    "LLVMWriteBitcodeToMemoryBuffer": (c_void_p, [c_void_p]),
    "LLVMGetTarget": (c_char_p, [c_void_p]),
    "LLVMGetModuleFlag": (c_void_p, [c_void_p, c_char_p, c_size_t]),
    "LLVMGetFirstFunction": (c_void_p, [c_void_p]),
    "LLVMGetNextFunction": (c_void_p, [c_void_p]),
    "LLVMGetFirstGlobal": (c_void_p, [c_void_p]),
    "LLVMGetNamedGlobal": (c_void_p, [c_void_p, c_char_p]),
    "LLVMGetNextGlobal": (c_void_p, [c_void_p]),
    "LLVMGetFirstBasicBlock": (c_void_p, [c_void_p]),
    "LLVMGetNextBasicBlock": (c_void_p, [c_void_p]),
    "LLVMGetFirstInstruction": (c_void_p, [c_void_p]),
    "LLVMGetNextInstruction": (c_void_p, [c_void_p]),
    "LLVMIsDeclaration": (c_int, [c_void_p]),
    "LLVMGetLinkage": (c_int, [c_void_p]),
    "LLVMGetInitializer": (c_void_p, [c_void_p]),
    "LLVMGetUnnamedAddress": (c_int, [c_void_p]),
    "LLVMSetUnnamedAddress": (None, [c_void_p, c_int]),
    "LLVMGetFirstParam": (c_void_p, [c_void_p]),
    "LLVMGetNextParam": (c_void_p, [c_void_p]),
    "LLVMBasicBlockAsValue": (c_void_p, [c_void_p]),
    "LLVMIsGlobalConstant": (c_int, [c_void_p]),
    "LLVMIsNull": (c_int, [c_void_p]),
    "LLVMIsThreadLocal": (c_int, [c_void_p]),
    "LLVMGetSection": (c_char_p, [c_void_p]),
    "LLVMSetSection": (None, [c_void_p, c_char_p]),
    "LLVMGetValueName2": (c_void_p, [c_void_p, POINTER(c_size_t)]),
    "LLVMSetValueName2": (None, [c_void_p, c_char_p, c_size_t]),
    "LLVMGlobalGetValueType": (c_void_p, [c_void_p]),
    "LLVMGetReturnType": (c_void_p, [c_void_p]),
    "LLVMIsFunctionVarArg": (c_int, [c_void_p]),
    "LLVMCountParamTypes": (c_uint, [c_void_p]),
    "LLVMGetParamTypes": (None, [c_void_p, _HANDLE]),
    "LLVMGetTypeKind": (c_int, [c_void_p]),
    "LLVMGetIntTypeWidth": (c_uint, [c_void_p]),
    "LLVMGetEnumAttributeKindForName": (c_uint, [c_char_p, c_size_t]),
    "LLVMGetEnumAttributeAtIndex": (c_void_p, [c_void_p, c_uint, c_uint]),
    "LLVMGetStringAttributeAtIndex": (c_void_p, [c_void_p, c_uint, c_char_p, c_uint]),
    "LLVMGetStringAttributeValue": (c_void_p, [c_void_p, POINTER(c_uint)]),
    "LLVMGetTargetFromTriple": (c_int, [c_char_p, _HANDLE, _TEXT]),
    "LLVMCreateTargetMachine": (
        c_void_p,
        [c_void_p, c_char_p, c_char_p, c_char_p, c_int, c_int, c_int],
    ),
    "LLVMDisposeTargetMachine": (None, [c_void_p]),
    "LLVMTargetMachineEmitToMemoryBuffer": (
        c_int,
        [c_void_p, c_void_p, c_int, _TEXT, _HANDLE],
    ),
    "LLVMSetTargetMachineAsmVerbosity": (None, [c_void_p, c_int]),
    "LLVMCreatePassBuilderOptions": (c_void_p, []),
    "LLVMDisposePassBuilderOptions": (None, [c_void_p]),
    "LLVMRunPasses": (c_void_p, [c_void_p, c_char_p, c_void_p, c_void_p]),
    "LLVMGetErrorMessage": (c_void_p, [c_void_p]),
    "LLVMDisposeErrorMessage": (None, [c_void_p]),
    "LLVMParseCommandLineOptions": (None, [c_int, POINTER(c_char_p), c_char_p]),
    "LLVMConstIntGetZExtValue": (c_ulonglong, [c_void_p]),
}

_INITIALIZERS = ("TargetInfo", "Target", "TargetMC", "AsmPrinter", "AsmParser")
BACKENDS = ("X86", "AArch64", "ARM", "RISCV")


class Library:
    """libLLVM with typed functions: `library.LLVMParseIRInContext(...)`."""

    def __init__(self, path: Path) -> None:
        self._dll = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._dll, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.backends = tuple(name for name in BACKENDS if self._initialize(name))

    def _initialize(self, backend: str) -> bool:
        """Registers one back end; False if this libLLVM was built without it."""
        if not hasattr(self._dll, f"LLVMInitialize{backend}Target"):
            return False
        for part in _INITIALIZERS:
            getattr(self._dll, f"LLVMInitialize{backend}{part}")()
        return True

    def take_text(self, pointer: int | None) -> str:
        """Copies a string that LLVM allocated and frees it."""
        if not pointer:
            return ""
        text = ctypes.string_at(pointer).decode("utf-8", "replace")
        self.LLVMDisposeMessage(pointer)
        return text

    def take_error(self, error: int) -> str:
        """Text of an `LLVMErrorRef`, which is consumed."""
        message = self.LLVMGetErrorMessage(error)
        text = ctypes.string_at(message).decode("utf-8", "replace")
        self.LLVMDisposeErrorMessage(message)
        return text

    def take_buffer(self, buffer: int) -> bytes:
        """Copies a memory buffer's bytes and frees it."""
        data = ctypes.string_at(self.LLVMGetBufferStart(buffer), self.LLVMGetBufferSize(buffer))
        self.LLVMDisposeMemoryBuffer(buffer)
        return data

    def set_options(self, options: list[str]) -> None:
        """Sets LLVM's global options (`-enable-machine-outliner=always`); once per process."""
        words = [b"ozma", *(option.encode() for option in options)]
        array = (c_char_p * len(words))(*words)
        self.LLVMParseCommandLineOptions(len(words), array, None)


@cache
def load_library(path: Path) -> Library:
    """The library at `path`, loaded once per process."""
    try:
        return Library(path)
    except (OSError, AttributeError) as error:
        raise OzmaError(f"cannot load {path}: {error}") from error
