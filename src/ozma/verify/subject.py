"""A function under test: its inputs, what the builds did with them, and the verdict from that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Sequence

from ozma.llvm.interface import Function
from ozma.verify.abi import Signature
from ozma.verify.inputs import Call
from ozma.verify.observation import Difference, Masks, difference, unstable
from ozma.verify.plan import ABSENT, MISSING, RETURNED, SIGNALLED, TIMED_OUT, Result
from ozma.verify.report import FunctionReport
from ozma.verify.verdict import Verdict

_REASONS = {
    SIGNALLED: "faults on every input",
    TIMED_OUT: "does not end in time",
    MISSING: "calls an undefined function whose result cannot be made up",
}


@dataclass
class Subject:
    """State of one function's test; `usable` inputs say something about the candidate."""

    function: Function
    signature: Signature
    calls: list[Call] = field(default_factory=list)
    reference: dict[int, Result] = field(default_factory=dict)
    usable: int = 0
    cut_off: bool = False
    discarded: bool = False
    suspects: list[Call] = field(default_factory=list)
    confirmed: list[tuple[Call, Difference]] = field(default_factory=list)

    def completed(self) -> list[Call]:
        """The calls that end well in the reference."""
        return [c for c in self.calls if c.id in self.reference and self.reference[c.id].completed]

    def returned(self) -> list[Call]:
        """The calls after which the reference can go on."""
        return [c for c in self.completed() if self.reference[c.id].status == RETURNED]

    def compare(self, call: Call, trusted: Sequence[Result], candidate: Result) -> None:
        """Counts a usable input and suspects the candidate where it differs from the reference."""
        trusted = [self.reference[call.id], *trusted]
        if self.function.discardable and ABSENT in {r.status for r in (*trusted, candidate)}:
            self.discarded = True
            return
        masks = self._agreement(trusted)
        if masks is None:
            return
        self.usable += 1
        if self._differ(trusted[0], candidate, masks):
            self.suspects.append(call)

    def confirm(
        self, call: Call, trusted: Sequence[Result | None], accused: Sequence[Result | None]
    ) -> None:
        """The candidate is wrong if all trusted runs agree and no run of the candidate does."""
        masks = None if None in trusted else self._agreement(trusted)
        if masks is None or None in accused:
            self.usable -= 1
            return
        found = [self._differ(trusted[0], result, masks) for result in accused]
        if all(found):
            self.confirmed.append((call, found[0]))

    def _agreement(self, trusted: Sequence[Result]) -> Masks | None:
        """What to leave out of comparisons; None if the trusted runs do not agree.

        The first two are of builds without optimization that differ in what local variables hold
        before they are written.
        """
        if not trusted[0].completed:
            return None
        masks = unstable(trusted[0], trusted[1], self.function, self.signature)
        if masks is None or any(self._differ(trusted[0], other, masks) for other in trusted[1:]):
            return None
        return masks

    def _differ(self, expected: Result, found: Result, masks: Masks) -> Difference | None:
        return difference(expected, found, self.function, self.signature, masks)

    def report(self) -> FunctionReport:
        name, total = self.function.name, len(self.calls)
        counts = self.usable, total - self.usable
        if self.confirmed:
            call, found = min(self.confirmed, key=lambda pair: _weight(pair[0]))
            evidence = describe(call, self.signature)
            return FunctionReport(name, Verdict.OUTPUT_DIFFERS, *counts, str(found), evidence)
        if self.usable > 0:
            return FunctionReport(name, Verdict.DIFFERENTIAL_PASSED, *counts)
        return FunctionReport(name, Verdict.NOT_CHECKED, *counts, self._reason())

    def _reason(self) -> str:
        if self.cut_off:
            return "the test's time was up"
        if self.discarded:
            return "is no longer in the object once its callers are optimized"
        endings = Counter(result.status for result in self.reference.values())
        for status, reason in _REASONS.items():
            if endings[status] > len(self.calls) // 2:
                return reason
        if self.completed():
            return "results of -O0 and -Oz differ on every input"
        return "no generated input reaches its end"


def _weight(call: Call) -> tuple[bool, int, int]:
    """Simple inputs first: no call before, few buffers, few significant bits."""
    words = [*call.integers, *call.floats, *call.stack]
    bits = sum(min(word, 2**64 - word).bit_length() for word in words)
    return call.prelude is not None, len(call.patches), bits


def describe(call: Call, signature: Signature) -> str:
    """The arguments of a call in words."""
    places = {
        "integer": call.integers, "float": call.floats, "stack": call.stack,
        "indirect": [call.indirect],
    }
    texts = [f"{s.type.kind} {places[s.place][s.index]:#x}" for s in signature.slots]
    pages = f", pages {call.pages[: call.buffers + len(call.patches)]}" if call.buffers else ""
    after = f" after call {call.prelude.id}" if call.prelude else ""
    return f"input {call.id}: ({', '.join(texts)}){pages}{after}"
