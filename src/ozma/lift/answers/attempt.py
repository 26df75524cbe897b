"""The steps for one function: settings, others' candidates, single decisions, edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ozma.lift.decisions import Decisions, is_unproved
from ozma.lift.judging.compile_back import Compiled
from ozma.lift.judging.forbidden import check as forbidden
from ozma.lift.judging.judge import Candidate, Judge, Tried
from ozma.lift.lifter import LiftedFunction, Refusal
from ozma.lift.searching.configurations import configurations, lift_safely, lifted_candidates
from ozma.lift.searching.edit_search import EditSearch
from ozma.lift.searching.ranker import shipped_ranker
from ozma.lift.searching.site_search import Lift, SiteSearch
from ozma.search.budget import Budget

_STARTS = 2
_SITE_SHARE = 0.4
"""Of what is left of the budget, this goes into the lifter's decisions before IR is edited."""
Proposer = Callable[[str, str], Iterable[Candidate]]
"""(assembly text, function) -> candidates of a model, judged as the lifter's are"""


@dataclass(frozen=True)
class AnswerOptions:
    """How much is done for one function.

    `settings` of the lifter are tried (searching/configurations.py); `search` edits the nearest
    within `budget`, which counts the settings' compiles too; its seconds are of processor time, so
    that a busy machine gives the same answers. With `fewest_flags` an exact answer is freed of
    poison flags that it does not need. `listing`: the text was made from an object file.
    `ranked`: settings and edits are tried in the order of the shipped ranker (searching/ranker.py).
    """

    target: str = "x86-64"
    settings: int = 12
    search: bool = True
    budget: Budget = field(default_factory=lambda: Budget(None, 2.0))
    fewest_flags: bool = True
    listing: bool = False
    ranked: bool = False

    def __post_init__(self) -> None:
        if self.target not in ("x86-64", "aarch64"):
            raise ValueError(f"target is '{self.target}': give x86-64 or aarch64")
        if self.settings < 0:
            raise ValueError(f"settings is {self.settings}: give 0 (none) or more")


@dataclass(frozen=True)
class Found:
    """Answers that compile, the nearest first, each with another assembly; or why there is none."""

    tried: tuple[Tried, ...] = ()
    edits: tuple[str, ...] = ()
    reason: str = ""
    refusal: Refusal | None = None


class Attempt:
    """The steps for one function: settings, others' candidates, single decisions, edits."""

    def __init__(self, judge: Judge, options: AnswerOptions, assembly: str, name: str) -> None:
        self._judge, self._options = judge, options
        self._assembly, self._name = assembly, name
        self._lifts: list[Lift] = []
        self._others: list[Tried] = []
        self._reason = "no candidate"
        self._ranker = shipped_ranker() if options.ranked else None

    def run(self, proposers: tuple[Proposer, ...]) -> Found:
        for tried in self._candidates(proposers):
            if tried.exact or (self._lifts + self._others and self._judge.meter.spent()):
                break
        found = self._sorted()
        if not found:
            return Found(reason=self._reason, refusal=self._refusal())
        if found[0].exact or not self._options.search:
            return Found(tuple(_distinct([found[0], *self._plain(), *found])))
        best, edits = self._search(found[0])
        return Found(tuple(_distinct([best, *self._plain(), *self._sorted()])), edits)

    def _candidates(self, proposers: tuple[Proposer, ...]) -> Iterator[Tried]:
        """Everything worth a compile: the default setting, proposals, the other settings."""
        settings = self._settings()
        lifted = lifted_candidates(self._assembly, self._name, self._options.target, settings)
        first = next(lifted, None)
        if first:
            yield self._lift(*first)
        for propose in proposers:
            for candidate in propose(self._assembly, self._name):
                yield self._noted(self._allowed(self._judge(candidate)), self._others)
        for one in lifted:
            yield self._lift(*one)

    def _settings(self) -> Iterator[Decisions]:
        """The default first; what comes next may depend on the answer that it gave."""
        found = list(configurations(self._options.settings))
        yield from found[:1]
        if self._ranker is None:
            yield from found[1:]
        else:
            plain = self._lifts[0].tried if self._lifts else None
            yield from self._ranker.settings(self._judge.reference, plain, found[1:])

    def _allowed(self, tried: Tried) -> Tried:
        """What others wrote may carry the assembly along instead of lifting it."""
        if tried.difference is None:
            return tried
        toolchain = self._judge.compiler.toolchain
        why = forbidden(tried.candidate.ir, self._name, toolchain)
        return Tried(tried.candidate, Compiled(reason=f"refused: {why}")) if why else tried

    def _lift(self, candidate: Candidate, lifted: LiftedFunction, decisions: Decisions) -> Tried:
        tried = self._judge(candidate)
        if tried.difference is not None:
            self._lifts.append(Lift(tried, lifted, decisions))
        return self._noted(tried, [])

    def _noted(self, tried: Tried, kept: list[Tried]) -> Tried:
        if tried.difference is None:
            self._reason = f"{tried.candidate.source}: {tried.compiled.reason}"
        else:
            kept.append(tried)
        return tried

    def _plain(self) -> list[Tried]:
        """The answer of the default setting: the least guessed one."""
        return [lift.tried for lift in self._lifts[:1]]

    def _sorted(self) -> list[Tried]:
        every = [*(lift.tried for lift in self._lifts), *self._others]
        return _distinct(sorted(every, key=lambda tried: (_is_forced(tried), tried.distance)))

    def _refusal(self) -> Refusal | None:
        if self._options.settings == 0:
            return None
        plain = Decisions()
        return lift_safely(self._assembly, self._name, self._options.target, plain).refusal

    def _search(self, best: Tried) -> tuple[Tried, tuple[str, ...]]:
        edits: tuple[str, ...] = ()
        lift = next((one for one in self._lifts if one.tried is best), None)
        if lift:
            sites = SiteSearch(self._judge, self._assembly, self._name, self._options.target)
            used = self._judge.meter.used()
            lift = sites.run(lift, used + (1 - used) * _SITE_SHARE)
            self._lifts.append(lift)
            if _is_forced(lift.tried) <= _is_forced(best):
                best = lift.tried
        if not best.exact:
            others = (one for one in self._sorted() if _is_forced(one) <= _is_forced(best))
            starts = _distinct([best, *others])[:_STARTS]
            order = self._ranker.edits if self._ranker else None
            best, edits = EditSearch(self._judge, self._name, order).run(starts)
        return best, edits


def with_widest_signatures(
    judge: Judge, options: AnswerOptions, assembly: str, name: str
) -> Tried | None:
    """The default setting's answer with all that may be an argument or a result; None where it
    does not compile, or where no setting of the lifter is asked for."""
    widest = iter([Decisions(signatures="widest")][: options.settings])
    for candidate, *_ in lifted_candidates(assembly, name, options.target, widest):
        tried = judge(candidate)
        return judge.settled(tried) if tried.difference is not None else None
    return None


def _is_forced(tried: Tried) -> bool:
    """Was the signature set against what the lifter infers, or the frame cut where it is not sure,
    without the proof of equal assembly?

    A result left out makes shorter code that looks nearer, and no check of its own signature can
    show that it is missing.
    """
    return not tried.exact and is_unproved(tried.candidate.decisions)


def _distinct(found: list[Tried]) -> list[Tried]:
    """The first of each assembly."""
    kept: dict[tuple[str, ...], Tried] = {}
    for tried in found:
        kept.setdefault(tried.lines, tried)
    return list(kept.values())
