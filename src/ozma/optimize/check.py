"""What is known about the rightness of one result: the list's record and a run of this output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ozma.llvm import TARGETS, Evaluation, Toolchain
from ozma.optimize.pack import Pack
from ozma.verify.verdict import Verdict

if TYPE_CHECKING:
    from ozma.optimize.file import OptimizeConfig


@dataclass(frozen=True)
class CheckResult:
    """`list_verdict` is about the pass list on other programs, `verdict` about this very output."""

    list_verdict: Verdict
    verdict: Verdict
    summary: str


@dataclass
class Checker:
    """Judges candidates: with `differential`, runs each against the unoptimized build."""

    toolchain: Toolchain
    config: OptimizeConfig
    pack: Pack | None
    bitcode: bytes
    _reports: dict[str, object] = field(default_factory=dict)

    def __call__(self, candidate: Evaluation) -> bool:
        if self.config.verify != "differential":
            return True
        from ozma.verify.differential import check

        report = check(
            self.bitcode, candidate.passes, self.toolchain, TARGETS[self.config.target]
        )
        self._reports[candidate.passes] = report
        return not report.verdict.failed

    def result(self, passes: str | None) -> CheckResult:
        """What was and was not checked about the list that was kept."""
        if passes is None:
            return CheckResult(
                Verdict.NOT_CHECKED, Verdict.NOT_CHECKED, "clang's own object, nothing to check"
            )
        list_verdict, about_list = self._list_record(passes)
        report = self._reports.get(passes)
        verdict = report.verdict if report else Verdict.NOT_CHECKED
        about_output = report.summary() if report else "this output: not checked"
        return CheckResult(list_verdict, verdict, f"{about_list}; {about_output}")

    def _list_record(self, passes: str) -> tuple[Verdict, str]:
        entry = self.pack.find(passes) if self.pack and self.config.verify != "none" else None
        programs = entry.programs_passed(self.config.target) if entry else 0
        if not programs:
            return Verdict.NOT_CHECKED, "list: not checked on this target"
        return Verdict.TESTS_PASSED, f"list: passed {programs:,} self-checking programs"
