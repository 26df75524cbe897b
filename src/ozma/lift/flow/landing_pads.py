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

from ozma.lift.flow.graph import number_in
from ozma.lift.reading.listing import AsmFunction, Directive
from ozma.lift.reading.effects import Call, Effect, Jump, Symbol
from ozma.lift.reading.exception_tables import Exceptions, used_labels

_BOUND = re.compile(r"\.Ltmp\d+$")
_PUSHED = "0x2e"
"""DW_CFA_GNU_args_size: how many bytes of arguments the calls from here on have on the stack."""


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
        self._pushed = 0
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

    def note(self, line: Directive) -> None:
        """A directive within the code."""
        if line.name == ".cfi_escape":
            code, *numbers = (word.strip() for word in line.arguments.split(","))
            if code.lower() == _PUSHED:
                parts = [number_in(line, word) & 127 for word in numbers]
                self._pushed = sum(part << 7 * place for place, part in enumerate(parts))

    def marked(self, effects: list[Effect]) -> list[Effect]:
        """The effects with what is known of their calls."""
        if not self.exceptions.personality:
            return effects
        return [self._mark(effect) for effect in effects]

    def _mark(self, effect: Effect) -> Effect:
        if isinstance(effect, Jump) and self._range is None:  # a tail call, or a label
            self.nounwind.add(effect.target)
        if not isinstance(effect, Call):
            return effect
        pad = self._range.pad if self._range else ""
        if self._range is not None and (not pad or self._between):
            return replace(effect, unwind=pad, pushed=self._pushed)
        if isinstance(effect.target, Symbol):
            self.nounwind.add(effect.target.name)
        return replace(effect, throws=False)
