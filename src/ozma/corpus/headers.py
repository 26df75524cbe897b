"""Guess the include folders of a source file that is compiled without its package's build."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HEADER_SUFFIXES = (".h", ".hh", ".hpp", ".hxx", ".inc", ".def", ".ipp", ".tcc")
_COMPILER_HEADERS = ("float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h",
                     "stdbool.h", "stddef.h", "stdint.h", "stdnoreturn.h", "varargs.h")  # fmt: skip
_INCLUDED_SOURCES = (".c", ".cc", ".cpp")
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_DIRECTIVE = re.compile(rb"[ \t]*#[ \t]*(if|endif|include)")
_TEMPLATES = (".h.in", ".h.cmake.in", ".h.in.cmake", ".h.cmake", "_h.in", "-h.in", "h.in")
_TEMPLATE_SUFFIXES = (".in", ".cmake")
_FOLLOWED = 400


@dataclass(frozen=True)
class SystemHeaders:
    """Headers that are not the package's: of this machine, or of a sysroot at `root`."""

    root: Path = Path("/")

    def has(self, name: str) -> bool:
        """Whether the C library, an installed library or the compiler itself has `name`."""
        return name in _COMPILER_HEADERS or _is_file(self.root, name)

    def folder_of(self, name: str) -> Path | None:
        """A folder below usr/include that holds `name`: where pkg-config would point."""
        if name.startswith(("/", ".")):
            return None
        if self.root != Path("/"):
            return _folder_in(self.root, name)
        found = sorted(self.root.glob(f"usr/include/*/{name}"))
        return next((Path(str(path).removesuffix(f"/{name}")) for path in found), None)

    def folders_of(self, name: str) -> list[Path]:
        """Every folder below usr/ that holds `name`, from `root`, the shallowest first."""
        if name.startswith(("/", ".")):
            return []
        if self.root == Path("/"):
            found = self.folder_of(name)
            return [found] if found else []
        return list(_folders_in(self.root, name))

    def standard_folders(self) -> list[Path]:
        """Where the compiler looks by itself; the C++ library's first."""
        include, machine = self.root / "usr/include", f"{_machine(self.root)}-linux-gnu"
        libraries = [*include.glob("c++/*"), *include.glob(f"{machine}/c++/*")]
        return [*sorted(libraries), include / machine, include]

    def version(self) -> str:
        """What decides about the bitcode besides the compiler, as a short text."""
        if self.root != Path("/"):
            return self.root.name
        include = self.root / "usr/include"
        libc = _defined(include / "features.h", "__GLIBC__", "__GLIBC_MINOR__")
        releases = sorted(path.name for path in (include / "c++").glob("*"))
        return f"glibc {libc or '?'}, libstdc++ {', '.join(releases) or '?'}, and what is installed"


HOST = SystemHeaders()


