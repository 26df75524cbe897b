"""The labels of one project: lines appended as they are made, one Parquet file in the end.

    <set>/<project>.jsonl     a line per subject, while the project is not done
    <set>/<project>.parquet   all of its rows, when it is

One process writes. A line that a kill tore is cut off before the next append; a subject that was
labelled twice (a task that a cluster ran again) counts once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ozma.corpus.parquet import read_columns, table_path, write_rows
from ozma.lines import append_lines, read_lines

Rows = list[dict]


class Journal:
    """Rows of one project by the hash of their subject."""

    def __init__(self, folder: Path, project: str, schema: Any) -> None:
        self._schema = schema
        self._table = table_path(folder, project)
        self._lines = self._table.with_suffix(".jsonl")
        self._known = dict(json.loads(line) for line in read_lines(self._lines))
        self.done = set(self._known) | self._finished()

    def _finished(self) -> set[str]:
        if not self._table.exists():
            return set()
        return set(read_columns(self._table, ["hash"]).column("hash").to_pylist())

    def append(self, labelled: list[tuple[str, Rows]]) -> int:
        """Writes down the subjects that are new, in one write; returns how many these are."""
        new = [(digest, rows) for digest, rows in labelled if digest not in self.done]
        data = "".join(json.dumps([digest, rows]) + "\n" for digest, rows in new).encode()
        append_lines(self._lines, data)
        self._known.update(new)
        self.done.update(digest for digest, _ in new)
        return len(new)

    def finish(self) -> None:
        """Turns the lines into the project's Parquet file, sorted by hash."""
        if not self._known:
            return
        rows = self._earlier() + [row for rows in self._known.values() for row in rows]
        rows.sort(key=lambda row: row["hash"])
        empty = dict.fromkeys(self._schema.names)
        write_rows(self._table, self._schema, (empty | row for row in rows))
        self._lines.unlink(missing_ok=True)
        self._known.clear()

    def _earlier(self) -> Rows:
        """Rows of a run with fewer subjects, unless the kill came between the last two steps."""
        if not self._table.exists():
            return []
        rows = read_columns(self._table, self._schema.names).to_pylist()
        return [row for row in rows if row["hash"] not in self._known]


def labelled_projects(folder: Path) -> list[str]:
    """Projects of a set that are done."""
    return sorted(unquote(path.stem) for path in folder.glob("*.parquet"))
