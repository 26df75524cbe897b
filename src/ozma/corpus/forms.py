"""Stand-ins for what Qt's tools write at build time: the header of a form, the moc's code."""

from __future__ import annotations

import re

_CLASS = re.compile(r"<class>\s*([\w:]+)\s*</class>")
_WIDGET = re.compile(r"<(widget|layout|action|actiongroup)\b([^>]*)>")
_SPACER = re.compile(r'<spacer\b[^>]*\bname="(\w+)"')
_ATTRIBUTE = re.compile(r'\b(class|name)="([\w:]+)"')
_CUSTOM = re.compile(
    r"<customwidget>\s*<class>\s*([\w:]+)\s*</class>.*?<header([^>]*)>\s*([^<\s]+)\s*</header>",
    re.DOTALL,
)
_KINDS = {"action": "QAction", "actiongroup": "QActionGroup"}
_RENAMED = {"Line": "QFrame"}


def is_moc(name: str) -> bool:
    """Code that moc writes, which a source includes at its end."""
    base = name.rpartition("/")[2]
    return base.endswith((".moc", ".moc.cpp")) or base.startswith("moc_")


def form_of(name: str) -> str:
    """The form that header `name` is made from, '' if it is none."""
    base = name.rpartition("/")[2]
    return f"{base[3:-2]}.ui" if base.startswith("ui_") and base.endswith(".h") else ""


def render_form(text: str) -> str:
    """The declarations that uic writes for a form: its members by type, no code.

    Types are Qt's own or those of <customwidgets>, each with its header.
    """
    found = _CLASS.search(text)
    members = _members(text)
    if not found or not members:
        return ""
    own = {kind: (place, header) for kind, place, header in _CUSTOM.findall(text)}
    kinds = dict.fromkeys(kind for kind, _ in members)
    lines = ["#pragma once", *(_header(kind, own) for kind in kinds)]
    *spaces, name = found.group(1).split("::")
    lines += [f"namespace {space} {{" for space in spaces]
    lines += [f"class Ui_{name} {{", "public:"]
    lines += [f"  {kind} *{member};" for kind, member in members[1:]]
    lines += [f"  void setupUi({members[0][0]} *);", f"  void retranslateUi({members[0][0]} *);"]
    lines += ["};", f"namespace Ui {{ class {name} : public Ui_{name} {{}}; }}"]
    return "\n".join([*lines, *("}" for _ in spaces)]) + "\n"


def _members(text: str) -> list[tuple[str, str]]:
    """(type, name); the form itself first."""
    members = {}
    for kind, words in _WIDGET.findall(text):
        values = dict(_ATTRIBUTE.findall(words))
        values.setdefault("class", _KINDS.get(kind, ""))
        if values["class"] and "name" in values:
            members.setdefault(values["name"], values["class"])
    for name in _SPACER.findall(text):
        members.setdefault(name, "QSpacerItem")
    return [(_RENAMED.get(kind, kind), name) for name, kind in members.items()]


def _header(kind: str, own: dict[str, tuple[str, str]]) -> str:
    if kind not in own:
        return f"#include <{kind}>"
    place, header = own[kind]
    return f"#include <{header}>" if "global" in place else f'#include "{header}"'
