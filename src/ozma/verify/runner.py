"""Link many programs into one executable and run each in a process of its own with limits."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import Target, Toolchain
from ozma.verify.machine import machine_of
from ozma.verify.relocatable import archive, isolate

MOST_PROGRAMS = 2048
"""In one executable; more are run in turns."""
LIBRARIES = ("-lstdc++", "-lcrypto", "-lm")
_LINK = (
    "-static",
    "-fuse-ld=lld",
    "-Wl,-O0,--threads=1,--build-id=none,--no-warnings",
    # A list may leave calls that others fold away: an undefined function then is a null pointer,
    # which harms the program that calls it and not the link of all the others.
    "-Wl,--unresolved-symbols=ignore-all",
)
_STOPPED = "stopped"


@dataclass(frozen=True)
class Limits:
    """Per program: `cpu` seconds, `memory` bytes of address space.

    After `hangs` programs that hit the time limit the others of the same link are not run.
    """

    cpu: int = 3
    memory: int = 4 << 30
    hangs: int = 5

    def __post_init__(self) -> None:
        if self.cpu < 1:
            raise ValueError(f"cpu must be at least 1 second, got {self.cpu}")
        if self.memory < 64 << 20:
            raise ValueError(f"memory must be at least 64 MiB, got {self.memory}")
        if self.hangs < 1:
            raise ValueError(f"hangs must be at least 1, got {self.hangs}")


@dataclass(frozen=True)
class Run:
    """How one program ended. `status` is `waitpid`'s; None if it could not be linked or run."""

    status: int | None
    stdout: str = ""
    milliseconds: int = 0
    skipped: bool = False

    @property
    def signal(self) -> int:
        return os.WTERMSIG(self.status) if self.status is not None and self.status & 127 else 0

    @property
    def timed_out(self) -> bool:
        return self.signal in (signal.SIGXCPU, signal.SIGKILL)

    @property
    def clean(self) -> bool:
        return self.status == 0

    def describe(self) -> str:
        if self.skipped:
            return "not run: others hang"
        if self.status is None:
            return "does not link"
        if self.timed_out:
            return "time limit"
        if self.signal:
            return signal.Signals(self.signal).name if self.signal < 32 else f"signal {self.signal}"
        return f"exit {os.WEXITSTATUS(self.status)}"


