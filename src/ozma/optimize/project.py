"""A user's project: rebuilt with some units left to clang, and tested by its own tests."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Iterable

from ozma.errors import OzmaError
from ozma.optimize.cc import signals
from ozma.optimize.cc.cache import discard
from ozma.optimize.cc.exclude import Exclusions, names_of, read_exclusions, write_exclusions
from ozma.optimize.cc.launch import FLAGS_VARIABLE
from ozma.optimize.cc.stats import read_records


@dataclass(frozen=True)
class ProjectConfig:
    """Shell commands of a project, run in `folder`; `cache` is that of `ozma cc`.

    `timeout` in seconds bounds a run of the tests: a miscompiled program may never end.
    `clean` None: the objects to be made anew are removed, and `build` must notice that.
    """

    test: str
    build: str
    folder: Path
    cache: Path
    clean: str | None = None
    timeout: float = 3600.0
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("test", "build"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty: give the shell command")
        if not self.timeout > 0:
            raise ValueError(f"timeout is {self.timeout:g}: give seconds above 0")


@dataclass(frozen=True)
class CompiledUnit:
    """One object as the last build made it. `rule` is what leaves it to clang from now on."""

    output: str
    source: str
    ir: str
    passes: str | None
    improved: bool
    reproducer: str | None

    def named_by(self, rule: str) -> bool:
        return rule in names_of(self.ir, self.source)


def compiler_command(verb: str) -> str:
    """Shell words that run `ozma cc` or `ozma c++` of this very installation."""
    script = Path(sys.executable).with_name("ozma")
    found = str(script) if script.exists() else shutil.which("ozma")
    if not found:
        raise OzmaError("the command 'ozma' is not installed", hint="run: pip install ozma")
    return f"{shlex.quote(found)} {verb}"


@dataclass
class Project:
    """State of the build tree: what each output was last compiled to."""

    config: ProjectConfig
    session: str = field(default_factory=lambda: f"verify-{os.getpid()}-{int(time.time())}")
    units: dict[str, CompiledUnit] = field(default_factory=dict)
    improvable: set[str] = field(default_factory=set)
    builds: int = 0
    tests: int = 0

    @property
    def logs(self) -> Path:
        return self.config.cache / "verify" / self.session

    @property
    def reproducers(self) -> Path:
        return self.logs / "reproducers"

    def improved(self) -> list[CompiledUnit]:
        return [unit for unit in self.units.values() if unit.improved]

    def build(self, rules: Iterable[str]) -> list[CompiledUnit]:
        """Makes the tree so that exactly the units named by `rules`, and those that were excluded
        before, are clang's; returns what was compiled.

        OzmaError when the build fails or leaves an excluded object as it was.
        """
        self.builds += 1
        label = f"{self.session}-{self.builds}"
        known = read_exclusions(self.config.cache / "exclude.txt")
        excluded = Exclusions(known.rules.union(rules))
        write_exclusions(self._exclude_file, sorted(excluded.rules))
        self._make_room(excluded)
        self._shell(self.config.build, f"build-{self.builds}.log", label, timeout=None, must=True)
        records = read_records(self.config.cache, label)
        compiled = [_unit(record) for record in records if record.get("event") == "unit"]
        self.units.update((unit.output, unit) for unit in compiled)
        self.improvable.update(unit.output for unit in compiled if unit.improved)
        self._check(excluded)
        return compiled

    def tests_pass(self) -> bool:
        """Runs the tests; a run that exceeds the time limit has failed."""
        self.tests += 1
        log = f"test-{self.tests}.log"
        return self._shell(self.config.test, log, self.session, self.config.timeout) == 0

    @property
    def _exclude_file(self) -> Path:
        return self.logs / "exclude.txt"

    def _check(self, excluded: Exclusions) -> None:
        for unit in self.improved():
            if excluded.holds(unit.ir, unit.source):
                raise OzmaError(
                    f"{unit.output} was not made anew as clang's own object",
                    hint="give --clean, and leave --ozma-exclude out of CC",
                )

    def _make_room(self, excluded: Exclusions) -> None:
        """Removes what is to be made anew: everything, or the objects that are to change."""
        if self.config.clean:
            log = f"clean-{self.builds}.log"
            self._shell(self.config.clean, log, self.session, timeout=None, must=True)
            return
        for output, unit in self.units.items():
            wanted = output in self.improvable and not excluded.holds(unit.ir, unit.source)
            if unit.improved != wanted:
                discard(Path(output))
                discard(_libtool_stamp(Path(output)))

    def _environment(self, label: str) -> dict[str, str]:
        own = [f"--ozma-cache={self.config.cache}", f"--ozma-exclude={self._exclude_file}"]
        own += [f"--ozma-session={label}", f"--ozma-reproducers={self.reproducers}"]
        given = os.environ.get(FLAGS_VARIABLE, "").strip()
        flags = [*([given] if given else []), shlex.join([*self.config.options, *own])]
        chosen = {"CC": compiler_command("cc"), "CXX": compiler_command("c++")}
        return {**chosen, **os.environ, FLAGS_VARIABLE: " ".join(flags)}

    def _shell(
        self, command: str, log: str, label: str, timeout: float | None, must: bool = False
    ) -> int:
        """Exit code of a shell command whose output goes to a file; -1 if it ran too long."""
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / log
        with path.open("wb") as output:
            child = self._start(command, label, output)
            code = _wait(child, timeout)
        if must and code:
            why = _what_failed(path)
            text = f"'{command}' failed with exit code {code}" + (f": {why}" if why else "")
            raise OzmaError(text, hint=f"its output is in {path}")
        return code

    def _start(self, command: str, label: str, output: BinaryIO) -> subprocess.Popen:
        """Leaves the ending signals held, for `_wait` to release."""
        signals.hold()
        try:
            return subprocess.Popen(
                command,
                shell=True,
                cwd=self.config.folder,
                env=self._environment(label),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=signals.release,
            )
        except OSError as error:
            signals.release()
            place = "" if self.config.folder.is_dir() else f" in {self.config.folder}"
            raise OzmaError(f"cannot run '{command}'{place}: {error.strerror}") from error


def _what_failed(log: Path) -> str:
    """The first error in a log, else its last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return next((line for line in said if "error:" in line), said[-1] if said else "")[:200]


def _wait(child: subprocess.Popen, timeout: float | None) -> int:
    """Waits for a child that leads a session; all of that session ends with us or the limit."""
    try:
        signals.release()
        return child.wait(timeout)
    except subprocess.TimeoutExpired:
        return -1
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _libtool_stamp(output: Path) -> Path:
    """libtool makes `.libs/x.o` and `x.o` anew only when `x.lo` is gone."""
    folder = output.parent.parent if output.parent.name == ".libs" else output.parent
    return folder / f"{output.stem}.lo"


def _unit(record: dict) -> CompiledUnit:
    source = os.path.join(record["directory"], record["source"])
    improved = record["outcome"] == "improved"
    return CompiledUnit(
        record["output"], source, record["ir"], record["passes"], improved, record["reproducer"]
    )
