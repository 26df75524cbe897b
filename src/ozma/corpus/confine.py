"""Run what an untrusted package brings: no network, no privileges, limits, and nothing survives.

Each command runs in new network, process and IPC namespaces (util-linux `unshare`): when its first
process ends or is killed, the kernel ends every process in there, however often they forked and
whatever sessions they made. As root, the command runs as a user of its own that owns nothing else.
Where a container allows no namespaces, the process group and (as root) the user's processes are
killed instead, and `isolation()` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PAUSE = 0.2
# Whoever kills our process without asking kills what it runs too.
_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_USERS = 210_000
_OUTPUT = 64 << 20
_KEPT = 200_000


@dataclass(frozen=True)
class BuildLimits:
    """`wall` and `cpu` in seconds (`cpu` of one process), `memory` (of one process), `file` (one
    file) and `free_disk` (left on the disk, or the command is killed) in bytes; `processes` counts
    all of the user's.
    """

    wall: float = 300.0
    cpu: int = 120
    memory: int = 4 << 30
    file: int = 256 << 20
    processes: int = 256
    free_disk: int = 512 << 20

    def __post_init__(self) -> None:
        if self.wall <= 0:
            raise ValueError(f"wall must be positive seconds, got {self.wall}")
        if self.cpu < 1:
            raise ValueError(f"cpu must be at least 1 second, got {self.cpu}")
        if self.memory < 256 << 20:
            raise ValueError(f"memory must be at least 256 MiB, got {self.memory}")
        for field in ("file", "processes"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}")

    def words(self, cpu: int | None = None) -> list[str]:
        return [
            "prlimit", f"--cpu={cpu or self.cpu}", f"--as={self.memory}", f"--fsize={self.file}",
            f"--nproc={self.processes}", "--core=0",
        ]  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """`code` is the exit code (negative or above 128 for a signal); None when we killed it, and
    then `killed` says why. `output` is what went to stdout and stderr, its beginning and end.
    """

    code: int | None
    output: bytes
    killed: str = ""

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")


class Confinement:
    """Runs commands in and below `folder` as a user without rights; `trusted` ones as ourselves."""

    def __init__(self, folder: Path, limits: BuildLimits, trusted: bool = False) -> None:
        self.folder, self.limits = folder, limits
        keep = trusted or os.geteuid() != 0
        self.user = None if keep else _USERS + os.getpid() % 100_000

    def own(self, *folders: Path) -> None:
        """Give whole trees to the user that commands run as."""
        if self.user is None:
            return
        for folder in folders:
            os.chown(folder, self.user, self.user)
            for parent, names, files in os.walk(folder):
                for name in (*names, *files):
                    os.lchown(os.path.join(parent, name), self.user, self.user)

    def run(
        self, command: Sequence[str | Path], folder: Path, environment: dict[str, str],
        wall: float | None = None, cpu: int | None = None,
    ) -> Ending:  # fmt: skip
        """Run `command` in `folder` until it ends, or until a limit kills all of it.

        `wall` and `cpu` in seconds instead of the limits' own.
        """
        words = [*_WITH_US, *_namespaces(), *_first(), *self.limits.words(cpu), *self._user_words()]
        deadline = time.monotonic() + (self.limits.wall if wall is None else wall)
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(
                [*words, *map(str, command)], cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            try:
                killed = self._wait(child, deadline, output.fileno())
            finally:
                self._end(child)
            return Ending(None if killed else child.returncode, _read_ends(output), killed)

    def _wait(self, child: subprocess.Popen, deadline: float, output: int) -> str:
        """'' when it ended by itself, else why it must be killed."""
        while True:
            left = deadline - time.monotonic()
            try:
                child.wait(max(0.0, min(left, _PAUSE)))
                return ""
            except subprocess.TimeoutExpired:
                pass
            if left <= 0:
                return "did not finish in time"
            if os.fstat(output).st_size > _OUTPUT:
                return "wrote endless output"
            state = os.statvfs(self.folder)
            if state.f_bavail * state.f_frsize < self.limits.free_disk:
                return "filled the disk"

    def _end(self, child: subprocess.Popen) -> None:
        """Kill whatever is left; in namespaces the kernel kills what this does not reach."""
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        if self.user is not None and not _namespaces():
            subprocess.run([*self._user_words(), "kill", "-KILL", "-1"], capture_output=True)

    def _user_words(self) -> list[str]:
        if self.user is None:
            return ["setpriv", "--no-new-privs"]
        user = str(self.user)
        return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs"]


def isolation() -> str:
    """'' when builds are fully closed off, else one line that says what this machine lacks."""
    missing = [tool for tool in ("unshare", "prlimit", "setpriv") if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} not found: install util-linux"
    if not _namespaces():
        return "no namespaces are permitted here: builds can reach the network"
    return ""


@cache
def _namespaces() -> tuple[str, ...]:
    """The words that make namespaces, () where none are permitted.

    `unshare` dies with its session at a kill, and takes the first process inside with it.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    words = ("unshare", *user, "--net", "--ipc", "--pid", "--fork", "--kill-child=KILL")
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return words if done.returncode == 0 else ()


def _first() -> tuple[str, ...]:
    """A first process that stays as it is: a change of user would undo `--kill-child`."""
    return ("sh", "-c", '"$@"; exit $?', "sh") if _namespaces() else ()


def _read_ends(file) -> bytes:
    """The first and last part of a file that may be huge."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= 2 * _KEPT:
        return file.read()
    start = file.read(_KEPT)
    file.seek(size - _KEPT)
    return start + b"\n[...]\n" + file.read()
