"""Unpack archives from outside: nothing outside the destination, no tarball bombs."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ozma.errors import OzmaError

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError)


@dataclass(frozen=True)
class UnpackLimits:
    """What one archive may hold: `total_bytes` unpacked in all, `members` entries."""

    total_bytes: int = 2 << 30
    members: int = 200_000

    def __post_init__(self) -> None:
        for field in ("total_bytes", "members"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}")


class _Meter:
    """Counts what is unpacked and refuses what goes over the limits."""

    def __init__(self, archive: Path, limits: UnpackLimits) -> None:
        self.archive, self.limits = archive, limits
        self.bytes = self.members = 0

    def add(self, size: int) -> None:
        self.bytes += size
        self.members += 1
        if self.bytes > self.limits.total_bytes:
            raise OzmaError(f"{self.archive.name} unpacks to over {self.limits.total_bytes} bytes")
        if self.members > self.limits.members:
            raise OzmaError(f"{self.archive.name} holds over {self.limits.members} entries")


def unpack(archive: Path, destination: Path, limits: UnpackLimits | None = None) -> Path:
    """Unpack a tar (gz, bz2, xz) or zip into `destination` and return the top of its tree.

    The top is the single folder that most archives hold, else `destination` itself. Symbolic
    links that lead outside are left out; any other entry that would land outside, an archive
    over `limits` or a broken one raises OzmaError, and `destination` is removed.
    """
    if destination.exists():
        raise OzmaError(f"{destination} already exists", hint="give an empty place to unpack to")
    try:
        destination.mkdir(parents=True)
    except OSError as error:
        raise OzmaError(f"cannot make {destination}: {error.strerror}") from error
    meter = _Meter(archive, limits or UnpackLimits())
    unpack_kind = _unpack_zip if archive.suffix == ".zip" else _unpack_tar
    try:
        unpack_kind(archive, destination, meter)
    except OzmaError:
        shutil.rmtree(destination)
        raise
    except _BROKEN as error:
        shutil.rmtree(destination)
        raise OzmaError(f"cannot unpack {archive.name}: {error}") from error
    return _top_folder(destination)


def _unpack_tar(archive: Path, destination: Path, meter: _Meter) -> None:
    # Not extractall: the safe filter is missing from the Python of Debian 12.
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            meter.add(member.size)
            path = _inside(destination, member.name, archive)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                _write_file(path, tar.extractfile(member), member)
            elif member.islnk():
                _write_copy(_inside(destination, member.linkname, archive), path)
            elif member.issym():
                _write_link(path, member.linkname, destination)


def _inside(destination: Path, name: str, archive: Path) -> Path:
    """Where entry `name` goes; links made by earlier entries are followed first."""
    path = destination / name
    folder = path.parent.resolve()
    if not folder.is_relative_to(destination.resolve()) or path.name == "..":
        raise OzmaError(f"{archive.name} holds {name}, outside its own tree")
    return folder / path.name


def _write_file(path: Path, content: IO[bytes] | None, member: tarfile.TarInfo) -> None:
    """With its time: make would rebuild generated files that look older than their sources."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)
    os.utime(path, (member.mtime, member.mtime))


def _write_copy(source: Path, path: Path) -> None:
    if source.is_file() and not source.is_symlink():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, path)


def _write_link(path: Path, target: str, destination: Path) -> None:
    if (path.parent / target).resolve().is_relative_to(destination.resolve()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _unpack_zip(archive: Path, destination: Path, meter: _Meter) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            meter.add(member.file_size)
            _inside(destination, member.filename, archive)
            zipped.extract(member, destination)


def _top_folder(destination: Path) -> Path:
    entries = [entry for entry in destination.iterdir() if entry.name != "pax_global_header"]
    if len(entries) == 1 and entries[0].is_dir():
        return entries[0]
    return destination
