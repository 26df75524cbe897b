"""Short form -> IR that LLVM reads."""

from __future__ import annotations

import re

from ozma.tasks.canonical import UNTYPED
from ozma.tasks.calls import read_call
from ozma.tasks.head_line import Head
from ozma.tasks.form import Form
from ozma.tasks.heads import WHOLE
from ozma.tasks.irtext import NAME
from ozma.tasks.normal import MLVW0, MLVW0_LONG, STD
from ozma.tasks.setting import Setting

_PLACED = re.compile(
    r'c?"[^"]*"|#\{(?P<group>(?:[^}"]|"[^"]*")*)\}|, !tbaa <(?P<access>[^>]*)>'
    r"|, !(?P<loop>mustprogress)|, !llvm\.loop !\{(?P<properties>.*)\}(?=, !|$)"
)
_COMDAT = re.compile(rf"(@{NAME})(?:\(| = ).* comdat(?:\((\${NAME})\))?(?=,| |$)")
_WORD = re.compile(r'"[^"]*"(?:="[^"]*")?|[^" ]+(?:\([^)]*\))?')
_LOOP = '!{!"llvm.loop.mustprogress"}'


def restore(short: str, setting: Setting) -> str:
    """IR text of a short form, with the triple, layout, attributes and flags of `setting`.

    Lines that are no short form go through as they are: LLVM's reader judges the result.
    """
    return _Writer(short, setting).text()


class _Writer:
    def __init__(self, short: str, setting: Setting) -> None:
        self._setting = setting
        self._groups: dict[str, int] = {}
        self._nodes: list[str] = []
        self._access: dict[str, int] = {}
        self._declares: dict[str, str] = {}
        self._comdats: dict[str, None] = {}
        self._lines = [line.strip() for line in short.split("\n")]
        types = dict(line.split(" = type ", 1) for line in self._lines if _is_type(line))
        header = self._lines[0].split() if self._lines[0].startswith("target ") else []
        self._form = Form(setting, types, UNTYPED not in header)

    def text(self) -> str:
        form, body, inside = self._form, [], False
        defines = [form.heads.long_define(line) for line in self._lines if _starts(line, "define ")]
        form.heads.begin(head for head in defines if head)
        for line in self._lines:
            if inside:
                body.append(self._placed(self._instruction(line)))
                inside = line != "}"
            elif line and not line.startswith("target "):
                inside = _starts(line, "define ")
                body.append(self._placed(self._outside(line)))
        body += [self._placed(str(head)) for head in form.heads.implied.values()]
        body += [self._placed(line) for line in self._declares.values()]
        return "\n".join([*self._top(body), *body, *self._bottom()]) + "\n"

    def _outside(self, line: str) -> str:
        """A line between functions."""
        heads = self._form.heads
        if _starts(line, "define "):
            head = heads.long_define(line)
            self._form.enter(head)
            return str(head or line.removeprefix(WHOLE))
        if _starts(line, "declare "):
            head = heads.read_declare(line)
            return str(head) if isinstance(head, Head) else ""
        return self._form.memory.long_symbol(line)

    def _instruction(self, short: str) -> str:
        line = self._form.long(short)
        if "@llvm." in line:
            self._declare_intrinsic(line)
        return line

    def _declare_intrinsic(self, line: str) -> None:
        call = read_call(line)
        if call and call.callee.startswith("@llvm."):
            kind = call.kind.split(" ")[-1] if call.kind[-1] not in ">}])" else call.kind
            parameters = ", ".join(kind for kind, _, _ in call.arguments)
            self._declares.setdefault(call.callee, f"declare {kind} {call.callee}({parameters})")

    def _placed(self, line: str) -> str:
        """Groups and nodes by number."""
        return _PLACED.sub(self._number, line)

    def _number(self, found: re.Match) -> str:
        kind = found.lastgroup
        if kind == "group":
            return f"#{self._groups.setdefault(found['group'], len(self._groups))}"
        if kind == "access":
            return f", !tbaa !{self._tag(found['access'])}"
        if kind is None:
            return found[0]
        number = len(self._nodes)
        properties = _LOOP if kind == "loop" else found["properties"]
        self._nodes.append(f"distinct !{{!{number}{', ' if properties else ''}{properties}}}")
        return f", !llvm.loop !{number}"

    def _tag(self, name: str) -> int:
        """Number of the tag for an access to `name`, a kind of its own that only char aliases."""
        if name not in self._access:
            parent = self._parent(name)
            self._access[name] = len(self._nodes) + 1
            content = f'!"{name}", !{parent}, i64 0' if parent is not None else f'!"{name}"'
            node = len(self._nodes)
            self._nodes += [f"!{{{content}}}", f"!{{!{node}, !{node}, i64 0}}"]
        return self._access[name]

    def _parent(self, name: str) -> int | None:
        if name == "omnipotent char":
            self._nodes.append('!{!"Simple C/C++ TBAA"}')
            return len(self._nodes) - 1
        return self._tag("omnipotent char") - 1

    def _top(self, body: list[str]) -> list[str]:
        setting = self._setting
        lines = [f'target datalayout = "{setting.layout}"'] if setting.layout else []
        lines += [f'target triple = "{setting.triple}"'] if setting.triple else []
        given = {line.split(" = ")[0] for line in body if line.startswith("$")}
        found = (_COMDAT.search(line) for line in body if " comdat" in line)
        names = dict.fromkeys(one[2] or "$" + one[1][1:] for one in found if one)
        return lines + [f"{name} = comdat any" for name in names if name not in given]

    def _bottom(self) -> list[str]:
        lines = [f"attributes #{n} = {{ {self._words(g)} }}" for g, n in self._groups.items()]
        flags = [f"!{len(self._nodes) + n}" for n in range(len(self._setting.flags))]
        nodes = [*self._nodes, *self._setting.flags]
        lines += [f"!llvm.module.flags = !{{{', '.join(flags)}}}"] if flags else []
        return lines + [f"!{number} = {node}" for number, node in enumerate(nodes)]

    def _words(self, group: str) -> str:
        """A group's attributes, those that stand for others written out."""
        long = {MLVW0: MLVW0_LONG, STD: " ".join(self._setting.attributes)}
        return " ".join(long.get(word, word) for word in _WORD.findall(group))


def _is_type(line: str) -> bool:
    return line.startswith("%") and " = type " in line


def _starts(line: str, keyword: str) -> bool:
    return line.startswith((keyword, WHOLE + keyword))
