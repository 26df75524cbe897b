"""A module that LLVM printed, with names and numbers that say nothing replaced.

Values become `%0`, `%1`, ... in order, types `%T0`, private symbols `@.0`; attribute groups and
metadata stand where they are used; every instruction is one line. Debug information, comments and
what cannot be written in place (alias scopes, ...) go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ozma.errors import OzmaError
from ozma.tasks.irtext import NAME, split_arguments
from ozma.tasks.setting import Setting, setting_of

STD, MLVW0 = "std", "mlvw0"
"""Stand for the setting's string attributes, and for `"min-legal-vector-width"="0"`."""
MLVW0_LONG = '"min-legal-vector-width"="0"'
_ATTRIBUTE = re.compile(r'"[^"]*"(?:="[^"]*")?|[a-z_]+(?:\((?:[^()]|\([^()]*\))*\)|=\d+)?')
_DEBUG = re.compile(
    r"^ +(?:#dbg_\w+\(.*|(?:tail )?call void @llvm\.dbg\..*)\n", re.MULTILINE
)
_LABEL_COMMENT = re.compile(r"^(\S[^\n]*:) +; (?:preds =|No predecessors).*$", re.MULTILINE)
_CONTINUED = re.compile(r"\n(?: {4,}|  (?=\]))")
_DEFINED = re.compile(rf"^(?:  (%{NAME}) = |({NAME}):$)", re.MULTILINE)
_LAST_NAME = re.compile(rf"%{NAME}$")
_SYMBOL_CALL = re.compile(rf"@{NAME}\(")
_TOKEN = re.compile(
    rf',? !(?P<kind>[A-Za-z_][\w.]*) (?P<node>![\d{{D](?:[\w.]*\([^)]*\)|[^,\n]*\}}|\d*))'
    rf'|c?"[^"]*"|(?P<value>%{NAME})|(?P<symbol>@{NAME})|#(?P<group>\d+)|!(?P<number>\d+)|![A-Z"]'
)
_TYPE = re.compile(rf"^(%{NAME}) = type (.*)$")
_ENTITY = re.compile(rf"^(@{NAME}) = (.*)$")
_GROUP = re.compile(r"^attributes #(\d+) = \{ (.*) \}$")
_NODE = re.compile(r"^!(\d+) = (.*)$")
_BLOCK_ADDRESS = re.compile(rf"blockaddress\((@{NAME}), (%{NAME})\)")
_KEPT = frozenset(
    """range noundef nonnull prof nosanitize invariant.load unpredictable align dereferenceable
    dereferenceable_or_null nontemporal fpmath""".split()
)
_DEEPEST = 4


class NotShortened(OzmaError):
    """The module has something that the short form cannot hold."""


