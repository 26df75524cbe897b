"""Choose C and C++ source packages in bulk from the Sources indexes of Debian's suites."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.apt_sources import Mirror, find_mirror
from ozma.corpus.debian import CACHE, SourceArchive, archive_of, default_suites, read_index
from ozma.corpus.download import NotServed
from ozma.corpus.held_out import load_held_out

# Packages that need one of these are written in another language, at least in the main.
_OTHER_LANGUAGES = frozenset((
    "cargo", "rustc", "dh-cargo", "dh-golang", "golang-any", "golang-go", "ghc", "dh-ocaml",
    "dh-ada-library", "fpc", "ldc", "gdc", "dub", "nim", "erlang-dev", "dh-elixir", "dh-elpa",
    "sbcl", "cli-common-dev", "default-jdk", "javahelper", "nodejs", "gfortran",
))  # fmt: skip
_OTHER_FAMILIES = ("gccgo", "dh-sequence-rust", "dh-sequence-cargo", "dh-sequence-golang",
                   "dh-sequence-haskell", "librust-", "haskell-", "ocaml", "gnat", "lazarus",
                   "mono-", "openjdk-", "maven-",
                   "swi-prolog", "zig", "fp-")  # fmt: skip
_PACKAGE_WORD = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@dataclass(frozen=True)
class BulkOptions:
    """Which packages: `min_bytes` and `max_bytes` of the tarball, `suites` in order of taste.

    `salt` shuffles: another salt, another sample. A package smaller than `min_bytes` rarely has
    more than a handful of files.
    """

    min_bytes: int = 60_000
    max_bytes: int = 5_000_000
    suites: tuple[str, ...] = ()
    salt: str = "ozma-1"

    def __post_init__(self) -> None:
        if self.min_bytes < 0:
            raise ValueError(f"min_bytes must not be negative, got {self.min_bytes}")
        if self.max_bytes <= self.min_bytes:
            raise ValueError(f"max_bytes must be over min_bytes, got {self.max_bytes}")
        if not self.salt:
            raise ValueError("salt must not be empty: give any word")


@dataclass(frozen=True)
class Candidate:
    """A package by name and its tarballs, in the order of the suites to ask."""

    name: str
    archives: tuple[SourceArchive, ...]


def choose_candidates(
    options: BulkOptions, *, mirror: Mirror | None = None, cache: Path = CACHE
) -> list[Candidate]:
    """Every package that `options` admit, in a stable shuffled order; of a family only the first.

    Packages that the held-out rules name are never among them.
    """
    mirror = mirror or find_mirror()
    found: dict[str, dict[str, SourceArchive]] = {}
    for suite in options.suites or default_suites():
        for archive in _suite_archives(suite, options, mirror, cache):
            found.setdefault(archive.name, {}).setdefault(archive.url, archive)
    read_index.cache_clear()  # 150 MB that nobody needs any more
    held_out = load_held_out()
    names = (name for name in sorted(found, key=lambda name: shuffle_key(options.salt, name))
             if not held_out.names_package(name))  # fmt: skip
    return [Candidate(name, tuple(found[name].values())) for name in _first_of_family(names)]


def shuffle_key(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()


def _suite_archives(
    suite: str, options: BulkOptions, mirror: Mirror, cache: Path
) -> Iterator[SourceArchive]:
    for component in mirror.components:
        # Several versions of a package may be listed: the last one is the newest.
        newest: dict[str, str] = {}
        for stanza in _stanzas(read_index(mirror.url, suite, component, cache)):
            newest[stanza[len("Package: ") : stanza.find("\n")]] = stanza
        for stanza in newest.values():
            if _holds_c(stanza) and (archive := _archive(stanza, suite, mirror)):
                if options.min_bytes <= archive.size <= options.max_bytes:
                    yield archive


def _stanzas(index: bytes) -> Iterator[str]:
    """Split without decoding or copying the index as a whole, which is 50 MB."""
    start = index.find(b"\nPackage: ")
    while start >= 0:
        end = index.find(b"\nPackage: ", start + 1)
        yield index[start + 1 : end if end >= 0 else len(index)].decode("utf-8", "replace")
        start = end


def _holds_c(stanza: str) -> bool:
    """Is it compiled for each machine, and by nothing that is another language's tool?"""
    if _field(stanza, "Architecture").strip() in ("", "all"):
        return False
    needs = _field(stanza, "Build-Depends") + _field(stanza, "Build-Depends-Arch")
    words = _PACKAGE_WORD.findall(needs)
    return not any(word in _OTHER_LANGUAGES or word.startswith(_OTHER_FAMILIES) for word in words)


def _field(stanza: str, name: str) -> str:
    start = stanza.find(f"\n{name}:")
    if start < 0:
        return ""
    end = re.compile(r"\n(?=\S)|\Z").search(stanza, start + 1).start()
    return stanza[start + len(name) + 2 : end]


def _archive(stanza: str, suite: str, mirror: Mirror) -> SourceArchive | None:
    try:
        return archive_of(stanza, suite, mirror)
    except NotServed:
        return None


def _first_of_family(names: Iterator[str]) -> Iterator[str]:
    """lua5.3 and lua5.4, libfoo1 and libfoo2 are one upstream project: the first is taken."""
    seen: set[str] = set()
    for name in names:
        family = re.sub(r"[-.]?\d[\d.]*$", "", name) or name
        if family not in seen:
            seen.add(family)
            yield name
