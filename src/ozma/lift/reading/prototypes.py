"""What is known of the C library's functions: arguments, result, whether they return."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TABLE = Path(__file__).parent / "data" / "prototypes.txt"


@dataclass(frozen=True)
class Prototype:
    """Types in IR; `variadic` after the fixed arguments. `noreturn`: control does not come back."""

    result: str
    arguments: tuple[str, ...]
    variadic: bool = False
    noreturn: bool = False


@lru_cache(maxsize=1)
def prototypes() -> dict[str, Prototype]:
    """By name; the table's lines are `result name(argument, ...) noreturn`."""
    found = {}
    for line in _TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, prototype = _parse(line)
            found[name] = prototype
    return found


def _parse(line: str) -> tuple[str, Prototype]:
    head, _, tail = line.partition("(")
    inner, _, words = tail.partition(")")
    result, name = head.split()
    arguments = [part.strip() for part in inner.split(",") if part.strip()]
    variadic = "..." in arguments
    fixed = tuple(part for part in arguments if part != "...")
    return name, Prototype(result, fixed, variadic, "noreturn" in words)


def is_noreturn(name: str) -> bool:
    known = prototypes().get(name)
    return known is not None and known.noreturn
