"""Throw-away folders that do not outlive their maker by long: the next run sweeps what a kill left.

The maker holds a lock on its folder, which the kernel lets go however the maker ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "ozma-build-"
_YOUNG = 60.0
"""Seconds in which a folder may be made and not yet locked."""


@contextmanager
def throw_away() -> Iterator[Path]:
    """A folder that a confined user can reach, and that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.chmod(0o755)
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _remove(folder: Path) -> None:
    """Whole, even when we are told to end meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def sweep() -> int:
    """Removes folders of makers that were killed; how many."""
    folders = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
    return sum(_remove_if_left(folder) for folder in folders)


def _remove_if_left(folder: Path) -> bool:
    with suppress(OSError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            state = os.fstat(lock)
            if state.st_uid != os.geteuid() or time.time() - state.st_mtime < _YOUNG:
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            return True
        finally:
            os.close(lock)
    return False
