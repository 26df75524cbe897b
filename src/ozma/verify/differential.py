"""Differential execution: do the functions of an output do what those of the -O0 build do?

See `trial.py` for how, docs/differential.md for the limits.
"""

from __future__ import annotations

import time
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import Outcome, Target, Toolchain, Worker
from ozma.verify.abi import MACHINES
from ozma.verify.report import DifferentialReport, FunctionReport
from ozma.verify.sandbox import Limits
from ozma.verify.trial import Trial
from ozma.verify.verdict import Verdict

_OUTCOMES = {
    Outcome.INVALID_IR: Verdict.INVALID_IR,
    Outcome.CRASHED: Verdict.CRASHED,
    Outcome.OUT_OF_MEMORY: Verdict.CRASHED,
    Outcome.TIMED_OUT: Verdict.TIMED_OUT,
}


def check(
    bitcode: bytes,
    passes: str,
    toolchain: Toolchain,
    target: Target,
    inputs: int = 32,
    seed: int = 0,
    timeout: float = 60.0,
    worker: Worker | None = None,
) -> DifferentialReport:
    """Compares what `passes` makes of a module with its -O0 build.

    `inputs` per function, `timeout` in seconds per run of a build, `worker`: one that is at hand.
    What LLVM or the code under test does is a verdict; InvalidIR if `bitcode` is not a module.
    """
    if worker is None:
        with Worker(toolchain) as own:
            return check(bitcode, passes, toolchain, target, inputs, seed, timeout, own)
    started = time.perf_counter()
    module = worker.load(bitcode).id
    try:
        made = worker.evaluate(module, passes, want=("object",))
    finally:
        worker.unload(module)
    if not made.ok:
        verdict = _OUTCOMES.get(made.outcome, Verdict.NOT_CHECKED)
        return _without_run(verdict, made.message or made.outcome.value, started)
    return check_object(bitcode, made.object, toolchain, target, inputs, seed, timeout, worker)


def check_object(
    bitcode: bytes,
    candidate: bytes,
    toolchain: Toolchain,
    target: Target,
    inputs: int = 32,
    seed: int = 0,
    timeout: float = 60.0,
    worker: Worker | None = None,
) -> DifferentialReport:
    """The same for an object file that claims to be a build of the module."""
    if worker is None:
        with Worker(toolchain) as own:
            return check_object(bitcode, candidate, toolchain, target, inputs, seed, timeout, own)
    started = time.perf_counter()
    if target.triple.split("-")[0] not in MACHINES:
        message = f"programs for {target.name} cannot be run here"
        return _without_run(Verdict.NOT_CHECKED, message, started)
    try:
        trial = Trial(bitcode, toolchain, target, worker, inputs, seed, Limits(wall=timeout))
        functions = trial.run(candidate)
    except (OzmaError, OSError) as error:  # a full disk, say
        return _without_run(Verdict.NOT_CHECKED, getattr(error, "message", str(error)), started)
    return DifferentialReport(functions, _worst(functions), time.perf_counter() - started)


def _without_run(verdict: Verdict, message: str, started: float) -> DifferentialReport:
    return DifferentialReport((), verdict, time.perf_counter() - started, message)


def _worst(functions: Sequence[FunctionReport]) -> Verdict:
    found = {f.verdict for f in functions}
    for verdict in (Verdict.OUTPUT_DIFFERS, Verdict.DIFFERENTIAL_PASSED):
        if verdict in found:
            return verdict
    return Verdict.NOT_CHECKED
