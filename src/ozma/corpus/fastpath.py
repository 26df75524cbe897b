"""The fast path: compile each file of an unpacked package on its own, without its build."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.generated import empty_header, render_template, typical_config
from ozma.corpus.headers import (
    HOST,
    HeaderIndex,
    SystemHeaders,
    certain_includes,
    walk_files,
)
from ozma.corpus.scratch import throw_away
from ozma.llvm.clang import CompileError, compile_bitcode
from ozma.llvm.toolchain import Toolchain

LANGUAGES = {".c": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++", ".C": "c++"}
# Old C is still C: what clang 16 made errors is let through, as the packages' own builds did.
OLD_C = (
    "-std=gnu17", "-Wno-implicit-function-declaration", "-Wno-int-conversion",
    "-Wno-implicit-int", "-Wno-incompatible-function-pointer-types", "-Wno-return-mismatch",
)  # fmt: skip
NEW_CXX = ("-std=gnu++17",)
Compile = Callable[[Path, Sequence[str]], bytes]
"""Compiles a source with arguments to unoptimized bitcode, or raises CompileError."""
MISSING = re.compile(r"'([^']+)' file not found")
MAY_BE_GENERATED = re.compile(r"config|version|export|build|api", re.IGNORECASE)


@dataclass(frozen=True)
class FastPath:
    """Limits of one file: `seconds` for clang, `attempts` with one more header each.

    `system`: the headers that are not the package's own.
    """

    toolchain: Toolchain
    seconds: float = 20.0
    attempts: int = 6
    system: SystemHeaders = HOST

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"seconds must be positive, got {self.seconds}")
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {self.attempts}")


@dataclass(frozen=True)
class Unit:
    """One translation unit: `bitcode` is unoptimized LLVM bitcode, None when it failed;
    `foreseen`: before the compiler was asked."""

    source: Path
    language: str
    bitcode: bytes | None
    reason: str | None = None
    foreseen: bool = False


def list_sources(root: Path) -> list[Path]:
    """The C and C++ files under `root`, in a stable order."""
    return [path for path in walk_files(root) if path.suffix in LANGUAGES]


def compile_tree(
    root: Path, sources: Iterable[Path], limits: FastPath, compile: Compile | None = None,
    kind: type[FastPackage] | None = None,
) -> Iterator[Unit]:  # fmt: skip
    """Compile each of `sources` (files under `root`) on its own; failures are units too.

    `compile` runs the compiler; clang itself, in no confinement, when none is given. `kind` makes
    the guesses.
    """
    with throw_away() as scratch:  # a compiler that runs as another user reads the headers in it
        compile = compile or _plain_clang(limits)
        package = (kind or FastPackage)(root, scratch, limits, compile)
        for source in sources:
            yield package.compile(source)


def _plain_clang(limits: FastPath) -> Compile:
    def compile(source: Path, args: Sequence[str]) -> bytes:
        return compile_bitcode(limits.toolchain, source, args, timeout=limits.seconds)

    return compile


class FastPackage:
    """What one package's files share: header index, generated headers, flags."""

    def __init__(self, root: Path, generated: Path, limits: FastPath, compile: Compile) -> None:
        self.limits, self.generated, self._compile = limits, generated, compile
        self._lost: set[str] = set()
        template = _config_template(root)
        names = frozenset(["config.h"] if template else [])
        self.index = HeaderIndex(root, names, limits.system)
        text = self._render(template) if template else typical_config(limits.system)
        (generated / "config.h").write_text(text)
        self.flags = ["-w", f"-fmacro-prefix-map={root}=.", f"-fmacro-prefix-map={generated}=.",
                      "-D_GNU_SOURCE", '-DLOCALEDIR="/usr/share/locale"',
                      f"-I{generated}"]  # fmt: skip
        self.flags += ["-DHAVE_CONFIG_H"] if template or _has_autoconf(root) else []
        if limits.system != HOST:
            self.flags += ["--target=x86_64-linux-gnu", f"--sysroot={limits.system.root}",
                           f"-fmacro-prefix-map={limits.system.root}="]  # fmt: skip

    def compile(self, source: Path) -> Unit:
        """Compile, and again with one more generated header while clang asks for one."""
        language = LANGUAGES[source.suffix]
        if lost := self._lost_include(source):
            return Unit(source, language, None, f"'{lost}' file not found")
        folders = [f"-I{folder}" for folder in self.index.include_folders(source)]
        standard = OLD_C if language == "c" else NEW_CXX
        reason = None
        for _ in range(self.limits.attempts):
            try:
                args = [*standard, *self.flags, *folders]
                return Unit(source, language, self._compile(source, args))
            except CompileError as error:
                reason = short_reason(error.message)
            missing = MISSING.match(reason)
            if not missing or not self._supply(missing.group(1)):
                self._lost.update(missing.groups() if missing else ())
                break
        return Unit(source, language, None, reason)

    def _lost_include(self, source: Path) -> str | None:
        if not self._lost:
            return None
        return next((one for one in certain_includes(source) if one in self._lost), None)

    def _supply(self, name: str) -> bool:
        """Write the header that was not found, or point to the system's, if it can be guessed."""
        folder = self.limits.system.folder_of(name)
        if folder and (flag := f"-idirafter{folder}") not in self.flags:
            self.flags.append(flag)
            return True
        return self._write(self.generated / name, self._guess(name))

    def _write(self, place: Path, text: str | None) -> bool:
        """False where there is no text, or no new place for it among the generated headers."""
        path = Path(os.path.normpath(place))
        if text is None or not path.is_relative_to(self.generated) or path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return True

    def _render(self, template: Path) -> str:
        return render_template(_read(template), self.limits.system)

    def _guess(self, name: str) -> str | None:
        if template := self.index.template_of(name):
            return self._render(template)
        if namesake := self.index.namesake_of(name):
            return f'#include "{namesake}"\n'
        return empty_header(name) if MAY_BE_GENERATED.search(name) else None


def _has_autoconf(root: Path) -> bool:
    """Its config.h.in may be missing only because autoheader has yet to write it."""
    return any((root / name).is_file() for name in ("configure.ac", "configure.in"))


def _config_template(root: Path) -> Path | None:
    names = ("config.h.in", "config.hin", "config.in", "config.h.cmake", "config.h.cmake.in")
    found = [path for path in walk_files(root) if path.name in names]
    return min(found, key=lambda path: len(path.parts), default=None)


def _read(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def short_reason(message: str) -> str:
    return message.rpartition("error: ")[2].strip()[:120]
