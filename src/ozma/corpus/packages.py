"""The recorded package sets: `search` finds the lists, `bench` measures them; none in both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ozma.corpus import debian, pypi
from ozma.corpus.unpack import unpack
from ozma.errors import OzmaError

PYPI = "pypi"


@dataclass(frozen=True)
class Package:
    """A source package as it was when recorded; `suite` is a Debian suite or 'pypi'."""

    name: str
    version: str
    suite: str
    sha256: str


def load_packages(kind: str) -> list[Package]:
    """The recorded set `kind`: 'search' or 'bench'."""
    text = resources.files("ozma.corpus").joinpath("data/packages.json").read_text("utf-8")
    sets = json.loads(text)
    if kind not in sets:
        raise OzmaError(f"no package set {kind}", hint=f"one of {', '.join(sets)}")
    return [Package(**entry) for entry in sets[kind]]


def download_package(
    name: str, suite: str | None = None, *, cache: Path = debian.CACHE
) -> tuple[Package, Path]:
    """Download `name` from `suite` (PyPI, one Debian suite, or None: the first that serves it)."""
    if suite == PYPI:
        sdist, path = pypi.download_sdist(name, cache=cache)
        return Package(name, sdist.version, PYPI, sdist.sha256 or ""), path
    archive, path = debian.download_source(name, (suite,) if suite else None, cache=cache)
    return Package(name, archive.version, archive.suite, archive.sha256), path


def fetch_archive(package: Package, *, cache: Path = debian.CACHE) -> Path:
    """The checked archive of a recorded package.

    Raises OzmaError when the mirror now serves another version: the sum says so.
    """
    found, path = download_package(package.name, package.suite, cache=cache)
    if found.sha256 != package.sha256:
        raise OzmaError(
            f"{package.suite} now has {package.name} {found.version}, recorded {package.version}",
            hint="record the package sets anew",
        )
    return path


def fetch_package(package: Package, destination: Path, *, cache: Path = debian.CACHE) -> Path:
    """Fetch a recorded package and unpack it in `destination`; returns the top of its tree."""
    return unpack(fetch_archive(package, cache=cache), destination)
