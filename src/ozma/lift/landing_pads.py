"""Which calls unwind where, found while the lines of a function pass by.

LLVM joins neighbouring ranges of its table where all calls between them are of functions that are
declared `nounwind`; the two labels that it puts around each invoke stay in the code (`EHStreamer`,
`computeCallSiteTable`). So a call within a joined range but between no such pair is an ordinary
call of a function that does not unwind, as is one in no range at all. One in a range without
a landing pad is an ordinary call that may.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ozma.lift.assembly import AsmFunction, Directive
from ozma.lift.effects import Call, Effect, Symbol
from ozma.lift.exceptions import Exceptions, used_labels

_BOUND = re.compile(r"\.Ltmp\d+$")


class Unwinding:
    """`passes` for each label, `marked` for the effects of each instruction, in order. `nounwind`:
    symbols called where nothing may unwind."""

    def __init__(self, function: AsmFunction, exceptions: Exceptions) -> None:
        self.exceptions = exceptions
        self.nounwind: set[str] = set()
        self._starts = exceptions.starts()
        self._used = used_labels(function, exceptions) if exceptions.personality else set()
        self._range = None
        self._between = True
        self._has_pairs = not any(  # debug information puts labels of the same name anywhere
            isinstance(line, Directive) and line.name == ".loc" for line in function.lines
        )

    def passes(self, label: str) -> bool:
        """Notes the label; does a block begin there?"""
        if not self.exceptions.personality:
            return True
        if self._range is not None and label == self._range.end:
            self._range = None
        if label in self._starts:
            self._range, self._between = self._starts[label], True
        elif self._has_pairs and _BOUND.match(label) and label not in self._used:
            self._between = not self._between
        return label in self._used

    def marked(self, effects: list[Effect]) -> list[Effect]:
        """The effects with what is known of their calls."""
        if not self.exceptions.personality:
            return effects
        return [self._mark(effect) if isinstance(effect, Call) else effect for effect in effects]

    def _mark(self, call: Call) -> Call:
        pad = self._range.pad if self._range else ""
        if self._range is not None and (not pad or self._between):
            return replace(call, unwind=pad)
        if isinstance(call.target, Symbol):
            self.nounwind.add(call.target.name)
        return replace(call, throws=False)
