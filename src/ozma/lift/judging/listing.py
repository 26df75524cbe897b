"""The assembly of an object file: what directives said is gone, so only instructions are compared,
and an answer that has the same ones must give the same object in the end."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ozma.errors import OzmaError
from ozma.lift.asm.object_text import object_text
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Candidate

_DATA = re.compile(r"\.L(?!BB)[\w.$]+")
_PREFIXES = ("data16", "rex64")


class ListingReference(Reference):
    """Compares instructions only: directives, `@PLT` and names of local data are left out."""

    def kept(self, line: str) -> str:
        """The line as it is compared, "" for one that is not."""
        if line.startswith("\t.") or line.strip() in _PREFIXES:
            return ""
        if line.startswith(".L") and not line.startswith(".LBB"):
            return ""
        return _DATA.sub(".L", line.replace("@PLT", ""))


def gives_same_object(compiler: Compiler, reference: Reference, candidate: Candidate) -> bool:
    """Does the candidate's object, read back as text, equal the text behind `reference`?"""
    made = compiler.compile(candidate.ir, candidate.passes, candidate.codegen, want=("object",))
    if not made.object:
        return False
    try:
        text, _ = object_text(compiler.toolchain, made.object)
    except OzmaError:
        return False
    return _without_alignment(reference.normalized(text)) == _without_alignment(reference.lines)


def _without_alignment(lines: Sequence[str]) -> list[str]:
    """The lines without what an object does not keep for one function."""
    return [line for line in lines if not line.startswith(("\t.size", "\t.p2align"))]
