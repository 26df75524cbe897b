"""Source packages by name from the machine's own Debian or Ubuntu mirror: upstream tarballs."""

from __future__ import annotations

import lzma
import platform
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ozma.corpus.apt_sources import Mirror, find_mirror
from ozma.corpus.deb822 import parse_fields
from ozma.corpus.download import NotServed, download
from ozma.corpus.unpack import unpack
from ozma.errors import OzmaError

DEBIAN_SUITES = ("bookworm", "trixie", "sid")
CACHE = Path("~/.cache/ozma/sources").expanduser()
_INDEX_AGE = 7 * 86400.0
_ARCHIVES = (".tar.gz", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True)
class SourceArchive:
    """One upstream tarball as a suite's Sources index names it; `url` is on the mirror.

    `packaging` is the address of the .debian.tar beside it, '' when there is none.
    """

    name: str
    version: str
    suite: str
    url: str
    size: int
    sha256: str
    packaging: str = ""


def default_suites() -> tuple[str, ...]:
    """Debian's three suites, or on Ubuntu the machine's own."""
    release = platform.freedesktop_os_release()
    if release.get("ID") == "debian":
        return DEBIAN_SUITES
    return (release.get("VERSION_CODENAME", "stable"),)


def locate_source(
    name: str, suite: str, *, mirror: Mirror | None = None, cache: Path = CACHE
) -> SourceArchive:
    """Find the orig (or native) tarball of source package `name` in `suite`'s index."""
    mirror = mirror or find_mirror()
    for component in mirror.components:
        stanza = _find_stanza(read_index(mirror.url, suite, component, cache), name)
        if stanza:
            return archive_of(stanza, suite, mirror)
    raise NotServed(f"{suite} has no source package {name}")


def download_source(
    name: str,
    suites: tuple[str, ...] | None = None,
    *,
    mirror: Mirror | None = None,
    cache: Path = CACHE,
) -> tuple[SourceArchive, Path]:
    """Download the tarball of `name` from the first of `suites` that serves it.

    Returns the archive's record and the checked file in `cache`. A mirror's index may name
    tarballs that the mirror does not serve: that is a 404, and the next suite is asked.
    """
    mirror = mirror or find_mirror()
    refusals = []
    for suite in suites or default_suites():
        try:
            archive = locate_source(name, suite, mirror=mirror, cache=cache)
            path = cache / "archives" / archive.url.rsplit("/", 1)[1]
            download(archive.url, path, archive.sha256)
            return archive, path
        except NotServed as refusal:
            refusals.append(refusal.message)
    raise OzmaError(
        f"no suite serves the source of {name}: " + ", ".join(refusals),
        hint="check the name, or give other suites",
    )


def fetch_source(
    name: str,
    destination: Path,
    suites: tuple[str, ...] | None = None,
    *,
    mirror: Mirror | None = None,
    cache: Path = CACHE,
) -> Path:
    """Fetch source package `name`, unpack it in `destination` and return the top of its tree.

    Only the upstream tarball: no Debian patches. Raises OzmaError when no suite serves it.
    """
    _, path = download_source(name, suites, mirror=mirror, cache=cache)
    return unpack(path, destination)


@lru_cache(maxsize=4)
def read_index(url: str, suite: str, component: str, cache: Path) -> bytes:
    """A suite's Sources index, one stanza per package and version; fetched once a week."""
    path = cache / "indexes" / f"{suite}-{component}-Sources.xz"
    if not path.exists() or time.time() - path.stat().st_mtime > _INDEX_AGE:
        download(f"{url}/dists/{suite}/{component}/source/Sources.xz", path)
    try:
        return b"\n" + lzma.decompress(path.read_bytes())
    except lzma.LZMAError as error:
        raise OzmaError(f"{path} is broken: {error}", hint="remove it and try again") from error


def _find_stanza(index: bytes, name: str) -> str | None:
    # A suite may list several versions of a package: the last one is the newest.
    start = index.rfind(f"\nPackage: {name}\n".encode())
    if start < 0:
        return None
    return index[start : index.find(b"\n\n", start)].decode("utf-8", "replace")


def archive_of(stanza: str, suite: str, mirror: Mirror) -> SourceArchive:
    """The tarball that an index stanza names; NotServed when none of its files is one."""
    fields = parse_fields(stanza)
    rows = [line.split() for line in fields.get("checksums-sha256", "").splitlines()]
    rows = [row for row in rows if len(row) == 3 and row[1].isdecimal()]
    if missing := [key for key in ("package", "version", "directory") if key not in fields]:
        raise NotServed(f"{suite} gives no {missing[0]} of {fields.get('package', 'a package')}")
    chosen = _choose_tarball([row[2] for row in rows])
    if chosen is None:
        raise NotServed(f"{suite} has no tarball of {fields['package']} that can be unpacked")
    sha256, size, file = next(row for row in rows if row[2] == chosen)
    folder = f"{mirror.url}/{fields['directory']}"
    patches = [row[2] for row in rows if ".debian.tar." in row[2] and row[2].endswith("z")]
    return SourceArchive(
        fields["package"], fields["version"], suite, f"{folder}/{file}", int(size), sha256,
        f"{folder}/{patches[0]}" if patches else "",
    )  # fmt: skip


def _choose_tarball(files: list[str]) -> str | None:
    """The plain orig tarball before a native one; never a component, signature or patch set."""
    tarballs = [file for file in files if file.endswith(_ARCHIVES)]
    origs = [file for file in tarballs if ".orig.tar." in file]
    natives = [file for file in tarballs if ".orig-" not in file and ".debian.tar." not in file]
    return next(iter(origs or natives), None)
