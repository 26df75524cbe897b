"""Where a verb's input lies: the file named, or standard input saved as one."""

from __future__ import annotations

import sys
from pathlib import Path


def source_of(name: str, folder: Path) -> Path:
    """The input's path; standard input is saved as a file of its kind."""
    if name != "-":
        return Path(name)
    data = sys.stdin.buffer.read()
    path = folder / ("stdin.bc" if data[:2] == b"BC" else "stdin.ll")
    path.write_bytes(data)
    return path
