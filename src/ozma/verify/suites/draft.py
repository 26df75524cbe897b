"""What a suite is made of before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ozma.llvm import Target, Toolchain

CACHE = Path("~/.cache/ozma").expanduser()


@dataclass(frozen=True)
class Unit:
    """One source file and the clang arguments that it wants."""

    source: Path
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """One program: `tested` units are compiled with the list, `fixed` ones at -O2."""

    name: str
    tested: tuple[Unit, ...]
    fixed: tuple[Unit, ...] = ()


@dataclass(frozen=True)
class SuiteOptions:
    """Where suites come from and how they are built."""

    toolchain: Toolchain
    target: Target
    cache: Path = CACHE
    jobs: int = 1
    csmith_programs: int = 220
    humaneval: Path | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {self.jobs}")
        if self.csmith_programs < 1:
            raise ValueError(f"csmith_programs must be at least 1, got {self.csmith_programs}")
