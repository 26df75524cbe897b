"""Compile a suite once and keep the programs that every trusted list leaves working."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Callable, Sequence

from ozma.errors import OzmaError
from ozma.llvm.clang import CompileError, compile_bitcode, compile_object
from ozma.verify.judge import Judge
from ozma.verify.machine import machine_of
from ozma.verify.runner import default_limits
from ozma.verify.suites import bundled, compiler_rt, csmith, gcc_torture, humaneval_x
from ozma.verify.suites.draft import Draft, SuiteOptions, Unit
from ozma.verify.suites.program import Program, Suite, pack_path, read_suite, write_suite

SUITES: dict[str, Callable[[SuiteOptions], list[Draft]]] = {
    "bundled": bundled.draft_programs,
    "gcc-torture": gcc_torture.draft_programs,
    "compiler-rt": compiler_rt.draft_programs,
    "csmith": csmith.draft_programs,
    "humaneval-x": humaneval_x.draft_programs,
}
TRUSTED_LISTS = (
    *(f"default<{level}>" for level in ("O0", "O1", "O2", "O3", "Os", "Oz")),
    "verify",  # nothing at all: programs that need a pass to be correct are of no use
    "function(sroa,early-cse,gvn,simplifycfg)",
)
"""A program is used if it passes, and prints the same, under each of them."""
_SLOWEST = 0.5
"""Programs that take longer than this share of the CPU limit are not used: a slower list must
not look like a hang."""


def build_suite(name: str, options: SuiteOptions, *, rebuild: bool = False) -> Suite:
    """The suite from the cache, built first if it is not there.

    Needs the network (gcc-torture, compiler-rt), csmith (csmith) or a file (humaneval-x) for
    the first build only. OzmaError names what is missing.
    """
    if name not in SUITES:
        raise OzmaError(f"no suite is called {name}", hint="there are: " + ", ".join(SUITES))
    path = pack_path(options.cache, name, options.toolchain.version, options.target.name)
    if rebuild or not path.exists():
        print(f"building {path.stem} (once)", file=sys.stderr)
        write_suite(_build(name, options), path)
    return read_suite(path)


def _build(name: str, options: SuiteOptions) -> Suite:
    drafts = SUITES[name](options)
    units = _Units(options, drafts)
    complete = [draft for draft in drafts if units.all_compiled(draft)]
    suite = Suite(
        name,
        options.toolchain.version,
        options.target.name,
        tuple(units.program(draft) for draft in complete),
        {"does not compile": len(drafts) - len(complete)},
        units.bitcode,
        units.objects,
    )
    return _keep_usable(suite, options)


class _Units:
    """The compiled units of all drafts, under names that go by content."""

    def __init__(self, options: SuiteOptions, drafts: Sequence[Draft]) -> None:
        self._options, self._target = options, machine_of(options.target).units
        tested = {unit: None for draft in drafts for unit in draft.tested}
        fixed = {unit: None for draft in drafts for unit in draft.fixed}
        with ThreadPoolExecutor(options.jobs) as pool:
            self._tested = dict(zip(tested, pool.map(self._bitcode, tested)))
            self._fixed = dict(zip(fixed, pool.map(self._object, fixed)))
        self.bitcode = {_name(data): data for data in self._tested.values() if data}
        self.objects = {_name(data): data for data in self._fixed.values() if data}

    def _bitcode(self, unit: Unit) -> bytes | None:
        return self._compile(compile_bitcode, unit, "-Oz")

    def _object(self, unit: Unit) -> bytes | None:
        return self._compile(compile_object, unit, "-O2")

    def _compile(self, how: Callable[..., bytes], unit: Unit, level: str) -> bytes | None:
        options = self._options
        try:
            return how(options.toolchain, unit.source, unit.args, self._target, level=level)
        except CompileError:
            return None

    def all_compiled(self, draft: Draft) -> bool:
        return all(self._tested[unit] for unit in draft.tested) and all(
            self._fixed[unit] for unit in draft.fixed
        )

    def program(self, draft: Draft) -> Program:
        return Program(
            draft.name,
            tuple(_name(self._tested[unit]) for unit in draft.tested),
            tuple(_name(self._fixed[unit]) for unit in draft.fixed),
        )


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _keep_usable(suite: Suite, options: SuiteOptions) -> Suite:
    """Runs the suite under each trusted list; survivors keep what they printed."""
    reasons: Counter[str] = Counter(suite.left_out)
    programs = list(suite.programs)
    limits = replace(default_limits(options.target), hangs=len(programs) + 1)
    with Judge(options.toolchain, options.target, limits=limits) as judge:
        for index, passes in enumerate(TRUSTED_LISTS):
            programs, lost = _survivors(judge, suite, programs, passes, first=index == 0)
            reasons.update(lost)
    kept = replace(suite, programs=tuple(programs), left_out=dict(reasons))
    tested = {name for program in programs for name in program.tested}
    fixed = {name for program in programs for name in program.fixed}
    return replace(
        kept,
        bitcode={name: data for name, data in suite.bitcode.items() if name in tested},
        objects={name: data for name, data in suite.objects.items() if name in fixed},
    )


@dataclass(frozen=True)
class _Trial:
    """One program after one trusted list: as it goes on, or why it does not."""

    program: Program | None
    reason: str = ""


def _survivors(
    judge: Judge, suite: Suite, programs: list[Program], passes: str, *, first: bool
) -> tuple[list[Program], Counter[str]]:
    names = [name for program in programs for name in program.tested]
    compiled = judge.generate_all(judge.optimize_all(passes, suite, names), names)
    ready = [p for p in programs if all(compiled[name].ok for name in p.tested)]
    slowest = judge.runner.limits.cpu * 1000 * _SLOWEST
    trials = [
        _trial(program, run, first, slowest, passes)
        for program, run in zip(ready, judge.run(suite, ready, compiled))
    ]
    lost = Counter(trial.reason for trial in trials if trial.reason)
    if len(ready) < len(programs):
        lost[f"no code at {passes}"] = len(programs) - len(ready)
    return [trial.program for trial in trials if trial.program], lost


def _trial(program: Program, run, first: bool, slowest: float, passes: str) -> _Trial:
    if not run.clean:
        return _Trial(None, f"fails at {passes}")
    if run.milliseconds > slowest:
        return _Trial(None, "too slow")
    if not first and run.stdout != program.stdout:
        return _Trial(None, "prints something else each time")
    slower = max(program.milliseconds, run.milliseconds)
    return _Trial(replace(program, stdout=run.stdout, milliseconds=slower))
