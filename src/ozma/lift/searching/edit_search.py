"""Edits of a lifted function's IR, aimed at the lines of assembly in which its answer differs.

The measure is `Difference.distance`, in lines; the compiler is asked for every step.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from ozma.lift.editing.edits import (
    PASSES,
    Edit,
    edits_of_block,
    edits_of_whole,
    likely_edits,
    other_edits,
)
from ozma.lift.editing.ir_text import Body, NotEditable, parse
from ozma.lift.judging.judge import Judge, Tried
from ozma.lift.searching.aim import aimed_places
from ozma.lift.searching.debug_lines import origins
from ozma.lift.searching.offers import EditOrder, Offer, Watch, offers_at, ready

_SLACK, _SHARE = 2, 3
"""A step may be worse by so many lines, or by one in so many, and still be gone on from."""
_SIDE_SWEEP = 60
"""Compiles for a state that is not the best."""


@dataclass(frozen=True)
class _State:
    """A body that compiles, and the edits that led to it, all of them `safe` or not."""

    body: Body
    tried: Tried
    steps: tuple[str, ...] = ()
    safe: bool = True

    @property
    def fit(self) -> bool:
        """May it be shown? What is not exact must at least be meant to compute the same."""
        return self.safe or self.tried.exact


class EditSearch:
    """Sweeps single edits over the best state, takes each improvement at once; when none is left,
    goes on from states that are as good or nearly so.

    `order` puts the edits of a state into another order; `watch` is told of each that was tried.
    """

    def __init__(
        self,
        judge: Judge,
        name: str | None = None,
        order: EditOrder | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._judge, self._name = judge, name
        self._order, self._watch = order, watch
        self._waiting: list[tuple[float, int, int, _State]] = []
        self._ticket = count()
        self._assemblies: set[int] = set()

    def run(self, starts: Sequence[Tried]) -> tuple[Tried, tuple[str, ...]]:
        """The best answer found within the budget, and the kinds of the edits that made it.

        `starts` are answers to begin with, the nearest first.
        """
        try:
            states = [self._settle(start) for start in starts]
        except NotEditable:
            return starts[0], ()
        self._best = self._shown = min(states, key=lambda state: state.tried.distance)
        for state in states:
            self._wait(state)
        while self._waiting and not self._over():
            self._climb(heapq.heappop(self._waiting)[-1])
        return self._shown.tried, self._shown.steps

    def _over(self) -> bool:
        return self._shown.tried.exact or self._judge.meter.spent()

    def _settle(self, start: Tried) -> _State:
        tried = self._judge.settled(start)
        body = parse(tried.candidate.ir, self._name)
        tried = self._judge(replace(tried.candidate, ir=str(body)))
        return _State(body, tried)

    def _wait(self, state: _State) -> None:
        order = (state.tried.distance, len(state.steps), next(self._ticket))
        heapq.heappush(self._waiting, (*order, state))

    def _climb(self, state: _State | None) -> None:
        """Improves a state as long as one edit improves it."""
        while state and not self._over():
            state = self._sweep(state)

    def _sweep(self, state: _State) -> _State | None:
        """The first single edit that is better; others that are hardly worse wait their turn."""
        end = self._judge.meter.compiles + _SIDE_SWEEP
        for offer in self._ordered(state):
            if self._over() or (state is not self._best and self._judge.meter.compiles >= end):
                return None
            edit = offer.make()
            if edit is None:
                continue
            candidate = replace(state.tried.candidate, ir=str(edit.body))
            if self._judge.knows(candidate):
                continue
            made = _State(
                edit.body,
                self._judge(candidate),
                (*state.steps, edit.kind),
                state.safe and edit.safe,
            )
            self._note(made)
            if self._watch:
                self._watch(offer, state.tried, made.tried)
            if made.tried.distance < state.tried.distance:
                return made
            self._remember(state, made)
        return None

    def _note(self, made: _State) -> None:
        if made.tried.distance < self._best.tried.distance:
            self._best = made
        if made.fit and made.tried.distance < self._shown.tried.distance:
            self._shown = made

    def _remember(self, state: _State, made: _State) -> None:
        """Keeps a state whose assembly is new and hardly worse."""
        mark, distance = hash(made.tried.lines), state.tried.distance
        if mark in self._assemblies or made.tried.distance > distance + max(
            _SLACK, distance // _SHARE
        ):
            return
        self._assemblies.add(mark)
        if made.tried.lines != state.tried.lines:
            self._wait(made)

    def _ordered(self, state: _State) -> Iterable[Offer]:
        offers = self._offers(state)
        if self._order is None:
            return offers
        return self._order(state.tried, self._judge.reference, offers)

    def _offers(self, state: _State) -> Iterator[Offer]:
        """Likely edits of what made the differing lines and of what is joined to it, blocks and
        passes; then all edits of these, of their blocks, of everything."""
        yield from ready(edits_of_whole(state.body))
        body, tiers = state.body, list(enumerate(self._tiers(state)))
        aimed, rest = tiers[:2], tiers[2:]
        if state.tried.difference.far:
            yield from self._whole_offers(state, tiers)
        for edits, (tier, places) in (
            *((likely_edits, tier) for tier in aimed),
            (None, (0, ())),
            *((other_edits, tier) for tier in aimed),
            *((edits, tier) for tier in rest for edits in (likely_edits, other_edits)),
        ):
            if edits is None:
                yield from self._whole_offers(state, tiers)
            for place in places:
                yield from offers_at(edits, body, place, tier)

    def _tiers(self, state: _State) -> list[list[tuple[int, int]]]:
        judge = self._judge
        judge.meter.compiles += 1
        codegen = state.tried.candidate.codegen
        made_by = origins(judge.compiler, state.body, state.tried.lines, judge.reference, codegen)
        return aimed_places(state.body, made_by, state.tried.difference)

    def _whole_offers(
        self, state: _State, tiers: Sequence[tuple[int, list[tuple[int, int]]]]
    ) -> Iterator[Offer]:
        """Blocks elsewhere, and passes over all."""
        for block in dict.fromkeys(place[0] for _, places in tiers for place in places):
            yield from ready(edits_of_block(state.body, block))
        for passes in PASSES if not state.steps else ():
            yield Offer(f"pass {passes}", "", -1, "whole", partial(self._passed, state, passes))

    def _passed(self, state: _State, passes: str) -> Edit | None:
        self._judge.meter.compiles += 1
        codegen = state.tried.candidate.codegen
        compiled = self._judge.compiler.compile(str(state.body), passes, codegen, ("ir",))
        if compiled.ir is None:
            return None
        return Edit(f"pass {passes}", parse(compiled.ir, self._name))
