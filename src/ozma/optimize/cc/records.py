"""Where results are kept, and how one line is added to them from many compilers at once.

A record is one JSON line written by a single O_APPEND write, which concurrent writers cannot
interleave on a local file system. Nothing here may fail a build: a full or read-only disk loses
the record, not the object. Nothing heavy is imported: see `arguments`.
"""

import os

RECORDS = "records.jsonl"


def default_folder(environment: dict[str, str]) -> str:
    """The user's cache folder by the XDG rule, with `ozma/cc` below it."""
    base = environment.get("XDG_CACHE_HOME") or ""
    if not base.startswith("/"):
        base = os.path.join(environment.get("HOME") or "/nonexistent", ".cache")
    return os.path.join(base, "ozma", "cc")


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


def append(folder: str, line: str) -> bool:
    """Adds one line (without its newline) to the records; False when that cannot be written."""
    path = os.path.join(folder, RECORDS)
    try:
        try:
            descriptor = _open(path)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            descriptor = _open(path)
        try:
            return os.write(descriptor, line.encode() + b"\n") == len(line.encode()) + 1
        finally:
            os.close(descriptor)
    except OSError:
        return False


def passed_through(reason: str, session: str) -> str:
    """The record of a command that the real compiler runs alone; both texts are plain words."""
    return f'{{"event": "pass-through", "reason": "{reason}", "session": "{session}"}}'
