"""A module in a fifth of its tokens: opcodes and types in order, without operands.

Of each instruction its opcode and what says most of the rest: the type, a comparison's predicate,
the intrinsic that a call names, two or one target of a branch. A block begins with a line `:`.
Nothing can be restored; it is read to choose a list, which operands say little about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE = re.compile(
    r"  (?:%[^ ]+ = )?(?:(?:tail|musttail|notail) )?([a-z_]+)"
    r"(?: (?:nuw|nsw|exact|disjoint|inbounds|samesign|nneg|fast|volatile|atomic))*(?: ([^ ,(]+))?"
)
_LABEL = re.compile(r"\d+:|[-\w.$]+:|\"[^\"]*\":")
_INTRINSIC = re.compile(r"@(llvm\.[a-z]+[\w.]*?)(?:\.p\d+|\.[ifv]\d+)*\(")
_PREDICATE = re.compile(r" [if]cmp (?:samesign |fast |nnan |ninf |nsz )*(\w+) ")
_NO_TYPE = frozenset(("switch", "unreachable", "resume", "fence", "landingpad"))


def sketch(text: str) -> str:
    """The sketch of a module as LLVM prints it, functions alone; "" without one."""
    return "".join(f"{line}\n" for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if line.startswith("define "):
            inside = True
            yield "define"
        elif line == "}":
            inside = False
        elif inside and (found := _LINE.match(line)):
            yield _instruction(line, found[1], found[2] or "")
        elif inside and _LABEL.match(line):
            yield ":"


def _instruction(line: str, opcode: str, kind: str) -> str:
    if opcode == "br":
        return "br" if kind == "i1" else "br label"
    if opcode in ("call", "invoke"):
        found = _INTRINSIC.search(line)
        return f"{opcode} {found[1] if found else kind}".rstrip()
    if opcode in ("icmp", "fcmp"):
        found = _PREDICATE.search(line)
        return f"{opcode} {found[1] if found else kind}"
    return opcode if opcode in _NO_TYPE else f"{opcode} {kind}".rstrip()
