"""Relocations put back into the operands of disassembled instructions."""

from __future__ import annotations

import re

from ozma.errors import OzmaError

_PLT, _TLS_GD = 4, 19
_X86 = {
    1: "", 2: "", 4: "", 9: "@GOTPCREL", 41: "@GOTPCREL", 42: "@GOTPCREL", 10: "", 11: "",
    19: "@TLSGD", 20: "@TLSLD", 21: "@DTPOFF", 22: "@GOTTPOFF", 23: "@TPOFF",
}  # fmt: skip
MARKED = frozenset((2, 4, 9, 19, 20, 22, 41, 42))
"""x86-64 kinds that count from the end of the instruction."""
_AARCH64 = {
    274: "", 275: "", 276: "", 277: ":lo12:", 278: ":lo12:", 284: ":lo12:", 285: ":lo12:",
    286: ":lo12:", 299: ":lo12:", 279: "", 280: "", 282: "", 283: "", 311: ":got:",
    312: ":got_lo12:", 541: ":gottprel:", 542: ":gottprel_lo12:", 549: ":tprel_hi12:",
    550: ":tprel_lo12:", 551: ":tprel_lo12_nc:", 562: ":tlsdesc:", 563: ":tlsdesc_lo12:",
    564: ":tlsdesc_lo12:",
}  # fmt: skip
_TLS_CALL = 569
_TARGET = re.compile(r"0x[0-9a-f]+ <[^>]*>")
_RIP = re.compile(r"(?<![\w)])(?:-?\d+)?\(%rip\)")
_MEMORY = re.compile(r"(?<![\w)%$])(?:-?\d+)?(\([^)]*\))|(%[a-z]s:)-?\d+")
_NUMBER = re.compile(r"\$-?\d+")


def operand_text(target: str, text: str, kind: int, after: int, place: str) -> str:
    """The instruction with what relocation `kind` names. `after`: bytes from there to its end;
    `place` is "symbol+4|outside" for symbols that are not here, or a local name."""
    name, _, outside = place.partition("|")
    if target == "aarch64":
        return _aarch64(text, kind, name)
    if kind not in _X86:
        raise OzmaError(f"relocation {kind} of x86-64 is not known: {text}")
    return _x86(text, kind, after, name, bool(outside))


def _x86(text: str, kind: int, after: int, name: str, outside: bool) -> str:
    full = f"{name}{_X86[kind]}"
    if _TARGET.search(text):
        return _TARGET.sub(lambda _: full + ("@PLT" if kind == _PLT and outside else ""), text)
    if _RIP.search(text):
        text = f"data16\n\t{text}" if kind == _TLS_GD and after == 4 else text
        return _RIP.sub(lambda _: f"{full}(%rip)", text, count=1)
    immediate = after in (4, 8) and _NUMBER.search(text)
    if immediate and kind not in (21, 23):
        return _NUMBER.sub(lambda _: f"${full}", text, count=1)
    return _MEMORY.sub(lambda m: f"{m.group(2) or ''}{full}{m.group(1) or ''}", text, count=1)


def _aarch64(text: str, kind: int, name: str) -> str:
    if kind == _TLS_CALL:
        return f".tlsdesccall {name}\n\t{text}"
    if kind not in _AARCH64:
        raise OzmaError(f"relocation {kind} of AArch64 is not known: {text}")
    full = f"{_AARCH64[kind]}{name}"
    if _TARGET.search(text):
        return _TARGET.sub(lambda _: full, text)
    if "[" in text:
        return re.sub(r"\[(\w+)(?:, #-?\d+)?\]", rf"[\1, {full}]", text, count=1)
    return re.sub(r"#-?\d+", lambda _: full, text, count=1)
