"""The main job on one file: clang's own object as the baseline, candidates, check, the smallest."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Evaluation, Sizes, Toolchain, Worker
from ozma.llvm.clang import CXX_SUFFIXES, CompileError, driver, first_error, run_clang
from ozma.llvm.objects import ObjectError, measure_object, symbol_sizes
from ozma.llvm.target import target_name
from ozma.optimize.cc.arguments import option_refusal
from ozma.optimize.cc.cc1 import CompileStep, Unsupported, read_steps
from ozma.optimize.check import Checker, CheckResult
from ozma.optimize.choose import load_unit, measure_all, pick
from ozma.optimize.pack import Pack
from ozma.optimize.rank import Advice, Advisor
from ozma.optimize.steps import Steps
from ozma.search.budget import Budget

IR_SUFFIXES = (".ll", ".bc", ".o")
SOURCE_SUFFIXES = (".c", ".i", *CXX_SUFFIXES)
VERIFY = ("none", "lists", "differential")


@dataclass(frozen=True)
class OptimizeConfig:
    """Settings of one run. `passes` (the user's own list) replaces the pack; `clang_args` are the
    user's words for clang; `switches` are back-end options such as -enable-machine-outliner."""

    target: str = "x86-64"
    budget: Budget = Budget(16)
    level: str = "-Oz"
    verify: str = "lists"
    passes: str | None = None
    clang_args: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ValueError(f"target is '{self.target}': give one of {', '.join(TARGETS)}")
        if self.verify not in VERIFY:
            raise ValueError(f"verify is '{self.verify}': give one of {', '.join(VERIFY)}")
        if self.level not in ("-Oz", "-Os"):
            raise ValueError(f"level is '{self.level}': give -Oz or -Os")


@dataclass(frozen=True)
class Optimized:
    """What came of one file. `passes` is None when clang's own object was kept.

    `bitcode` is the unoptimized module, `optimized` the chosen one (clang's pipeline if kept);
    `order` says who decided in what order lists were tried; `target` is what clang made code for,
    which the user's own words may have changed: a name of ours, or a triple.
    """

    source: Path
    config: OptimizeConfig
    llvm: str
    target: str
    baseline: Sizes
    ours: Sizes
    passes: str | None
    object: bytes
    baseline_object: bytes
    bitcode: bytes
    optimized: bytes | None
    trials: tuple[Evaluation, ...]
    rejected: tuple[Evaluation, ...]
    check: CheckResult
    order: str
    seconds: float

    @property
    def saved(self) -> int:
        """Bytes saved under clang: never negative."""
        return self.baseline.total - self.ours.total

    def function_sizes(self) -> dict[str, tuple[int, int]]:
        """symbol -> (bytes under clang, bytes of ours); 0 where it does not exist."""
        before, after = symbol_sizes(self.baseline_object), symbol_sizes(self.object)
        names = sorted({*before, *after})
        return {name: (before.get(name, 0), after.get(name, 0)) for name in names}


def compile_words(source: Path, config: OptimizeConfig) -> list[str]:
    """clang's words for this file: what a user would type, with the target's and the user's own."""
    kind = ["-x", "ir"] if source.suffix in IR_SUFFIXES else []
    switches = [word for switch in config.switches for word in ("-mllvm", switch)]
    target = TARGETS[config.target].clang_args
    return [*target, *config.clang_args, config.level, *switches, "-w", "-c", *kind]


def compile_step(toolchain: Toolchain, source: Path, config: OptimizeConfig) -> CompileStep:
    """clang's own -cc1 command for this file, which our two steps are made from.

    OzmaError for what we must not touch, as `ozma cc` does not.
    """
    if reason := option_refusal(list(config.clang_args)):
        raise OzmaError(f"cannot optimize {source}: {reason}", hint="leave that to clang alone")
    command = [driver(toolchain, source), "-###", *compile_words(source, config), str(source)]
    done = subprocess.run([*command, "-o", "out.o"], capture_output=True, text=True)
    try:
        if done.returncode:
            raise CompileError(f"clang refuses {source}: {first_error(done.stderr)}")
        return read_steps(done.stderr)[0]
    except Unsupported as reason:
        raise OzmaError(f"cannot optimize {source}: {reason}", command=shlex.join(command)) from None


def front_end(
    toolchain: Toolchain, source: Path, config: OptimizeConfig, folder: Path
) -> bytes:
    """Unoptimized bitcode of one file, as clang's front end emits it for the user's words.

    CompileError in clang's own words, with the command that a user would type."""
    try:
        return Steps(toolchain, compile_step(toolchain, source, config), folder).front_end()
    except CompileError:
        run_clang(toolchain, compile_words(source, config), source)
        raise


def check_input(source: Path) -> None:
    """OzmaError unless this is a file that we take."""
    if source.suffix not in (*SOURCE_SUFFIXES, *IR_SUFFIXES):
        known = " ".join((*SOURCE_SUFFIXES, *IR_SUFFIXES))
        raise OzmaError(f"{source} is no kind of file that ozma takes", hint=f"known: {known}")
    try:
        with source.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise OzmaError(f"cannot read {source}: {error.strerror}") from error
    if source.suffix == ".o" and head[:2] != b"BC":
        raise OzmaError(
            f"{source} holds machine code, not bitcode",
            hint="compile it with clang -flto or -emit-llvm to keep its IR",
        )


class FileOptimizer:
    """Optimizes files one after the other with one worker process."""

    def __init__(
        self,
        toolchain: Toolchain,
        config: OptimizeConfig,
        pack: Pack | None,
        worker: Worker,
        advisor: Advisor | None = None,
    ) -> None:
        """Without an `advisor` lists are tried as the pack has them."""
        self._toolchain, self._config, self._pack = toolchain, config, pack
        self._worker, self._advisor = worker, advisor

    def run(self, source: Path) -> Optimized:
        """Raises OzmaError when the file cannot be read or compiled; else always an object."""
        started = time.perf_counter()
        check_input(source)
        config = self._config
        step = compile_step(self._toolchain, source, config)
        target = target_name(step.triple)
        baseline = run_clang(self._toolchain, compile_words(source, config), source)
        before = _measured(baseline, source, step)
        with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
            steps = Steps(self._toolchain, step, Path(folder))
            bitcode = steps.front_end()
            checker = Checker(self._toolchain, config.verify, self._pack, target, bitcode)
            advice = self._advice(bitcode)
            trials = self._measure(step, bitcode, advice.lists)
            choice = pick(trials, steps.make, before, checker)
        best = choice.best
        return Optimized(
            source=source,
            config=config,
            llvm=self._toolchain.version,
            target=target,
            baseline=before,
            ours=best.sizes if best else before,
            passes=best and best.passes,
            object=best.object if best else baseline,
            baseline_object=baseline,
            bitcode=bitcode,
            optimized=best and best.bitcode,
            trials=choice.trials,
            rejected=choice.rejected,
            check=checker.result(best and best.passes),
            order=advice.said,
            seconds=time.perf_counter() - started,
        )

    def _measure(
        self, step: CompileStep, bitcode: bytes, lists: Sequence[str]
    ) -> tuple[Evaluation, ...]:
        loaded = load_unit(self._worker, step, bitcode)
        try:
            return measure_all(self._worker, loaded, lists, self._config.budget)
        finally:
            self._worker.unload(loaded.id)

    def _advice(self, bitcode: bytes) -> Advice:
        if self._config.passes is not None:
            return Advice((self._config.passes,), "one list given")
        lists = self._pack.usable(self._config.verify) if self._pack else ()
        if self._advisor is None or not lists:
            return Advice(lists, "the pack's order")
        return self._advisor(self._worker, bitcode, lists)


def _measured(baseline: bytes, source: Path, step: CompileStep) -> Sizes:
    try:
        return measure_object(baseline)
    except ObjectError as error:
        raise OzmaError(
            f"clang's object of {source} for {step.triple} cannot be measured: {error.message}",
            hint="only ELF objects can",
        ) from error
