"""Lists for a module, by what they did on the training functions that fall into the same leaves.

A forest says which these are and how much each counts; greedy cover over them gives for each of k
compiles a list that adds to those before it. For a unit, functions are drawn from its functions'
companions together, as one list serves all of them.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ozma.errors import OzmaError
from ozma.optimize.ranker.cover import best_alone, cover_order
from ozma.optimize.ranker.describe import described_names
from ozma.optimize.ranker.forest import Forest

COVERED = 30
"""Lists that are chosen by what they add; the rest follow by their mean."""
_UNIT = 1e-4
"""Shares are stored in whole numbers of this."""
_DRAWS = 200


@dataclass(frozen=True)
class Ranker:
    """relative_nl: share of clang's bytes that list l saves on training function n, below 0 where
    it costs; byte_n: clang's bytes. Savings count up to `cap`, functions by bytes ** `weight`."""

    forest: Forest
    keys: tuple[str, ...]
    relative_nl: np.ndarray
    byte_n: np.ndarray
    cap: float
    weight: float

    def order(
        self, values_f: Sequence[float], trust_l: Sequence[float] | None = None
    ) -> tuple[np.ndarray, int]:
        """(all lists, the best first; the one to take without clang's object to fall back on, -1
        for clang's own) for a function of these `described` values."""
        rows, share_n = self._companions(values_f)
        relative_nl = self.relative_nl[rows]
        order = cover_order(np.clip(relative_nl, 0, self.cap), share_n, COVERED, trust_l)
        return order, best_alone(relative_nl, share_n)

    def order_together(
        self, functions: Sequence[Sequence[float]], byte_f: Sequence[float],
        trust_l: Sequence[float] | None = None,
    ) -> np.ndarray:
        """All lists, the best first, for a unit of functions with so many bytes each."""
        rng = np.random.default_rng(0)
        worth_nl = np.zeros((_DRAWS, len(self.keys)), np.float32)
        for values_f, size in zip(functions, byte_f, strict=True):
            rows, share_n = self._companions(values_f)
            drawn = rng.choice(rows, _DRAWS, p=share_n / share_n.sum())
            worth_nl += size * np.clip(self.relative_nl[drawn], -self.cap, self.cap)
        return cover_order(worth_nl, None, COVERED, trust_l)

    def _companions(self, values_f: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        return self.forest.companions(np.asarray(values_f, np.float32), self.byte_n**self.weight)

    def save(self, path: Path) -> None:
        """One compressed file of arrays."""
        arrays = self.forest.arrays() | {
            "keys": np.array(self.keys), "names": np.array(_names_key()),
            "relative": np.rint(np.clip(self.relative_nl, -1, 1) / _UNIT).astype(np.int16),
            "bytes": self.byte_n.astype(np.int32), "settings": np.array([self.cap, self.weight]),
        }  # fmt: skip
        np.savez_compressed(path, **arrays)


def load_ranker(path: Path) -> Ranker:
    """What `save` wrote; OzmaError if it cannot be read, or describes modules in other numbers."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = dict(file)
        cap, weight = map(float, arrays["settings"])
        if str(arrays["names"]) != _names_key():
            raise OzmaError(f"{path} was made by another version", hint="train it again")
        return Ranker(
            Forest(arrays), tuple(map(str, arrays["keys"])),
            arrays["relative"].astype(np.float32) * np.float32(_UNIT),
            arrays["bytes"].astype(np.float64), cap, weight,
        )  # fmt: skip
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        hint = "make it again with `ozma train trees`"
        raise OzmaError(f"{path} is damaged, or holds no trees", hint=hint) from error


def _names_key() -> str:
    return hashlib.sha256("\n".join(described_names()).encode()).hexdigest()[:16]
