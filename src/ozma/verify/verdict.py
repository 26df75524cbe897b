"""What is known about the correctness of a list or of one output."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The last word on a list, a program or a function. NOT_CHECKED is never a success."""

    PROVED_EQUAL = "proved equal"
    TESTS_PASSED = "tests passed"
    DIFFERENTIAL_PASSED = "differential test passed"
    NOT_CHECKED = "not checked"
    INVALID_IR = "invalid IR"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    OUTPUT_DIFFERS = "output differs"

    @property
    def passed(self) -> bool:
        return self in _PASSED

    @property
    def failed(self) -> bool:
        return not self.passed and self is not Verdict.NOT_CHECKED


_PASSED = (Verdict.PROVED_EQUAL, Verdict.TESTS_PASSED, Verdict.DIFFERENTIAL_PASSED)
