"""The fast path with foresight: what a file surely includes is found, made or given up on before
the compiler is asked, and of several libraries the one that belongs to the others is taken.

A list says by which rules it was built (`BuildOptions.rules`): these are the second.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

from ozma.corpus.blame import Blame
from ozma.corpus.certain import read_certain
from ozma.corpus.fastpath import (
    LANGUAGES,
    MAY_BE_GENERATED,
    MISSING,
    NEW_CXX,
    OLD_C,
    Compile,
    FastPackage,
    FastPath,
    Unit,
    short_reason,
)
from ozma.corpus.forms import form_of, is_moc, render_form
from ozma.corpus.headers import is_inside, walk_files
from ozma.corpus.strings import names_of_strings, text_of_string
from ozma.llvm.clang import CompileError

_BUILD_FILES = ("configure.ac", "configure.in", "CMakeLists.txt", "meson.build", "Makefile.am",
                "Makefile")  # fmt: skip
_BUILD_BYTES = 400_000
_RELEASE = re.compile(r"[^/]*\d[^/]*")
_NO_RELEASE = re.compile(r"x86_64|\d+(\.\d+)*$")
# Headers of the other compiler, and those that say that they are not to be included so.
_PRIVATE = ("usr/lib/gcc/", "usr/include/lzma", "usr/include/c++/")
_ALIASES = {"gtk-2.0": "gtk+-2.0", "gtk-3.0": "gtk+-3.0", "gtk-4.0": "gtk4", "qt5": "Qt5"}
_FLAGS = {"wx-3.2": "-D__WXGTK__"}
_UP = "up/up/up"
_FOLLOWED = 400


class ForesightPackage(FastPackage):
    """What one package's files share. The compiler is still asked for all that has a condition."""

    def __init__(self, root: Path, generated: Path, limits: FastPath, compile: Compile) -> None:
        super().__init__(root, generated, limits, compile)
        self._root = root
        self._up = generated / _UP  # where an #include "../config.h" finds generated ones
        self._up.mkdir(parents=True)
        self.flags += [f"-I{self._up}", '-DGETTEXT_PACKAGE="package"']
        own = limits.toolchain.prefix / f"lib/clang/{limits.toolchain.major}/include"
        self._standard = [own, *limits.system.standard_folders()]
        self._certain: dict[Path, list[tuple[bool, str]]] = {}
        self._behind: list[Path] = []
        self._followed: set[Path] = set()
        self._strings: dict[str, str] = {}
        self._wanting: set[str] = set()
        self._blame = {language: Blame(self.index) for language in set(LANGUAGES.values())}

    def compile(self, source: Path) -> Unit:
        language = LANGUAGES[source.suffix]
        folders, reach = self.index.follow(source)
        if lost := self._foresee(source, folders):
            return Unit(source, language, None, f"'{lost}' file not found", foreseen=True)
        blame = self._blame[language]
        if reason := blame.reason(reach):
            return Unit(source, language, None, reason, foreseen=True)
        standard = OLD_C if language == "c" else NEW_CXX
        places, text = [f"-I{folder}" for folder in folders], source.read_bytes()
        for _ in range(self.limits.attempts):
            strings = [f"-D{name}={value}" for name, value in self._strings.items()
                       if name.encode() in text]  # fmt: skip
            try:
                bitcode = self._compile(source, [*standard, *self.flags, *places, *strings])
                blame.clear(reach)
                return Unit(source, language, bitcode)
            except CompileError as error:
                reason, trail = short_reason(error.message), getattr(error, "trail", ())
            if not self._mend(reason, self._root / (trail[-1] if trail else source), text):
                break
        blame.add(trail, reason)
        return Unit(source, language, None, reason)

    def _mend(self, reason: str, file: Path, text: bytes) -> bool:
        """Is there a reason to ask the compiler again? `file` has the error, `text` is that of
        the source."""
        if missing := MISSING.match(reason):
            name = missing.group(1)
            return self._supply(name, self._is_own(file) and f"<{name}>" not in _text(file))
        found = [name for name in names_of_strings(reason, text) if name not in self._strings]
        self._strings |= {name: text_of_string(name) for name in found}
        return bool(found)

    def _foresee(self, source: Path, folders: list[Path]) -> str:
        """Supplies what `source` must have; the first that nothing can supply, else ''."""
        pending, seen = [source], {source}
        while pending and len(seen) < _FOLLOWED:
            file = pending.pop()
            for quoted, name in self._read(file):
                found = self._locate(file, quoted, name, folders)
                own = quoted and self._is_own(file)
                if not found and (name in self._wanting or not self._supply(name, own)):
                    self._wanting.add(name)
                    self._followed -= seen
                    return name
                found = found or self._locate(file, quoted, name, folders)
                if found and found not in seen and self._is_followed(found):
                    seen.add(found)
                    pending.append(found)
        return ""

    def _read(self, file: Path) -> list[tuple[bool, str]]:
        if not self._is_own(file):
            return _read_shared(file)
        if file not in self._certain:
            self._certain[file] = read_certain(file)
        return self._certain[file]

    def _is_followed(self, file: Path) -> bool:
        """The system's headers once; the compiler's, the C++ library's and other files never."""
        if self._is_own(file):
            return True
        if not is_inside(file, self.limits.system.root / "usr"):
            return False
        if file in self._followed or "/c++/" in str(file) or "/clang/" in str(file):
            return False
        self._followed.add(file)
        return True

    def _is_own(self, file: Path) -> bool:
        return is_inside(file, self._root) or is_inside(file, self.generated)

    def _locate(self, file: Path, quoted: bool, name: str, folders: list[Path]) -> Path | None:
        """As the compiler does."""
        beside = [file.parent] if quoted else []
        for folder in (*beside, self.generated, self._up, *folders, *self._standard, *self._behind):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return Path(os.path.normpath(path))
        return None

    def _supply(self, name: str, own: bool) -> bool:
        """Make the header that was not found, or point to the system's; False if neither. `own`:
        in quotes, by a file of the package."""
        text = self._own(name)
        if text is None and (folder := self._system_folder(name, own)):
            self._behind.append(folder)
            self.flags.append(f"-idirafter{folder}")
            self.flags += [_FLAGS[part] for part in folder.parts if part in _FLAGS]
            return True
        if text is None:
            text = self._guess(name) or self._flat(name)
        base = self._up if name.startswith("..") else self.generated
        return self._write(base / name, text)

    def _own(self, name: str) -> str | None:
        """What the package's build would write, for all that can be told."""
        base = name.rpartition("/")[2]
        if base == "config.h":
            return f'#include "{self.generated}/config.h"\n'
        if template := self.index.template_of(name):
            return self._render(template)
        if is_moc(name):
            return ""
        form = self._forms.get(form_of(name))
        return render_form(form.read_text("utf-8", "replace")) or None if form else None

    def _flat(self, name: str) -> str | None:
        """<ncurses/curses.h> where the system has <curses.h>."""
        folder, _, base = name.rpartition("/")
        stem = base.partition(".")[0]
        alike = stem in folder or folder in stem
        return f"#include <{base}>\n" if folder and alike and self.limits.system.has(base) else None

    @cached_property
    def _forms(self) -> dict[str, Path]:
        return {path.name: path for path in walk_files(self._root) if path.suffix == ".ui"}

    @cached_property
    def _texts(self) -> bytes:
        return b"".join(_build_files(self._root))

    def _system_folder(self, name: str, own: bool) -> Path | None:
        """Of the same release as those taken before, else one that the build's files name."""
        if own and "/" not in name and MAY_BE_GENERATED.search(name):
            return None
        root = self.limits.system.root
        taken = {part for folder in self._behind for part in releases(folder, root)}
        found = [folder for folder in self.limits.system.folders_of(name)
                 if folder not in self._behind
                 and not str(folder.relative_to(root)).startswith(_PRIVATE)]  # fmt: skip
        return min(found, key=lambda folder: self._rank(folder, root, taken), default=None)

    def _rank(self, folder: Path, root: Path, taken: set[str]) -> int:
        parts = releases(folder, root)
        if taken & parts:
            return 0
        named = (_ALIASES.get(part, part).encode() in self._texts for part in parts)
        return 1 if any(named) else 2


def _text(file: Path) -> str:
    try:
        return file.read_text("latin-1")
    except OSError:
        return ""


@cache
def _read_shared(file: Path) -> list[tuple[bool, str]]:
    return read_certain(file)


def releases(folder: Path, root: Path) -> set[str]:
    """The folders on the way that are named after a release: gtk-3.0, lua5.3, qt5."""
    parts = folder.relative_to(root).parts
    return {part for part in parts if _RELEASE.fullmatch(part) and not _NO_RELEASE.match(part)}


def _build_files(root: Path) -> Iterator[bytes]:
    """Those at the top and one folder below."""
    for pattern in ("", "*/"):
        for name in _BUILD_FILES:
            for path in sorted(root.glob(pattern + name)):
                if path.is_file() and not path.is_symlink():
                    with path.open("rb") as file:
                        yield file.read(_BUILD_BYTES)
