"""What is known about the rightness of one result: the list's record and a run of this output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from ozma.errors import OzmaError
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
    """Judges candidates: with `differential`, runs the object of each against the unoptimized build.

    `target` is what the code is for, by name, or the triple of a machine that has no name here;
    `make_object` makes of optimized bitcode what will be given out.
    """

    toolchain: Toolchain
    config: OptimizeConfig
    pack: Pack | None
    target: str
    bitcode: bytes
    make_object: Callable[[bytes], bytes]
    _reports: dict[str, object] = field(default_factory=dict)

    def __call__(self, candidate: Evaluation) -> bool:
        if self.config.verify != "differential" or self.target not in TARGETS:
            return True
        from ozma.verify.differential import check_object

        try:
            made = self.make_object(candidate.bitcode)
        except OzmaError:
            return False
        report = check_object(self.bitcode, made, self.toolchain, TARGETS[self.target])
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
        programs = entry.programs_passed(self.target) if entry else 0
        if not programs:
            return Verdict.NOT_CHECKED, "list: not checked on this target"
        return Verdict.TESTS_PASSED, f"list: passed {programs:,} self-checking programs"
