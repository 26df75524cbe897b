"""Compile the programs of a suite with one list, run them, and say how each one ended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Iterable, Sequence

from ozma.llvm import Outcome, Target, Toolchain, Worker
from ozma.verify.runner import Limits, Run, Runner
from ozma.verify.suites.program import Program, Suite
from ozma.verify.verdict import Verdict

_OF_OUTCOME = {
    Outcome.INVALID_LIST: Verdict.NOT_CHECKED,
    Outcome.INVALID_IR: Verdict.INVALID_IR,
    Outcome.CRASHED: Verdict.CRASHED,
    Outcome.OUT_OF_MEMORY: Verdict.CRASHED,
    Outcome.TIMED_OUT: Verdict.TIMED_OUT,
}


@dataclass(frozen=True)
class Finding:
    """How one program ended under a list. `stage` is 'compile', 'link' or 'run'."""

    program: str
    verdict: Verdict
    stage: str = "run"
    detail: str = ""
    reused: bool = False


@dataclass
class Compiled:
    """What became of one module: its object, or why there is none."""

    data: bytes | None
    outcome: Outcome
    message: str = ""
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256(self.data or b"").digest()


class Judge:
    """Owns one worker and one runner for a toolchain and target; a context manager."""

    def __init__(
        self,
        toolchain: Toolchain,
        target: Target,
        *,
        limits: Limits | None = None,
        compile_timeout: float = 20.0,
    ) -> None:
        self.toolchain, self.target = toolchain, target
        self.runner = Runner(toolchain, target, limits)
        self.worker = Worker(toolchain, timeout=compile_timeout)
        self._loaded: dict[bytes, int] = {}

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()
        self.runner.__exit__()

    def compile(self, passes: str, bitcode: bytes) -> Compiled:
        """One module with one list, in the worker."""
        key = hashlib.sha256(bitcode).digest()
        if key not in self._loaded:
            self._loaded[key] = self.worker.load(bitcode).id
        result = self.worker.evaluate(self._loaded[key], passes, want=("object",))
        return Compiled(result.object, result.outcome, result.message)

    def compile_all(self, passes: str, suite: Suite, names: Iterable[str]) -> dict[str, Compiled]:
        return {name: self.compile(passes, suite.bitcode[name]) for name in dict.fromkeys(names)}

    def run(
        self, suite: Suite, programs: Sequence[Program], compiled: dict[str, Compiled]
    ) -> list[Run]:
        """Runs programs whose modules all compiled."""
        return self.runner.run([program_objects(suite, p, compiled) for p in programs])

    def findings(
        self, suite: Suite, programs: Sequence[Program], compiled: dict[str, Compiled]
    ) -> list[Finding]:
        """One finding per program. A failure is run a second time before it is believed."""
        found = [compile_failure(program, compiled) for program in programs]
        ready = [program for program, failure in zip(programs, found) if not failure]
        runs = dict(zip(ready, self.run(suite, ready, compiled)))
        failed = [program for program in ready if not judge_run(program, runs[program]).verdict.passed]
        runs |= zip(failed, self.run(suite, failed, compiled))
        return [
            failure or judge_run(program, runs[program])
            for program, failure in zip(programs, found)
        ]


def program_objects(suite: Suite, program: Program, compiled: dict[str, Compiled]) -> list[bytes]:
    tested = [compiled[name].data for name in program.tested]
    return tested + [suite.objects[name] for name in program.fixed]


def compile_failure(program: Program, compiled: dict[str, Compiled]) -> Finding | None:
    """The first of the program's modules that has no object decides."""
    for name in program.tested:
        result = compiled[name]
        if result.outcome is not Outcome.OK:
            detail = result.message or result.outcome.value
            return Finding(program.name, _OF_OUTCOME[result.outcome], "compile", detail)
    return None


def judge_run(program: Program, run: Run) -> Finding:
    if run.status is None:
        return Finding(program.name, Verdict.OUTPUT_DIFFERS, "link", run.describe())
    if run.timed_out:
        return Finding(program.name, Verdict.TIMED_OUT, "run", run.describe())
    if run.clean and run.stdout == program.stdout:
        return Finding(program.name, Verdict.TESTS_PASSED)
    detail = "standard output differs" if run.clean else run.describe()
    return Finding(program.name, Verdict.OUTPUT_DIFFERS, "run", detail)
