"""A forked child that runs LLVM: it may crash, hang or run out of memory, and takes nobody along.

Start children before any thread: they are made with fork.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import select
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ozma.llvm.capi import load_library
from ozma.llvm.memory import close_gaps, in_fresh_memory
from ozma.llvm.result import Outcome
from ozma.llvm.serve import Service, serve
from ozma.llvm.messages import Outbox, receive, send
from ozma.llvm.toolchain import Toolchain

_PR_SET_PDEATHSIG = 1
_CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_MESSAGE_BYTES = 2000
_PATIENCE = 8
_RINGS = 4096  # bytes of the bell read at once
_ALL = 1 << 30  # every answer that is left in the pipe
_NO_FILES = "/proc"  # where not even root can create a file
_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "Cannot allocate memory")


class ChildDied(Exception):
    """The child is gone. Internal: callers of `Worker` see an Outcome instead."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome, self.message = outcome, message


@dataclass(frozen=True)
class ChildLimits:
    """See `Worker`."""

    timeout: float
    memory: int


class Child:
    """One process with one libLLVM, from fork to burial.

    Requests go in and answers come out through a pipe each. A third, the bell, says how many
    answers there are, so that a stream of small ones does not wake the parent for each of them.
    """

    def __init__(self, toolchain: Toolchain, limits: ChildLimits, options: tuple[str, ...]) -> None:
        library = load_library(toolchain.library)  # before fork: children share its pages
        self._limits = limits
        self._stderr = tempfile.TemporaryFile()
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        self._bell, bell_end = os.pipe()
        self._announced = 0
        self.used = 0.0
        """Processor seconds of all of the child's threads, at its last answer or at its end."""
        self._verdict: ChildDied | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._requests)
                os.close(self._answers)
                os.close(self._bell)
                self._settle(parent)
                if options:
                    library.set_options(list(options))
                outbox = Outbox(answer_end, bell_end)
                in_fresh_memory(lambda: serve(Service(library), request_end, outbox))
            finally:
                os._exit(0)
        os.close(request_end)
        os.close(answer_end)
        os.close(bell_end)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)

    def _settle(self, parent: int) -> None:
        """In the child: limits, its own standard error, and an end with its parent."""
        faulthandler.disable()  # a crash here is LLVM's: its own message is wanted, not Python's
        for crash in _CRASHES:  # nor what other libraries of the parent do about one
            signal.signal(crash, signal.SIG_DFL)
        os.dup2(self._stderr.fileno(), 2)
        os.chdir(_NO_FILES)  # passes such as dot-cfg write files where they stand
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, no list's crash
        libc = ctypes.CDLL(None)
        # LLVM ends some runs with exit(): other libraries' handlers, which come after this one, would
        # wait for their threads, and a fork has none.
        libc.on_exit(libc._exit, None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl
            os._exit(0)
        close_gaps()
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + self._limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def send(self, method: str, arguments: tuple) -> None:
        """Hands a request over; ChildDied if nobody is there."""
        try:
            send(self._requests, (method, arguments))
        except OSError:
            raise self._bury() from None

    def answer(self) -> object:
        """The next answer, for which the child may use `timeout` more processor seconds."""
        if not self._announced:
            self._wait()
        self._announced -= 1
        try:
            self.used, answer = receive(self._answers)
        except (EOFError, OSError):
            raise self._bury() from None
        return answer

    def _wait(self) -> None:
        """Until the bell rings. Of a child that is gone, or is ended here because it hangs, all
        answers that it still gave can be read; then comes the end of the pipe."""
        seconds = self._limits.timeout
        for _ in range(_PATIENCE):
            if self._poll.poll(seconds * 1000):
                self._announced = sum(os.read(self._bell, _RINGS)) or _ALL
                return
            if spent_by(self.pid) >= self.used + seconds:
                break  # on a busy machine only the child's own time says that it hangs
        os.kill(self.pid, signal.SIGKILL)
        self._verdict = ChildDied(Outcome.TIMED_OUT, f"no answer in {seconds:g} s")
        self._announced = _ALL

    def kill(self) -> None:
        """Ends and reaps the child."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()
        self._close()

    def _reap(self) -> int:
        """The status with which the child ended."""
        _, status, usage = os.wait4(self.pid, 0)
        self.used = usage.ru_utime + usage.ru_stime
        return status

    def _close(self) -> None:
        os.close(self._requests)
        os.close(self._answers)
        os.close(self._bell)
        self._stderr.close()

    def _bury(self) -> ChildDied:
        """The child died by itself: why?"""
        status = self._reap()
        if self._verdict:
            self._close()
            return self._verdict
        self._stderr.seek(0)
        text = self._stderr.read().decode("utf-8", "replace")[-_MESSAGE_BYTES:]
        self._close()
        if any(phrase in text for phrase in _OUT_OF_MEMORY):
            return ChildDied(Outcome.OUT_OF_MEMORY, f"more than {self._limits.memory >> 20} MiB")
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        lines = [line for line in text.strip().splitlines() if line]
        return ChildDied(Outcome.CRASHED, f"{how}: {lines[0][:200]}" if lines else how)


def spent_by(pid: int) -> float:
    """Processor seconds of all threads of a process so far; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
