"""Bring archives of projects to this machine, one after another over one connection."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ozma.corpus import pypi
from ozma.corpus.apt_sources import Mirror, find_mirror
from ozma.corpus.bulk import Candidate
from ozma.corpus.connection import Connection
from ozma.corpus.debian import CACHE, SourceArchive
from ozma.corpus.download import NotServed, download, download_first
from ozma.corpus.licence import licence_of_debian_tar
from ozma.corpus.packages import load_packages
from ozma.corpus.source import DEBIAN, PYPI, TEST, TRAIN, Source, addresses
from ozma.errors import OzmaError

_LARGEST = 256 << 20


@dataclass(frozen=True)
class Missed:
    """A project that could not be fetched, and why; `final`: asking again is of no use."""

    name: str
    reason: str
    final: bool = False


class Fetcher:
    """Fetches into `cache`; what is there with the right checksum is not fetched again.

    `mirror` is the address of Debian's archive (default: this machine's), `date` the day
    (YYYYMMDD) at which a recorded list was made: what the mirror no longer serves is asked of
    snapshot.debian.org as of that day.
    """

    def __init__(self, *, mirror: str = "", date: str = "", cache: Path = CACHE) -> None:
        self.archive = Mirror(mirror.rstrip("/"), ("main",)) if mirror else find_mirror()
        self.mirror = self.archive.url
        self.cache, self.date, self._open = cache, date, Connection()
        self._test = {package.name for package in load_packages("bench")}

    def fetch_candidate(self, candidate: Candidate) -> Source:
        """The first of the candidate's tarballs that is served. Raises OzmaError if none is."""
        refusals = []
        for archive in candidate.archives:
            try:
                return self._fetch_archive(archive)
            except NotServed as refusal:
                refusals.append(f"{archive.suite}: {refusal.message}")
        raise NotServed("; ".join(refusals) or "no suite has it")

    def fetch_recorded(self, source: Source) -> Source:
        """Exactly the archive of a recorded list, by its checksum."""
        if source.location:
            return source
        if source.url.startswith(PYPI):
            return self._fetch_sdist(source)
        path = self.cache / "archives" / source.url.rpartition("/")[2]
        urls = addresses(source.url, self.mirror, self.date)
        download_first(urls, path, source.sha256, self._open)
        return replace(source, location=path)

    def fetch_pypi(self, name: str) -> Source:
        """The newest source distribution of a PyPI project."""
        return self._fetch_sdist(Source(name))

    def _fetch_archive(self, archive: SourceArchive) -> Source:
        path = self.cache / "archives" / archive.url.rpartition("/")[2]
        download(archive.url, path, archive.sha256, _LARGEST, self._open)
        return Source(
            archive.name, archive.version, self._public(archive.url), archive.sha256,
            size=archive.size, licence=self._licence(archive), role=self._role(archive.name),
            location=path,
        )  # fmt: skip

    def _licence(self, archive: SourceArchive) -> str:
        """From the packaging's own small archive, when the index names it and it is served."""
        if not archive.packaging:
            return ""
        path = self.cache / "packaging" / archive.packaging.rpartition("/")[2]
        try:
            if not path.exists():
                download(archive.packaging, path, None, _LARGEST, self._open)
            return licence_of_debian_tar(path)
        except OzmaError:
            return ""

    def _fetch_sdist(self, source: Source) -> Source:
        sdist, path = pypi.download_sdist(source.name, source.version or None, cache=self.cache)
        if source.sha256 and sdist.sha256 != source.sha256:
            raise OzmaError(f"{source.name} {sdist.version} has another checksum than recorded")
        return replace(
            source, version=sdist.version, url=f"{PYPI}/{sdist.name}/{sdist.version}/",
            sha256=sdist.sha256 or "", size=path.stat().st_size, role=self._role(sdist.name),
            location=path,
        )  # fmt: skip

    def _role(self, name: str) -> str:
        return TEST if name in self._test else TRAIN

    def _public(self, url: str) -> str:
        return DEBIAN + url.removeprefix(self.mirror) if url.startswith(self.mirror) else url

    def close(self) -> None:
        self._open.close()


def fetch_each(
    wanted: Iterable, fetch: Callable[..., Source], count: int | None = None
) -> Iterator[Source | Missed]:
    """Fetch one after another until `count` are there; a failure is yielded and passed over."""
    got = 0
    for one in wanted:
        if count is not None and got >= count:
            return
        name = one if isinstance(one, str) else one.name
        try:
            yield fetch(one)
            got += 1
        except OzmaError as error:
            yield Missed(name, error.message, isinstance(error, NotServed))


def today() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
