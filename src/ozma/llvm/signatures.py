"""Reads a module's interface: functions with their types, variables, constants, strings.

Walks verified bitcode through the C API; nothing here runs a pass or generates code.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_int, c_longlong, c_size_t, c_uint, c_ulonglong, c_void_p
from typing import Iterator

from ozma.llvm.capi import Library, load_library
from ozma.llvm.interface import Function, Interface, Parameter, Type, Variable
from ozma.llvm.module import FUNCTION_INDEX, Module
from ozma.llvm.toolchain import Toolchain
from ozma.llvm.walk import declared, instructions

_DISCARDABLE = (2, 3, 4)  # the three forms of linkonce
_EXPORTED = (0, 5, 6, 14, *_DISCARDABLE)  # external, weak, weak ODR, common
_HIDDEN = 1
_RETURN_INDEX = 0
_KINDS = {0: "void", 2: "float", 3: "double", 8: "int", 10: "struct", 11: "array", 12: "pointer"}
_VECTOR = 13
_MAX_CONSTANTS, _MAX_STRINGS, _MAX_STRING = 64, 48, 64
_WRITES = 0xAAAAAAAA  # the "modifies" bit of each location in the `memory` attribute

_FUNCTIONS: dict[str, tuple] = {
    "LLVMIsAConstantDataArray": (c_void_p, [c_void_p]),
    "LLVMIsConstantString": (c_int, [c_void_p]),
    "LLVMGetAsString": (c_void_p, [c_void_p, POINTER(c_size_t)]),
    "LLVMABIAlignmentOfType": (c_uint, [c_void_p, c_void_p]),
    "LLVMTypeIsSized": (c_int, [c_void_p]),
    "LLVMCountStructElementTypes": (c_uint, [c_void_p]),
    "LLVMStructGetTypeAtIndex": (c_void_p, [c_void_p, c_uint]),
    "LLVMGetArrayLength": (c_uint, [c_void_p]),
    "LLVMGetElementType": (c_void_p, [c_void_p]),
    "LLVMGetEnumAttributeValue": (c_ulonglong, [c_void_p]),
    "LLVMGetTypeAttributeValue": (c_void_p, [c_void_p]),
    "LLVMConstIntGetSExtValue": (c_longlong, [c_void_p]),
}


def read_interface(toolchain: Toolchain, bitcode: bytes) -> Interface:
    """Interface of a module (bitcode or text); InvalidIR if it cannot be parsed."""
    library = load_library(toolchain.library)
    with Module(library, bitcode) as module:
        return _Reader(library, declared(toolchain, _FUNCTIONS), module).read()


class _Reader:
    """The walk over one module. Attributes are looked up by name, whatever the release's
    numbers."""

    _PARAMETER = (
        "zeroext",
        "signext",
        "sret",
        "nonnull",
        "noalias",
        "dereferenceable",
        "returned",
        "inalloca",
        "preallocated",
        "nest",
        "swiftself",
        "swifterror",
        "inreg",
        "range",
    )

    def __init__(self, library: Library, dll: ctypes.CDLL, module: Module) -> None:
        self._library, self._dll, self._module = library, dll, module
        self._layout = dll.LLVMGetModuleDataLayout(module.handle)
        self._kinds = {name: self._kind(name) for name in (*self._PARAMETER, "byval")}
        self._noreturn, self._memory = self._kind("noreturn"), self._kind("memory")

    def _kind(self, name: str) -> int:
        return self._library.LLVMGetEnumAttributeKindForName(name.encode(), len(name))

    def read(self) -> Interface:
        module = self._module
        return Interface(
            module.triple,
            tuple(self._function(f) for f in module.functions() if not self._intrinsic(f)),
            tuple(self._variable(v) for v in module.globals()),
            tuple(self._strings()),
        )

    def _intrinsic(self, function: int) -> bool:
        return self._module.name_of(function).startswith("llvm.")

    def _exported(self, value: int) -> bool:
        linkage = self._library.LLVMGetLinkage(value)
        return linkage in _EXPORTED and self._dll.LLVMGetVisibility(value) != _HIDDEN

    def _function(self, function: int) -> Function:
        library = self._library
        signature = library.LLVMGlobalGetValueType(function)
        defined = self._module.defines(function)
        return Function(
            self._module.name_of(function),
            self._type(library.LLVMGetReturnType(signature)),
            tuple(self._parameters(function, signature)),
            self._attributes(function, _RETURN_INDEX),
            bool(library.LLVMIsFunctionVarArg(signature)),
            defined,
            self._exported(function),
            library.LLVMGetLinkage(function) in _DISCARDABLE,
            bool(self._attribute(function, FUNCTION_INDEX, self._noreturn)),
            self._writes(function),
            *(self._operands(function) if defined else ((), ())),
        )

    def _attribute(self, function: int, index: int, kind: int) -> int | None:
        # Kind 0 is "no such attribute in this release".
        return self._library.LLVMGetEnumAttributeAtIndex(function, index, kind) if kind else None

    def _attributes(self, function: int, index: int) -> frozenset[str]:
        kinds = self._kinds.items()
        return frozenset(name for name, kind in kinds if self._attribute(function, index, kind))

    def _writes(self, function: int) -> bool:
        memory = self._attribute(function, FUNCTION_INDEX, self._memory)
        return memory is None or bool(self._dll.LLVMGetEnumAttributeValue(memory) & _WRITES)

    def _parameters(self, function: int, signature: int) -> Iterator[Parameter]:
        count = self._library.LLVMCountParamTypes(signature)
        types = (c_void_p * count)()
        self._library.LLVMGetParamTypes(signature, types)
        for index, handle in enumerate(types, start=1):
            attributes = self._attributes(function, index)
            copied, alignment = 0, 0
            if "byval" in attributes:
                attribute = self._attribute(function, index, self._kinds["byval"])
                inner = self._dll.LLVMGetTypeAttributeValue(attribute)
                copied = self._dll.LLVMABISizeOfType(self._layout, inner)
                alignment = self._dll.LLVMABIAlignmentOfType(self._layout, inner)
            yield Parameter(self._type(handle), attributes, copied, alignment)

    def _type(self, handle: int) -> Type:
        number = self._library.LLVMGetTypeKind(handle)
        kind = _KINDS.get(number, "other")
        if kind == "int":
            return Type(kind, self._library.LLVMGetIntTypeWidth(handle), (), "int")
        text = self._library.take_text(self._library.LLVMPrintTypeToString(handle))
        if number == _VECTOR:
            bits = 8 * self._dll.LLVMABISizeOfType(self._layout, handle)
            return Type("vector", bits, (), text)
        return Type(kind, 0, tuple(self._elements(handle, kind)), text)

    def _elements(self, handle: int, kind: str) -> Iterator[Type]:
        if kind == "struct":
            for index in range(self._dll.LLVMCountStructElementTypes(handle)):
                yield self._type(self._dll.LLVMStructGetTypeAtIndex(handle, index))
        elif kind == "array":
            element = self._type(self._dll.LLVMGetElementType(handle))
            yield from [element] * min(self._dll.LLVMGetArrayLength(handle), 9)

    def _operands(self, function: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Different integer constants, and functions that are named, in order of appearance."""
        dll = self._dll
        constants: dict[int, None] = {}
        functions: dict[str, None] = {}
        for instruction in instructions(self._library, function):
            for index in range(dll.LLVMGetNumOperands(instruction)):
                operand = dll.LLVMGetOperand(instruction, index)
                if not operand:
                    continue
                if dll.LLVMIsAConstantInt(operand):
                    if self._library.LLVMGetIntTypeWidth(dll.LLVMTypeOf(operand)) <= 64:
                        constants[dll.LLVMConstIntGetSExtValue(operand)] = None
                elif dll.LLVMIsAFunction(operand):
                    functions[self._module.name_of(operand)] = None
        return tuple(constants)[:_MAX_CONSTANTS], tuple(functions)

    def _variable(self, variable: int) -> Variable:
        handle = self._library.LLVMGlobalGetValueType(variable)
        sized = self._dll.LLVMTypeIsSized(handle)
        return Variable(
            self._module.name_of(variable),
            self._dll.LLVMABISizeOfType(self._layout, handle) if sized else 0,
            self._module.defines(variable),
            self._exported(variable),
            bool(self._library.LLVMIsGlobalConstant(variable)),
            bool(self._library.LLVMIsThreadLocal(variable)),
        )

    def _strings(self) -> list[bytes]:
        """Short C strings among the constants, without their final zero."""
        found: dict[bytes, None] = {}
        for variable in self._module.globals():
            value = None
            if not self._library.LLVMIsDeclaration(variable):
                value = self._library.LLVMGetInitializer(variable)
            if value and self._is_string(value) and len(found) < _MAX_STRINGS:
                length = c_size_t()
                start = self._dll.LLVMGetAsString(value, ctypes.byref(length))
                found[ctypes.string_at(start, min(length.value, _MAX_STRING)).rstrip(b"\0")] = None
        return list(found)

    def _is_string(self, value: int) -> bool:
        dll = self._dll
        return bool(dll.LLVMIsAConstantDataArray(value) and dll.LLVMIsConstantString(value))
