"""Files of lines that are only appended to: a line is there whole or not at all.

Whatever kills the writer, and however full the disk is. A line that a kill tore is not read, and
cut off before the next append.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ozma.errors import OzmaError

_TAIL = 1 << 16


def append_lines(path: Path, data: bytes) -> None:
    """Appends `data`, which ends with a newline or is empty; safe between processes.

    The folder is made when it is missing. OzmaError when the disk refuses; then nothing was
    written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file.fileno(), data)
    except OSError as error:
        raise OzmaError(
            f"cannot write {path}: {error.strerror}",
            hint="free some space and run the same command again: it goes on from here",
        ) from error


def read_lines(path: Path) -> list[bytes]:
    """The whole lines of a file, without their newlines; none when it does not exist."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error
    return data[: data.rfind(b"\n") + 1].splitlines()


def _append(descriptor: int, data: bytes) -> None:
    size = os.fstat(descriptor).st_size
    whole = _end_of_lines(descriptor, size)
    if whole < size:
        os.ftruncate(descriptor, whole)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, whole)
        raise


def _end_of_lines(descriptor: int, size: int) -> int:
    """Bytes up to the last newline, looked for from the end."""
    while size:
        start = max(0, size - _TAIL)
        found = os.pread(descriptor, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
