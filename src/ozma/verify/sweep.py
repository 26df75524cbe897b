"""Every transform pass of an LLVM release, alone and around default<Oz>: which ones are unsafe?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator

from ozma.errors import OzmaError
from ozma.passes import Catalogue, DenyKind, Pass, PassInfo, Pipeline, explicit, parse
from ozma.passes.deny import find_row
from ozma.verify.passlisteval import ListVerdict, PassListEval
from ozma.verify.verdict import Verdict

CONTEXTS = ("{}", "default<Oz>,{}", "{},default<Oz>")
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
    def worst(self) -> ListVerdict | None:
        """The list with the most failures; None when all passed."""
        failing = [result for result in self.lists if result.failures]
        return max(failing, key=lambda result: len(result.failures)) if failing else None

    def deny_row(self, major: int) -> dict | None:
        """A row for the deny-list, as `passes/data/deny.json` writes them; None when it passed."""
        worst = self.worst
        if worst is None or self.verdict not in _KINDS:
            return None
        first = worst.failures[0]
        return {
            "pass": self.name,
            "versions": [major, major],
            "kind": _KINDS[self.verdict],
            "evidence": "measured",
            "reason": f"{len(worst.failures)} of {worst.programs} programs fail under "
            f"'{worst.passes}' ({first.verdict.value}: {first.detail})",
            "reproducer": None,
        }


def swept_passes(catalogue: Catalogue) -> Iterator[PassInfo]:
    """Transform passes worth trying, those denied as unsafe by nature included."""
    seen: set[str] = set()
    for info in catalogue.passes:
        row = find_row(catalogue.deny, info.name, ())
        if info.name not in seen and not (row and row.kind in LEFT_OUT):
            seen.add(info.name)
            yield info


def lists_for(info: PassInfo, catalogue: Catalogue) -> list[str]:
    """Texts of the lists that try one pass; every context that the grammar allows."""
    item = info.use("Oz") if info.requires_option else info.use()
    texts = [str(_in_context(item, context, catalogue)) for context in CONTEXTS]
    return list(dict.fromkeys(texts))


def _in_context(item: Pass, context: str, catalogue: Catalogue) -> Pipeline:
    hole = Pass("no-op-module")
    frame = parse(context.format(hole.name)).passes
    return explicit(Pipeline(tuple(item if p == hole else p for p in frame)), catalogue)


def sweep_catalogue(
    evaluator: PassListEval,
    catalogue: Catalogue,
    passes: Iterable[PassInfo] | None = None,
    *,
    fail_fast: bool = True,
) -> Iterator[SweptPass]:
    """Judges each pass in each context, one result as soon as it is there; resumes from records."""
    for info in passes if passes is not None else swept_passes(catalogue):
        results: list[ListVerdict] = []
        refused = ""
        for text in lists_for(info, catalogue):
            try:
                results.append(evaluator.evaluate(text, fail_fast=fail_fast))
            except OzmaError as error:
                refused = error.message
        yield SweptPass(info.name, info.level.value, tuple(results), refused)
