"""A module made for another machine, or for another level than the one its front end ran at.

An approximation, and labelled so wherever it is used: what the front end decides by machine stays
as it was (how structs are passed, the layout of `va_list`, whether `char` is signed, `signext` on
arguments, `#ifdef __x86_64__`). The honest way is another run of the front end.
"""

from __future__ import annotations

import re
from ctypes import CDLL, c_char_p, c_uint, c_void_p
from dataclasses import dataclass
from functools import cache

from ozma.errors import OzmaError
from ozma.llvm.capi import Library, load_library
from ozma.llvm.module import FUNCTION_INDEX, InvalidIR, Module
from ozma.llvm.pipelines import ask
from ozma.llvm.target import Target
from ozma.llvm.toolchain import Toolchain
from ozma.llvm.walk import declared, instructions

_MACHINE_ATTRIBUTES = ("target-cpu", "target-features", "tune-cpu")
_SIZE_ATTRIBUTES = ("minsize", "optsize")
_BOUND = re.compile(
    r'\b(x86_fp80|x86_mmx|x86_amx|ppc_fp128)\b|@llvm\.(x86|aarch64|arm|riscv)\.'
    r'|\b(asm) (?:sideeffect |alignstack |inteldialect |unwind )*"'
)

_FUNCTIONS: dict[str, tuple] = {
    "LLVMSetTarget": (None, [c_void_p, c_char_p]),
    "LLVMSetDataLayout": (None, [c_void_p, c_char_p]),
    "LLVMRemoveEnumAttributeAtIndex": (None, [c_void_p, c_uint, c_uint]),
    "LLVMRemoveCallSiteEnumAttribute": (None, [c_void_p, c_uint, c_uint]),
    "LLVMIsAInvokeInst": (c_void_p, [c_void_p]),
    "LLVMRemoveStringAttributeAtIndex": (None, [c_void_p, c_uint, c_char_p, c_uint]),
    "LLVMCreateStringAttribute": (c_void_p, [c_void_p, c_char_p, c_uint, c_char_p, c_uint]),
}


@dataclass(frozen=True)
class Machine:
    """What clang writes into IR for one machine; `attributes` are those of every function."""

    triple: str
    layout: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rewrite:
    """`machine` replaces the module's own; without `size_attributes` no function asks for small
    code any more, as is the case at -O0 to -O3."""

    machine: Machine | None = None
    size_attributes: bool = True


@cache
def machine_of(toolchain: Toolchain, target: Target) -> Machine:
    """What clang itself writes into the IR of an empty function for `target`."""
    words = [*target.clang_args, "-Oz", "-S", "-emit-llvm", "-x", "c", "-", "-o", "-"]
    text = ask([str(toolchain.tool("clang")), *words], "void f(void) {}\n")
    attributes = dict(re.findall(r'"([^"]+)"="([^"]*)"', text))
    found = tuple((n, attributes[n]) for n in _MACHINE_ATTRIBUTES if n in attributes)
    return Machine(_quoted(text, "target triple"), _quoted(text, "target datalayout"), found)


def _quoted(text: str, name: str) -> str:
    match = re.search(rf'^{name} = "([^"]*)"', text, re.MULTILINE)
    if not match:
        raise OzmaError(f"clang wrote no {name} into its IR")
    return match.group(1)


def rewrite_module(toolchain: Toolchain, bitcode: bytes, change: Rewrite) -> bytes:
    """The changed module's bitcode; InvalidIR when it holds what only its own machine has."""
    library, dll = load_library(toolchain.library), declared(toolchain, _FUNCTIONS)
    with Module(library, bitcode) as module:
        if change.machine and module.triple != change.machine.triple:
            _refuse_bound(module)
            _set_machine(dll, module, change.machine)
        if not change.size_attributes:
            _remove_size_attributes(library, dll, module)
        module.verify()
        return module.bitcode()


def _refuse_bound(module: Module) -> None:
    match = _BOUND.search(module.text())
    if match:
        what = next(group for group in match.groups() if group)
        raise InvalidIR(f"bound to its own machine: {what}")


def _set_machine(dll: CDLL, module: Module, machine: Machine) -> None:
    dll.LLVMSetTarget(module.handle, machine.triple.encode())
    dll.LLVMSetDataLayout(module.handle, machine.layout.encode())
    for function in module.functions():
        for name in _MACHINE_ATTRIBUTES:
            dll.LLVMRemoveStringAttributeAtIndex(
                function, FUNCTION_INDEX, name.encode(), len(name)
            )
        for name, value in machine.attributes:
            attribute = dll.LLVMCreateStringAttribute(
                module.context, name.encode(), len(name), value.encode(), len(value)
            )
            dll.LLVMAddAttributeAtIndex(function, FUNCTION_INDEX, attribute)


def _remove_size_attributes(library: Library, dll: CDLL, module: Module) -> None:
    """From functions, and from calls, which carry them too."""
    kinds = [library.LLVMGetEnumAttributeKindForName(n.encode(), len(n)) for n in _SIZE_ATTRIBUTES]
    for function in module.functions():
        for kind in kinds:
            dll.LLVMRemoveEnumAttributeAtIndex(function, FUNCTION_INDEX, kind)
        for call in instructions(library, function):
            if dll.LLVMIsACallInst(call) or dll.LLVMIsAInvokeInst(call):
                for kind in kinds:
                    dll.LLVMRemoveCallSiteEnumAttribute(call, FUNCTION_INDEX, kind)