class Runner:
    """Runs sets of programs for one target; a context manager that owns a scratch folder."""

    def __init__(self, toolchain: Toolchain, target: Target, limits: Limits | None = None) -> None:
        self.toolchain, self.target = toolchain, target
        self.machine = machine_of(target)
        self.emulator = self.machine.emulator
        self.limits = limits or default_limits(target)
        self._started = 0
        self._folder = Path(tempfile.mkdtemp(prefix="ozma-run-"))
        self._sandbox = self._folder / "cwd"
        self._sandbox.mkdir()
        self._sandbox.chmod(0o777)
        self._harness = self._build_harness()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _clang(self, arguments: Sequence[str], name: str = "clang") -> subprocess.CompletedProcess:
        command = [str(self.toolchain.tool(name)), *self.machine.link_args, *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    def _build_harness(self) -> list[str]:
        """Objects of the harness and of the table that it walks."""
        source = self._folder / "harness.c"
        source.write_text(files("ozma.verify").joinpath("data/harness.c").read_text())
        table = self._folder / "table.c"
        table.write_text(_table_source(MOST_PROGRAMS))
        objects = []
        for file in (source, table):
            objects.append(str(file.with_suffix(".o")))
            done = self._clang(["-std=gnu11", "-O2", "-w", "-c", str(file), "-o", objects[-1]])
            if done.returncode:
                raise OzmaError(
                    f"cannot compile the test harness for {self.target.name}: "
                    f"{done.stderr.strip().splitlines()[0]}",
                    hint=f"is {self.machine.units.package or 'libc6-dev'} installed?",
                )
        return objects

    @cached_property
    def _link_command(self) -> list[str]:
        """What clang would run to link `programs.a`: lld itself, without clang's start-up time."""
        library, executable = self._folder / "programs.a", self._folder / "programs"
        library.touch()  # clang leaves out inputs that do not exist
        whole = ["-Wl,--whole-archive", str(library), "-Wl,--no-whole-archive"]
        words = [*_LINK, *self._harness, *whole, *self._libraries, "-o", str(executable)]
        self.toolchain.tool("ld.lld")
        return shlex.split(self._clang(["-###", *words]).stderr.strip().splitlines()[-1])

    @cached_property
    def _libraries(self) -> list[str]:
        return [flag for flag in LIBRARIES if self._has_library(flag[2:])]

    def _has_library(self, name: str) -> bool:
        file = f"lib{name}.a"
        return self._clang([f"-print-file-name={file}"]).stdout.strip() != file

    def run(self, programs: Sequence[Sequence[bytes]]) -> list[Run]:
        """Runs each program (its object files, first definition wins); one Run per program."""
        if not programs:
            return []
        if len(programs) <= MOST_PROGRAMS and self._link(programs):
            return self._execute(self._folder / "programs", len(programs))
        if len(programs) == 1:
            return [Run(None)]
        half = len(programs) // 2
        return self.run(programs[:half]) + self.run(programs[half:])

    def _link(self, programs: Sequence[Sequence[bytes]]) -> bool:
        objects: list[bytes] = []
        for index, program in enumerate(programs):
            objects += isolate(list(program), f"t{index}_")
        (self._folder / "programs.a").write_bytes(archive(objects))
        return not subprocess.run(self._link_command, capture_output=True).returncode

    def _execute(self, executable: Path, count: int) -> list[Run]:
        runs: list[Run] = []
        while len(runs) < count:
            lines = self._run_from(executable, len(runs), count)
            runs += [_parse_line(line) for line in lines if line != _STOPPED]
            if _STOPPED in lines:
                runs += [Run(None, skipped=True)] * (count - len(runs))
            elif len(runs) < count:
                runs.append(Run(signal.SIGKILL))  # this program brought the harness down
        return runs

    def _run_from(self, executable: Path, first: int, count: int) -> list[str]:
        command = [*self.emulator, str(executable), str(first), str(count)]
        command += [str(self.limits.cpu), str(self.limits.hangs)]
        self._started += 1
        process = subprocess.Popen(
            command,
            cwd=self._sandbox,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Addresses on the stack differ each time, as where the system draws them: a program
            # that prints one is found out while its suite is built.
            env=os.environ | {"OZMA_RUN": "x" * (32 * (self._started % 16))},
            # The emulator ignores what the harness asks for itself, but not what it inherits.
            preexec_fn=self._limit_memory,
        )
        output, _ = process.communicate()
        return [line for line in output.splitlines() if line == _STOPPED or line.count(" ") == 4]

    def _limit_memory(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (self.limits.memory, self.limits.memory))


def _parse_line(line: str) -> Run:
    _, status, checksum, length, milliseconds = line.split()
    return Run(int(status), f"{checksum}:{length}", int(milliseconds))


def _table_source(count: int) -> str:
    """C source of the table that the harness walks; what a link does not define is null."""
    lines = ["typedef void (*constructor)(int, char **, char **);"]
    lines.append("#define WEAK extern __attribute__((weak))")
    lines.append("#define DECLARE(n) WEAK int t##n##_main(); \\")
    lines.append("  WEAK constructor __start_t##n##_init[], __stop_t##n##_init[]; \\")
    lines.append("  WEAK constructor __start_t##n##_ctor[], __stop_t##n##_ctor[];")
    lines.append("#define ENTRY(n) {t##n##_main, __start_t##n##_init, __stop_t##n##_init, \\")
    lines.append("  __start_t##n##_ctor, __stop_t##n##_ctor},")
    lines += [f"DECLARE({index})" for index in range(count)]
    lines.append("const struct { void *main; constructor *ends[4]; } ozma_tests[] = {")
    lines += [f"ENTRY({index})" for index in range(count)]
    return "\n".join([*lines, "};\n"])


def default_limits(target: Target) -> Limits:
    """An emulated program gets three times as long."""
    machine = machine_of(target)
    return Limits(cpu=10 if machine.emulator else 3, memory=machine.memory)
