"""Every instruction of the semantics tables, lifted, lowered and run beside the original.

    python -m ozma.lift.behaviour.semantics x86-64 [MNEMONIC ...]
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

from ozma.lift.behaviour.check import Question, Verdict
from ozma.lift.behaviour.forms import Form, forms, text_of
from ozma.lift.behaviour.process import Checker
from ozma.lift.emulator.signature import read_signatures
from ozma.lift.lifter import lift_function
from ozma.llvm import InvalidIR, Toolchain, Worker, find_toolchain

REFUSED, NOT_LOWERED = "refused", "not lowered"
_SAME = Verdict.SAME.value


@dataclass(frozen=True)
class Finding:
    """`outcome` is same, differs, refused, not lowered or could not run."""

    form: Form
    outcome: str
    detail: str = ""


class SemanticsCheck:
    """Checks forms one after another; close it, or use it in a `with`."""

    def __init__(self, toolchain: Toolchain | None = None, inputs: int = 24) -> None:
        self._toolchain = toolchain or find_toolchain()
        self._worker, self._checker = Worker(self._toolchain), Checker(self._toolchain)
        self._inputs = inputs

    def __enter__(self) -> SemanticsCheck:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
        self._checker.close()

    def check(self, form: Form) -> Finding:
        """Lifts the form's function, lowers it, runs both."""
        text = text_of(form)
        lifted = lift_function(text, "f", form.target)
        if lifted.refusal:
            return Finding(form, REFUSED, str(lifted.refusal.reason))
        try:
            loaded = self._worker.load(lifted.ir.encode())
        except InvalidIR as error:
            return Finding(form, NOT_LOWERED, error.message)
        found = self._worker.evaluate(loaded.id, "", ("assembly",))
        self._worker.unload(loaded.id)
        if not found.assembly:
            return Finding(form, NOT_LOWERED, found.message)
        signatures = read_signatures(self._toolchain, lifted.ir)
        if "f" not in signatures:
            return Finding(form, Verdict.COULD_NOT_RUN.value, lifted.signature)
        question = Question(
            text, found.assembly, "f", form.target, form.target, signatures["f"], signatures,
            self._inputs,
        )
        answer = self._checker.check(question)
        detail = "" if answer.verdict is Verdict.SAME else str(answer)
        return Finding(form, answer.verdict.value, detail)


def main() -> None:
    """Prints what is not the same, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=("x86-64", "aarch64"))
    parser.add_argument("mnemonics", nargs="*")
    parser.add_argument("--inputs", type=int, default=24)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    toolchain = find_toolchain()
    with SemanticsCheck(toolchain, options.inputs) as check:
        for form in forms(toolchain, options.target, options.mnemonics):
            finding = check.check(form)
            counts[finding.outcome] += 1
            if finding.outcome != _SAME:
                print(f"{finding.outcome:14} {form}: {finding.detail}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))


if __name__ == "__main__":
    main()
