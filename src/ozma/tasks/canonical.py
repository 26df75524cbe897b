"""The short form of IR that our model reads and writes: what LLVM and the module imply is left out.

    target x86_64 pie          machine and relocation; the rest of the setting is given apart
    %T0 = { i32, ptr }         types, variables, and declarations that calls do not imply
    define i32 @f(ptr %0) {    parameters noundef, attributes as differences, natural alignment
"""

from __future__ import annotations

import re

from ozma.tasks.calls import Call, read_call
from ozma.tasks.head_line import read_head
from ozma.tasks.form import Form
from ozma.tasks.heads import WHOLE
from ozma.tasks.normal import Normal, normalize

UNTYPED = "untyped"
"""In the header: loads and stores carry no access type unless marked."""
_DIRECT = re.compile(r"(?:%\d+ = )?(?:(?:tail|musttail|notail) )?(?:call|invoke) .*?@(?!llvm\.)")
_MEMORY = re.compile(r"(?:%\d+ = load|store) ")


def shorten(text: str) -> str:
    """The short form of a module as LLVM prints it; `restore` gives the module back.

    Left out for good: names of values, types and private symbols, debug information, alias scopes,
    paths of access types (the type that is read or written stays), source file name, ident.
    Raises NotShortened for what the short form cannot hold.
    """
    return short_lines(normalize(text))


def short_lines(normal: Normal) -> str:
    """The short form of a module that was read before."""
    typed = _is_typed(normal)
    form = Form(normal.setting, normal.types, typed)
    defines = [read_head(lines[0]) for lines in normal.functions]
    form.heads.begin(head for head in defines if head)
    lines = [normal.setting.header + ("" if typed else f" {UNTYPED}")]
    lines += [f"{name} = type {definition}" for name, definition in normal.types.items()]
    lines += normal.comdats
    lines += map(form.memory.short_symbol, normal.symbols)
    lines += _declares(form, normal)
    for head, body in zip(defines, normal.functions, strict=True):
        form.enter(head)
        lines.append(form.heads.short_define(head) if head else WHOLE + body[0])
        lines += map(form.short, body[1:])
    return "\n".join(lines) + "\n"


def _is_typed(normal: Normal) -> bool:
    lines = [line for body in normal.functions for line in body if _MEMORY.match(line)]
    return 2 * sum("!tbaa" in line for line in lines) >= len(lines)


def _declares(form: Form, normal: Normal) -> list[str]:
    first = _first_calls(normal)
    lines = []
    for line in normal.declares:
        head = read_head(line)
        if head is None:
            lines.append(WHOLE + line)
        elif not head.symbol.startswith("@llvm."):
            lines.append(form.heads.short_declare(head, first.get(head.symbol)))
    return [line for line in lines if line]


def _first_calls(normal: Normal) -> dict[str, Call]:
    """The first direct call of each symbol, in the order of the text."""
    first: dict[str, Call] = {}
    for body in normal.functions:
        for line in body:
            call = read_call(line) if _DIRECT.match(line) else None
            if call and call.is_direct:
                first.setdefault(call.callee, call)
    return first
