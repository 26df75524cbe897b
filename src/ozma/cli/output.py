"""Text that a verb writes: to a file, or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from ozma.whole_file import write_to


def write_out(text: str, output: str | None) -> None:
    """To the file `output`, or standard output for None and "-"."""
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    write_to(Path(output), text.encode())
