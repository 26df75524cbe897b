"""Fetch a file by address: one connection at a time, checked, never retried on a 'no'."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from ozma.errors import OzmaError
from ozma.whole_file import replacing

_CHUNK = 1 << 20
_AGENT = {"User-Agent": "ozma-corpus"}


class NotServed(OzmaError):
    """The server said no (a 4xx answer): asking again is of no use, another place may serve it."""


def open_url(url: str, headers: dict[str, str] | None = None, timeout: float = 60.0):
    """Open http(s) `url` for reading. Raises NotServed on a 4xx answer, OzmaError otherwise."""
    if not url.startswith(("http://", "https://")):
        raise OzmaError(f"cannot fetch {url}", hint="configure an http or https mirror")
    request = urllib.request.Request(url, headers=_AGENT | (headers or {}))
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        kind = NotServed if 400 <= error.code < 500 else OzmaError
        raise kind(f"{url} answered {error.code}") from error
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        raise OzmaError(f"cannot fetch {url}: {error}", hint="is the network up?") from error


def download(
    url: str, path: Path, sha256: str | None = None, limit: int = 1 << 30, opener=open_url
) -> str:
    """Download `url` to `path` (whole or not at all) and return its sha256 in hex.

    `opener` opens an address as `open_url` does: give a `Connection` to keep one open. A file
    already at `path` with the wanted `sha256` is kept. Raises OzmaError when the sum is another one
    or the file is over `limit` bytes.
    """
    if sha256 and path.exists() and file_sha256(path) == sha256:
        return sha256
    with replacing(path) as part:
        with part.open("wb") as file, opener(url) as response:
            found = _copy(response, file, url, limit)
        if sha256 and found != sha256:
            raise OzmaError(f"{url} has sha256 {found}, wanted {sha256}")
    return found


def download_first(urls: list[str], path: Path, sha256: str, opener=open_url) -> None:
    """Download from the first of `urls` that gives the wanted file; the last one's failure raises.

    For a file that a mirror has dropped and an archive of old files still has.
    """
    for url in urls[:-1]:
        try:
            download(url, path, sha256, opener=opener)
            return
        except OzmaError:
            continue
    download(urls[-1], path, sha256, opener=opener)


def _copy(response, file, url: str, limit: int) -> str:
    digest, size = hashlib.sha256(), 0
    while chunk := _read(response, url, size):
        size += len(chunk)
        if size > limit:
            raise OzmaError(f"{url} is over {limit} bytes")
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def _read(response, url: str, size: int) -> bytes:
    """What comes after `size` bytes."""
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise OzmaError(f"{url} broke off after {size} bytes: {error}") from error


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
