"""Results by content: what was chosen for a translation unit, and the object that came of it.

One file per key, written aside and renamed, so that readers see a whole entry or none. A cache
that cannot be read or written only costs time.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from ozma.errors import OzmaError
from ozma.whole_file import write_whole

_EVICT_ONE_IN = 64
_EVICT_TO = 0.8
_HEAD = ("passes", "compiles", "checked", "reason")


@dataclass(frozen=True)
class Chosen:
    """A pass list with the object that it gives after `compiles`; without them clang's own object
    stays, for this `reason`."""

    passes: str | None = None
    object: bytes = b""
    compiles: int = 0
    checked: str = ""
    reason: str = ""


def digest(parts: Iterable[str]) -> str:
    """Key of a list of texts, which are kept apart."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Cache:
    """Entries under `folder`; `limit` in bytes, looked after once in 64 new entries."""

    folder: Path
    limit: int

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

    def get(self, key: str) -> Chosen | None:
        """The entry, marked as used now, or None."""
        try:
            path = self._path(key)
            head, _, body = path.read_bytes().partition(b"\n")
            fields = json.loads(head)
            os.utime(path)
            return Chosen(object=body, **{name: fields[name] for name in _HEAD})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, chosen: Chosen) -> bool:
        """Stores an entry; False if the disk does not take it."""
        head = {name: getattr(chosen, name) for name in _HEAD}
        try:
            write_whole(self._path(key), json.dumps(head).encode() + b"\n" + chosen.object)
        except OzmaError:
            return False
        if int(key[:8], 16) % _EVICT_ONE_IN == 0:
            self.evict()
        return True

    def entries(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of every file, oldest first."""
        found = []
        for path in self.folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:  # another compiler removed it
                continue
            found.append((status.st_mtime, status.st_size, path))
        return sorted(found)

    def evict(self) -> int:
        """Removes the entries used longest ago until the cache is well under its limit."""
        entries = self.entries()
        excess = sum(size for _, size, _ in entries) - self.limit
        if excess <= 0:
            return 0
        return self._remove(entries, excess + int(self.limit * (1 - _EVICT_TO)))

    def clear(self) -> int:
        """Removes everything; returns the bytes freed."""
        entries = self.entries()
        return self._remove(entries, sum(size for _, size, _ in entries))

    def _remove(self, entries: list[tuple[float, int, Path]], wanted: int) -> int:
        freed = 0
        for _, size, path in entries:
            if freed >= wanted:
                break
            freed += size if discard(path) else 0
        return freed


def discard(path: Path) -> bool:
    """Removes a file if it is there and can be removed; was it?"""
    try:
        path.unlink()
    except OSError:
        return False
    return True
