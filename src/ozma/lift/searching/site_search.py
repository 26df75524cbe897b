"""Turns single decisions of the lifter, nearest to the differing lines first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ozma.lift.decisions import Decisions, Site
from ozma.lift.judging.judge import Judge, Tried
from ozma.lift.lifter import LiftedFunction
from ozma.lift.searching.configurations import candidate_of, lift_safely


@dataclass(frozen=True)
class Lift:
    """A tried candidate of the lifter, with what it was lifted with."""

    tried: Tried
    lifted: LiftedFunction
    decisions: Decisions


class SiteSearch:
    """Each better single decision is kept at once, and the sweep goes on with the next site."""

    def __init__(self, judge: Judge, assembly: str, name: str, target: str) -> None:
        self._judge, self._assembly, self._name, self._target = judge, assembly, name, target

    def run(self, start: Lift, share: float) -> Lift:
        """The best found until so large a share of the judge's budget is gone."""
        best, end = start, share
        tried_sites: set[tuple[str, str]] = set()
        while not best.tried.exact:
            better = self._sweep(best, end, tried_sites)
            if better is None:
                return best
            best = better
        return best

    def _sweep(self, best: Lift, end: float, done: set[tuple[str, str]]) -> Lift | None:
        for site in self._aimed(best):
            for option in site.options:
                if option == site.chosen or (site.key, option) in done:
                    continue
                if self._judge.meter.used() >= end:
                    return None
                done.add((site.key, option))
                made = self._turned(best, site.key, option)
                if made and made.tried.distance < best.tried.distance:
                    return made
        return None

    def _turned(self, best: Lift, key: str, option: str) -> Lift | None:
        overrides = dict(best.decisions.overrides) | {key: option}
        decisions = replace(best.decisions, overrides=overrides)
        lifted = lift_safely(self._assembly, self._name, self._target, decisions)
        if not lifted.ir:
            return None
        tried = self._judge(candidate_of(lifted, decisions, best.tried.candidate.source))
        return Lift(tried, lifted, decisions)

    def _aimed(self, best: Lift) -> Iterator[Site]:
        """Sites by how far their line is from the nearest line that is missing."""
        reference, difference = self._judge.reference, best.tried.difference
        lines = [reference.source_line(place) for place in difference.missing] if difference else []
        if not lines:
            return iter(best.lifted.sites)
        return iter(
            sorted(best.lifted.sites, key=lambda site: min(abs(site.line - n) for n in lines))
        )
