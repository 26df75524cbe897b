"""Lists by name in a stored ranker, and what a language model thinks of them. No NumPy."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

TRUST = 0.25
"""Power of a language model's odds beside what the trees say a list adds."""


def list_key(passes: str) -> str:
    """Stands for a list in a stored ranker."""
    return hashlib.sha256(passes.encode()).hexdigest()[:16]


def trust_of(odds: Mapping[str, float], keys: Sequence[str]) -> list[float]:
    """For each key, odds ** TRUST where the best has 1. `odds`: logarithms by list; a list that is
    not among them has the least of these."""
    best, least = max(odds.values()), min(odds.values())
    known = {list_key(passes): value for passes, value in odds.items()}
    return [math.exp(TRUST * (known.get(key, least) - best)) for key in keys]
