"""What a mangled C++ name says of a function's parameters (Itanium ABI, as libstdc++ prints it)."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache, lru_cache

_ENDINGS = re.compile(r"(?: const| volatile| &&?|\[abi:\w+\]| \[clone[^\]]*\])+$")
_INTEGER = re.compile(
    r"(?:(?:unsigned|signed) )?(?:char|short|int|long(?: long)?)$|bool$|unsigned$|wchar_t$"
    r"|char(?:8|16|32)_t$|std::nullptr_t$|decltype\(nullptr\)$"
)
_FLOATS = ("float", "double")
_QUALIFIED = ("_ZNK", "_ZNV", "_ZNR", "_ZNO")
"""Only members are const, volatile, or for lvalues or rvalues only."""


@dataclass(frozen=True)
class Parameters:
    """`kinds` in order: "i" (one integer register), "f" (one floating one), "?" (a class by value:
    any number of registers). `types` are those in IR, "" where the kind does not say. `member`: is
    there a `this` before them; None: the name does not say.
    """

    kinds: tuple[str, ...]
    member: bool | None
    types: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Do the kinds say how many registers there are?"""
        return "?" not in self.kinds


@lru_cache(maxsize=4096)
def parameters_of(symbol: str) -> Parameters | None:
    """None for what is no mangled name of a function, or on a machine without libstdc++."""
    if not symbol.startswith("_Z") or symbol.startswith(("_ZT", "_ZG")):
        return None
    text = _demangled(symbol)
    if not text:
        return None
    constant = text.endswith(" const") or symbol.startswith(_QUALIFIED)
    while match := _ENDINGS.search(text):
        text = text[: match.start()]
    inner = _last_parentheses(text)
    if inner is None:
        return None
    name = text[: -len(inner) - 2]
    pieces = [piece for piece in _split(inner) if piece != "void"]
    if "..." in pieces or _is_chance(name, pieces):
        return None
    member = constant or _is_member(symbol, name)
    return Parameters(tuple(map(_kind, pieces)), member, tuple(map(_type, pieces)))


def _is_chance(name: str, pieces: list[str]) -> bool:
    """C's `_Zgetc` reads as `operator>=(unsigned short, char)`, which C++ does not allow: one of
    the operands must be of a class or an enumeration."""
    if not name.startswith("operator") or name.startswith(("operator new", "operator delete")):
        return False
    return all(piece in _FLOATS or _INTEGER.match(piece) for piece in pieces)


def _is_member(symbol: str, name: str) -> bool | None:
    """Constructors and destructors are, what stands in no scope is not; else it is not said."""
    if not symbol.startswith(("_ZN", "_ZZ")):
        return False
    scopes = _without_arguments(name).split(" ")[-1].split("::")
    if len(scopes) > 1 and scopes[-1].lstrip("~") == scopes[-2]:
        return True
    return None


def _without_arguments(name: str) -> str:
    """The name without template arguments."""
    kept, depth = [], 0
    for place, character in enumerate(name):
        operator = name[max(0, place - 9) : place].rstrip("<>=-").endswith("operator")
        if character == "<" and not operator:
            depth += 1
        if not depth:
            kept.append(character)
        if character == ">" and not operator and depth:
            depth -= 1
    return "".join(kept)


def _kind(piece: str) -> str:
    if piece.endswith(("*", "&", "*const", "* const")) or "(*)" in piece or "(&)" in piece:
        return "i"
    plain = piece.removesuffix(" const").removeprefix("const ")
    if plain in _FLOATS:
        return "f"
    return "i" if _INTEGER.match(plain) else "?"


def _type(piece: str) -> str:
    plain = piece.removesuffix(" const").removeprefix("const ")
    if _kind(piece) != "i" or plain in ("std::nullptr_t", "decltype(nullptr)"):
        return ""
    if not _INTEGER.match(plain):
        return "ptr"
    return "i64" if "long" in plain else "i32"


def _split(text: str) -> list[str]:
    """At the commas outside all brackets."""
    pieces, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "(<[{":
            depth += 1
        elif character in ")]}" or character == ">" and text[place - 1 : place] != "-":
            depth -= 1
        elif character == "," and depth == 0:
            pieces.append(text[start:place].strip())
            start = place + 1
    rest = text[start:].strip()
    return [*pieces, rest] if rest else pieces


def _last_parentheses(text: str) -> str | None:
    """What stands in the parentheses that end the text."""
    if not text.endswith(")"):
        return None
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if depth == 0:
            return text[place + 1 : -1]
    return None


def _demangled(symbol: str) -> str:
    demangle, release = _runtime()
    if demangle is None:
        return ""
    status = ctypes.c_int()
    address = demangle(symbol.encode(), None, None, ctypes.byref(status))
    if not address:
        return ""
    text = ctypes.string_at(address).decode("utf-8", "replace")
    release(address)
    return text


@cache
def _runtime() -> tuple:
    """`__cxa_demangle` and `free`; LLVM itself needs libstdc++, so it is nearly always there."""
    try:
        library, system = ctypes.CDLL("libstdc++.so.6"), ctypes.CDLL(None)
    except OSError:
        return None, None
    demangle, release = library.__cxa_demangle, system.free
    demangle.restype, release.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    demangle.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return demangle, release
