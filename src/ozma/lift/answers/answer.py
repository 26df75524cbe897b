"""One function's answer: its IR, and a verdict that says no more than was shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from ozma.lift.answers.attempt import (
    AnswerOptions, Attempt, Found, Proposer, with_widest_signatures,
)  # fmt: skip
from ozma.lift.behaviour.shown import Shown
from ozma.lift.decisions import is_unproved
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.forbidden import check as forbidden
from ozma.lift.judging.judge import Judge, ProcessorMeter, Tried
from ozma.lift.judging.listing import ListingReference, gives_same_object
from ozma.lift.judging.poison import with_fewest_flags
from ozma.lift.lifter import Refusal
from ozma.lift.program.excerpt import Excerpt
from ozma.tasks.bleu import assembly_bleu

_CHECKED = 3
"""Answers of different assembly whose behaviour is checked, the nearest first."""


class Verdict(Enum):
    """What was shown of an answer, from best to worst."""

    IDENTICAL = "identical assembly"
    SAME = "same behaviour"
    COMPILES = "compiles"
    DIFFERS = "behaviour differs"
    FAILED = "failed"


Check = Callable[[str, str, str, str], Shown]
"""(original assembly, function, IR of the answer, its assembly) -> what running both showed"""


@dataclass(frozen=True)
class Answer:
    """The best answer for one function. `ir` is empty where nothing compiles: `refusal` or `reason`
    says why.

    `strict`: identical without renumbering labels. `lines` differ from the original's. `bleu` of
    its assembly against the original's is the lower of two ways to count, and our confidence.
    `flags` are poison flags that the equal assembly needs. `inputs`: how many ran the same, and
    `covered`: the share of the original's code that they ran.
    """

    function: str
    verdict: Verdict
    ir: str = ""
    assembly: str = ""
    strict: bool = False
    lines: int | None = None
    bleu: float = 0.0
    inputs: int = 0
    covered: float = 0.0
    source: str = ""
    decisions: tuple[tuple[str, str], ...] = ()
    edits: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    compiles: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    reason: str = ""
    refusal: Refusal | None = None

    @property
    def exact(self) -> bool:
        return self.verdict is Verdict.IDENTICAL

    @property
    def said(self) -> str:
        """The verdict in words, with what stands behind it."""
        if self.verdict is Verdict.SAME:
            shown = f"{self.inputs} inputs, {self.covered:.0%} of its code ran"
            return f"{self.verdict.value} on {shown}" + (f"; {self.reason}" if self.reason else "")
        return f"{self.verdict.value}: {self.reason}" if self.reason else self.verdict.value

    def in_text_of(self, excerpt: Excerpt) -> Answer:
        """An answer for an excerpt, its refusal's line counted in the whole text."""
        if self.refusal is None:
            return self
        line = excerpt.number(self.refusal.line)
        return replace(self, refusal=replace(self.refusal, line=line))


