"""Headers in which one file after another fails: the next file that pulls one in is not tried."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ozma.corpus.headers import HeaderIndex

_ENOUGH = 2


class Blame:
    """Counts failures by the headers on the way to the error. A file that compiles clears all
    headers that it may pull in, for good."""

    def __init__(self, index: HeaderIndex) -> None:
        self._index = index
        self._failures: Counter[Path] = Counter()
        self._reasons: dict[Path, str] = {}
        self._cleared: set[Path] = set()

    def add(self, trail: Iterable[str], reason: str) -> None:
        """`trail`: headers as the compiler names them, from the package's top."""
        for name in trail:
            path = Path(os.path.normpath(self._index.root / name))
            self._failures[path] += 1
            self._reasons.setdefault(path, reason)

    def clear(self, reach: set[Path]) -> None:
        """`reach`: files of the package that one which compiled may pull in."""
        blamed = self._failures.keys() - self._cleared
        self._cleared.update(self._pulled(blamed, reach))

    def reason(self, reach: set[Path]) -> str:
        """Why a file with this `reach` would fail, '' if it might not."""
        blamed = {path for path, count in self._failures.items()
                  if count >= _ENOUGH and path not in self._cleared}  # fmt: skip
        return next((self._reasons[path] for path in self._pulled(blamed, reach)), "")

    def _pulled(self, blamed: Iterable[Path], reach: set[Path]) -> list[Path]:
        """Those of the package by place, others by the names that are included."""
        blamed = sorted(blamed)
        if not blamed:
            return []
        names = self._index.included_names(reach)
        return [path for path in blamed
                if path in reach or self._is_named(path, names)]  # fmt: skip

    def _is_named(self, path: Path, names: set[str]) -> bool:
        if path.is_relative_to(self._index.root):
            return False
        parts = path.parts
        return any("/".join(parts[-depth:]) in names for depth in range(1, 5))