@dataclass
class Normal:
    """Lines of a module by kind. A function is its `define` line, its instructions, and `}`."""

    setting: Setting
    types: dict[str, str] = field(default_factory=dict)
    comdats: list[str] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    declares: list[str] = field(default_factory=list)
    functions: list[list[str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """What the new names of types and private symbols were."""


def normalize(text: str) -> Normal:
    """Reads a module as LLVM prints it; NotShortened if it cannot."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._normal = Normal(setting_of(text))
        self._std = frozenset(self._normal.setting.attributes)
        self._names: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._nodes: dict[str, str] = {}
        self._inlined: dict[str, str | None] = {}
        self._values: dict[str, str] = {}
        self._blocks: dict[str, dict[str, str]] = {}

    def read(self) -> Normal:
        kept, bodies = self._collect()
        normal = self._normal
        for body in bodies:
            normal.functions.append(self._function(body))
        self._values = {}
        for name, definition in list(normal.types.items()):
            normal.types[name] = self._rewrite(definition)
        for line in kept:
            place = normal.declares if line.startswith("declare ") else normal.symbols
            place.append(self._rewrite(_BLOCK_ADDRESS.sub(self._block_address, line)))
        return normal

    def _collect(self) -> tuple[list[str], list[str]]:
        """(lines of symbols and declarations, function bodies); notes names, groups and nodes."""
        kept: list[str] = []
        bodies: list[list[str]] = []
        inside = False
        for line in self._text.split("\n"):
            if inside:
                bodies[-1].append(line)
                inside = line != "}"
            elif line.startswith("define "):
                bodies.append([line])
                inside = True
            elif line and line[0] not in ";" and not line.startswith(("target ", "source_")):
                self._note(line, kept)
        return kept, ["\n".join(body) for body in bodies]

    def _note(self, line: str, kept: list[str]) -> None:
        if found := _GROUP.match(line):
            self._groups[found[1]] = self._group(found[2])
        elif found := _NODE.match(line):
            self._nodes[found[1]] = found[2]
        elif found := _TYPE.match(line):
            self._add_type(found[1], found[2])
        elif line.startswith("$"):
            name, _, kind = line[1:].partition(" = ")
            self._normal.comdats += [] if kind == "comdat any" else [line]
        elif not line.startswith(("!", "uselistorder")):
            found = _ENTITY.match(line)
            if found and found[2].startswith("private "):
                self._rename(found[1], f"@.{len(self._names) - len(self._normal.types)}")
            kept.append(line)

    def _add_type(self, name: str, definition: str) -> None:
        if name[1:].isdigit():
            raise NotShortened(f"the type {name} has no name", hint="types need names")
        new = f"%T{len(self._normal.types)}"
        self._normal.types[new] = definition
        self._rename(name, new)

    def _rename(self, old: str, new: str) -> None:
        self._names[old] = new
        self._normal.names[new] = old

    def _group(self, text: str) -> str:
        """The attributes in a fixed order, those of the setting as one word."""
        words = {MLVW0 if word == MLVW0_LONG else word for word in _ATTRIBUTE.findall(text)}
        if self._std and self._std <= words:
            words = (words - self._std) | {STD}
        return " ".join(sorted(words))

    def _function(self, body: str) -> list[str]:
        body = _DEBUG.sub("", body)
        body = _CONTINUED.sub(" ", _LABEL_COMMENT.sub(r"\1", body))
        define, _, rest = body.partition("\n")
        self._values = _number(define, rest)
        self._blocks[_SYMBOL_CALL.search(define)[0][:-1]] = self._values
        lines = self._rewrite(body).split("\n")
        return [self._line(line) for line in self._without_entry_label(lines) if line]

    @staticmethod
    def _without_entry_label(lines: list[str]) -> list[str]:
        is_label = len(lines) > 1 and not lines[1].startswith(" ")
        return lines[:1] + lines[2:] if is_label and lines[1] != "}" else lines

    def _line(self, line: str) -> str:
        if line[0] == " ":
            return line.strip()
        if line.endswith(":"):
            return self._values["%" + line[:-1]][1:] + ":"
        return line

    def _rewrite(self, text: str) -> str:
        return _TOKEN.sub(self._token, text)

    def _token(self, found: re.Match) -> str:
        kind, word = found.lastgroup, found[0]
        if kind == "value":
            return self._values.get(word) or self._names.get(word, word)
        if kind == "symbol":
            return self._names.get(word, word)
        if kind == "group":
            return "#{" + self._groups.get(found["group"], "") + "}"
        if kind == "number":
            return self._inline(found["number"]) or "!{}"
        if kind == "node":
            return self._attachment(found["kind"], found["node"])
        return word

    def _attachment(self, kind: str, node: str) -> str:
        content = self._nodes.get(node[1:], node)
        if kind == "tbaa":
            return self._access_type(content)
        if kind == "llvm.loop":
            return self._loop(content)
        if kind not in _KEPT:
            return ""
        inlined = self._inline(node[1:]) if node[1:].isdigit() else node
        return "" if inlined is None else f", !{kind} {inlined}"

    def _access_type(self, tag: str) -> str:
        """The name of what is accessed: int, any pointer, ... ; the path to it is left out."""
        parts = re.findall(r"!(\d+)", tag)
        node = self._nodes.get(parts[1], "") if len(parts) >= 2 else ""
        found = re.match(r'!\{!"([^"<>]*)"', node)
        if not found:
            return ""
        name = found[1]
        return f", !tbaa <{'any pointer' if _POINTER.fullmatch(name) else name}>"

    def _loop(self, content: str) -> str:
        """A loop's properties; the node itself is distinct and is made again."""
        numbers = re.findall(r"!(\d+)", content)[1:]
        found = [self._inline(number) for number in numbers]
        kept = [one for one in found if one]
        if kept == ['!{!"llvm.loop.mustprogress"}']:
            return ", !mustprogress"
        return f", !llvm.loop !{{{', '.join(kept)}}}"

    def _inline(self, number: str, depth: int = 0) -> str | None:
        """A node written in place; None for one with an identity of its own or nested too deep."""
        if number not in self._inlined or depth:
            text = self._nodes.get(number, "")
            if not text.startswith("!{") or depth > _DEEPEST:
                return None
            parts = [self._inline(n, depth + 1) for n in re.findall(r'"[^"]*"|!(\d+)', text) if n]
            known = iter(parts)
            self._inlined[number] = None if None in parts else re.sub(
                r'"[^"]*"|!\d+', lambda m: m[0] if m[0][0] == '"' else next(known), text
            )
        return self._inlined[number]

    def _block_address(self, found: re.Match) -> str:
        values = self._blocks.get(found[1], {})
        return f"blockaddress({found[1]}, {values.get(found[2], found[2])})"


_POINTER = re.compile(r"p\d+ .*|any p\d+ pointer")


def _number(define: str, body: str) -> dict[str, str]:
    """Old name -> `%N` for parameters, blocks and results, as LLVM numbers unnamed ones."""
    opening = _SYMBOL_CALL.search(define).end()
    parameters, _ = split_arguments(define, opening)
    names = [_LAST_NAME.search(one)[0] for one in parameters if one != "..."]
    found = [m[1] or "%" + m[2] for m in _DEFINED.finditer(body)]
    if body.startswith(" "):
        names.append("%(entry)")  # it has a number although no label is printed
    return {name: f"%{number}" for number, name in enumerate(names + found)}
