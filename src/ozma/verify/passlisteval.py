"""PassListEval: a list is accepted when every self-checking program still works under it.

As in the paper (section 3.2 of arXiv 2407.02524), over more programs than its 164: compile each
program with the list, run it, compare. See `docs/verify.md`.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import Outcome, Target, Toolchain
from ozma.verify.judge import Compiled, Finding, Judge, compile_failure
from ozma.verify.records import JudgedObjects, RecordFile, SuiteVerdict, object_key
from ozma.verify.runner import Limits
from ozma.verify.suites.build import build_suite
from ozma.verify.suites.draft import CACHE, SuiteOptions
from ozma.verify.suites.program import Program, Suite
from ozma.verify.verdict import Verdict

__all__ = ["ListVerdict", "PassListEval", "build_suite", "evaluate_list"]


@dataclass(frozen=True)
class ListVerdict:
    """One list on all suites for one LLVM release and target."""

    passes: str
    llvm: str
    target: str
    suites: tuple[SuiteVerdict, ...]

    @property
    def programs(self) -> int:
        return sum(suite.programs for suite in self.suites)

    @property
    def seconds(self) -> float:
        return sum(suite.seconds for suite in self.suites)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """All that did not pass, in all suites."""
        return tuple(finding for suite in self.suites for finding in suite.failures)

    @property
    def verdict(self) -> Verdict:
        """TESTS_PASSED only if every program of every suite passed; failures come first."""
        verdicts = [suite.verdict for suite in self.suites]
        failed = Counter(verdict for verdict in verdicts if verdict.failed)
        if failed:
            return failed.most_common(1)[0][0]
        checked = verdicts and all(verdict.passed for verdict in verdicts)
        return Verdict.TESTS_PASSED if checked else Verdict.NOT_CHECKED


class PassListEval:
    """Judges lists one after another; a context manager that keeps a worker and all verdicts.

    `records` is the append-only file that a later run resumes from (None: `cache`'s own).
    """

    def __init__(
        self,
        toolchain: Toolchain,
        target: Target,
        suites: Sequence[Suite],
        *,
        cache: Path = CACHE,
        records: Path | None = None,
        limits: Limits | None = None,
        compile_timeout: float = 10.0,
    ) -> None:
        for suite in suites:
            if (suite.llvm, suite.target) != (toolchain.version, target.name):
                raise ValueError(f"suite {suite.name} was built for {suite.llvm} {suite.target}")
        self.toolchain, self.target, self.suites = toolchain, target, tuple(suites)
        self.records = RecordFile(records or cache / "verdicts" / "lists.jsonl")
        self._judged = {
            suite.name: JudgedObjects(cache / "verdicts" / f"{suite.name}-{target.name}.tsv")
            for suite in suites
        }
        self._judge = Judge(toolchain, target, limits=limits, compile_timeout=compile_timeout)

    def __enter__(self) -> PassListEval:
        return self

    def __exit__(self, *_: object) -> None:
        self._judge.__exit__()

    def evaluate(self, passes: str, *, fail_fast: bool = False) -> ListVerdict:
        """Judges one list. With `fail_fast` the suites after the first failing one are left out.

        OzmaError if LLVM refuses the text of the list.
        """
        results: list[SuiteVerdict] = []
        for suite in self.suites:
            known = self.records.find(passes, suite)
            if known is None:
                known = self._evaluate_suite(passes, suite)
                self.records.add(passes, suite, known)
            results.append(known)
            if fail_fast and known.verdict.failed:
                break
        return ListVerdict(passes, self.toolchain.version, self.target.name, tuple(results))

    def _evaluate_suite(self, passes: str, suite: Suite) -> SuiteVerdict:
        started = time.perf_counter()
        names = (name for program in suite.programs for name in program.tested)
        compiled = self._judge.compile_all(passes, suite, names)
        _refuse_invalid(passes, compiled)
        found = self._reuse(suite, compiled)
        waiting = [program for program in suite.programs if program.name not in found]
        fresh = self._judge.findings(suite, waiting, compiled)
        keys = (object_key(program, compiled) for program in waiting)
        self._judged[suite.name].add(
            {key: finding for key, finding in zip(keys, fresh) if finding.stage == "run"}
        )
        reused = len(found)
        found |= {finding.program: finding for finding in fresh}
        return SuiteVerdict(
            suite.name,
            suite.fingerprint,
            len(suite.programs),
            tuple(f for p in suite.programs if not (f := found[p.name]).verdict.passed),
            reused,
            time.perf_counter() - started,
        )

    def _reuse(self, suite: Suite, compiled: dict[str, Compiled]) -> dict[str, Finding]:
        """Findings of programs whose very objects were judged before."""
        judged = self._judged[suite.name]
        found: dict[str, Finding] = {}
        for program in suite.programs:
            finding = _known_finding(judged, program, compiled)
            if finding:
                found[program.name] = finding
        return found


def _known_finding(
    judged: JudgedObjects, program: Program, compiled: dict[str, Compiled]
) -> Finding | None:
    if compile_failure(program, compiled):
        return None
    return judged.find(object_key(program, compiled), program)


def _refuse_invalid(passes: str, compiled: dict[str, Compiled]) -> None:
    for result in compiled.values():
        if result.outcome is Outcome.INVALID_LIST:
            raise OzmaError(f"LLVM refuses the list '{passes}': {result.message}")


def evaluate_list(
    passes: str,
    suites: Sequence[str],
    toolchain: Toolchain,
    target: Target,
    *,
    options: SuiteOptions | None = None,
) -> ListVerdict:
    """Judges one list on the suites of these names, which are built if they are not cached."""
    options = options or SuiteOptions(toolchain, target)
    built = [build_suite(name, options) for name in suites]
    with PassListEval(toolchain, target, built, cache=options.cache) as evaluator:
        return evaluator.evaluate(passes)