class Answerer:
    """Answers for functions of one target. Needs a `Compiler`; `check` may be None: then nothing is
    said of behaviour. `proposers` add candidates, before the lifter's single settings."""

    def __init__(
        self,
        compiler: Compiler,
        options: AnswerOptions = AnswerOptions(),
        check: Check | None = None,
        proposers: tuple[Proposer, ...] = (),
    ) -> None:
        self._compiler, self._options = compiler, options
        self._check, self._proposers = check, proposers

    def answer(self, assembly: str, name: str, whole: bool = False) -> Answer:
        """For function `name` of a text. `whole`: the text holds nothing else, and all of it is
        compared, data and directives too."""
        started, spent = time.monotonic(), self._compiler.processor_seconds()
        kind = ListingReference if self._options.listing else Reference
        reference = kind(assembly, self._options.target, None if whole else name)
        judge = Judge(
            self._compiler, reference, ProcessorMeter(self._options.budget, compiler=self._compiler)
        )
        found = Attempt(judge, self._options, assembly, name).run(self._proposers)
        made = self._allowed(self._judged(found, judge, assembly, name))
        return replace(
            made,
            compiles=judge.meter.compiles,
            seconds=time.monotonic() - started,
            processor_seconds=self._compiler.processor_seconds() - spent,
        )

    def _allowed(self, made: Answer) -> Answer:
        """No answer at all in place of one that only carries the assembly along
        (judging/forbidden.py)."""
        why = forbidden(made.ir, made.function, self._compiler.toolchain) if made.ir else None
        return Answer(made.function, Verdict.FAILED, reason=f"refused: {why}") if why else made

    def _judged(self, found: Found, judge: Judge, assembly: str, name: str) -> Answer:
        if not found.tried:
            return Answer(name, Verdict.FAILED, reason=found.reason, refusal=found.refusal)
        proved = self._proved(found.tried[0], judge, assembly, name)
        if proved:
            return replace(proved, edits=found.edits)
        return self._compared(found, judge, assembly, name)

    def _proved(self, best: Tried, judge: Judge, assembly: str, name: str) -> Answer | None:
        """The answer of equal assembly, if it is one, freed of flags that it does not need."""
        if best.exact and best.candidate.passes:
            best = judge.settled(best)  # the text that is given is without passes to run
        if not best.exact or best.candidate.passes:
            return None
        freed, flags = best, ()
        if self._options.fewest_flags:
            freed, flags = with_fewest_flags(judge, best, name)
        made = replace(_told(freed, judge, name, Verdict.IDENTICAL), flags=flags)
        if self._options.listing and not self._gives_object(made, best, assembly, name):
            return None
        return made

    def _gives_object(self, made: Answer, best: Tried, assembly: str, name: str) -> bool:
        candidate = replace(best.candidate, ir=made.ir, passes="")
        original = Reference(assembly, self._options.target, name)
        return gives_same_object(self._compiler, original, candidate)

    def _compared(self, found: Found, judge: Judge, assembly: str, name: str) -> Answer:
        """The nearest answer that behaves the same; else the one with the widest signatures, if it
        does; else the nearest that could not be run."""
        answers = []
        for place, tried in enumerate(found.tried[:_CHECKED]):
            made = self._checked(judge.settled(tried), judge, assembly, name)
            answers.append(replace(made, edits=found.edits if place == 0 else ()))
            if made.verdict is Verdict.SAME or self._check is None:
                break
        if self._check and all(one.verdict is not Verdict.SAME for one in answers):
            answers += self._cautious(judge, assembly, name)
        order = (Verdict.IDENTICAL, Verdict.SAME, Verdict.COMPILES, Verdict.DIFFERS)
        return min(answers, key=lambda one: order.index(one.verdict))

    def _cautious(self, judge: Judge, assembly: str, name: str) -> list[Answer]:
        """The answer that passes and returns all that may be passed and returned: where the
        inferred signatures leave a doubt, or are wrong."""
        tried = with_widest_signatures(judge, self._options, assembly, name)
        if tried is None:
            return []
        proved = self._proved(tried, judge, assembly, name)
        return [proved or self._checked(tried, judge, assembly, name)]

    def _checked(self, tried: Tried, judge: Judge, assembly: str, name: str) -> Answer:
        made = _told(tried, judge, name, Verdict.COMPILES)
        if self._check is None:
            return made
        if is_unproved(made.decisions):
            return replace(
                made, reason="not checked: no run shows what its signature or its frame leave out"
            )
        shown = self._check(assembly, name, made.ir, made.assembly)
        if shown.same is None:
            return replace(made, reason=shown.reason)
        verdict = Verdict.SAME if shown.same else Verdict.DIFFERS
        return replace(
            made, verdict=verdict, inputs=shown.inputs, covered=shown.covered, reason=shown.reason
        )


def _told(tried: Tried, judge: Judge, name: str, verdict: Verdict) -> Answer:
    candidate, assembly = tried.candidate, tried.compiled.assembly
    reference = "\n".join(judge.reference.lines)
    return Answer(
        name,
        verdict,
        ir=candidate.ir,
        assembly=assembly,
        strict=tried.exact and judge.reference.same_strictly(assembly),
        lines=tried.difference.lines,
        bleu=min(assembly_bleu("\n".join(tried.lines), reference)),
        source=candidate.source,
        decisions=candidate.decisions,
    )