class HeaderIndex:
    """Every header of an unpacked package by base name, and what each file includes."""

    def __init__(
        self, root: Path, generated: frozenset[str] = frozenset(), system: SystemHeaders = HOST
    ) -> None:
        """`generated`: names that the package's build writes; copies in the tree are not used."""
        self.root, self.system = root, system
        self._generated = generated
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in walk_files(root):
            if path.suffix.lower() in (*HEADER_SUFFIXES, *_INCLUDED_SOURCES, *_TEMPLATE_SUFFIXES):
                self._by_name[path.name].append(path)
        self._includes: dict[Path, list[tuple[bool, str]]] = {}

    def include_folders(self, source: Path) -> list[Path]:
        """The -I folders under which `source` and the package headers it pulls in are found."""
        return self.follow(source)[0]

    def follow(self, source: Path) -> tuple[list[Path], set[Path]]:
        """`include_folders`, and the files of the package that `source` may pull in, with it."""
        folders: dict[Path, None] = {}
        pending, seen = [source], {source}
        while pending and len(seen) < _FOLLOWED:
            file = pending.pop()
            for quoted, name in self._read_includes(file):
                header = self._find(file, quoted, name, folders)
                if header and header not in seen:
                    seen.add(header)
                    pending.append(header)
        return list(folders), seen

    def included_names(self, files: Iterable[Path]) -> set[str]:
        """What `files` of the package include under any condition, as written."""
        return {name for file in files for _, name in self._read_includes(file)}

    def _find(self, file: Path, quoted: bool, name: str, folders: dict[Path, None]) -> Path | None:
        beside = file.parent / name
        if quoted and beside.is_file():
            return beside if is_inside(beside, self.root) else None
        if name in self._generated or (not quoted and self.system.has(name)):
            return None
        return self._nearest(file, name, folders)

    def template_of(self, name: str) -> Path | None:
        """The template in the tree that the build makes header `name` from, if there is one."""
        stem = name.rpartition("/")[2].removesuffix(".h")
        found = [path for suffix in _TEMPLATES for path in self._by_name.get(stem + suffix, ())]
        return min(found, key=lambda path: len(path.parts), default=None)

    def namesake_of(self, name: str) -> Path | None:
        """A header with the base name of `name` in whatever folder: the build may copy it."""
        found = self._by_name.get(name.rpartition("/")[2], [])
        return min(found, key=lambda path: len(path.parts), default=None)

    def _nearest(self, file: Path, name: str, folders: dict[Path, None]) -> Path | None:
        wanted = Path(os.path.normpath(name))
        while wanted.parts and wanted.parts[0] == "..":
            wanted = Path(*wanted.parts[1:])
        depth = len(wanted.parts)
        found = [
            path
            for path in self._by_name.get(wanted.name, ())
            if path.parts[-depth:] == wanted.parts
        ]
        if not found:
            return None
        header = max(found, key=lambda path: (_shared_depth(path, file), -len(path.parts)))
        folders.setdefault(header.parents[depth - 1])
        return header

    def _read_includes(self, file: Path) -> list[tuple[bool, str]]:
        if file not in self._includes:
            found = _INCLUDE.findall(file.read_bytes())
            self._includes[file] = [(mark == b'"', name.decode("latin-1")) for mark, name in found]
        return self._includes[file]


def certain_includes(source: Path) -> list[str]:
    """The names in `<>` that a file includes whatever its conditions: a lost one ends it."""
    depth, names = 0, []
    for line in source.read_bytes().splitlines():
        if not (word := _DIRECTIVE.match(line)):
            continue
        depth += {b"if": 1, b"endif": -1}.get(word.group(1), 0)
        if depth == 0 and (found := _INCLUDE.match(line)) and found.group(1) == b"<":
            names.append(found.group(2).decode("latin-1"))
    return names


def walk_files(root: Path) -> Iterator[Path]:
    """Regular files under `root`, in a stable order, not following links."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def is_inside(path: Path, folder: Path) -> bool:
    """By name; a source may ask for any file of the machine, /proc/kcore too."""
    return Path(os.path.normpath(path)).is_relative_to(folder)


def _shared_depth(path: Path, other: Path) -> int:
    return len(os.path.commonpath([path, other]).split(os.sep))


@cache
def _is_file(root: Path, name: str) -> bool:
    folders = ("usr/include", f"usr/include/{_machine(root)}-linux-gnu")
    return any(Path(root, folder, name).is_file() for folder in folders)


def _machine(root: Path) -> str:
    return os.uname().machine if root == Path("/") else "x86_64"


def _folder_in(root: Path, name: str) -> Path | None:
    """The shallowest folder of a sysroot under which `name` (which may have folders) is found."""
    return next(_folders_in(root, name), None)


def _folders_in(root: Path, name: str) -> Iterator[Path]:
    base, depth = name.rpartition("/")[2], name.count("/")
    for folder in _folders_by_header(root).get(base, ()):
        path = Path(root, folder, base)
        if str(path).endswith(f"/{name}"):
            yield path.parents[depth]


@cache
def _folders_by_header(root: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folder, folders, files in os.walk(root / "usr"):
        folders.sort()
        for name in files:
            found[name].append(os.path.relpath(folder, root))
    return {name: tuple(sorted(folders, key=lambda one: (one.count("/"), one)))
            for name, folders in found.items()}  # fmt: skip


def _defined(header: Path, *names: str) -> str:
    text = header.read_text("utf-8", "replace") if header.is_file() else ""
    values = [re.search(rf"#\s*define\s+{name}\s+(\d+)", text) for name in names]
    return ".".join(value.group(1) for value in values if value)
