"""Calls and function heads with everything left out that the rest of the module implies.

A callee's declaration and its calls say the same: the first direct call shows parameter types and
attributes, later ones and the declaration do not. Parameters are `noundef` unless marked `?`.
Attribute groups are written as differences (`+noreturn -minsize`) from what clang usually writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ozma.tasks.irtext import NAME, split_argument, split_arguments

Argument = tuple[str, str, str]
"""Type, attributes, value."""

SIZE = frozenset({"minsize", "optsize"})
_CALL = re.compile(r"((?:%\d+ = )?(?:(?:tail|musttail|notail) )?)(call|invoke) ")
_CALLEE = re.compile(rf' (@{NAME}|%\d+|asm [a-z ]*"[^"]*", "[^"]*")\(')
_SUFFIX = re.compile(r"(?: #\{((?:[^}\"]|\"[^\"]*\")*)\})?(.*)")
_DIFFERENCE = re.compile(
    r' ([+-])("[^"]*"(?:="[^"]*")?|[a-z]\w*(?:\((?:[^()]|\([^()]*\))*\)|=\d+)?)(?![\w(])'
)
WORD = re.compile(r'"[^"]*"(?:="[^"]*")?|[a-z]\w*(?:\((?:[^()]|\([^()]*\))*\)|=\d+)?')
_OTHER = "! "
"""Before the attributes of an argument that are not its parameter's."""
_LIKE_CALLEE = re.compile(r"noreturn|willreturn|returns_twice|memory\(|allocsize\(")


@dataclass(frozen=True)
class Signature:
    """What calls of a function repeat. `own`: it is defined in the same unit."""

    parameters: tuple[Argument, ...]
    group: frozenset[str]
    own: bool = False


@dataclass(frozen=True)
class Call:
    """A call or invoke. `before`: result and tail marker; `kind`: flags to return type."""

    before: str
    opcode: str
    kind: str
    callee: str
    arguments: tuple[Argument, ...]
    group: frozenset[str]
    after: str

    @property
    def is_direct(self) -> bool:
        """Has the callee a declaration that is worth remembering?"""
        return self.callee[0] == "@" and not self.callee.startswith("@llvm.")

    @property
    def has_defaults(self) -> bool:
        """Are its arguments expected to be `noundef`?"""
        return self.is_direct or self.callee[0] == "%"

    def __str__(self) -> str:
        arguments = ", ".join(map(joined, self.arguments))
        start = f"{self.before}{self.opcode} {self.kind} {self.callee}"
        return f"{start}({arguments}){group_text(self.group)}{self.after}"

    @property
    def signature(self) -> tuple[Argument, ...]:
        """Parameters as this call shows them; of a variadic function the fixed ones."""
        shown = tuple((kind, attributes, "") for kind, attributes, _ in self.arguments)
        if not self.kind.endswith("...)"):
            return shown
        opening = self.kind.rindex(" (") + 2
        fixed, _ = split_arguments(self.kind, opening)
        return shown[: len(fixed) - 1]


def joined(argument: Iterable[str]) -> str:
    """As it stands in a line."""
    return " ".join(part for part in argument if part)


def group_text(group: frozenset[str]) -> str:
    """A group in place, as `normal.py` writes it."""
    return " #{" + " ".join(sorted(group)) + "}" if group else ""


def callee_of(line: str) -> str | None:
    """What the call on this line calls."""
    opcode = _CALL.match(line)
    callee = _CALLEE.search(line, opcode.end() - 1) if opcode else None
    return callee[1] if callee else None


def read_call(line: str, base: frozenset[str] | None = None) -> Call | None:
    """The call on this line; with `base`, of the short form: its group is base and differences."""
    opcode = _CALL.match(line)
    callee = _CALLEE.search(line, opcode.end() - 1) if opcode else None
    if not callee:
        return None
    parts, end = split_arguments(line, callee.end())
    arguments = [split_argument(part) for part in parts]
    if end < 0 or None in arguments:
        return None
    group, after = _read_group(line[end + 1 :], base)
    kind = line[opcode.end() : callee.start()]
    return Call(opcode[1], opcode[2], kind, callee[1], tuple(arguments), group, after)


