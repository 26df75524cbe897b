"""Code migration: IR lifted from one machine's assembly, lowered for another, checked on both.

What the first compiler decided by machine stays as it was (ozma.llvm.rewrite, docs/labels.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ozma.lift.answers.answer import Answer, Verdict
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import TARGETS, InvalidIR, Toolchain, Worker
from ozma.llvm.rewrite import Rewrite, machine_of


@dataclass(frozen=True)
class Migrated:
    """A function on another machine: its `assembly` there and what was shown of it.

    `lifted` is how the IR came to be. The verdict is SAME, COMPILES, DIFFERS or FAILED; never
    identical assembly, as there is none to compare with.
    """

    lifted: Answer
    verdict: Verdict
    ir: str = ""
    assembly: str = ""
    inputs: int = 0
    covered: float = 0.0
    reason: str = ""

    @property
    def said(self) -> str:
        if self.verdict is Verdict.SAME:
            shown = f"{self.inputs} inputs, {self.covered:.0%} of its code ran"
            return f"same behaviour on {shown}" + (f"; {self.reason}" if self.reason else "")
        return f"{self.verdict.value}: {self.reason}" if self.reason else self.verdict.value


class Migrator:
    """From `source` to `target` (names in `TARGETS`). Needs a compiler, and starts a worker and an
    emulator of its own: use it in a `with` block."""

    def __init__(
        self, toolchain: Toolchain, compiler: Compiler, source: str, target: str, inputs: int = 10
    ) -> None:
        self._compiler = compiler
        self._worker = Worker(toolchain)
        self._change = Rewrite(machine=machine_of(toolchain, TARGETS[target]))
        self._check = EmulatorCheck(toolchain, source, inputs, target) if inputs else None

    def migrate(self, original: str, lifted: Answer) -> Migrated:
        """`lifted` is the answer for a function of `original`."""
        if not lifted.ir:
            return Migrated(lifted, Verdict.FAILED, reason=str(lifted.refusal or lifted.reason))
        try:
            bitcode = self._worker.rewrite(lifted.ir.encode(), self._change)
            ir = self._compiler.printed(bitcode)
        except InvalidIR as error:
            return Migrated(lifted, Verdict.FAILED, reason=error.message)
        compiled = self._compiler.compile(ir)
        if not compiled.ok:
            return Migrated(lifted, Verdict.FAILED, ir=ir, reason=compiled.reason)
        return self._checked(original, Migrated(lifted, Verdict.COMPILES, ir, compiled.assembly))

    def _checked(self, original: str, made: Migrated) -> Migrated:
        if self._check is None:
            return replace(made, reason="behaviour was not checked")
        shown = self._check(original, made.lifted.function, made.lifted.ir, made.assembly)
        if shown.same is None:
            return replace(made, reason=shown.reason)
        verdict = Verdict.SAME if shown.same else Verdict.DIFFERS
        return replace(
            made, verdict=verdict, inputs=shown.inputs, covered=shown.covered, reason=shown.reason
        )

    def close(self) -> None:
        self._worker.close()
        if self._check:
            self._check.close()

    def __enter__(self) -> Migrator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
