"""Run a command that nobody trusts: limits, no privileges, an empty environment, a deadline.

The command gets a session of its own, which is killed as a whole at the deadline, `/dev/null` as
its input, and the folder it is given as its working directory. `launch.c` sets the limits, so that
nothing of ours runs between fork and exec. It cannot reach the network only if it filters its own
system calls, as the runner of the differential test does (`seccomp.c`).
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence


@dataclass(frozen=True)
class Limits:
    """`memory` and `file` in bytes, `cpu` and `wall` in seconds; `memory` 0 is no limit.

    `processes` is the limit of the user who runs the command, not of the command alone.
    """

    wall: float = 20.0
    cpu: int = 20
    memory: int = 1 << 30
    file: int = 64 << 20
    processes: int = 4096

    def __post_init__(self) -> None:
        if self.wall <= 0:
            raise ValueError(f"wall must be positive seconds, got {self.wall}")
        if self.cpu < 1:
            raise ValueError(f"cpu must be at least 1 second, got {self.cpu}")
        if self.memory and self.memory < 64 << 20:
            raise ValueError(f"memory must be 0 or at least 64 MiB, got {self.memory}")

    def words(self) -> list[str]:
        """Arguments of `launch.c`."""
        return [str(n) for n in (self.memory, self.cpu, self.file, self.processes)]


@dataclass(frozen=True)
class Ending:
    """`code` is the exit code, negative for a signal; None when the deadline passed."""

    code: int | None
    stderr: str

    @property
    def timed_out(self) -> bool:
        return self.code is None


class Sandboxed:
    """A running command. Start several, then wait for each: they run at the same time."""

    def __init__(
        self, launcher: Path, command: Sequence[str | Path], folder: Path, limits: Limits
    ) -> None:
        self._deadline = time.monotonic() + limits.wall
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(launcher), *limits.words(), *map(str, command)],
            cwd=folder,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,
        )

    def wait(self) -> Ending:
        """Waits until the deadline, then ends the whole session."""
        code = self._process.wait() if self._ends() else None
        self.kill()
        self._stderr.seek(0)
        text = self._stderr.read().decode("utf-8", "replace")
        self._stderr.close()
        return Ending(code, text)

    def _ends(self) -> bool:
        """Does the command end before the deadline? Popen.wait would poll with growing pauses."""
        descriptor = os.pidfd_open(self._process.pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(max(10.0, 1000 * (self._deadline - time.monotonic()))))
        finally:
            os.close(descriptor)

    def kill(self) -> None:
        """Ends the command and whatever it left behind in its session."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the session is already empty
        self._process.wait()
