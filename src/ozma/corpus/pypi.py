"""Source distributions by name through pip's configured index; no setup code is ever run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from ozma.corpus.debian import CACHE
from ozma.corpus.download import download, open_url
from ozma.corpus.unpack import unpack
from ozma.errors import OzmaError

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_SDIST = (".tar.gz", ".tar.bz2", ".tar.xz", ".zip")


@dataclass(frozen=True)
class Sdist:
    """One source distribution of the index; `sha256` is None when the index gives none."""

    name: str
    version: str
    url: str
    sha256: str | None


@lru_cache(maxsize=1)
def index_url() -> str:
    """The index that pip is configured with; pip's help shows it with the default filled in."""
    command = [sys.executable, "-m", "pip", "download", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60)
    text = " ".join(shown.stdout.split())
    found = re.search(r"--index-url <url> .*?\(default (\S+?)\)", text)
    if not found:
        raise OzmaError("pip does not tell its index", command=" ".join(command))
    return found.group(1).rstrip("/")


def locate_sdist(name: str, version: str | None = None, *, index: str | None = None) -> Sdist:
    """The newest final sdist of `name` (or `version`), by the simple index, JSON or HTML."""
    normal = re.sub(r"[-_.]+", "-", name).lower()
    page = f"{index or index_url()}/{normal}/"
    with open_url(page, {"Accept": _ACCEPT}) as response:
        is_json = "json" in (response.headers.get("Content-Type") or "")
        text = response.read().decode("utf-8", "replace")
    sdists = [sdist for link in _links(text, page, is_json) if (sdist := _as_sdist(normal, *link))]
    wanted = [sdist for sdist in sdists if version in (None, sdist.version)]
    if not wanted:
        raise OzmaError(f"the index has no source distribution of {name} {version or ''}".rstrip())
    return max(wanted, key=lambda sdist: _release_key(sdist.version))


def download_sdist(
    name: str, version: str | None = None, *, index: str | None = None, cache: Path = CACHE
) -> tuple[Sdist, Path]:
    """Download the sdist of `name` and return its record and the checked file in `cache`."""
    sdist = locate_sdist(name, version, index=index)
    path = cache / "archives" / sdist.url.rsplit("/", 1)[1]
    found = download(sdist.url, path, sdist.sha256)
    return Sdist(sdist.name, sdist.version, sdist.url, found), path


def fetch_sdist(
    name: str,
    destination: Path,
    version: str | None = None,
    *,
    index: str | None = None,
    cache: Path = CACHE,
) -> Path:
    """Fetch the sdist of `name`, unpack it in `destination`, return the top of its tree."""
    _, path = download_sdist(name, version, index=index, cache=cache)
    return unpack(path, destination)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for key, value in attrs if key == "href" and value]


def _links(text: str, page: str, is_json: bool) -> list[tuple[str, str | None]]:
    """(address, sha256 or None) of every file on the page."""
    if is_json:
        files = json.loads(text)["files"]
        return [(urljoin(page, file["url"]), file["hashes"].get("sha256")) for file in files]
    anchors = _Anchors()
    anchors.feed(text)
    split = [urldefrag(urljoin(page, link)) for link in anchors.links]
    return [(url, tag.partition("sha256=")[2] or None) for url, tag in split]


def _as_sdist(normal: str, url: str, sha256: str | None) -> Sdist | None:
    file = url.rsplit("/", 1)[1]
    suffix = next((suffix for suffix in _SDIST if file.endswith(suffix)), None)
    if suffix is None:
        return None
    stem, _, version = file.removesuffix(suffix).rpartition("-")
    if re.sub(r"[-_.]+", "-", stem).lower() != normal:
        return None
    return Sdist(normal, version, url, sha256)


def _release_key(version: str) -> tuple[bool, tuple[int, ...]]:
    """Final releases before others, then by number."""
    final = re.fullmatch(r"[0-9.]+(\.?post[0-9]+)?", version) is not None
    return final, tuple(int(part) for part in re.findall(r"[0-9]+", version))
