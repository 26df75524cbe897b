"""What a ranker sees: the assembly in question, and where an answer's assembly differs from it.

Features are names; one is there or not. Everything is read from assembly text, nothing from a
label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ozma.lift.asm.lines import first_word
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Tried
from ozma.lift.searching.offers import Offer

_FAMILIES = (
    ("jump", re.compile(r"j\w+|b(?:\.\w+)?|cbn?z|tbn?z")),
    ("move", re.compile(r"mov\w*|ld[pru]\w*|st[pru]\w*|cvt\w+|fmov")),
    ("compare", re.compile(r"cmp\w*|test\w*|ucomi\w+|comi\w+|cmn|tst|fcmp")),
    ("choose", re.compile(r"set\w+|cmov\w+|cs\w+|sbb\w*")),
    ("call", re.compile(r"call\w*|bl|blr|ret\w*|br")),
    ("stack", re.compile(r"push\w*|pop\w*")),
    ("address", re.compile(r"lea\w*|adrp?")),
    ("arithmetic", re.compile(r"add\w*|sub\w*|inc\w*|dec\w*|neg\w*|i?mul\w*|madd|msub")),
    ("logic", re.compile(r"and\w*|x?or\w*|not\w*|sh\w+|sa[lr]\w*|eor|orr|bic|ls[lr]|asr")),
    ("data", re.compile(r"\..*")),
)
_NUMBER = re.compile(r"\d{2,}|0x[0-9a-f]+")
_SYMBOL = re.compile(r"(?<![%\w.$])[A-Za-z_.][\w.$@#]*(?=[,()\s]|$)")
_SIZES = (2, 4, 8, 14, 24, 40, 80, 160)


def family(opcode: str) -> str:
    """The kind of an opcode or directive; "label" and "other" for what is none of `_FAMILIES`."""
    if opcode.endswith(":"):
        return "label"
    return next((name for name, pattern in _FAMILIES if pattern.fullmatch(opcode)), "other")


def bucket(number: int) -> str:
    """Roughly how many."""
    return next((f"<{size}" for size in _SIZES if number < size), "many")


def setting_features(reference: Reference, tried: Tried | None) -> frozenset[str]:
    """For settings of the lifter: the function's own, and the differences of the answer under the
    default setting (`tried`; None where it gave no answer)."""
    return frozenset(("always", *_of_function(reference), *_of_difference(reference, tried)))


def _of_function(reference: Reference) -> Iterator[str]:
    yield f"target {reference.target}"
    yield f"lines {bucket(len(reference.lines))}"
    for word in {first_word(line) for line in reference.lines}:
        if not word.endswith(":"):
            yield f"has {word}"
    text = "\n".join(reference.lines)
    for mark in ("@PLT", "@GOTPCREL", "(%rip)", ".hidden", "optnone", "%rbp"):
        if mark in text:
            yield f"text {mark}"


def _of_difference(reference: Reference, tried: Tried | None) -> Iterator[str]:
    if tried is None or tried.difference is None:
        yield "no answer"
        return
    yield f"kind {kind_of(reference, tried)}"
    yield f"distance {bucket(tried.difference.distance)}"
    for line in _at(reference.lines, tried.difference.missing):
        yield from (f"missing {first_word(line)}", f"missing {masked(line)}")
    for line in _at(tried.lines, tried.difference.extra):
        yield from (f"extra {first_word(line)}", f"extra {masked(line)}")


def _at(lines: Sequence[str], places: Sequence[int]) -> list[str]:
    return [lines[place] for place in places if not lines[place].endswith(":")]


def masked(line: str) -> str:
    """The line without its own names and larger numbers."""
    opcode, _, operands = line.strip().partition("\t")
    return f"{opcode} {_NUMBER.sub('N', _SYMBOL.sub('S', operands))}"[:40]


def kind_of(reference: Reference, tried: Tried) -> str:
    """Coarsely, what the difference consists of."""
    difference = tried.difference
    if difference.far:
        return "far"
    missing = sorted(reference.lines[place] for place in difference.missing)
    extra = sorted(tried.lines[place] for place in difference.extra)
    if missing == extra:
        return "order"
    if difference.distance == difference.lines:
        return "operands"
    return "opcodes"


def difference_features(reference: Reference, tried: Tried) -> tuple[str, ...]:
    """For edits: what is known of a state, once for all edits that it is offered."""
    difference = tried.difference
    places = [*_at(reference.lines, difference.missing), *_at(tried.lines, difference.extra)]
    families = {family(first_word(line)) for line in places}
    return (
        f"kind {kind_of(reference, tried)}",
        f"distance {bucket(difference.distance)}",
        *sorted(f"differs {name}" for name in families),
    )


def edit_features(offer: Offer, state: Sequence[str]) -> Iterator[str]:
    """One edit in a state of which `difference_features` is known."""
    name = offer.kind if offer.group != "other_edits" else f"far {offer.kind}"
    yield name
    yield f"{name} | {offer.opcode}"
    yield f"{name} | tier {offer.tier}"
    for fact in state:
        yield f"{name} | {fact}"
        if offer.opcode:
            yield f"{offer.opcode} | {fact}"
