"""Further front ends of the fast path: Rust and Fortran, where their compilers suit our LLVM."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ozma.corpus.confined_clang import ConfinedClang
from ozma.corpus.fastpath import Unit, short_reason
from ozma.corpus.headers import walk_files
from ozma.llvm.clang import CompileError
from ozma.llvm.toolchain import Toolchain

_RUST_ROOTS = ("lib.rs", "main.rs")
_FORTRAN = (".f", ".for", ".f77", ".f90", ".f95", ".f03", ".F", ".F90", ".F95")


@dataclass(frozen=True)
class FrontEnd:
    """One language: `words` are its command for unoptimized bitcode, without source and `-o`."""

    language: str
    words: tuple[str, ...]

    def takes(self, path: Path) -> bool:
        """A Rust crate is one unit: only its root is compiled. Fortran is compiled by file."""
        if self.language == "rust":
            return path.name in _RUST_ROOTS
        return path.suffix in _FORTRAN


@cache
def find_front_ends(toolchain: Toolchain) -> tuple[FrontEnd, ...]:
    """The front ends on this machine whose bitcode `toolchain` can read."""
    found = (_find_rust(toolchain), _find_fortran(toolchain))
    return tuple(front_end for front_end in found if front_end)


def other_sources(root: Path, toolchain: Toolchain) -> list[Path]:
    """The files under `root` that one of the further front ends takes, in a stable order."""
    front_ends = find_front_ends(toolchain)
    if not front_ends:
        return []
    return [path for path in walk_files(root) if any(one.takes(path) for one in front_ends)]


def language_of(source: Path, toolchain: Toolchain) -> str:
    """The language of one of `other_sources`."""
    return _front_end(source, toolchain).language


def compile_others(
    root: Path, sources: Iterable[Path], toolchain: Toolchain, clang: ConfinedClang
) -> Iterator[Unit]:
    """Compile each of `sources` (files under `root`) on its own; failures are units too."""
    for source in sources:
        front_end = _front_end(source, toolchain)
        words = [*front_end.words, source.relative_to(root).as_posix()]
        try:
            yield Unit(source, front_end.language, clang.run(words))
        except CompileError as error:
            yield Unit(source, front_end.language, None, short_reason(error.message))


def _front_end(source: Path, toolchain: Toolchain) -> FrontEnd:
    return next(one for one in find_front_ends(toolchain) if one.takes(source))


def _find_rust(toolchain: Toolchain) -> FrontEnd | None:
    """rustc brings an LLVM of its own, whose bitcode older releases cannot read."""
    rustc = shutil.which("rustc", path="/usr/local/bin:/usr/bin")
    if not rustc or _rust_llvm(rustc) > toolchain.major:
        return None
    return FrontEnd("rust", (
        rustc, "--edition=2021", "--crate-type=lib", "--cap-lints=allow", "-Copt-level=z",
        "-Cno-prepopulate-passes", "-Ccodegen-units=1", "-Cmetadata=ozma", "--emit=llvm-bc",
    ))  # fmt: skip


def _rust_llvm(rustc: str) -> int:
    try:
        done = subprocess.run([rustc, "-vV"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 1 << 30
    found = re.search(r"LLVM version: (\d+)", done.stdout)
    return int(found.group(1)) if found else 1 << 30


def _find_fortran(toolchain: Toolchain) -> FrontEnd | None:
    for name in ("flang-new", "flang"):
        path = toolchain.bindir / name
        if path.exists():
            return FrontEnd("fortran", (str(path), "-O0", "-c", "-emit-llvm", "-w"))
    return None
