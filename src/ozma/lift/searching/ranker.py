"""The decision ranker: which settings and which edits to try first, learnt from training functions.

Two tables of weights over named features (`data/ranker.json`), added up: no package is needed. It
only orders; what is right is still said by compiling back. `evaluate/lift_ranker.py` makes the
file.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.decisions import Decisions
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Tried
from ozma.lift.searching.configurations import changed
from ozma.lift.searching.offers import Offer
from ozma.lift.searching.ranker_features import difference_features, edit_features, setting_features

SHIPPED = Path(__file__).parent / "data" / "ranker.json"
_SORTED = 1500
"""Offers of a state that are ranked; those that come later keep their order."""
_TIRES = 6.0
"""After so many tries of one kind at one sort of place in vain, the next is worth half."""

_AT_ONCE = ("noreturn", "tail")
"""Edits of all calls together: three compiles at most, tried before all others."""


def setting_name(decisions: Decisions) -> str:
    """`result=value`; "" for the defaults."""
    return " ".join(f"{name}={value}" for name, value in changed(decisions))


@dataclass(frozen=True)
class Table:
    """Logarithms of odds: `bias`, and what each feature that is there adds."""

    bias: float
    weights: Mapping[str, float]

    def chance(self, features: Iterable[str]) -> float:
        weights = self.weights
        score = self.bias + sum(weights.get(name, 0.0) for name in features)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


class Ranker:
    """`settings`: a table for each setting by name, the chance that it is better than the default;
    `edits`: one table, the chance that an edit is an improvement. Settings whose chance is below
    `least` are left out."""

    def __init__(self, settings: Mapping[str, Table], edits: Table, least: float = 0.0) -> None:
        self._settings, self._edits, self.least = settings, edits, least

    @property
    def learnt(self) -> Sequence[str]:
        """Names of the settings that it has a table for."""
        return list(self._settings)

    def chances(
        self, reference: Reference, tried: Tried | None, names: Sequence[str]
    ) -> dict[str, float]:
        """By setting; one that was not learnt has the mean of the others."""
        return self.chances_of(setting_features(reference, tried), names)

    def chances_of(self, features: Iterable[str], names: Sequence[str]) -> dict[str, float]:
        """The same for `setting_features`."""
        features = tuple(features)
        known = {n: self._settings[n].chance(features) for n in names if n in self._settings}
        mean = sum(known.values()) / len(known) if known else 0.0
        return {name: known.get(name, mean) for name in names}

    def settings(
        self, reference: Reference, tried: Tried | None, others: Sequence[Decisions]
    ) -> list[Decisions]:
        """The settings besides the default in the order in which to try them. `tried` is the
        default's answer, None where it has none; then none is left out."""
        names = [setting_name(decisions) for decisions in others]
        chances = self.chances(reference, tried, names)
        least = self.least if tried is not None else 0.0
        ranked = sorted(zip(names, others), key=lambda pair: -chances[pair[0]])
        return [decisions for name, decisions in ranked if chances[name] >= least]

    def edit_chance(self, features: Iterable[str]) -> float:
        """The chance that an edit of these features (`edit_features`) is an improvement."""
        return self._edits.chance(features)

    def edits(self, tried: Tried, reference: Reference, offers: Iterable[Offer]) -> Iterator[Offer]:
        """An `EditOrder`: by chance, which halves while one sort of edit keeps failing, so that
        the sorts take turns."""
        waiting = iter(offers)
        first = list(islice(waiting, _SORTED))
        facts = difference_features(reference, tried)
        chances: dict[tuple, float] = {}
        seen: Counter[tuple] = Counter()
        scores = []
        for offer in first:
            if offer.group == "whole" and offer.kind in _AT_ONCE:
                scores.append(1.0)
                continue
            sort = offer.kind, offer.opcode, offer.tier, offer.group
            if sort not in chances:
                chances[sort] = self.edit_chance(edit_features(offer, facts))
            scores.append(chances[sort] / (1 + seen[sort] / _TIRES))
            seen[sort] += 1
        order = sorted(range(len(first)), key=lambda place: -scores[place])
        return chain((first[place] for place in order), waiting)


def read_ranker(path: Path) -> Ranker:
    """OzmaError when the file is not there, or is none."""
    try:
        data = json.loads(path.read_text())
        features = data["features"]
        settings = {name: _table(one, features) for name, one in data["settings"].items()}
        return Ranker(settings, _table(data["edits"], features), float(data["least"]))
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise OzmaError(f"{path} is no ranker: {error}", hint="make it again") from error


def _table(data: Mapping, features: Sequence[str]) -> Table:
    """`weights` are pairs: place of the feature's name, weight."""
    return Table(float(data["bias"]), {features[at]: weight for at, weight in data["weights"]})


@cache
def shipped_ranker() -> Ranker:
    """The one that comes with the package."""
    return read_ranker(SHIPPED)
