"""What is known about the rightness of one result: the list's record and a run of this output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ozma.llvm import TARGETS, Toolchain
from ozma.optimize.pack import Pack
from ozma.optimize.steps import Made
from ozma.verify.verdict import Verdict

if TYPE_CHECKING:
    from ozma.verify.differential import DifferentialReport


@dataclass(frozen=True)
class CheckResult:
    """`list_verdict` is about the pass list on other programs, `verdict` about this very output;
    `summary` says both to a person, `brief` in words that are equal for many outputs."""

    list_verdict: Verdict
    verdict: Verdict
    summary: str
    brief: str


_OWN_OBJECT = CheckResult(
    Verdict.NOT_CHECKED,
    Verdict.NOT_CHECKED,
    "clang's own object, nothing to check",
    Verdict.NOT_CHECKED.value,
)


@dataclass
class Checker:
    """Judges candidates: with `verify` "differential", runs the object of each against the
    unoptimized build, for `seconds` at most.

    `target` is what the code is for, by name, or the triple of a machine that has no name here.
    """

    toolchain: Toolchain
    verify: str
    pack: Pack | None
    target: str
    bitcode: bytes
    seconds: float = 60.0
    _reports: dict[str, DifferentialReport] = field(default_factory=dict)

    def __call__(self, made: Made) -> bool:
        if self.verify != "differential" or self.target not in TARGETS:
            return True
        from ozma.verify.differential import check_object

        target = TARGETS[self.target]
        report = check_object(
            self.bitcode, made.object, self.toolchain, target, timeout=self.seconds
        )
        self._reports[made.passes] = report
        return not report.verdict.failed

    def result(self, passes: str | None) -> CheckResult:
        """What was and was not checked about the list that was kept, or of clang's own object."""
        if passes is None:
            return _OWN_OBJECT
        programs, report = self._programs(passes), self._reports.get(passes)
        about = f"passed {programs:,} self-checking programs"
        summary = f"list: {about if programs else 'not checked on this target'}; "
        summary += report.summary() if report else "this output: not checked"
        brief = f"list passed {programs} programs on {self.target}"
        brief = brief if programs else Verdict.NOT_CHECKED.value
        verdict = report.verdict if report else Verdict.NOT_CHECKED
        if self.verify == "differential":
            brief += f"; this output: {verdict.value}"
        passed = Verdict.TESTS_PASSED if programs else Verdict.NOT_CHECKED
        return CheckResult(passed, verdict, summary, brief)

    def _programs(self, passes: str) -> int:
        """Self-checking programs that the list passed on this target."""
        entry = self.pack.find(passes) if self.pack and self.verify != "none" else None
        return entry.programs_passed(self.target) if entry else 0
