"""Refuses answers that would give the right assembly without being a lift of it.

IR can carry assembly (module asm, inline asm, naked functions, directives inside names) or machine
code (data in code sections, prefix data). All of it is judged on what LLVM reads, and on the text
that LLVM prints again: not on the text that came in.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_void_p
from typing import Iterator

from ozma.llvm import InvalidIR, Toolchain, find_toolchain
from ozma.llvm.capi import load_library
from ozma.llvm.module import Module
from ozma.llvm.walk import declared, instructions

_FUNCTIONS: dict[str, tuple] = {
    "LLVMGetModuleInlineAsm": (c_void_p, [c_void_p, POINTER(c_size_t)]),
    "LLVMGetFirstGlobalAlias": (c_void_p, [c_void_p]),
    "LLVMGetNextGlobalAlias": (c_void_p, [c_void_p]),
    "LLVMAliasGetAliasee": (c_void_p, [c_void_p]),
    "LLVMGetFirstGlobalIFunc": (c_void_p, [c_void_p]),
    "LLVMIsAInlineAsm": (c_void_p, [c_void_p]),
    "LLVMIsAGlobalVariable": (c_void_p, [c_void_p]),
    "LLVMIsAGlobalAlias": (c_void_p, [c_void_p]),
    "LLVMIsABlockAddress": (c_void_p, [c_void_p]),
    "LLVMIsAConstantExpr": (c_void_p, [c_void_p]),
    "LLVMIsAInstruction": (c_void_p, [c_void_p]),
    "LLVMIsAAllocaInst": (c_void_p, [c_void_p]),
    "LLVMGetFirstUse": (c_void_p, [c_void_p]),
    "LLVMGetNextUse": (c_void_p, [c_void_p]),
    "LLVMGetUser": (c_void_p, [c_void_p]),
    "LLVMGetNamedFunction": (c_void_p, [c_void_p, c_char_p]),
    "LLVMHasPersonalityFn": (c_int, [c_void_p]),
    "LLVMGetPersonalityFn": (c_void_p, [c_void_p]),
}
_INDIRECT_BRANCH, _INVOKE, _CALL, _CALL_BRANCH, _STORE, _LOAD = 4, 5, 45, 67, 28, 27
_CODE_SECTIONS = re.compile(r"\.(text|init|fini|plt)([.$]|$)")
_SECTION_NAME = re.compile(r"[\w.$\-]+")
_FUNCTION_TYPE = 9
_TEXT_SECTION = re.compile(r"\.text([.$]|$)")
_SLEDS = ("patchable-function", "patchable-function-entry", "patchable-function-prefix",
          "fentry-call", "function-instrument", "xray-instruction-threshold",
          "instrument-function-entry", "instrument-function-entry-inlined",
          "instrument-function-exit", "instrument-function-exit-inlined")
_HEADER_WORDS = {"prefix": "prefix data", "prologue": "prologue data", "gc": "a gc strategy",
                 "partition": "a partition"}
_HEADER_METADATA = {"!kcfi_type": "kcfi data", "!func_sanitize": "prefix data of a sanitizer",
                    "!pcsections": "pc sections"}
_MODULE_METADATA = ("llvm.linker.options", "llvm.dependent-libraries", "llvm.commandline",
                    "llvm.embedded.objects", "llvm.offloading.symbols")
_STRING = re.compile(r'"[^"]*"')
_GLOBAL_NAME = re.compile(r'[@$]"([^"]*)"')
_CONSTANT = re.compile(r'\bc"[^"]*"')
_INJECTS = re.compile(r"\\(0[0-9A-F]|1[0-9A-F]|22|5C|7F)|\\\\")


def check(
    ir_text: str, function: str | None = None, toolchain: Toolchain | None = None
) -> str | None:
    """Why this IR is no lift, None if it is clean. `function` must then be defined in it.

    Text that LLVM does not parse is refused as well, with LLVM's message.
    """
    toolchain = toolchain or find_toolchain()
    library = load_library(toolchain.library)
    try:
        with Module(library, ir_text.encode()) as module:
            return next(_Judge(toolchain, module).complaints(function), None)
    except InvalidIR as error:
        return error.message


class _Judge:
    def __init__(self, toolchain: Toolchain, module: Module) -> None:
        self._library = load_library(toolchain.library)
        self._dll = declared(toolchain, _FUNCTIONS)
        self._module = module

    def complaints(self, function: str | None) -> Iterator[str]:
        yield from self._module_asm()
        yield from self._printed()
        for body in self._module.functions():
            yield from self._function(body)
        for variable in self._module.globals():
            yield from self._variable(variable)
        yield from self._aliases()
        yield from self._defined(function)

    def _module_asm(self) -> Iterator[str]:
        length = c_size_t()
        self._dll.LLVMGetModuleInlineAsm(self._module.handle, ctypes.byref(length))
        if length.value:
            yield "module asm"

    # --- what LLVM prints ---

    def _printed(self) -> Iterator[str]:
        """LLVM copies section names and more into the assembly as they are, line breaks and all."""
        for line in self._module.text().splitlines():
            for string in _STRING.findall(_CONSTANT.sub("", line)):
                if _INJECTS.search(string):
                    yield f"assembly could hide in the string {string}"
            for match in _GLOBAL_NAME.finditer(line):
                if ";" in match[1] or "#" in match[1]:
                    yield f"assembly could hide in the name {match[1]}"
            if line.startswith("define"):
                yield from _header(line)
            elif line.startswith("attributes"):
                yield from (f"the attribute {name}" for name in _SLEDS if f'"{name}"' in line)
            elif line.startswith(tuple(f"!{name} " for name in _MODULE_METADATA)):
                yield f"metadata {line.split()[0]}"

    # --- functions ---

    def _function(self, function: int) -> Iterator[str]:
        name, library = self._module.name_of(function), self._library
        naked = library.LLVMGetEnumAttributeKindForName(b"naked", 5)
        if library.LLVMGetEnumAttributeAtIndex(function, 0xFFFFFFFF, naked):
            yield f"{name} is a naked function"
        if self._dll.LLVMHasPersonalityFn(function):
            if not self._dll.LLVMIsAFunction(self._dll.LLVMGetPersonalityFn(function)):
                yield f"the personality of {name} is no function"
        section = _section(library, function)
        if section and not (_TEXT_SECTION.match(section) and _SECTION_NAME.fullmatch(section)):
            yield f"{name} is a function in section {section!r}"
        for instruction in instructions(library, function):
            yield from self._instruction(name, instruction)

    def _instruction(self, name: str, instruction: int) -> Iterator[str]:
        opcode = self._dll.LLVMGetInstructionOpcode(instruction)
        if opcode == _CALL_BRANCH:
            yield f"{name} has a callbr"
        elif opcode in (_CALL, _INVOKE):
            called = self._dll.LLVMGetCalledValue(instruction)
            if self._dll.LLVMIsAInlineAsm(called):
                yield f"{name} has inline asm"
            else:
                yield from self._goes_to(name, called, "calls")
        elif opcode == _INDIRECT_BRANCH:
            target = self._dll.LLVMGetOperand(instruction, 0)
            yield from self._goes_to(name, target, "branches into")

    def _goes_to(self, name: str, target: int, verb: str) -> Iterator[str]:
        """The places that a call or branch may lead to, as far as they can be followed."""
        dll, seen, waiting = self._dll, set(), [target]
        while waiting:
            value = waiting.pop()
            if not value or value in seen:
                continue
            seen.add(value)
            if dll.LLVMIsAGlobalVariable(value):
                yield f"{name} {verb} the data {self._module.name_of(value)}"
            elif dll.LLVMIsABlockAddress(value) and verb == "calls":
                yield f"{name} calls a block address"
            else:
                waiting += self._sources(value)

    def _sources(self, value: int) -> Iterator[int]:
        """Where a value comes from: operands, and what was stored into a local variable."""
        dll = self._dll
        if dll.LLVMIsAGlobalAlias(value):
            yield dll.LLVMAliasGetAliasee(value)
        elif dll.LLVMIsAConstantExpr(value):
            yield from self._operands(value)
        elif dll.LLVMIsAInstruction(value):
            opcode = dll.LLVMGetInstructionOpcode(value)
            if opcode == _LOAD:
                yield from self._stored(dll.LLVMGetOperand(value, 0))
            elif opcode not in (_CALL, _INVOKE):
                yield from self._operands(value)

    def _operands(self, value: int) -> Iterator[int]:
        for index in range(self._dll.LLVMGetNumOperands(value)):
            yield self._dll.LLVMGetOperand(value, index)

    def _stored(self, pointer: int) -> Iterator[int]:
        dll = self._dll
        use = dll.LLVMGetFirstUse(pointer) if dll.LLVMIsAAllocaInst(pointer) else None
        while use:
            user = dll.LLVMGetUser(use)
            if dll.LLVMGetInstructionOpcode(user) == _STORE:
                yield dll.LLVMGetOperand(user, 0)
            use = dll.LLVMGetNextUse(use)

    # --- data ---

    def _variable(self, variable: int) -> Iterator[str]:
        name, section = self._module.name_of(variable), _section(self._library, variable)
        if section and not _SECTION_NAME.fullmatch(section):
            yield f"assembly could hide in the section {section!r}"
        elif _CODE_SECTIONS.match(section):
            yield f"{name} is data in section {section!r}"
        if name in ("llvm.global_ctors", "llvm.global_dtors"):
            yield from self._constructors(name, variable)

    def _constructors(self, name: str, variable: int) -> Iterator[str]:
        table = self._library.LLVMGetInitializer(variable)
        for entry in self._operands(table) if table else ():
            if not self._dll.LLVMIsAFunction(self._dll.LLVMGetOperand(entry, 1)):
                yield f"{name} names something that is no function"

    def _aliases(self) -> Iterator[str]:
        dll, handle = self._dll, self._module.handle
        if dll.LLVMGetFirstGlobalIFunc(handle):
            yield "an ifunc"
        alias = dll.LLVMGetFirstGlobalAlias(handle)
        while alias:
            target = dll.LLVMAliasGetAliasee(alias)
            type_ = self._library.LLVMGlobalGetValueType(alias)
            is_code = self._library.LLVMGetTypeKind(type_) == _FUNCTION_TYPE
            fits = dll.LLVMIsAFunction(target) if is_code else dll.LLVMIsAGlobalVariable(target)
            if not fits:
                yield f"{self._module.name_of(alias)} is an alias of something else than it says"
            alias = dll.LLVMGetNextGlobalAlias(alias)

    def _defined(self, name: str | None) -> Iterator[str]:
        if name is None:
            return
        function = self._dll.LLVMGetNamedFunction(self._module.handle, name.encode())
        if not function or not self._module.defines(function):
            yield f"{name} is not a function that the module defines"


def _section(library, value: int) -> str:
    return (library.LLVMGetSection(value) or b"").decode("utf-8", "replace")


def _header(line: str) -> Iterator[str]:
    """The words after a function's parameters, without names and strings."""
    words = re.findall(r"(?<![%@#$!.\w\"])[a-z_]+(?![\w\"])|![a-z_]+", _STRING.sub('""', line))
    table = _HEADER_WORDS | _HEADER_METADATA
    yield from (table[word] for word in words if word in table)
