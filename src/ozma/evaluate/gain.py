"""What policies save over clang -Oz: against measured candidates and against seconds.

Everything is derived from gain records (one per policy and module, run.py) and cost records
(costs.py). Shares are of clang's bytes; every figure is an `Estimate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ozma.evaluate.bootstrap import Draws, Estimate
from ozma.evaluate.measure import at
from ozma.evaluate.records import Row

COMPILES = (1, 2, 5, 10, 30, 100)
SECONDS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ORACLE, AUTOTUNER = "oracle", "autotuner"


@dataclass(frozen=True)
class Saved:
    """One policy on n modules of one kind.

    base_n: bytes under clang's -Oz; alone_n: of the one answer, without clang's object to fall back
    on; reached_nk: of the smallest of that object and COMPILES[k] candidates; seconds_n: what
    choosing them took; tried: candidates of a module, at most; at_seconds_nt: bytes at SECONDS[t],
    None without measured costs.
    """

    policy: str
    base_n: np.ndarray
    alone_n: np.ndarray
    reached_nk: np.ndarray
    seconds_n: np.ndarray
    tried: int
    at_seconds_nt: np.ndarray | None = None


def saved_by(policy: str, rows: Sequence[Row], compile_seconds_n: np.ndarray | None) -> Saved:
    """`rows`: a policy's records; `compile_seconds_n`: one evaluation of each one's module."""
    base_n = np.array([row["base"] for row in rows], np.int64)
    alone_n = np.array([row["alone"] for row in rows], np.int64)
    reached_nk = np.array([at(row["steps"], COMPILES) for row in rows], np.int64)
    seconds_n = np.array([row["seconds"] for row in rows])
    timed = None
    if compile_seconds_n is not None:
        timed = np.array([_at_seconds(*each) for each in zip(rows, compile_seconds_n, strict=True)])
    tried = max(row["tried"] for row in rows)
    return Saved(policy, base_n, alone_n, reached_nk, seconds_n, tried, timed)


def _at_seconds(row: Row, compile_seconds: float) -> list[int]:
    """Bytes at each of SECONDS: choosing comes first, then one evaluation after the other."""
    left = (max(0.0, limit - row["seconds"]) for limit in SECONDS)
    counts = [int(seconds / compile_seconds + 1e-9) for seconds in left]
    return at(row["steps"], counts)


def policy_facts(saved: Saved, draws: Draws) -> dict[str, Any]:
    """The table rows of one policy: the one answer alone, then COMPILES; or SECONDS."""
    facts = {
        "tried": saved.tried,
        "seconds": round(float(saved.seconds_n.mean()), 6),
        "sum": _sums(saved.base_n, _with_alone(saved), draws),
        "mean": _means(saved.base_n, _with_alone(saved), draws),
        "improved": [draws.mean(column < saved.base_n) for column in _with_alone(saved).T],
    }
    if saved.at_seconds_nt is not None:
        facts["sum_at_seconds"] = _sums(saved.base_n, saved.at_seconds_nt, draws)
        facts["mean_at_seconds"] = _means(saved.base_n, saved.at_seconds_nt, draws)
    return facts


def _with_alone(saved: Saved) -> np.ndarray:
    """The one answer without backup as the first column."""
    return np.column_stack([saved.alone_n, saved.reached_nk])


def _sums(base_n: np.ndarray, reached_nk: np.ndarray, draws: Draws) -> list[Estimate]:
    """Bytes saved of all bytes."""
    return [draws.ratio(base_n - column, base_n) for column in reached_nk.T]


def _means(base_n: np.ndarray, reached_nk: np.ndarray, draws: Draws) -> list[Estimate]:
    """Mean of the shares that single modules save."""
    return [draws.mean(1 - column / np.maximum(base_n, 1)) for column in reached_nk.T]


def share_of(saved: Saved, reference: Saved, draws: Draws) -> list[Estimate]:
    """Bytes that a policy saves by what a reference saves with all it tried."""
    best_n = reference.base_n - reference.reached_nk[:, -1]
    return [draws.ratio(saved.base_n - column, best_n) for column in _with_alone(saved).T]


def lead_over(saved: Saved, other: Saved, draws: Draws) -> list[Estimate]:
    """How much larger a share of all bytes this policy saves than another one."""
    pairs = zip(_with_alone(saved).T, _with_alone(other).T, strict=True)
    return [draws.difference(theirs, ours, saved.base_n) for ours, theirs in pairs]
