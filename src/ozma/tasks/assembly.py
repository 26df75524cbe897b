"""Assembly text as lines of code, and the short form of it that our own model reads."""

from __future__ import annotations

import re

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MARK = {"x86-64": "#", "aarch64": "//", "thumb2": "@", "riscv32": "#", "riscv64": "#"}
_BEFORE = {
    "#": re.compile(rf'(?:[^"#]|{_QUOTED})*(?=#)'),
    "//": re.compile(rf'(?:[^"/]|{_QUOTED}|/(?!/))*(?=//)'),
    "@": re.compile(rf'(?:[^"@]|{_QUOTED})*(?=@)'),
}
"""What a line has before its comment, by the mark that begins one."""
_IMPLIED = re.compile(
    r'\t\.(?:file|ident|addrsig|addrsig_sym|size|section\t"?\.note\.GNU-stack)\b'
    r"|\t\.cfi_(?:def_cfa\w*|offset|adjust_cfa_offset|re\w+|escape)\b"
    r"|\t\.type\t[^,]+,[@%]function"
)


def code_lines(assembly: str, target: str = "x86-64") -> list[str]:
    """The lines without comments, blank lines and space at their ends."""
    return [line for line in bare_lines(assembly, target) if line]


def bare_lines(assembly: str, target: str = "x86-64") -> list[str]:
    """Every line without comment and space at its end, so that numbers of lines stay."""
    mark = _MARK[target]
    return [without_comment(line, mark).rstrip() for line in assembly.splitlines()]


def without_comment(line: str, mark: str) -> str:
    """The line up to a comment mark that is not within quotes."""
    found = _BEFORE[mark].match(line) if mark in line else None
    return found.group() if found else line


def short_assembly(assembly: str, target: str = "x86-64") -> str:
    """Code, data and linkage alone: no comments, and no directive that says what another line says
    (sizes, frames) or what no code depends on. Half as long; it still assembles."""
    return "".join(f"{line}\n" for line in code_lines(assembly, target) if not _IMPLIED.match(line))
