"""Files that are there whole or as they were, whatever kills the writer and however full the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ozma.errors import OzmaError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which takes its place when the block ends well.

    The folder is made when it is missing. OzmaError when the disk refuses; nothing is left then.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Replaces the file's content. OzmaError when the disk refuses."""
    with replacing(path) as part:
        part.write_bytes(data)


def write_to(path: Path, data: bytes) -> None:
    """As `write_whole`, for a path of the user's: a device, a pipe or a link stays what it is."""
    if not path.is_symlink() and (path.is_file() or not path.exists()):
        write_whole(path, data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> OzmaError:
    reason = error.strerror or str(error).partition("\n")[0]
    full = "No space left" in reason  # pyarrow's errors have no number
    hint = "free some space, and run the same command again" if full else None
    return OzmaError(f"cannot write {path}: {reason}", hint=hint)
