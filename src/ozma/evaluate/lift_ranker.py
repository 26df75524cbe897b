"""Fits the lifter's ranker to labels, writes it down, and says what its order is worth.

Logistic regressions on features that are there or not (scikit-learn); only their weights ship.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.evaluate.lift_labels import edit_examples
from ozma.evaluate.records import Row
from ozma.lift.searching.configurations import configurations
from ozma.lift.searching.ranker import Ranker, setting_name
from ozma.whole_file import write_to

_SMALLEST = 0.01
"""Weights nearer to 0 are left out."""
_SIGNATURE = ("result=", "arguments=")


@dataclass(frozen=True)
class FitOptions:
    """`rare_setting`, `rare_edit`: a feature in fewer examples is not learnt. `strength` divides
    the penalty on weights (scikit-learn's C). An identical answer counts as `worth` mere
    improvements. `least`: see `Ranker`."""

    rare_setting: int = 5
    rare_edit: int = 20
    strength: float = 0.1
    worth: float = 5.0
    least: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rare_setting", "rare_edit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 1 or more")
        for name in ("strength", "worth"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give more than 0")
        if not 0 <= self.least < 1:
            raise ValueError(f"least is {self.least}: give 0 or more, below 1")


def fit(rows: Sequence[Row], options: FitOptions = FitOptions()) -> dict[str, Any]:
    """The content of a ranker's file. OzmaError where there is nothing to learn."""
    asked = [row for row in rows if "outcomes" in row]
    if not asked:
        raise OzmaError("no labels to learn from", hint="label training functions first")
    settings = _Matrix([row["features"] for row in asked], options.rare_setting)
    tables = {
        name: settings.fit(*_targets(asked, name, options.worth), options.strength)
        for name in map(setting_name, configurations())
        if name
    }
    edits = [example for row in asked for example in edit_examples(row)]
    table = _Matrix([features for features, _ in edits], options.rare_edit).fit(
        np.array([better for _, better in edits]), np.ones(len(edits)), options.strength
    )
    return _packed(tables, table) | {
        "least": options.least, "functions": len(rows), "asked": len(asked),
        "edits_tried": len(edits),
    }  # fmt: skip


def _targets(rows: Sequence[Row], name: str, worth: float) -> tuple[np.ndarray, np.ndarray]:
    """(is the setting better than the default, weight of the example), (n,) both."""
    found = [_outcome(row, name) for row in rows]
    better = np.array([rank > 0 for rank in found])
    return better, np.array([worth if rank == 2 else 1.0 for rank in found])


def _outcome(row: Row, name: str) -> int:
    """2: identical; 1: nearer than the default; 0: not. A signature set against what the lifter
    infers counts only where the answer is identical (attempt.py)."""
    distance = row["outcomes"].get(name)
    if distance == 0:
        return 2
    if distance is None or name.startswith(_SIGNATURE):
        return 0
    return int(row["default"] is None or distance < row["default"])


Weights = tuple[float, dict[str, float]]


class _Matrix:
    """Examples by the features that are in enough of them."""

    def __init__(self, examples: Sequence[Iterable[str]], rare: int) -> None:
        from scipy.sparse import csr_matrix

        counts = Counter(name for features in examples for name in set(features))
        common = sorted(name for name, count in counts.items() if rare <= count < len(examples))
        self._place = {name: place for place, name in enumerate(common)}
        columns = [
            sorted({self._place[n] for n in features if n in self._place}) for features in examples
        ]
        ends = np.cumsum([0, *map(len, columns)])
        flat = np.array([place for places in columns for place in places], np.int32)
        shape = (len(examples), max(len(common), 1))
        self._values_nf = csr_matrix((np.ones(len(flat)), flat, ends), shape=shape)

    def fit(self, better_n: np.ndarray, weight_n: np.ndarray, strength: float) -> Weights:
        """(bias, weight of each feature): logarithms of odds."""
        if not better_n.any() or better_n.all():
            return _constant(better_n), {}
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, max_iter=500)
        model.fit(self._values_nf, better_n, sample_weight=weight_n)
        weights = {
            name: round(float(model.coef_[0][place]), 3) for name, place in self._place.items()
        }
        kept = {name: value for name, value in weights.items() if abs(value) >= _SMALLEST}
        return round(float(model.intercept_[0]), 3), kept


