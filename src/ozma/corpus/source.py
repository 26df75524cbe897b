"""Where a project's code comes from: an archive with its checksum, or a tree on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError

DEBIAN = "https://deb.debian.org/debian"
"""Debian's archive in records, whichever mirror served the file."""
PYPI = "https://pypi.org/project"
SNAPSHOT = "https://snapshot.debian.org/archive/debian"
TRAIN, TEST = "train", "test"
_ARCHIVE = re.compile(r"(\.orig)?\.(tar\.\w+|tgz|zip)$")


@dataclass(frozen=True)
class Source:
    """One project to build; picklable, so that any process or machine can build it.

    `url` is the public address (never this machine's own mirror); `size` in bytes of the archive;
    `role` is 'test' for projects that no training may see; `path` is the build path that a
    recorded list asks for, '' for no wish. `location` is the archive or the tree on this machine,
    or a compile_commands.json.
    """

    name: str
    version: str = ""
    url: str = ""
    sha256: str = ""
    size: int = 0
    licence: str = ""
    role: str = TRAIN
    path: str = ""
    location: Path | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(f"name must be a plain file name, got '{self.name}'")
        if self.role not in (TRAIN, TEST):
            raise ValueError(f"role must be {TRAIN} or {TEST}, got '{self.role}'")


def local_source(path: Path) -> Source:
    """A tree, a compile_commands.json or an archive on this machine as a project."""
    path = path.resolve()
    if not path.exists():
        raise OzmaError(f"{path} does not exist", hint="give a folder, an archive or a database")
    if path.is_file() and path.suffix != ".json" and not _ARCHIVE.search(path.name):
        raise OzmaError(
            f"{path} is no folder, archive or compile_commands.json",
            hint="for a source file give its folder",
        )
    named = path.parent if path.suffix == ".json" else path
    if not named.name:
        raise OzmaError(f"{path} has no name to call the project by")
    return Source(_ARCHIVE.sub("", named.name.lstrip(".")), location=path)


def addresses(url: str, mirror: str, date: str) -> list[str]:
    """Where to ask for a recorded file: the own mirror, then Debian's snapshot of `date`."""
    if not url.startswith(DEBIAN):
        return [url]
    path = url.removeprefix(DEBIAN)
    return [mirror + path, *([f"{SNAPSHOT}/{date}T000000Z{path}"] if date else [])]
