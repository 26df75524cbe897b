"""Parquet files that appear whole or not at all, and one clear line when one cannot be read.

pyarrow is imported when it is used: only the corpus needs it (`pip install ozma[corpus]`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ozma.errors import OzmaError
from ozma.whole_file import replacing

_BATCH_BYTES = 32 << 20  # a row group at most, before compression


def load_pyarrow() -> Any:
    """The pyarrow module with `parquet` loaded; OzmaError says how to install it.

    It is kept from starting threads of its own, as this process forks workers.
    """
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OzmaError(
            "the corpus needs pyarrow", hint="install it: pip install 'ozma[corpus]'"
        ) from error
    return pyarrow


class ParquetFile:
    """Rows on their way to one Parquet file (zstd); see `writing`."""

    def __init__(self, path: Path, schema: Any, level: int | None = None) -> None:
        self._arrow = load_pyarrow()
        self._schema, self._rows, self._bytes = schema, [], 0
        self._writer = self._arrow.parquet.ParquetWriter(
            path, schema, compression="zstd", compression_level=level
        )

    def add(self, row: dict[str, Any]) -> None:
        """`row` has a value for each column of the schema."""
        self._rows.append(row)
        self._bytes += len(row.get("bitcode", b"")) + 200
        if self._bytes > _BATCH_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Closes what can be closed; the file is of no use."""
        with suppress(OSError, self._arrow.ArrowException):
            self._writer.close()

    def _flush(self) -> None:
        table = self._arrow.Table.from_pylist(self._rows, schema=self._schema)
        self._writer.write_table(table)
        self._rows, self._bytes = [], 0


@contextmanager
def writing(path: Path, schema: Any, level: int | None = None) -> Iterator[ParquetFile]:
    """A file that takes the place of `path` when the block ends well, and else leaves no trace.

    `level` is zstd's (1 to 22; default: pyarrow's).

    Raises OzmaError when it cannot be written (a full disk, no permission).
    """
    _remove_leftovers(path)
    with replacing(path) as part:
        file = ParquetFile(part, schema, level)
        try:
            yield file
            file.close()
        except BaseException:
            file.abandon()
            raise


def _remove_leftovers(path: Path) -> None:
    """Parts of processes that were killed while they wrote this file."""
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        process = part.name.rsplit(".", 2)[1]
        if not Path("/proc", process).exists():
            part.unlink(missing_ok=True)


def write_rows(path: Path, schema: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Writes all of `rows` to `path`, whole or not at all; OzmaError as for `writing`."""
    with writing(path, schema) as file:
        for row in rows:
            file.add(row)


def read_columns(path: Path, columns: list[str]) -> Any:
    """A pyarrow Table of these columns; OzmaError if the file is missing, torn or lacks one."""
    arrow = load_pyarrow()
    try:
        with arrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            return file.read(columns, use_threads=False).select(columns)
    except (OSError, KeyError, arrow.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise OzmaError(
            f"{path} cannot be read as Parquet: {reason}",
            hint="remove it and run `ozma corpus build` again",
        ) from error


def read_values(path: Path, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of these columns, as tuples in this order. OzmaError as `read_columns`."""
    table = read_columns(path, names)
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def table_path(folder: Path, project: str) -> Path:
    """A project's file in a folder that has one for each."""
    return folder / f"{quote(project, safe='+')}.parquet"
