"""What LLVM's own tools make of one unit under a pass list: clang's front end, stock `opt`, clang's
back end, each with a time limit."""

from __future__ import annotations

import resource
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ozma.llvm.clang import CompileError, first_error
from ozma.llvm.objects import measure_object
from ozma.llvm.opt import StockOpt
from ozma.llvm.result import Sizes
from ozma.llvm.toolchain import Toolchain
from ozma.optimize.cc.cc1 import CompileStep
from ozma.optimize.cc.signals import die_with_parent

STEP_SECONDS = 600


class StepFailed(CompileError):
    """A step on the way to an object did not work: `reason` says which, and is counted; `detail`
    says why, in the words of what failed."""

    def __init__(self, reason: str, detail: str = "", command: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason, command=command)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Made:
    """One list applied: the optimized bitcode, and the object that clang makes of it."""

    passes: str
    bitcode: bytes
    object: bytes

    @property
    def sizes(self) -> Sizes:
        return measure_object(self.object)


Make = Callable[[str], Made | None]
"""What comes of a list; None if `opt` fails on it. StepFailed if clang's back end does."""


@dataclass(frozen=True)
class Steps:
    """Runs the steps of one unit in a folder of its own."""

    toolchain: Toolchain
    step: CompileStep
    folder: Path

    @property
    def unit(self) -> Path:
        """The unoptimized bitcode, once `front_end` has run."""
        return self.folder / "unit.bc"

    def front_end(self) -> bytes:
        """Writes the unoptimized bitcode, and returns it."""
        _run(self.step.front_end(str(self.unit)), "front end")
        return self.unit.read_bytes()

    def optimized(self, passes: str) -> bytes | None:
        """The bitcode that stock `opt` leaves; None if it fails."""
        return StockOpt(self.toolchain, self.unit)(passes)

    def object_of(self, optimized: bytes) -> bytes:
        """What clang's back end makes of optimized bitcode."""
        source, target = self.folder / "optimized.bc", self.folder / "ours.o"
        source.write_bytes(optimized)
        _run(self.step.code_generation(str(source), str(target)), "code generation")
        return target.read_bytes()

    def make(self, passes: str) -> Made | None:
        """Both, one after the other."""
        bitcode = self.optimized(passes)
        return Made(passes, bitcode, self.object_of(bitcode)) if bitcode else None


def _limit() -> None:
    """Ends a step that hangs, even if this process was killed and cannot."""
    die_with_parent(signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (STEP_SECONDS, STEP_SECONDS))


def _run(command: list[str], what: str) -> None:
    shown = shlex.join(command)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=STEP_SECONDS,
            preexec_fn=_limit,
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{what} timed out", f"over {STEP_SECONDS} s", shown) from None
    if done.returncode:
        text = first_error(done.stderr.decode("utf-8", "replace"))
        raise StepFailed(f"{what} failed", text, shown)
