"""Near-duplicates: functions whose instruction 5-grams agree to 70 % (Jaccard) or more.

MinHash with locality-sensitive hashing (`rensa`) proposes pairs, and the exact Jaccard index over
the opcodes decides, so that no figure here is an estimate except for the pairs that LSH misses
(1 % at the threshold, fewer above it).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ozma.errors import OzmaError

GRAM = 5
_PERMUTATIONS, _BANDS, _SEED = 125, 25, 2309


def opcode_grams(opcodes: bytes) -> frozenset[bytes]:
    """Different runs of five opcodes (a byte each); a shorter function is one run."""
    if len(opcodes) <= GRAM:
        return frozenset([opcodes])
    return frozenset(opcodes[i : i + GRAM] for i in range(len(opcodes) - GRAM + 1))


def jaccard(left: frozenset, right: frozenset) -> float:
    """Share of the members of either set that are in both; two empty sets are equal."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def near_sequences(
    wanted: Iterable[bytes], others: Iterable[bytes], threshold: float = 0.7
) -> set[bytes]:
    """Those opcode sequences of `wanted` that have a near-duplicate among `others`."""
    index = _Index(wanted, threshold)
    for opcodes in set(others):
        index.match(opcodes)
    return index.found


class _Index:
    """The sequences that are asked about; what was found is not looked at again."""

    def __init__(self, wanted: Iterable[bytes], threshold: float) -> None:
        self._rensa = _load_rensa()
        self._threshold = threshold
        self._sequences = sorted(set(wanted))
        self._grams = [opcode_grams(opcodes) for opcodes in self._sequences]
        self._lsh = self._rensa.RMinHashLSH(
            threshold=threshold, num_perm=_PERMUTATIONS, num_bands=_BANDS
        )
        for key, grams in enumerate(self._grams):
            self._lsh.insert(key, self._sketch(grams))
        self.found: set[bytes] = set()

    def match(self, opcodes: bytes) -> None:
        grams = opcode_grams(opcodes)
        for key in self._lsh.query(self._sketch(grams)):
            if jaccard(grams, self._grams[key]) >= self._threshold:
                self.found.add(self._sequences[key])
                self._lsh.remove(key)

    def _sketch(self, grams: frozenset[bytes]) -> Any:
        sketch = self._rensa.RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        sketch.update(list(grams))
        return sketch


def _load_rensa() -> Any:
    try:
        import rensa
    except ImportError as error:
        raise OzmaError(
            "near-duplicates need rensa", hint="install it: pip install 'ozma[corpus]'"
        ) from error
    return rensa
