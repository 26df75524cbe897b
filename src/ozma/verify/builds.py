"""The builds of one module side by side: linked once, run on plans, several at a time."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from ozma.errors import OzmaError
from ozma.verify.inputs import Call
from ozma.verify.linking import Linker, Runtime, finish
from ozma.verify.plan import Plan, Result, decode
from ozma.verify.sandbox import Limits, Sandboxed

FILLS = (0xA5, 0x00, 0x3C)
"""Patterns of local variables (reference) and of the stack before a call: results that depend on
them are not defined. The third is for inputs that are looked at closely."""
_NO_FILTER = 4


@dataclass(frozen=True)
class Run:
    """One run of a build: `fill` of the stack, CPU `milliseconds` per call, `fresh` child per call,
    `lazy` pointers followed."""

    build: str
    fill: int = FILLS[0]
    milliseconds: int = 1000
    fresh: bool = False
    lazy: bool = False


class Builds:
    """Shared objects of one module in a scratch folder; a context manager."""

    def __init__(self, runtime: Runtime, linker: Linker, limits: Limits) -> None:
        self._runtime, self._linker, self._limits = runtime, linker, limits
        self._folder = Path(tempfile.mkdtemp(prefix="ozma-diff-"))
        self._folder.chmod(0o755)
        self._runs = 0
        for tool in (runtime.launcher, runtime.runner):
            shutil.copy(tool, self._folder)

    def __enter__(self) -> Builds:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, objects: Mapping[str, bytes]) -> None:
        """Links the object of each build; LinkError if one cannot be loaded."""
        started = [
            self._linker.link(data, self._folder / f"{_file(name)}.so")
            for name, data in objects.items()
        ]
        for process in started:
            finish(process)

    def run(self, plan: Plan, calls: Sequence[Call], *runs: Run) -> list[dict[int, Result]]:
        """Results of each run by call number; a build whose process dies has fewer."""
        if not calls:
            return [{} for _ in runs]
        self._runs += 1
        place = self._folder / f"plan-{self._runs}"
        place.write_bytes(plan.encode(calls))
        pairs = [runs[at : at + 2] for at in range(0, len(runs), 2)]
        return [result for pair in pairs for result in self._pair(place, pair)]

    def _pair(self, place: Path, runs: Sequence[Run]) -> list[dict[int, Result]]:
        """Two at a time: on more the calls' time limits would get unfair on a small machine."""
        started = [self._start(place, run) for run in runs]
        try:
            return [self._read(process, cwd) for process, cwd in started]
        finally:
            for process, _ in started:
                process.kill()

    def _start(self, place: Path, run: Run) -> tuple[Sandboxed, Path]:
        cwd = Path(tempfile.mkdtemp(dir=self._folder))
        cwd.chmod(0o777)  # the process is nobody's
        command = [
            *(self._runtime.emulator),
            self._folder / "runner",
            self._folder / f"{_file(run.build)}.so",
            place,
            cwd / "results",
            run.fill,
            run.milliseconds,
            int(run.fresh),
            int(run.lazy),
        ]
        return Sandboxed(self._folder / "launch", command, cwd, self._limits), cwd

    def _read(self, process: Sandboxed, cwd: Path) -> dict[int, Result]:
        ending = process.wait()
        if ending.code == _NO_FILTER:
            raise OzmaError(
                "this kernel has no system call filters: functions cannot be run safely"
            )
        results = cwd / "results"
        data = results.read_bytes() if results.exists() else b""
        if not data and ending.code not in (0, None):
            raise OzmaError(f"the module cannot be loaded for a test: {_first_line(ending.stderr)}")
        return decode(data)


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].split(": ", 1)[-1] if lines else "its constructors failed"


def _file(build: str) -> str:
    return re.sub(r"\W", "-", build)
