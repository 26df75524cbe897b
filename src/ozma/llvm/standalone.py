"""Makes every function of a module able to leave it: what `llvm-extract` does to symbols.

Afterwards each definition is visible under its name, what it needs of the others is a declaration,
and nothing of the unit as a whole (aliases, constructors' lists, inline assembly, debug
information, the compiler's name) is left.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_void_p
from typing import Iterator

from ozma.llvm.capi import Library
from ozma.llvm.module import AVAILABLE_EXTERNALLY, FUNCTION_INDEX, Module
from ozma.llvm.toolchain import Toolchain
from ozma.llvm.walk import declared

_EXTERNAL = 0
_WEAK_OF = {2: 5, 3: 6, 4: 6}  # linkonce forms -> weak forms, which nothing discards
_INTERNAL, _PRIVATE = 8, 9
_HIDDEN = 1
_FUNCTION_TYPE = 9
_KEPT_BYTES = 4096  # larger private tables become declarations

_FUNCTIONS: dict[str, tuple] = {
    "LLVMSetLinkage": (None, [c_void_p, c_int]),
    "LLVMSetVisibility": (None, [c_void_p, c_int]),
    "LLVMSetComdat": (None, [c_void_p, c_void_p]),
    "LLVMGetNamedFunction": (c_void_p, [c_void_p, c_char_p]),
    "LLVMStripModuleDebugInfo": (c_int, [c_void_p]),
    "LLVMSetModuleInlineAsm2": (None, [c_void_p, c_char_p, c_size_t]),
    "LLVMSetModuleIdentifier": (None, [c_void_p, c_char_p, c_size_t]),
    "LLVMSetSourceFileName": (None, [c_void_p, c_char_p, c_size_t]),
    "LLVMGlobalClearMetadata": (None, [c_void_p]),
    "LLVMDeleteGlobal": (None, [c_void_p]),
    "LLVMGetFirstGlobalAlias": (c_void_p, [c_void_p]),
    "LLVMGetNextGlobalAlias": (c_void_p, [c_void_p]),
    "LLVMAliasGetAliasee": (c_void_p, [c_void_p]),
    "LLVMGetFirstGlobalIFunc": (c_void_p, [c_void_p]),
    "LLVMGetNextGlobalIFunc": (c_void_p, [c_void_p]),
    "LLVMEraseGlobalIFunc": (None, [c_void_p]),
    "LLVMAddFunction": (c_void_p, [c_void_p, c_char_p, c_void_p]),
    "LLVMAddGlobal": (c_void_p, [c_void_p, c_void_p, c_char_p]),
    "LLVMReplaceAllUsesWith": (None, [c_void_p, c_void_p]),
    "LLVMGetFunctionCallConv": (c_uint, [c_void_p]),
    "LLVMSetFunctionCallConv": (None, [c_void_p, c_uint]),
    "LLVMGetAttributeCountAtIndex": (c_uint, [c_void_p, c_uint]),
    "LLVMGetAttributesAtIndex": (None, [c_void_p, c_uint, POINTER(c_void_p)]),
    "LLVMIsABlockAddress": (c_void_p, [c_void_p]),
    "LLVMIsAGlobalValue": (c_void_p, [c_void_p]),
    "LLVMGetNamedMetadataNumOperands": (c_uint, [c_void_p, c_char_p]),
    "LLVMGetNamedMetadataOperands": (None, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "LLVMMDStringInContext2": (c_void_p, [c_void_p, c_char_p, c_size_t]),
    "LLVMReplaceMDNodeOperandWith": (None, [c_void_p, c_uint, c_void_p]),
}


def standalone_functions(toolchain: Toolchain) -> ctypes.CDLL:
    """The C functions that this file and the splitter need."""
    return declared(toolchain, _FUNCTIONS)


def forget_origin(dll: ctypes.CDLL, module: Module, source: str) -> None:
    """Names `source` as the source file and blanks the compiler's name.

    Both differ between machines and build folders. The C API can blank `llvm.ident`'s strings but
    not remove them; clang's -Qn writes none.
    """
    dll.LLVMSetModuleIdentifier(module.handle, b"", 0)
    dll.LLVMSetSourceFileName(module.handle, source.encode(), len(source.encode()))
    count = dll.LLVMGetNamedMetadataNumOperands(module.handle, b"llvm.ident")
    nodes = (c_void_p * count)()
    dll.LLVMGetNamedMetadataOperands(module.handle, b"llvm.ident", nodes)
    for node in nodes:
        blank = dll.LLVMMDStringInContext2(module.context, b"", 0)
        dll.LLVMReplaceMDNodeOperandWith(node, 0, blank)


class Standalone:
    """The change to one module, in place.

    `has_label_tables` tells afterwards whether a variable holds addresses of labels.
    Bodies and initial values that must go are only marked (available externally): the passes
    `elim-avail-extern,globaldce` then drop them and all that nobody uses any more.
    """

    def __init__(self, library: Library, dll: ctypes.CDLL, module: Module) -> None:
        self._library, self._dll, self._module = library, dll, module
        self._layout = dll.LLVMGetModuleDataLayout(module.handle)
        self.has_label_tables = False

    def prepare(self) -> list[bytes]:
        """Returns the names of the functions that have a body of their own, in module order."""
        self._dll.LLVMStripModuleDebugInfo(self._module.handle)
        self._dll.LLVMSetModuleInlineAsm2(self._module.handle, b"", 0)
        self._replace_aliases()
        self._replace_ifuncs()
        for variable in list(self._module.globals()):
            self._release_variable(variable)
        defined = filter(self._module.defines, self._module.functions())
        return [self._release_function(function) for function in defined]

    def _release_function(self, function: int) -> bytes:
        linkage = self._library.LLVMGetLinkage(function)
        if linkage in _WEAK_OF:
            self._dll.LLVMSetLinkage(function, _WEAK_OF[linkage])
        self._show(function, linkage)
        self._dll.LLVMGlobalClearMetadata(function)
        return self._module.name_of(function).encode()

    def _show(self, value: int, linkage: int) -> None:
        """A local symbol becomes a hidden one: it is found by name, never preempted."""
        if linkage in (_INTERNAL, _PRIVATE):
            self._dll.LLVMSetLinkage(value, _EXTERNAL)
            self._dll.LLVMSetVisibility(value, _HIDDEN)
        if not self._module.name_of(value):
            self._library.LLVMSetValueName2(value, b"anonymous", 9)  # LLVM makes it unique

    def _release_variable(self, variable: int) -> None:
        if self._module.name_of(variable).startswith("llvm."):
            self._dll.LLVMDeleteGlobal(variable)  # llvm.used, llvm.global_ctors
            return
        self._dll.LLVMGlobalClearMetadata(variable)
        if self._library.LLVMIsDeclaration(variable):
            return
        self._dll.LLVMSetComdat(variable, None)
        linkage = self._library.LLVMGetLinkage(variable)
        if self._has_label(self._library.LLVMGetInitializer(variable)):
            # Without its table a computed jump leads nowhere.
            self._dll.LLVMSetLinkage(variable, _INTERNAL)
            self.has_label_tables = True
        elif not (linkage in (_INTERNAL, _PRIVATE) and self._is_small_constant(variable)):
            self._show(variable, linkage)
            self._dll.LLVMSetLinkage(variable, AVAILABLE_EXTERNALLY)

    def _is_small_constant(self, variable: int) -> bool:
        """Strings and short tables."""
        handle = self._library.LLVMGlobalGetValueType(variable)
        size = self._dll.LLVMABISizeOfType(self._layout, handle)
        return bool(self._library.LLVMIsGlobalConstant(variable)) and size <= _KEPT_BYTES

    def _has_label(self, constant: int) -> bool:
        """Does the address of a label stand anywhere in an initial value?"""
        dll = self._dll
        if dll.LLVMIsABlockAddress(constant):
            return True
        if dll.LLVMIsAGlobalValue(constant):
            return False
        operands = range(dll.LLVMGetNumOperands(constant))
        return any(self._has_label(dll.LLVMGetOperand(constant, index)) for index in operands)

    def _replace_aliases(self) -> None:
        dll, module = self._dll, self._module
        first, following = dll.LLVMGetFirstGlobalAlias, dll.LLVMGetNextGlobalAlias
        for alias in list(_chain(first(module.handle), following)):
            self._replace(alias, dll.LLVMAliasGetAliasee(alias))
            dll.LLVMSetLinkage(alias, _INTERNAL)  # unused now: globaldce removes it

    def _replace_ifuncs(self) -> None:
        dll, module = self._dll, self._module
        first, following = dll.LLVMGetFirstGlobalIFunc, dll.LLVMGetNextGlobalIFunc
        for ifunc in list(_chain(first(module.handle), following)):
            self._replace(ifunc, None)
            dll.LLVMEraseGlobalIFunc(ifunc)

    def _replace(self, symbol: int, model: int | None) -> None:
        """Puts a declaration of the same name and type in the place of an alias or ifunc."""
        library, dll, module = self._library, self._dll, self._module
        name, kind = module.name_of(symbol).encode(), library.LLVMGlobalGetValueType(symbol)
        library.LLVMSetValueName2(symbol, b"", 0)
        if library.LLVMGetTypeKind(kind) == _FUNCTION_TYPE:
            stand_in = dll.LLVMAddFunction(module.handle, name, kind)
            if model and dll.LLVMIsAFunction(model):
                self._copy_attributes(model, stand_in)
        else:
            stand_in = dll.LLVMAddGlobal(module.handle, kind, name)
        local = library.LLVMGetLinkage(symbol) in (_INTERNAL, _PRIVATE)
        visibility = _HIDDEN if local else dll.LLVMGetVisibility(symbol)
        dll.LLVMSetVisibility(stand_in, visibility)
        dll.LLVMReplaceAllUsesWith(symbol, stand_in)

    def _copy_attributes(self, source: int, destination: int) -> None:
        dll, library = self._dll, self._library
        dll.LLVMSetFunctionCallConv(destination, dll.LLVMGetFunctionCallConv(source))
        parameters = library.LLVMCountParamTypes(library.LLVMGlobalGetValueType(source))
        for index in (FUNCTION_INDEX, *range(parameters + 1)):
            attributes = (c_void_p * dll.LLVMGetAttributeCountAtIndex(source, index))()
            dll.LLVMGetAttributesAtIndex(source, index, attributes)
            for attribute in attributes:
                dll.LLVMAddAttributeAtIndex(destination, index, attribute)


def _chain(first: int | None, following) -> Iterator[int]:
    while first:
        yield first
        first = following(first)
