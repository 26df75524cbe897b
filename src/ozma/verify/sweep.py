"""Every transform pass of an LLVM release, alone and around default<Oz>: which ones are unsafe?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from ozma.errors import OzmaError
from ozma.llvm import Target, Toolchain
from ozma.llvm.pipelines import catalogue_of
from ozma.passes import Catalogue, DenyKind, PassInfo, Pipeline, explicit, parse
from ozma.passes.deny import find_row
from ozma.verify.judge import Finding, Judge
from ozma.verify.passlisteval import ListVerdict, PassListEval
from ozma.verify.reproducer import DoesNotFail, Reproducer, can_be_given_away, minimize_failure
from ozma.verify.suites.program import Suite
from ozma.verify.verdict import Verdict

BASE = "default<Oz>"
AFTER = "-after-Oz"
"""Name suffix of suites whose programs `default<Oz>` has optimized already."""
_ATTEMPTS = 3
LEFT_OUT = frozenset({DenyKind.OUTPUT, DenyKind.INSTRUMENTATION})
"""Passes that print, write files, start viewers or add code on purpose are not tried."""
_KINDS = {
    Verdict.OUTPUT_DIFFERS: "unsafe",
    Verdict.CRASHED: "crashes",
    Verdict.INVALID_IR: "crashes",
    Verdict.TIMED_OUT: "hangs",
}
_WORST_FIRST = (
    Verdict.OUTPUT_DIFFERS,
    Verdict.INVALID_IR,
    Verdict.CRASHED,
    Verdict.TIMED_OUT,
    Verdict.NOT_CHECKED,
    Verdict.TESTS_PASSED,
)


@dataclass(frozen=True)
class SweptPass:
    """One pass in all its contexts. `refused` holds LLVM's message when no list was accepted."""

    name: str
    level: str
    lists: tuple[ListVerdict, ...]
    refused: str = ""

    @property
    def verdict(self) -> Verdict:
        found = {finding.verdict for result in self.lists for finding in result.failures}
        passed = {result.verdict for result in self.lists}
        return next((v for v in _WORST_FIRST if v in found | passed), Verdict.NOT_CHECKED)

    @property
    def failing(self) -> list[tuple[str, str, Finding]]:
        """(list, suite, finding) of each failure; the list is what to paste for that suite."""
        return [
            (_pasted(result.passes, suite.suite), suite.suite.removesuffix(AFTER), finding)
            for result in self.lists
            for suite in result.suites
            for finding in suite.failures
            if finding.verdict.failed
        ]

    def deny_row(self, major: int, reproducer: str | None = None) -> dict | None:
        """A row for the deny-list, as `passes/data/deny.json` writes them; None when it passed."""
        failing = self.failing
        if not failing:
            return None
        passes, suite, first = failing[0]
        runs = sum(result.programs for result in self.lists)
        return {
            "pass": self.name,
            "versions": [major, major],
            "kind": _KINDS[self.verdict],
            "evidence": "measured",
            "reason": f"{len(failing)} of {runs} program runs fail, such as {first.program} of {suite} "
            f"under '{passes}' ({first.verdict.value}: {first.detail})",
            "reproducer": reproducer,
        }


def _pasted(passes: str, suite: str) -> str:
    return f"{BASE},{passes}" if suite.endswith(AFTER) else passes


def swept_passes(catalogue: Catalogue) -> Iterator[PassInfo]:
    """Transform passes worth trying, those denied as unsafe by nature included."""
    seen: set[str] = set()
    for info in catalogue.passes:
        row = find_row(catalogue.deny, info.name, ())
        if info.name not in seen and not (row and row.kind in LEFT_OUT):
            seen.add(info.name)
            yield info


def lists_for(info: PassInfo, catalogue: Catalogue) -> tuple[str, str]:
    """(the pass alone, the pass before `default<Oz>`) with the adaptors that they need."""
    item = info.use("Oz") if info.requires_option else info.use()
    base = parse(BASE).passes
    return (
        str(explicit(Pipeline((item,)), catalogue)),
        str(explicit(Pipeline((item, *base)), catalogue)),
    )


def optimized_suite(suite: Suite, toolchain: Toolchain, target: Target) -> Suite:
    """The same programs after `default<Oz>`: a pass behind it need not wait for it each time."""
    names = [name for program in suite.programs for name in program.tested]
    with Judge(toolchain, target) as judge:
        optimized = judge.optimize_all(BASE, suite, names)
    return replace(
        suite,
        name=suite.name + AFTER,
        fingerprint=f"{suite.fingerprint}+Oz",
        bitcode={name: module.ir for name, module in optimized.items() if module.ir},
    )


def sweep_catalogue(
    toolchain: Toolchain,
    target: Target,
    suites: Sequence[Suite],
    passes: Iterable[PassInfo],
    **settings: Any,
) -> Iterator[SweptPass]:
    """Judges each pass alone, after and before `default<Oz>`, one result as soon as it is there.

    `settings` are PassListEval's (`cache`, `records`, `limits`); it resumes from the records.
    """
    catalogue = catalogue_of(toolchain)
    prepared = [optimized_suite(suite, toolchain, target) for suite in suites]
    with (
        PassListEval(toolchain, target, [*suites, *prepared], **settings) as around,
        PassListEval(toolchain, target, suites, **settings) as before,
    ):
        for info in passes:
            alone, ahead = lists_for(info, catalogue)
            yield _swept(info, [(around, alone), (before, ahead)])


def _swept(info: PassInfo, trials: Sequence[tuple[PassListEval, str]]) -> SweptPass:
    results: list[ListVerdict] = []
    refused = ""
    for evaluator, text in trials:
        try:
            results.append(evaluator.evaluate(text))
        except OzmaError as error:
            refused = error.message
    return SweptPass(info.name, info.level.value, tuple(results), refused)


def save_reproducer(
    swept: SweptPass, suites: Sequence[Suite], toolchain: Toolchain, target: Target, folder: Path
) -> Reproducer | None:
    """The failure on the smallest program whose source may be given away, below `folder`.

    None when the pass did not fail on such a program.
    """
    by_name = {suite.name: suite for suite in suites}
    failing = [
        # Short lists first: behind `default<Oz>` in one list a pass may find other analyses.
        (len(passes), _size(by_name[name], finding.program), passes, name, finding.program)
        for passes, name, finding in swept.failing
        if can_be_given_away(name)
    ]
    for _, _, passes, name, program in sorted(failing)[:_ATTEMPTS]:
        try:
            return minimize_failure(
                passes, by_name[name], program, toolchain, target, folder / swept.name
            )
        except DoesNotFail:
            continue
    return None


def _size(suite: Suite, program: str) -> int:
    return sum(len(suite.bitcode[name]) for name in suite.program(program).tested)
