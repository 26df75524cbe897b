"""PassListEval: a list is accepted when every self-checking program still works under it.

As in the paper (section 3.2 of arXiv 2407.02524), over more programs than its 164: compile each
program with the list, run it, compare. See `docs/verify.md`.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

from ozma.errors import OzmaError
from ozma.llvm import Outcome, Target, Toolchain
from ozma.verify.judge import Compiled, Finding, Judge, compile_failure
from ozma.verify.records import JudgedObjects, RecordFile, SuiteVerdict, program_key
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
        compile_timeout: float = 30.0,
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
        found, reused = self._find(passes, suite)
        return SuiteVerdict(
            suite.name,
            suite.fingerprint,
            len(suite.programs),
            tuple(f for p in suite.programs if not (f := found[p.name]).verdict.passed),
            reused,
            time.perf_counter() - started,
        )

    def _find(self, passes: str, suite: Suite) -> tuple[dict[str, Finding], int]:
        """Findings by program, and how many of them were known from the same IR or object."""
        optimized = self._judge.optimize_all(passes, suite, _modules(suite.programs))
        _refuse_invalid(passes, optimized)
        judged = self._judged[suite.name]
        found, waiting = _reuse(judged, suite.programs, optimized, "ir_hash")
        generated = self._judge.generate_all(optimized, _modules(waiting))
        again, fresh = _reuse(judged, waiting, generated, "digest")
        findings = self._judge.findings(suite, fresh, generated)
        again |= {finding.program: finding for finding in findings}
        judged.add(_keyed(waiting, optimized, "ir_hash", again))
        judged.add(_keyed(fresh, generated, "digest", again))
        return found | again, len(suite.programs) - len(fresh)


def _modules(programs: Iterable[Program]) -> list[str]:
    return [name for program in programs for name in program.tested]


def _key(program: Program, modules: dict[str, Compiled], part: str) -> str:
    return program_key(program, [getattr(modules[name], part) for name in program.tested])


def _reuse(
    judged: JudgedObjects, programs: Sequence[Program], modules: dict[str, Compiled], part: str
) -> tuple[dict[str, Finding], list[Program]]:
    """Findings of programs whose very modules were judged before, and the other programs."""
    found: dict[str, Finding] = {}
    for program in programs:
        if not compile_failure(program, modules):
            finding = judged.find(_key(program, modules, part), program)
            if finding:
                found[program.name] = finding
    return found, [program for program in programs if program.name not in found]


def _keyed(
    programs: Sequence[Program],
    modules: dict[str, Compiled],
    part: str,
    found: dict[str, Finding],
) -> dict[str, Finding]:
    """What is worth keeping: findings of programs that were linked and run."""
    return {
        _key(program, modules, part): found[program.name]
        for program in programs
        if found[program.name].stage == "run"
    }


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
