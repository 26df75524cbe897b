"""gcc.c-torture/execute, from Debian's and Ubuntu's binary package gcc-12-source."""

from __future__ import annotations

import re
import shlex
import tarfile
from pathlib import Path

from ozma.verify.suites.draft import Draft, SuiteOptions, Unit
from ozma.verify.suites.fetch import (
    extract_matching,
    fetch_debian_package,
    kept_folder,
    package_files,
)

PACKAGE = "gcc-12-source"
_INSIDE = "/gcc.c-torture/execute/"
# The builtins folder links its tests against several files: a harness of its own.
_LEFT_OUT = ("builtins/",)
_FLAGS = ("-w", "-std=gnu89")
_OPTIONS = re.compile(
    r"\{\s*dg-(?:additional-)?options\s+(?:\"([^\"]*)\"|\{\s*\"([^\"]*)\"\s*\})\s*\}"
)


def draft_programs(options: SuiteOptions) -> list[Draft]:
    folder = kept_folder(
        options.cache / "fetch" / "gcc-torture",
        lambda part: _extract(options.cache / "fetch", part),
        "gcc.c-torture/execute",
    )
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.c"))
    return [_draft(folder, name) for name in names if not name.startswith(_LEFT_OUT)]


def _extract(downloads: Path, to: Path) -> int:
    package = fetch_debian_package(PACKAGE, downloads)
    for member, outer in package_files(package):
        if member.name.endswith((".tar.xz", ".tar.bz2", ".tar.gz")):
            with tarfile.open(fileobj=outer.extractfile(member), mode="r|*") as tar:
                return extract_matching(tar, _inside, to)
    return 0


def _inside(name: str) -> str | None:
    _, found, rest = name.partition(_INSIDE)
    return rest if found else None


def _draft(folder: Path, name: str) -> Draft:
    source = folder / name
    args = (*_FLAGS, *_own_options(source.read_text("utf-8", "replace")))
    return Draft(name.removesuffix(".c"), (Unit(source, args),))


def _own_options(text: str) -> tuple[str, ...]:
    """The test's dg-options for every target; the level is not the test's to choose."""
    words = [word for found in _OPTIONS.findall(text) for word in shlex.split(found[0] or found[1])]
    return tuple(word for word in words if not word.startswith("-O"))
