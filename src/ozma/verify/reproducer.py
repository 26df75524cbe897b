"""Shrink a failure of a list on a program and save it as a folder that stock tools can run."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.llvm import Target, Toolchain
from ozma.passes import Pipeline, minimize, parse
from ozma.verify.judge import Compiled, Finding, Judge
from ozma.verify.run_script import CRASHED, MISCOMPILED, SCRIPT
from ozma.verify.suites.program import Program, Suite

MAX_TRIALS = 150
_ARTIFACT_SUITES = ("bundled", "csmith", "compiler-rt", "humaneval-x")
"""Suites whose programs may be copied into a reproducer that is given away."""


class DoesNotFail(OzmaError):
    """There is nothing to reproduce."""


@dataclass(frozen=True)
class Reproducer:
    """A saved failure: its folder, the smallest failing list, what fails and how."""

    folder: Path
    passes: str
    suite: str
    finding: Finding
    function: str = ""
    """The only function that the list must see for the failure; empty: the whole module."""


class _Trial:
    """Does this program still fail in the same way?"""

    def __init__(self, judge: Judge, suite: Suite, program: Program) -> None:
        self.judge, self.suite, self.program = judge, suite, program

    def finding(self, passes: str, bitcode: dict[str, bytes] | None = None) -> Finding:
        modules = bitcode or {name: self.suite.bitcode[name] for name in self.program.tested}
        compiled = {
            name: self.judge.generate(self.judge.optimize(passes, data))
            for name, data in modules.items()
        }
        return self.judge.findings(self.suite, [self.program], compiled)[0]


def minimize_list(judge: Judge, suite: Suite, program: Program, passes: str) -> tuple[str, Finding]:
    """The smallest list found that fails with the same verdict at the same stage."""
    trial = _Trial(judge, suite, program)
    wanted = trial.finding(passes)
    if not wanted.verdict.failed:
        raise DoesNotFail(f"{program.name} of {suite.name} does not fail under '{passes}'")
    best = wanted

    def cost(pipeline: Pipeline) -> float | None:
        nonlocal best
        found = trial.finding(str(pipeline))
        same = (found.verdict, found.stage) == (wanted.verdict, wanted.stage)
        best = found if same else best
        return 0.0 if same else None

    smallest = minimize(parse(passes), cost, max_evaluations=MAX_TRIALS, steps=("drop",))
    return str(smallest), best


def minimize_failure(
    passes: str,
    suite: Suite,
    program_name: str,
    toolchain: Toolchain,
    target: Target,
    folder: Path,
    *,
    judge: Judge | None = None,
) -> Reproducer:
    """Saves the smallest form of a failure: `input.ll`, `passes.txt`, `run.sh`, `versions.txt`.

    A program that runs wrongly is split, if one function alone shows the failure, into that
    function (`input.ll`) and the rest (`rest.ll`), which is compiled without the list.
    DoesNotFail if the program works under the list.
    """
    if judge is None:
        with Judge(toolchain, target) as own:
            return minimize_failure(
                passes, suite, program_name, toolchain, target, folder, judge=own
            )
    program = suite.program(program_name)
    smallest, finding = minimize_list(judge, suite, program, passes)
    saved = _Saver(judge, suite, program, smallest, finding)
    function = saved.write(folder)
    return Reproducer(folder, smallest, suite.name, finding, function)


class _Saver:
    """Writes one reproducer folder."""

    def __init__(
        self, judge: Judge, suite: Suite, program: Program, passes: str, finding: Finding
    ) -> None:
        self._judge, self._suite, self._program = judge, suite, program
        self._passes, self._finding = passes, finding
        self._toolchain, self._target = judge.toolchain, judge.target

    def write(self, folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ozma-") as scratch:
            whole = self._whole_module(Path(scratch))
            if self._finding.stage == "compile":
                function, body = self._shrink_crash(whole, folder, Path(scratch)), CRASHED
            else:
                function, body = self._split(whole, folder, Path(scratch)), self._run_body(folder)
        (folder / "passes.txt").write_text(self._passes + "\n")
        script = folder / "run.sh"
        script.write_text(SCRIPT.format(bindir=self._toolchain.bindir, body=body))
        script.chmod(0o755)
        (folder / "versions.txt").write_text(self._versions(function))
        return function

    def _versions(self, function: str) -> str:
        lines = [
            f"LLVM {self._toolchain.version}",
            f"target {self._target.name} ({self._target.triple})",
            f"program {self._program.name} of suite {self._suite.name}",
            f"verdict {self._finding.verdict.value} ({self._finding.stage}: "
            f"{self._finding.detail})",
            f"function {function or 'any (the whole module is needed)'}",
        ]
        return "\n".join(lines) + "\n"

    def _tool(self, name: str, *words: object) -> bool:
        command = [str(self._toolchain.tool(name)), *map(str, words)]
        try:
            return not subprocess.run(command, capture_output=True, timeout=60).returncode
        except subprocess.TimeoutExpired:
            return False

    def _whole_module(self, scratch: Path) -> Path:
        """The program's modules under test, as one."""
        parts = []
        for name in self._program.tested:
            parts.append(scratch / f"{name}.bc")
            parts[-1].write_bytes(self._suite.bitcode[name])
        whole = scratch / "whole.bc"
        if not self._tool("llvm-link", *parts, "-o", whole):
            raise OzmaError(f"llvm-link cannot join the modules of {self._program.name}")
        return whole

    def _functions(self, whole: Path) -> list[str]:
        """Defined functions, `main` last: what it calls is more telling."""
        nm = str(self._toolchain.tool("llvm-nm"))
        text = subprocess.run([nm, "--defined-only", str(whole)], capture_output=True, text=True)
        rows = (line.split() for line in text.stdout.splitlines())
        names = [row[-1] for row in rows if len(row) == 3 and row[1] in "tTwW"]
        return sorted(names, key=lambda name: name == "main")

    def _extract(self, whole: Path, function: str, scratch: Path) -> tuple[Path, Path] | None:
        """(the function alone, everything else), or None if LLVM cannot part them."""
        alone, rest = scratch / "alone.bc", scratch / "rest.bc"
        select = f"--func={function}"
        done = self._tool("llvm-extract", select, whole, "-o", alone) and self._tool(
            "llvm-extract", "--delete", select, whole, "-o", rest
        )
        return (alone, rest) if done else None

    def _fails_alone(self, alone: Path, rest: Path | None) -> bool:
        tested = self._judge.generate(self._judge.optimize(self._passes, alone.read_bytes()))
        if rest is None:
            return tested.outcome is not None and not tested.ok
        modules = {"alone": tested, "rest": self._judge.generate(self._plain(rest))}
        before = {"alone": self._judge.generate(self._plain(alone)), "rest": modules["rest"]}
        program = Program(
            self._program.name, ("alone", "rest"), self._program.fixed, self._program.stdout
        )
        if not self._judge.findings(self._suite, [program], before)[0].verdict.passed:
            return False
        return self._judge.findings(self._suite, [program], modules)[0].verdict.failed

    def _plain(self, module: Path) -> Compiled:
        return self._judge.optimize("verify", module.read_bytes())

    def _split(self, whole: Path, folder: Path, scratch: Path) -> str:
        for function in self._functions(whole):
            parts = self._extract(whole, function, scratch)
            if parts and self._fails_alone(*parts):
                self._text(parts[0], folder / "input.ll")
                self._text(parts[1], folder / "rest.ll")
                return function
        self._text(whole, folder / "input.ll")
        (folder / "rest.ll").write_text("; everything is in input.ll\n")
        return ""

    def _shrink_crash(self, whole: Path, folder: Path, scratch: Path) -> str:
        for function in self._functions(whole):
            parts = self._extract(whole, function, scratch)
            if parts and self._fails_alone(parts[0], None):
                self._text(parts[0], folder / "input.ll")
                return function
        self._text(whole, folder / "input.ll")
        return ""

    def _text(self, module: Path, to: Path) -> None:
        if not self._tool("llvm-dis", module, "-o", to):
            raise OzmaError(f"llvm-dis cannot read {module}")

    def _run_body(self, folder: Path) -> str:
        extra = []
        for index, name in enumerate(self._program.fixed):
            path = folder / f"check{index}.o"
            path.write_bytes(self._suite.objects[name])
            extra.append(f'"$here/{path.name}"')
        return MISCOMPILED.format(
            flags=shlex.join(self._target.clang_args),
            extra=" ".join(extra),
            runner=shlex.join(self._judge.runner.emulator),
        )


def can_be_given_away(suite: str) -> bool:
    """May a reproducer made from this suite's programs leave the machine with our license?"""
    return suite in _ARTIFACT_SUITES