def _constant(better_n: np.ndarray) -> float:
    share = (better_n.sum() + 0.5) / (len(better_n) + 1)
    return round(float(np.log(share / (1 - share))), 3)


def _packed(settings: dict[str, Weights], edits: Weights) -> dict[str, Any]:
    names = sorted({name for _, weights in (*settings.values(), edits) for name in weights})
    place = {name: at for at, name in enumerate(names)}

    def table(found: Weights) -> dict[str, Any]:
        bias, weights = found
        return {"bias": bias, "weights": [[place[name], value] for name, value in weights.items()]}

    return {
        "features": names,
        "settings": {name: table(found) for name, found in settings.items()},
        "edits": table(edits),
    }


def write_ranker(data: dict[str, Any], path: Path) -> None:
    """As small as JSON is."""
    write_to(path, (json.dumps(data, separators=(",", ":")) + "\n").encode())


Order = Callable[[Row], Sequence[str]]
"""Settings besides the default as they would be tried for a labelled function."""


def default_order(row: Row) -> list[str]:
    """As `configurations` has them."""
    return [name for name in map(setting_name, configurations()) if name]


def ranked_order(ranker: Ranker) -> Order:
    """By chance, those below the ranker's `least` left out where the default gave an answer."""

    def order(row: Row) -> list[str]:
        chances = ranker.chances_of(row["features"], default_order(row))
        least = ranker.least if row["default"] is not None else 0.0
        kept = [name for name in chances if chances[name] >= least]
        return sorted(kept, key=lambda name: -chances[name])

    return order


def cover_order(rows: Sequence[Row]) -> Order:
    """The same order for every function: each next setting answers most of what is left of `rows`
    (greedy cover); those that answer nothing more stay in the default order."""
    asked = [row["outcomes"] for row in rows if "outcomes" in row]
    left = [{name for name, distance in one.items() if distance == 0} for one in asked]
    names, found = default_order({}), []
    while left and (gain := Counter(name for row in left for name in row)):
        best = max(names, key=lambda name: gain[name])
        found.append(best)
        left = [row for row in left if best not in row and row]
    fixed = [*found, *(name for name in names if name not in found)]
    return lambda row: fixed


def curve(rows: Sequence[Row], order: Order, most: int = 31) -> list[dict[str, float]]:
    """What is reached after k compiles, k = 1 (the default alone) to `most`, from labels alone: the
    share of functions that is identical, the mean number of differing lines in the nearest answer
    (at most 80), and processor seconds a function, with lifts that gave no new IR."""
    traces = [_trace(row, order) for row in rows]
    return [_point(traces, compiles) for compiles in range(1, most + 1)]


_FAR = 80.0
Trace = list[tuple[float, float]]
"""(distance of the nearest answer so far, seconds so far) after each compile"""


def _trace(row: Row, order: Order) -> Trace:
    best = _FAR if row["default"] is None else min(_FAR, row["default"])
    spent = 0.0
    found = [(best, spent)]
    for name in order(row) if "outcomes" in row else ():
        if best == 0:
            break
        spent += row["seconds_of"][name]
        if name in row["outcomes"]:
            best = min(best, _FAR if row["outcomes"][name] is None else row["outcomes"][name])
            found.append((best, spent))
        else:
            found[-1] = (best, spent)
    return found


def _point(traces: Sequence[Trace], compiles: int) -> dict[str, float]:
    reached = [trace[min(compiles, len(trace)) - 1] for trace in traces]
    return {
        "compiles": compiles,
        "identical": float(np.mean([distance == 0 for distance, _ in reached])),
        "distance": float(np.mean([distance for distance, _ in reached])),
        "seconds": float(np.mean([seconds for _, seconds in reached])),
    }


def edit_gain(rows: Sequence[Row], ranker: Ranker) -> dict[str, float]:
    """Of edits that were tried in random order: the share that was an improvement, and the same of
    the tenth that the ranker likes best."""
    tried = [example for row in rows for example in edit_examples(row)]
    if not tried:
        return {"tried": 0, "better": 0.0, "better_tenth": 0.0}
    ranked = sorted(tried, key=lambda example: -ranker.edit_chance(example[0]))
    tenth = ranked[: max(1, len(ranked) // 10)]
    return {
        "tried": len(tried),
        "better": float(np.mean([better for _, better in tried])),
        "better_tenth": float(np.mean([better for _, better in tenth])),
    }
