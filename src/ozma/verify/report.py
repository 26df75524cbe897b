"""What a differential test found, by function: for programs (JSON) and for people (one line)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from ozma.verify.verdict import Verdict


@dataclass(frozen=True)
class FunctionReport:
    """Verdict on one function. `inputs` were usable and compared, `unusable` were not.

    `reason` says why it was not checked, or how its output differs; `evidence` describes the input.
    """

    name: str
    verdict: Verdict
    inputs: int = 0
    unusable: int = 0
    reason: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class DifferentialReport:
    """Verdicts on all functions that others can call; `verdict` is the worst that was found."""

    functions: tuple[FunctionReport, ...]
    verdict: Verdict
    seconds: float
    message: str = ""

    def to_json(self) -> dict:
        """A JSON-able object with the verdicts as text."""
        rows = [{**asdict(f), "verdict": f.verdict.value} for f in self.functions]
        return {
            "verdict": self.verdict.value, "seconds": round(self.seconds, 3),
            "message": self.message, "functions": rows,
        }

    def summary(self) -> str:
        """One line for people."""
        if self.message:
            return f"differential: {self.verdict.value}: {self.message}"
        ran = [f for f in self.functions if f.verdict is not Verdict.NOT_CHECKED]
        wrong = [f.name for f in ran if f.verdict is Verdict.OUTPUT_DIFFERS]
        found = f"{', '.join(wrong)} differ{'s' if len(wrong) == 1 else ''}" if wrong else "equal"
        line = (
            f"differential: {len(ran)} of {len(self.functions)} functions ran on "
            f"{sum(f.inputs for f in ran)} inputs, {found}" if ran else "differential: not checked"
        )
        return line + self._not_run()

    def _not_run(self) -> str:
        reasons = Counter(f.reason for f in self.functions if f.verdict is Verdict.NOT_CHECKED)
        if not reasons:
            return ""
        parts = ", ".join(f"{count}: {reason}" for reason, count in reasons.most_common())
        return f"; {sum(reasons.values())} could not be run ({parts})"
