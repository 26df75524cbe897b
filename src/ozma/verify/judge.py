"""Compile the programs of a suite with one list, run them, and say how each one ended."""

from __future__ import annotations

import hashlib
import signal
from dataclasses import dataclass, replace
from typing import Callable, Iterable, Sequence

from ozma.llvm import Outcome, Target, Toolchain, Worker
from ozma.verify.runner import Limits, Run, Runner
from ozma.verify.suites.program import Program, Suite
from ozma.verify.verdict import Verdict

_OF_OUTCOME = {
    None: Verdict.NOT_CHECKED,
    Outcome.INVALID_LIST: Verdict.NOT_CHECKED,
    Outcome.INVALID_IR: Verdict.INVALID_IR,
    Outcome.CRASHED: Verdict.CRASHED,
    Outcome.OUT_OF_MEMORY: Verdict.CRASHED,
    Outcome.TIMED_OUT: Verdict.TIMED_OUT,
}
_NO_CODE = -1
"""Every result has more instructions than this: the worker generates no code."""


@dataclass(frozen=True)
class Finding:
    """How one program ended under a list. `stage` is 'compile', 'link' or 'run'."""

    program: str
    verdict: Verdict
    stage: str = "run"
    detail: str = ""
    reused: bool = False


@dataclass(frozen=True)
class Compiled:
    """What became of one module under a list. `outcome` None: it was not tried.

    `ir` is the optimized bitcode, `data` the object once code was generated; `ir_hash` and
    `digest` name them.
    """

    outcome: Outcome | None
    message: str = ""
    ir: bytes | None = None
    ir_hash: str = ""
    data: bytes | None = None
    digest: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


class Judge:
    """Owns one worker and one runner for a toolchain and target; a context manager."""

    def __init__(
        self,
        toolchain: Toolchain,
        target: Target,
        *,
        limits: Limits | None = None,
        compile_timeout: float = 30.0,
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

    def optimize(self, passes: str, bitcode: bytes) -> Compiled:
        """The list on one module in the worker, without code generation."""
        key = hashlib.sha256(bitcode).digest()
        if key not in self._loaded:
            self._loaded[key] = self.worker.load(bitcode).id
        result = self.worker.evaluate(
            self._loaded[key], passes, want=("bitcode",), skip_above=_NO_CODE
        )
        self._after_death()
        return Compiled(result.outcome, result.message, result.bitcode, result.ir_hash or "")

    def generate(self, module: Compiled) -> Compiled:
        """Code for an optimized module; a module that failed stays as it is."""
        if not module.ok:
            return module
        key = self.worker.load(module.ir).id
        result = self.worker.evaluate(key, "", want=("object",))
        self.worker.unload(key)
        self._after_death()
        return replace(
            module,
            outcome=result.outcome,
            message=result.message,
            data=result.object,
            digest=result.object_hash or "",
        )

    def _after_death(self) -> None:
        """A fresh child must not first read again everything that may not be needed."""
        if self.worker.pid is None:
            for key in self._loaded.values():
                self.worker.unload(key)
            self._loaded.clear()

    def optimize_all(self, passes: str, suite: Suite, names: Iterable[str]) -> dict[str, Compiled]:
        """Each module once. After a few that hang the others are not tried."""
        wanted = dict.fromkeys(names)
        return self._while_few_hang(wanted, lambda name: self.optimize(passes, suite.bitcode[name]))

    def generate_all(
        self, optimized: dict[str, Compiled], names: Iterable[str]
    ) -> dict[str, Compiled]:
        wanted = dict.fromkeys(names)
        return self._while_few_hang(wanted, lambda name: self.generate(optimized[name]))

    def _while_few_hang(
        self, names: Iterable[str], work: Callable[[str], Compiled]
    ) -> dict[str, Compiled]:
        done: dict[str, Compiled] = {}
        hangs = 0
        for name in names:
            if hangs < self.runner.limits.hangs:
                done[name] = work(name)
                hangs += done[name].outcome is Outcome.TIMED_OUT
            else:
                done[name] = Compiled(None, "not compiled: others hang")
        return done

    def run(
        self, suite: Suite, programs: Sequence[Program], compiled: dict[str, Compiled]
    ) -> list[Run]:
        """Runs programs whose modules all compiled."""
        return self.runner.run([program_objects(suite, p, compiled) for p in programs])

    def findings(
        self, suite: Suite, programs: Sequence[Program], compiled: dict[str, Compiled]
    ) -> list[Finding]:
        """One finding per program. A failure is run a second time before it is believed, unless
        it burnt its CPU limit, which no load of the machine can cause."""
        found = [compile_failure(program, compiled) for program in programs]
        ready = [program for program, failure in zip(programs, found) if not failure]
        runs = dict(zip(ready, self.run(suite, ready, compiled)))
        failed = [program for program in ready if _is_doubtful(program, runs[program])]
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
        if not result.ok:
            return Finding(program.name, _OF_OUTCOME[result.outcome], "compile", result.message)
    return None


def _is_doubtful(program: Program, run: Run) -> bool:
    return judge_run(program, run).verdict.failed and run.signal != signal.SIGXCPU


def judge_run(program: Program, run: Run) -> Finding:
    if run.skipped:
        return Finding(program.name, Verdict.NOT_CHECKED, "run", run.describe())
    if run.status is None:
        return Finding(program.name, Verdict.OUTPUT_DIFFERS, "link", run.describe())
    if run.timed_out:
        return Finding(program.name, Verdict.TIMED_OUT, "run", run.describe())
    if run.clean and run.stdout == program.stdout:
        return Finding(program.name, Verdict.TESTS_PASSED)
    detail = "standard output differs" if run.clean else run.describe()
    return Finding(program.name, Verdict.OUTPUT_DIFFERS, "run", detail)
