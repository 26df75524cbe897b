"""Append-only records of evaluations: JSON lines, one file per policy, from which tables are made.

A record is known by its `key` fields. A policy that was trained anew has another `version`: its
older records stay in the file and are not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ozma.errors import OzmaError
from ozma.lines import append_lines, read_lines

Row = dict[str, Any]


class RecordFile:
    """The records of one policy at `version`. A line that a kill tore is not read.

    Raises OzmaError when the file is damaged or the disk refuses.
    """

    def __init__(self, path: Path, version: str = "", key: tuple[str, ...] = ("module",)) -> None:
        self.path, self.version, self._key = path, version, key
        self._rows = {self._name(row): row for row in read_rows(path) if self._fits(row)}

    def _fits(self, row: Row) -> bool:
        return row.get("version", "") == self.version

    def _name(self, row: Row) -> tuple:
        return tuple(row.get(field) for field in self._key)

    def __contains__(self, key: tuple) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[Row]:
        """In the order in which they were made."""
        return list(self._rows.values())

    def append(self, rows: Iterable[Row]) -> None:
        """Writes rows down in one write; they get this file's version."""
        new = [{"version": self.version} | row for row in rows]
        if not new:
            return
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in new)
        append_lines(self.path, text.encode())
        self._rows |= {self._name(row): row for row in new}


def read_rows(path: Path) -> list[Row]:
    """All whole lines of a file; none when it does not exist."""
    try:
        return [json.loads(line) for line in read_lines(path)]
    except ValueError as error:
        raise OzmaError(f"{path} is damaged: {error}", hint="move it away and run again") from error


def record_path(folder: Path, name: str) -> Path:
    return folder / f"{quote(name, safe='+@ ')}.jsonl"
