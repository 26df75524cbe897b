"""Fetch what a suite is made of: binary packages through apt, members of tarballs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ozma.errors import OzmaError


def require_tool(name: str, package: str) -> str:
    """Path of a program on PATH; OzmaError names the package that brings it."""
    path = shutil.which(name)
    if path is None:
        raise OzmaError(f"{name} is not installed", hint=f"apt-get install {package}")
    return path


def fetch_debian_package(name: str, folder: Path) -> Path:
    """Downloads a binary package (no root needed) unless `folder` has it already."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob(f"{name}_*.deb")):
        return path
    command = [require_tool("apt-get", "apt"), "download", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    for path in sorted(folder.glob(f"{name}_*.deb")):
        return path
    lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    raise OzmaError(
        f"cannot download the Debian package {name}: {lines[0] if lines else 'no file came'}",
        command=f"apt-get download {name}",
        hint="run apt-get update first, or put the .deb into " + str(folder),
    )


def package_files(package: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Members of a binary package in order; each can be read only while it is current."""
    command = [require_tool("dpkg-deb", "dpkg"), "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            for member in tar:
                yield member, tar
        process.kill()


def extract_matching(tar: tarfile.TarFile, wanted: Callable[[str], str | None], to: Path) -> int:
    """Writes the files for which `wanted(name)` gives a relative path; returns their number."""
    count = 0
    for member in tar:
        relative = wanted(member.name) if member.isfile() else None
        if relative is not None:
            path = to / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(member).read())
            count += 1
    return count


def kept_folder(folder: Path, fill: Callable[[Path], int], what: str) -> Path:
    """`folder`, filled once by `fill` (which returns the number of files), whole or not at all."""
    if folder.exists():
        return folder
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if not fill(part):
        raise OzmaError(f"no {what} found in what was downloaded")
    try:
        part.replace(folder)
    except OSError:  # another process was faster
        if not folder.exists():
            raise
        shutil.rmtree(part, ignore_errors=True)
    return folder