def _read_group(text: str, base: frozenset[str] | None) -> tuple[frozenset[str], str]:
    if base is not None:
        return apply_differences(text, base)
    found = _SUFFIX.fullmatch(text)
    return frozenset(WORD.findall(found[1] or "")), found[2]


def apply_differences(text: str, base: frozenset[str]) -> tuple[frozenset[str], str]:
    """(`base` with the differences that `text` begins with, the rest of the text)."""
    group, position = set(base), 0
    while found := _DIFFERENCE.match(text, position):
        (group.add if found[1] == "+" else group.discard)(found[2])
        position = found.end()
    return frozenset(group), text[position:]


def differences(group: frozenset[str], base: frozenset[str]) -> str:
    """` +a -b` that makes `group` of `base`."""
    added = [f" +{one}" for one in sorted(group - base)]
    return "".join(added + [f" -{one}" for one in sorted(base - group)])


def call_group(callee: str, known: Signature | None, caller: frozenset[str]) -> frozenset[str]:
    """The attributes that clang usually gives to a call in a function with those of `caller`."""
    if callee.startswith(("@llvm.lifetime.", "asm ")):
        return frozenset({"nounwind"})
    if callee.startswith("@llvm."):
        return frozenset()
    base = caller & SIZE
    if known is None:
        return base
    carried = {one for one in known.group if _LIKE_CALLEE.match(one)}
    if "nounwind" in known.group and not known.own:
        carried.add("nounwind")
    return base | carried


def short_call(call: Call, known: Signature | None, caller: frozenset[str]) -> str:
    """The short form of a call, given what is known of the callee at this line."""
    arguments = [_hide(call, known, place) for place in range(len(call.arguments))]
    changed = differences(call.group, call_group(call.callee, known, caller))
    text = ", ".join(arguments)
    return f"{call.before}{call.opcode} {call.kind} {call.callee}({text}){changed}{call.after}"


def _hide(call: Call, known: Signature | None, place: int) -> str:
    kind, attributes, value = call.arguments[place]
    expected = known.parameters[place] if known and place < len(known.parameters) else None
    if expected and (kind, attributes) == expected[:2]:
        return f"{kind} {value}"
    mark = _OTHER.strip() if expected else ""
    return joined(
        (kind, mark, hide_noundef(attributes) if call.has_defaults else attributes, value)
    )


def hide_noundef(attributes: str) -> str:
    """`noundef` is left out; `?` stands where it is missing."""
    first, _, rest = attributes.partition(" ")
    return rest if first == "noundef" else f"? {attributes}".rstrip()


def long_call(line: str, known: Signature | None, caller: frozenset[str]) -> Call | None:
    """The call of a short line."""
    callee = callee_of(line)
    call = read_call(line, call_group(callee, known, caller)) if callee else None
    if call is None:
        return None
    arguments = tuple(_show(call, known, place) for place in range(len(call.arguments)))
    return replace(call, arguments=arguments)


def _show(call: Call, known: Signature | None, place: int) -> Argument:
    kind, attributes, value = call.arguments[place]
    shown = (kind, attributes, value)
    if known and place < len(known.parameters):
        if not value.startswith(_OTHER):
            return (kind, known.parameters[place][1], value)
        shown = split_argument(f"{kind} {value[len(_OTHER) :]}")
    return show_noundef(shown) if call.has_defaults else shown


def show_noundef(argument: Argument) -> Argument:
    """What `hide_noundef` was given."""
    kind, attributes, value = argument
    if value == "?":
        return (kind, "", "")
    if value.startswith("? "):
        return split_argument(f"{kind} {value[2:]}")
    return (kind, f"noundef {attributes}".rstrip(), value)


def return_kind(call_kind: str) -> str:
    """Return attributes and type of a callee, from a call without flags (`i32 (ptr, ...)`: i32)."""
    if call_kind.endswith(")"):
        depth = 0
        for place in range(len(call_kind) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(call_kind[place], 0)
            if depth == 0:
                return call_kind[:place].rstrip() if place else call_kind
    return call_kind
