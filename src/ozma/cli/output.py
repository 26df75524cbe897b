"""Text that a verb writes: to a file, or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from ozma.errors import OzmaError


def write_out(text: str, output: str | None) -> None:
    """To the file `output`, or standard output for None and "-"."""
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {output}: {error.strerror}") from error
