"""The text of `opt -passes=`, parsed into an immutable tree and printed back.

The grammar is the one of LLVM's `PassBuilder::parsePipelineText`: elements separated by commas,
each a name with an optional `<parameter;parameter>` and an optional `(nested,elements)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ozma.errors import OzmaError

MAX_DEPTH = 40
"""LLVM's own pipelines nest 5 deep; the limit turns hostile text into an error, not a crash."""

_ELEMENT = re.compile(r"[^,()]*")
_NAME = re.compile(r"[^\s,()<>;]+")


class PipelineSyntaxError(OzmaError):
    """The text is no pipeline. `position` is the offset of the fault in `text`."""

    def __init__(self, fault: str, text: str, position: int) -> None:
        before, after = text[max(0, position - 20) : position], text[position : position + 20]
        super().__init__(f"pass list: {fault} at position {position} (…{before}▸{after}…)")
        self.position = position


@dataclass(frozen=True, slots=True)
class Pass:
    """One element: a pass (`children` is None) or an adaptor such as `function(...)` (a tuple).

    `params` are the parts between `<` and `>`, in the order written; `gvn<>` equals `gvn`.
    """

    name: str
    params: tuple[str, ...] = ()
    children: tuple[Pass, ...] | None = None

    def __post_init__(self) -> None:
        if self.children == ():
            raise ValueError(f"children of '{self.name}' are empty: an adaptor needs a pass in it")

    @property
    def is_leaf(self) -> bool:
        return self.children is None

    @property
    def head(self) -> str:
        """Name and parameters without the children."""
        return f"{self.name}<{';'.join(self.params)}>" if self.params else self.name

    def __str__(self) -> str:
        if self.children is None:
            return self.head
        return f"{self.head}({','.join(map(str, self.children))})"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole pass list, never empty (LLVM refuses empty text; `no-op-module` does nothing).

    `str(pipeline)` is text for `opt -passes=`; `len(pipeline)` counts passes, not adaptors.
    """

    passes: tuple[Pass, ...]

    def __post_init__(self) -> None:
        if not self.passes:
            raise ValueError("passes is empty: use 'no-op-module' for a list that does nothing")

    def __str__(self) -> str:
        return ",".join(map(str, self.passes))

    def __len__(self) -> int:
        return sum(1 for _ in leaves(self))


def leaves(node: Pipeline | Pass) -> Iterator[Pass]:
    """Passes in the order in which they stand, adaptors left out."""
    if isinstance(node, Pass) and node.children is None:
        yield node
        return
    for child in node.passes if isinstance(node, Pipeline) else node.children:
        yield from leaves(child)


def parse(text: str) -> Pipeline:
    """The tree of `text`; PipelineSyntaxError says where LLVM would stop."""
    passes, position = _sequence(text, 0, 0)
    if position != len(text):
        raise PipelineSyntaxError("unbalanced ')'", text, position)
    return Pipeline(passes)


def _sequence(text: str, position: int, depth: int) -> tuple[tuple[Pass, ...], int]:
    if depth > MAX_DEPTH:
        raise PipelineSyntaxError(f"nested deeper than {MAX_DEPTH}", text, position)
    passes = []
    while True:
        element, position = _element(text, position, depth)
        passes.append(element)
        if text[position : position + 1] != ",":
            return tuple(passes), position
        position += 1


def _element(text: str, position: int, depth: int) -> tuple[Pass, int]:
    end = _ELEMENT.match(text, position).end()
    name, params = _head(text, position, end)
    if text[end : end + 1] != "(":
        return Pass(name, params), end
    children, position = _sequence(text, end + 1, depth + 1)
    if text[position : position + 1] != ")":
        raise PipelineSyntaxError("missing ')'", text, position)
    if text[position + 1 : position + 2] not in ("", ",", ")"):
        raise PipelineSyntaxError("expected ',' or ')'", text, position + 1)
    return Pass(name, params, children), position + 1


def _head(text: str, start: int, end: int) -> tuple[str, tuple[str, ...]]:
    """Name and parameters of the element text[start:end], which holds no ',', '(' or ')'."""
    name = _NAME.match(text, start, end)
    if not name:
        raise PipelineSyntaxError("expected a pass name", text, start)
    groups = _bracket_groups(text, name.end(), end)
    if not groups:
        return name.group(), ()
    # `print<da><normalized-results>`: LLVM names the pass `print<da>`, only the last group varies.
    opening = groups[-1]
    params = (part for part in text[opening + 1 : end - 1].split(";") if part)
    return text[start:opening], tuple(params)


def _bracket_groups(text: str, start: int, end: int) -> list[int]:
    """Offsets of the outermost '<', which must follow each other without a gap up to `end`."""
    openings, depth = [], 0
    for position in range(start, end):
        character = text[position]
        if depth == 0 and character != "<":
            raise PipelineSyntaxError("expected ',', '(' or '<'", text, position)
        if character.isspace():
            raise PipelineSyntaxError("space in a parameter", text, position)
        if character == "<":
            openings += [position] if depth == 0 else []
            depth += 1
        elif character == ">":
            depth -= 1
    if depth:
        raise PipelineSyntaxError("missing '>'", text, end)
    return openings
