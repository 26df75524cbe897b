"""A folder of headers to compile with that is the same on every machine: unpacked -dev packages.

Nothing is installed and nothing of a package is run. What a corpus was compiled with is part of
its identity: the folder's name is a digest of the packages' checksums.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from ozma.corpus.apt_sources import find_mirror
from ozma.corpus.connection import Connection
from ozma.corpus.deb822 import parse_fields
from ozma.corpus.download import download, download_first
from ozma.corpus.source import DEBIAN, addresses
from ozma.errors import OzmaError

SUITE = "bookworm"
_KEPT = re.compile(
    r"^\./usr/(include/|lib/gcc/[^/]+/[^/]+/(crtbegin\.o|include/)|lib/[^/]+/[^/]+/include/|"
    r"lib/R/include/|share/R/include/|lib/[^/]+/perl/[^/]+/CORE/)"
)
_DIGEST = 12


@dataclass(frozen=True)
class Deb:
    """One binary package; `path` is its place in the archive."""

    name: str
    version: str
    path: str
    sha256: str
    size: int


def choose_debs(index: bytes) -> list[Deb]:
    """The packages that `data/sysroot.json` names, and what they need, from a Packages index."""
    text = resources.files("ozma.corpus").joinpath("data/sysroot.json").read_text("utf-8")
    lists = json.loads(text)
    stanzas = _stanzas(index)
    pending, chosen = [*lists["base"], *lists["packages"]], {}
    while pending:
        name = pending.pop(0)
        if name in chosen or name not in stanzas:
            continue
        fields = parse_fields(stanzas[name])
        chosen[name] = Deb(name, fields["version"], fields["filename"], fields["sha256"],
                           int(fields["size"]))  # fmt: skip
        pending += _needed(fields.get("depends", ""))
    return [chosen[name] for name in sorted(chosen)]


def _stanzas(index: bytes) -> dict[str, str]:
    found = {}
    for stanza in index.decode("utf-8", "replace").split("\n\n"):
        if stanza.startswith("Package: "):
            found[stanza[9 : stanza.find("\n")]] = stanza
    return found


def _needed(depends: str) -> list[str]:
    """The first choice of each dependency, if it is a package of headers."""
    names = (one.split("|")[0].split("(")[0].split(":")[0].strip() for one in depends.split(","))
    return [name for name in names if name.endswith(("-dev", "-headers"))]


def sysroot_folder(debs: Iterable[Deb], cache: Path) -> Path:
    digest = hashlib.sha256("".join(deb.sha256 for deb in debs).encode()).hexdigest()
    return cache / f"sysroot-{digest[:_DIGEST]}"


def shared_folder() -> Path:
    """Where other users of this machine may read, and only we write. OzmaError if it is not
    ours."""
    folder = Path("/var/tmp", f"ozma-{os.geteuid()}")
    folder.mkdir(mode=0o755, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        raise OzmaError(f"{folder} belongs to someone else", hint="remove it")
    return folder


def fetch_sysroot(
    mirror: str,
    cache: Path,
    note: Callable[[int, int], None] = lambda done, total: None,
    rules: int = 1,
) -> Path:
    """The folder under `cache`, fetched and unpacked if it is not there; `note(done, total)`.

    `mirror` is the address of Debian's archive, '' for this machine's; `rules` are those of
    `BuildOptions`, each with its own packages. Their records are in the folder's debs.json.
    """
    connection, mirror = Connection(), mirror.rstrip("/") or find_mirror().url
    try:
        recorded = recorded_debs(rules)
        date, debs = recorded or ("", choose_debs(_read_index(mirror, cache, connection)))
        if not debs:
            raise OzmaError(f"{mirror} has no package of headers in {SUITE}")
        folder = sysroot_folder(debs, cache)
        if not folder.exists():
            _make(debs, folder, _Place(mirror, date, connection), note)
        return folder
    finally:
        connection.close()


def recorded_debs(rules: int = 1) -> tuple[str, list[Deb]] | None:
    """The date (YYYYMMDD) and the exact packages that ship with `rules`; None if none do."""
    file = resources.files("ozma.corpus").joinpath(f"data/headers-{rules}.json.xz")
    if not file.is_file():
        return None
    recorded = json.loads(lzma.decompress(file.read_bytes()))
    return recorded["date"], [Deb(**row) for row in recorded["debs"]]


def _read_index(mirror: str, cache: Path, connection: Connection) -> bytes:
    path = cache / "indexes" / f"{SUITE}-main-binary-amd64-Packages.xz"
    if not path.exists():
        download(f"{mirror}/dists/{SUITE}/main/binary-amd64/Packages.xz", path, opener=connection)
    try:
        return lzma.decompress(path.read_bytes())
    except lzma.LZMAError as error:
        raise OzmaError(f"{path} is broken: {error}", hint="remove it and try again") from error


@dataclass(frozen=True)
class _Place:
    mirror: str
    date: str
    connection: Connection

    def fetch(self, deb: Deb, path: Path) -> None:
        urls = addresses(f"{DEBIAN}/{deb.path}", self.mirror, self.date)
        download_first(urls, path, deb.sha256, self.connection)


def _make(debs: list[Deb], folder: Path, place: _Place, note: Callable[[int, int], None]) -> None:
    """Whole or not at all: unpacked beside, then renamed."""
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".sysroot-"))
    try:
        part.chmod(0o755)
        for number, deb in enumerate(debs, start=1):
            path = folder.parent / "debs" / deb.path.rpartition("/")[2]
            place.fetch(deb, path)
            _unpack_headers(path, part)
            path.unlink()
            note(number, len(debs))
        (part / "debs.json").write_text(json.dumps([asdict(deb) for deb in debs], indent=1))
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unpack_headers(deb: Path, folder: Path) -> None:
    """Only headers; links only to places inside."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                for member in tar:
                    if _KEPT.match(member.name) and ".." not in PurePosixPath(member.name).parts:
                        _unpack_member(tar, member, folder)
        except (tarfile.TarError, OSError) as error:
            raise OzmaError(f"cannot unpack {deb.name}: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isfile():
        path.write_bytes(tar.extractfile(member).read())
    elif member.issym() and not path.exists() and not path.is_symlink():
        target = Path(member.linkname)
        if not target.is_absolute() and (path.parent / target).resolve().is_relative_to(folder):
            path.symlink_to(target)
