"""Answers: rendered for training, and read from whatever a model says.

A flag answer starts with the list, so that everything between the question and the list is the
same in all answers: candidate lists can be scored as continuations of one prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ozma.errors import OzmaError
from ozma.passes import Catalogue, DenyKind, PipelineSyntaxError, denied, explicit, leaves, parse
from ozma.tasks.prompts import CLOSE, OPEN

LIST_OPEN, LIST_CLOSE = " opt -p '", "'"
"""What stands around the list in a flag answer; a prompt and LIST_OPEN are followed by the list."""


class Fault(Enum):
    """Why an answer cannot be used."""

    EMPTY = "the answer is empty"
    NO_LIST = "no pass list"
    BAD_LIST = "the pass list is not well formed"
    WRONG_PASS = "a pass is unknown or misplaced"
    DENIED_PASS = "a pass is denied"
    NO_CODE = "no code"


@dataclass(frozen=True)
class Facts:
    """IR instructions and bytes of a module; None where nothing was said."""

    instructions: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class FlagAnswer:
    """`passes` is text for `opt -passes=` with every adaptor written down, None with a `fault`."""

    passes: str | None
    fault: Fault | None = None
    detail: str = ""
    before: Facts = Facts()
    after: Facts = Facts()
    code: str | None = None


@dataclass(frozen=True)
class CodeAnswer:
    """IR or assembly. Not `complete`: the closing tag is missing, so the end may be too."""

    code: str | None
    fault: Fault | None = None
    complete: bool = False
    before: Facts = Facts()
    after: Facts = Facts()


def flags_answer(passes: str, before: Facts, after: Facts, code: str | None = None) -> str:
    """Answer to `flags_prompt`: list, sizes, and the optimized code if given."""
    return f"{LIST_OPEN}{passes}{LIST_CLOSE}{flags_rest(before, after, code)}"


def flags_rest(before: Facts, after: Facts, code: str | None = None) -> str:
    """What follows the list."""
    rest = f"\n\n{_sentence('input', before)} {_sentence('output', after)}"
    return rest if code is None else f"{rest}\n\n{OPEN}{code}{CLOSE}"


def code_answer(code: str, after: Facts | None = None) -> str:
    """Answer to `emulation_prompt` (with the facts of the result) and `disassembly_prompt`."""
    rest = "" if after is None else f"\n\n{_sentence('output', after)}"
    return f" {OPEN}{code}{CLOSE}{rest}"


def _sentence(side: str, facts: Facts) -> str:
    return (
        f"The {side} code has instruction count {facts.instructions}"
        f" and binary size {facts.size} bytes."
    )


_QUOTES = "'\"`\u2018\u2019\u201c\u201d"
_CODE = re.compile(rf"{OPEN}\n?(.*?)(?:({CLOSE})|\Z)", re.DOTALL)
_FENCE = re.compile(r"```[\w+-]*\n(.*?)(?:(```)|\Z)", re.DOTALL)
_LIST = re.compile(rf"-p(?:asses)?\s*[= ]\s*(?:[{_QUOTES}]([^{_QUOTES}\n]*)|([^\s{_QUOTES}]+))")
_QUOTED = re.compile(rf"[{_QUOTES}]([^{_QUOTES}\n]+)[{_QUOTES}]")
_FACT = re.compile(
    r"\b(?P<before>input|before|original|unoptimized)\b|\b(?P<after>output|after|optimi[sz]ed)\b"
    r"|instruction count\D{0,4}(?P<instructions>\d{1,12})|\bsize\D{0,6}(?P<size>\d{1,12})",
    re.IGNORECASE,
)


def parse_flags_answer(text: str, catalogue: Catalogue) -> FlagAnswer:
    """Reads a flag answer of any model; what cannot be used is a `fault`, never an exception."""
    prose, code, _ = _split_code(text)
    before, after = _facts(prose)
    passes, fault, detail = _first_list(prose, catalogue)
    return FlagAnswer(passes, fault, detail, before, after, code)


def parse_code_answer(text: str) -> CodeAnswer:
    """Reads an emulation or disassembly answer of any model."""
    prose, code, complete = _split_code(text)
    before, after = _facts(prose)
    if code is None or not code.strip():
        fault = Fault.NO_CODE if text.strip() else Fault.EMPTY
        return CodeAnswer(None, fault, before=before, after=after)
    return CodeAnswer(code, None, complete, before, after)


def _split_code(text: str) -> tuple[str, str | None, bool]:
    """(text without its code, the code, whether its end is marked)."""
    found = _CODE.search(text) or _FENCE.search(text)
    if not found:
        return text, None, False
    return text[: found.start()] + text[found.end() :], found[1], found[2] is not None


def _facts(prose: str) -> tuple[Facts, Facts]:
    """Sizes before and after: by the words around them, else in this order."""
    sides: tuple[dict[str, int], dict[str, int]] = ({}, {})
    side: int | None = None
    for found in _FACT.finditer(prose):
        kind = found.lastgroup
        if kind in ("before", "after"):
            side = int(kind == "after")
            continue
        place = side if side is not None else int(kind in sides[0])
        sides[place].setdefault(kind, int(found[kind]))
    return Facts(**sides[0]), Facts(**sides[1])


def _first_list(prose: str, catalogue: Catalogue) -> tuple[str | None, Fault | None, str]:
    """The list that is named as such; else the first quoted text that is a list."""
    named = _LIST.search(prose)
    if named:
        return check_list(named[1] if named[1] is not None else named[2], catalogue)
    for quoted in _QUOTED.finditer(prose):
        checked = check_list(quoted[1], catalogue)
        if checked[0]:
            return checked
    return None, Fault.NO_LIST if prose.strip() else Fault.EMPTY, ""


def check_list(text: str, catalogue: Catalogue) -> tuple[str | None, Fault | None, str]:
    """(the list as `opt` takes it, None, "") or (None, why it cannot be used, details)."""
    try:
        pipeline = explicit(parse("".join(text.split())), catalogue)
    except PipelineSyntaxError as error:
        return None, Fault.BAD_LIST, error.message
    except OzmaError as error:
        return None, Fault.WRONG_PASS, error.message
    for item in leaves(pipeline):
        row = denied(item.name, item.params, catalogue.major)
        if row and row.kind is DenyKind.UNSAFE:  # others cost a compile; clang's own list has some
            return None, Fault.DENIED_PASS, f"{item.head}: {row.reason}"
    return str(pipeline), None, ""
