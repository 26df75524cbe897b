"""Other ways to write one IR instruction: operands swapped, flags, volatile, equal arithmetic.

Each takes the instruction's text and yields others. All keep its result's name and type, so that
no other line changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_FLAGS = "nuw nsw exact disjoint nneg samesign inbounds nusw"
FLAG = re.compile(rf" (?:{_FLAGS.replace(' ', '|')})\b")
"""Words that make IR less defined than the machine code: wrong ones give poison."""

_TYPE = r"(?:<[^>]*>|\[[^\]]*\]|\S+)"
_FAST = "fast|nnan|ninf|nsz|arcp|contract|afn|reassoc"
_OPCODES = "f?add|f?sub|f?mul|[uf]?div|sdiv|[suf]rem|and|or|xor|shl|[al]shr"
_BINARY = re.compile(
    rf"(\s*%\S+ = )({_OPCODES})((?: (?:nuw|nsw|exact|disjoint|{_FAST})\b)*) ({_TYPE}) (.*)"
)
_COMPARE = re.compile(rf"(\s*%\S+ = [if]cmp(?: samesign)?) (\w+) ({_TYPE}) (.*)")
_SELECT = re.compile(r"(\s*%\S+ = select i1) (%\S+), (.*)")
_CAST = re.compile(rf"(\s*%\S+ = )(zext|sext)(?: nneg)? ({_TYPE} .*)")
_ACCESS = re.compile(r"(\s*(?:%\S+ = )?(?:load|store)) (volatile )?((?!atomic).*)")
_CALL = re.compile(r"(\s*(?:%\S+ = )?)((?:tail |notail )?)(call .*)", re.DOTALL)
_GEP_FLAGS = re.compile(r"(\s*%\S+ = getelementptr )((?:(?:inbounds|nuw|nusw) )*)(.*)")
_COMMUTATIVE = frozenset("add mul and or xor fadd fmul".split())
_WRAPPING = frozenset("add sub mul shl".split())
_EXACT = frozenset("lshr ashr udiv sdiv".split())
_SWAPPED = {
    "eq": "eq", "ne": "ne", "ugt": "ult", "uge": "ule", "ult": "ugt", "ule": "uge",
    "sgt": "slt", "sge": "sle", "slt": "sgt", "sle": "sge", "oeq": "oeq", "one": "one",
    "ogt": "olt", "oge": "ole", "olt": "ogt", "ole": "oge", "ord": "ord", "uno": "uno",
    "ueq": "ueq", "une": "une",
}  # fmt: skip
_OPPOSITE = (
    ("eq", "ne"), ("ugt", "ule"), ("uge", "ult"), ("sgt", "sle"), ("sge", "slt"),
)  # fmt: skip
_FLOAT_OPPOSITE = (
    ("oeq", "une"), ("ogt", "ule"), ("oge", "ult"), ("olt", "uge"), ("ole", "ugt"),
    ("one", "ueq"), ("ord", "uno"),
)  # fmt: skip
_NEIGHBOUR = {
    "ult": ("ule", -1), "ule": ("ult", 1), "ugt": ("uge", 1), "uge": ("ugt", -1),
    "slt": ("sle", -1), "sle": ("slt", 1), "sgt": ("sge", 1), "sge": ("sgt", -1),
}  # fmt: skip


def split_operands(text: str) -> list[str]:
    """Splits at commas that stand in no bracket and no quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, mark in enumerate(text):
        if mark == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif mark in "([{<":
            depth += 1
        elif mark in ")]}>":
            depth -= 1
        elif mark == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def alternatives(line: str, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(kind, text) of every other way of these kinds that is known for this instruction."""
    for kind in kinds:
        for text in _REWRITES[kind](line):
            if text != line:
                yield kind, text


def commuted(line: str) -> Iterator[str]:
    """Operands the other way round; a compare with its predicate swapped."""
    if (match := _BINARY.fullmatch(line)) and match.group(2) in _COMMUTATIVE:
        head, opcode, flags, type_, rest = match.groups()
        yield f"{head}{opcode}{flags} {type_} {_exchanged(rest)}"
    elif (match := _COMPARE.fullmatch(line)) and match.group(2) in _SWAPPED:
        head, predicate, type_, rest = match.groups()
        yield f"{head} {_SWAPPED[predicate]} {type_} {_exchanged(rest)}"


def _exchanged(rest: str) -> str:
    first, second, *more = split_operands(rest)
    return ", ".join([second, first, *more])


def flagged(line: str) -> Iterator[str]:
    """With other poison flags."""
    if match := _BINARY.fullmatch(line):
        head, opcode, flags, type_, rest = match.groups()
        fast = "".join(f" {word}" for word in flags.split() if word in _FAST.split("|"))
        for choice in _flag_choices(opcode):
            yield f"{head}{opcode}{choice}{fast} {type_} {rest}"
    elif match := _GEP_FLAGS.fullmatch(line):
        yield from (f"{match.group(1)}{way}{match.group(3)}" for way in ("", "inbounds "))


def _flag_choices(opcode: str) -> tuple[str, ...]:
    if opcode in _WRAPPING:
        return ("", " nsw", " nuw", " nuw nsw")
    if opcode in _EXACT:
        return ("", " exact")
    return ("", " disjoint") if opcode == "or" else ()


def access(line: str) -> Iterator[str]:
    """A load or store that is volatile, or is not any more."""
    if match := _ACCESS.fullmatch(line):
        head, volatile, rest = match.groups()
        yield f"{head} {rest}" if volatile else f"{head} volatile {rest}"


def tail_marked(line: str) -> Iterator[str]:
    """A call that may, may not, or need not say whether it can be a tail call."""
    if match := _CALL.fullmatch(line):
        head, _, rest = match.groups()
        yield from (f"{head}{mark}{rest}" for mark in ("tail ", "", "notail "))


def select_inverted(line: str, compare: str) -> tuple[str, str] | None:
    """A select and the compare that it alone uses, both turned round."""
    match, other = _SELECT.fullmatch(line), inverted(compare)
    if not match or not other:
        return None
    head, condition, rest = match.groups()
    return f"{head} {condition}, {_exchanged(rest)}", other


def inverted(compare: str) -> str | None:
    """The compare with the opposite predicate."""
    match = _COMPARE.fullmatch(compare)
    if not match:
        return None
    head, predicate, type_, rest = match.groups()
    pairs = _FLOAT_OPPOSITE if "fcmp" in head else _OPPOSITE
    table = dict(pairs) | {other: one for one, other in pairs}
    return f"{head} {table[predicate]} {type_} {rest}" if predicate in table else None


def extended(line: str) -> Iterator[str]:
    """Zeros above for sign bits."""
    if match := _CAST.fullmatch(line):
        head, opcode, rest = match.groups()
        yield from (f"{head}{way} {rest}" for way in ("zext", "zext nneg", "sext"))


def equal_arithmetic(line: str) -> Iterator[str]:
    """The same number computed by another instruction."""
    yield from _rewritten(line, _equal_forms)
    if match := _COMPARE.fullmatch(line):
        yield from _neighbours(*match.groups())


def other_arithmetic(line: str) -> Iterator[str]:
    """Another instruction that gives the same number for some operands."""
    yield from _rewritten(line, _like_forms)


_Forms = Callable[[str, str, str], Iterator[tuple[str, tuple[str, str]]]]


def _rewritten(line: str, forms: _Forms) -> Iterator[str]:
    if match := _BINARY.fullmatch(line):
        head, opcode, _, type_, rest = match.groups()
        left, right, *more = split_operands(rest)
        for name, operands in forms(opcode, left, right):
            yield f"{head}{name} {type_} {', '.join([*operands, *more])}"


def _equal_forms(opcode: str, left: str, right: str) -> Iterator[tuple[str, tuple[str, str]]]:
    number = int(right) if re.fullmatch(r"-?\d+", right) else None
    if number is None:
        return
    if opcode in ("add", "sub"):
        yield "sub" if opcode == "add" else "add", (left, str(-number))
    elif opcode == "mul" and number > 0 and number & (number - 1) == 0:
        yield "shl", (left, str(number.bit_length() - 1))
    elif opcode == "shl" and 0 <= number < 62:
        yield "mul", (left, str(1 << number))
        if number == 1:
            yield "add", (left, left)


def _like_forms(opcode: str, left: str, right: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for one, others in (
        ("or", "add xor"),
        ("xor", "or add"),
        ("add", "or"),
        ("lshr", "ashr"),
        ("ashr", "lshr"),
    ):
        if opcode == one and right not in ("true", "-1"):
            yield from ((other, (left, right)) for other in others.split())


def _neighbours(head: str, predicate: str, type_: str, rest: str) -> Iterator[str]:
    """x < 5 as x <= 4."""
    left, right, *more = split_operands(rest)
    if "icmp" in head and predicate in _NEIGHBOUR and re.fullmatch(r"-?\d+", right):
        name, step = _NEIGHBOUR[predicate]
        yield f"{head} {name} {type_} {', '.join([left, str(int(right) + step), *more])}"


_REWRITES = {
    "operands": commuted,
    "tail": tail_marked,
    "arithmetic": equal_arithmetic,
    "volatile": access,
    "flags": flagged,
    "extension": extended,
    "guess": other_arithmetic,
}
LIKELY = ("operands", "tail")
UNLIKELY = ("arithmetic", "volatile", "flags", "extension", "guess")
UNSAFE = ("flags", "extension", "guess")
"""Kinds that may compute something else, or less often something defined."""
