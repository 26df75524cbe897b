"""Register names of x86-64: whole register, type of the part, bit offset."""

from __future__ import annotations

_LEGACY = {"rax": "a", "rbx": "b", "rcx": "c", "rdx": "d"}
_POINTERS = {"rsi": "si", "rdi": "di", "rbp": "bp", "rsp": "sp"}


def _names() -> dict[str, tuple[str, str, int]]:
    table: dict[str, tuple[str, str, int]] = {}
    for whole, letter in _LEGACY.items():
        table |= {
            whole: (whole, "i64", 0), f"e{letter}x": (whole, "i32", 0),
            f"{letter}x": (whole, "i16", 0),
            f"{letter}l": (whole, "i8", 0), f"{letter}h": (whole, "i8", 8),
        }  # fmt: skip
    for whole, stem in _POINTERS.items():
        table |= {
            whole: (whole, "i64", 0), f"e{stem}": (whole, "i32", 0), stem: (whole, "i16", 0),
            f"{stem}l": (whole, "i8", 0),
        }  # fmt: skip
    for number in range(8, 16):
        whole = f"r{number}"
        for suffix, type_ in (("", "i64"), ("d", "i32"), ("w", "i16"), ("b", "i8")):
            table[whole + suffix] = (whole, type_, 0)
    return table | {f"xmm{n}": (f"xmm{n}", "i128", 0) for n in range(16)}


REGISTERS = _names()
"""Name without % -> (whole register, type, bit offset)."""

VECTORS = frozenset(f"xmm{n}" for n in range(16))
