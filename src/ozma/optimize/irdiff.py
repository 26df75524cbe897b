"""Two modules' text compared function by function, for a reader: numbering noise left out."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

MAX_LINES = 240
"""Lines shown per pass."""
MAX_FUNCTION_LINES = 2500
"""A longer function is named but not compared: difflib needs quadratic time."""

_NOISE = re.compile(
    r"(?:, ?![\w.]+ !\d+)+$|\s*; preds = .*$|\s#\d+(?= \{$| section | align |$)", re.MULTILINE
)
_NAME = re.compile(r'@("(?:[^"\\]|\\.)*"|[\w.$-]+)\(')
_UNSHOWN = ("!", "attributes #", "; ModuleID", "source_filename")
GLOBALS = "(globals and declarations)"


@dataclass(frozen=True)
class Diff:
    """`lines` of a unified diff, `left_out` further ones, `functions` whose text changed."""

    lines: tuple[str, ...] = ()
    left_out: int = 0
    functions: int = 0


def split_functions(ir: str) -> dict[str, list[str]]:
    """Printed module -> lines by function name; what is outside of functions under GLOBALS."""
    parts: dict[str, list[str]] = {GLOBALS: []}
    name = GLOBALS
    for line in _NOISE.sub("", ir).splitlines():
        if line.startswith("define "):
            found = _NAME.search(line)
            name = found.group(1) if found else line
            parts[name] = []
        if line and not line.startswith(_UNSHOWN):
            parts[name].append(line)
        if line == "}":
            name = GLOBALS
    return parts


def diff_ir(before: str, after: str, limit: int = MAX_LINES) -> Diff:
    """Unified diff of two printed modules, at most `limit` lines."""
    old, new = split_functions(before), split_functions(after)
    shown: list[str] = []
    functions = 0
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            functions += name != GLOBALS
            shown += _diff_function(name, old.get(name), new.get(name))
    return Diff(tuple(shown[:limit]), max(0, len(shown) - limit), functions)


def _diff_function(name: str, old: list[str] | None, new: list[str] | None) -> list[str]:
    if old is None or new is None:
        what, lines = ("added", new) if old is None else ("removed", old)
        return [f"@@ {name}: {what}, {len(lines)} lines @@"]
    if max(len(old), len(new)) > MAX_FUNCTION_LINES:
        return [f"@@ {name}: {len(old)} lines before, {len(new)} after, too long to compare @@"]
    hunks = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    return [f"@@ {name} @@", *(line if line[:2] != "@@" else "@@ … @@" for line in hunks)]
