"""What a function takes and returns, in the words of LLVM-IR.

A type may be followed by what the ABI needs to know of it: `i8 zeroext`, `i1 signext`,
`ptr sret`, `ptr byval(24)` (bytes; a second number is the alignment).
"""

from __future__ import annotations

import re
from ctypes import c_void_p
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterable, Mapping

if TYPE_CHECKING:
    from ozma.llvm import Toolchain
    from ozma.llvm.interface import Function, Type

_WORD = re.compile(
    r"void|i\d+|half|float|double|x86_fp80|fp128|ptr"
    r"|<\s*\d+\s+x\s+[\w.]+\s*>|\[\s*\d+\s+x\s+[\w.]+\s*\]|<?\{[^{}]*\}>?"
)
_ATTRIBUTES = re.compile(r"(\s+(zeroext|signext|sret|byval\(\d+(, *\d+)?\)|nest))*")
_MEANINGFUL = ("zeroext", "signext", "sret", "nest")


@dataclass(frozen=True)
class Signature:
    """Parameter types in order, result type, whether more arguments may follow, and whether the
    function ever comes back."""

    parameters: tuple[str, ...] = ()
    result: str = "void"
    variadic: bool = False
    returns: bool = True

    def __post_init__(self) -> None:
        for field, text in [("result", self.result), *(("parameters", p) for p in self.parameters)]:
            found = _WORD.match(text)
            if not found or not _ATTRIBUTES.fullmatch(text[found.end() :]):
                raise ValueError(f"{field}: '{text}' is not a type; write one as LLVM-IR does: i32")
        if "void" in self.parameters:
            raise ValueError("parameters: a parameter cannot be void; leave it out")

    def __str__(self) -> str:
        parameters = ", ".join((*self.parameters, *(("...",) if self.variadic else ())))
        return f"{self.result} ({parameters})"


Callees = Mapping[str, Signature]
"""Signatures of the functions that a function calls, by symbol."""


def signature_of(function: Function) -> Signature:
    """The signature of a function that LLVM has read. ValueError for types beyond the tables."""
    parameters = []
    for parameter in function.parameters:
        words = [_type_text(parameter.type), *_kept(parameter.attributes)]
        if parameter.copied:
            words.append(f"byval({parameter.copied}, {parameter.alignment})")
        parameters.append(" ".join(words))
    result = " ".join([_type_text(function.result), *_kept(function.result_attributes)])
    return Signature(tuple(parameters), result, function.variadic, not function.never_returns)


def read_signatures(toolchain: Toolchain, ir: str | bytes) -> dict[str, Signature]:
    """Signatures of all functions of a module, declared ones included; "" is what all calls
    through pointers have in common. Those with types beyond the ABI tables are left out.
    InvalidIR if LLVM does not take the text."""
    from ozma.llvm.signatures import read_interface

    source = ir.encode() if isinstance(ir, str) else ir
    found = {}
    for function in read_interface(toolchain, source).functions:
        try:
            found[function.name] = signature_of(function)
        except ValueError:
            continue
    through_pointers = _indirect(toolchain, source)
    return found | ({"": through_pointers} if through_pointers else {})


def common_signature(signatures: Iterable[Signature]) -> Signature | None:
    """The parameters that all begin with, and the result that all have; None of none."""
    every = list(signatures)
    if not every:
        return None
    shared = []
    for types in zip(*(signature.parameters for signature in every)):
        if len(set(types)) > 1:
            break
        shared.append(types[0])
    results = {signature.result for signature in every}
    return Signature(tuple(shared), results.pop() if len(results) == 1 else "i64")


def _indirect(toolchain: Toolchain, source: bytes) -> Signature | None:
    from ozma.llvm.capi import load_library
    from ozma.llvm.module import Module
    from ozma.llvm.walk import declared, instructions

    library, dll = load_library(toolchain.library), declared(toolchain, _CALL_FUNCTIONS)
    found = []
    with Module(library, source) as module:
        for function in module.functions():
            for instruction in instructions(library, function):
                if dll.LLVMGetInstructionOpcode(instruction) not in _CALLS:
                    continue
                called = dll.LLVMGetCalledValue(instruction)
                if not dll.LLVMIsAFunction(called) and not dll.LLVMIsAInlineAsm(called):
                    found.append(dll.LLVMGetCalledFunctionType(instruction))
        texts = {library.take_text(library.LLVMPrintTypeToString(handle)) for handle in found}
    return common_signature(filter(None, map(_parsed, sorted(texts))))


_CALLS = (5, 45)  # invoke, call
_CALL_FUNCTIONS = {
    "LLVMGetCalledFunctionType": (c_void_p, [c_void_p]),
    "LLVMIsAInlineAsm": (c_void_p, [c_void_p]),
}
_FUNCTION_TYPE = re.compile(r"(?P<result>.*\S) \((?P<parameters>.*)\)")


def _parsed(text: str) -> Signature | None:
    """`i32 (ptr, i64, ...)` as a signature; None for types beyond the ABI tables."""
    match = _FUNCTION_TYPE.fullmatch(text)
    parts = re.findall(r"<?\{[^{}]*\}>?|[^,{}]+", match["parameters"]) if match else []
    names = [part.strip() for part in parts if part.strip()]
    try:
        return Signature(tuple(n for n in names if n != "..."), match["result"], "..." in names)
    except (ValueError, TypeError):
        return None


def _kept(attributes: frozenset[str]) -> list[str]:
    return [name for name in _MEANINGFUL if name in attributes]


def _type_text(type_: Type) -> str:
    if type_.kind == "int":
        return f"i{type_.bits}"
    if type_.kind == "struct" and not type_.text.startswith(("{", "<{")):
        return "{ " + ", ".join(_type_text(element) for element in type_.elements) + " }"
    return {"pointer": "ptr"}.get(type_.kind, type_.text)
