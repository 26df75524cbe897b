"""Which mirror this machine's package manager is set up with: one-line and deb822 source files."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.deb822 import parse_fields
from ozma.errors import OzmaError

APT = Path("/etc/apt")
_ROLLING = ("stable", "testing", "unstable", "sid")


@dataclass(frozen=True)
class Mirror:
    """The distribution's main archive: `url` without a slash at its end, its `components`."""

    url: str
    components: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    url: str
    suite: str
    components: tuple[str, ...]


def find_mirror(apt: Path = APT, codename: str | None = None) -> Mirror:
    """The http(s) mirror that serves the machine's own suite, from the files under `apt`.

    `codename` defaults to the machine's; a rolling suite's name is accepted too.
    """
    codename = codename or platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
    entries = [entry for entry in _entries(apt) if _is_archive(entry)]
    served = [entry for entry in entries if entry.suite in (codename, *_ROLLING)]
    if served:
        best = max(served, key=lambda entry: _likeness(entry, entries, codename))
        return Mirror(best.url, _free_components(best.components))
    raise OzmaError(
        f"no mirror for {codename} is set up under {apt}",
        hint="add one to the apt sources, as apt-get update needs it too",
    )


def _is_archive(entry: _Entry) -> bool:
    return entry.url.startswith("http") and "main" in entry.components


def _likeness(entry: _Entry, entries: list[_Entry], codename: str) -> tuple[bool, bool, int]:
    """How much an entry looks like the distribution's archive: vendors use its names too."""
    suites = len({other.suite for other in entries if other.url == entry.url})
    path = entry.url.rpartition("/")[2]
    return entry.suite == codename, path in ("debian", "ubuntu", "ubuntu-ports"), suites


def _free_components(components: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in components if name in ("main", "universe"))


def _entries(apt: Path) -> Iterator[_Entry]:
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from _one_line_entries(path.read_text("utf-8", "replace"))
    for path in sorted(parts.glob("*.sources")):
        yield from _deb822_entries(path.read_text("utf-8", "replace"))


def _one_line_entries(text: str) -> Iterator[_Entry]:
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", "", line.partition("#")[0]).split()
        if len(words) >= 4 and words[0] in ("deb", "deb-src"):
            yield _Entry(words[1].rstrip("/"), words[2], tuple(words[3:]))


def _deb822_entries(text: str) -> Iterator[_Entry]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = parse_fields(stanza)
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        for url in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield _Entry(url.rstrip("/"), suite, tuple(fields.get("components", "").split()))
