"""Tokenized documents on disk: flat uint16 arrays that are mapped, never loaded.

    DATA/tokenizer.json, data.json
    DATA/<split>/<task>/<number>.tokens.npy    uint16, document after document
                                .starts.npy    int64, n + 1 offsets
                                .prompts.npy   int32, tokens of each that are the question
    flags also:                 .sizes.npy     int32 (n, 1 + lists), -Oz first, -1: no code
                                .counts.npy    the same in IR instructions
                                .before.npy    int32 (n, 2): instructions and bytes of the input
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError

_FULL = 32 << 20
_TABLES = ("sizes", "counts", "before")


class ShardWriter:
    """Collects documents of one split and task; a shard is written when 32 M tokens are full."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self.documents = self.tokens = 0
        self._begin()

    def _begin(self) -> None:
        self._tokens, self._starts, self._prompts = array("H"), [0], []
        self._tables: dict[str, list[Sequence[int]]] = {name: [] for name in _TABLES}

    def add(self, tokens: Sequence[int], prompt: int, **tables: Sequence[int]) -> None:
        """One document; `prompt` of its tokens are the question. `tables` are rows for flags."""
        self._tokens.extend(tokens)
        self._starts.append(len(self._tokens))
        self._prompts.append(prompt)
        for name, row in tables.items():
            self._tables[name].append(row)
        self.documents, self.tokens = self.documents + 1, self.tokens + len(tokens)
        if len(self._tokens) >= _FULL:
            self.flush()

    def flush(self) -> None:
        if not self._prompts:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._save("tokens", np.frombuffer(self._tokens, np.uint16))
        self._save("starts", np.array(self._starts, np.int64))
        self._save("prompts", np.array(self._prompts, np.int32))
        for name, rows in self._tables.items():
            if rows:
                self._save(name, np.array(rows, np.int32))
        self._number += 1
        self._begin()

    def _save(self, name: str, values: np.ndarray) -> None:
        np.save(self._folder / f"{self._number:05}.{name}.npy", values)


class Shard:
    """One mapped shard. `tables` holds the arrays of flags, else nothing."""

    def __init__(self, folder: Path, number: str) -> None:
        self._path = folder / number
        self.tokens = self._load("tokens")
        self.starts, self.prompts = self._load("starts"), self._load("prompts")
        self.tables = {
            name: self._load(name) for name in _TABLES if self._file(name).exists()
        }
        rows = [len(table) for table in self.tables.values()]
        whole = rows in ([], [len(self.prompts)] * len(_TABLES))
        documents = len(self.starts) - 1
        if not whole or self.starts[-1] != len(self.tokens) or len(self.prompts) != documents:
            raise OzmaError(f"{self._path}.* do not fit each other", hint="prepare the data again")

    def _file(self, name: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{name}.npy")

    def _load(self, name: str) -> np.ndarray:
        try:
            return np.load(self._file(name), mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise OzmaError(
                f"{self._file(name)} cannot be read: {error}", hint="prepare the data again"
            ) from error

    def __len__(self) -> int:
        return len(self.prompts)

    def document(self, index: int) -> np.ndarray:
        return self.tokens[self.starts[index] : self.starts[index + 1]]


class Shards:
    """All shards of one split and task as one list of documents; empty if there are none."""

    def __init__(self, folder: Path) -> None:
        names = sorted({path.name.split(".")[0] for path in folder.glob("*.npy")})
        self.shards = [Shard(folder, name) for name in names]
        self._ends = np.cumsum([0, *map(len, self.shards)])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def locate(self, index: int) -> tuple[Shard, int]:
        shard = int(np.searchsorted(self._ends, index, "right")) - 1
        return self.shards[shard], index - int(self._ends[shard])

    def lengths(self) -> np.ndarray:
        """Tokens of each document."""
        lengths = [np.diff(shard.starts) for shard in self.shards]
        return np.concatenate(lengths or [np.zeros(0, int)])
