"""Worker processes: LLVM runs in a forked child that may crash, hang or run out of memory.

A death is a recorded outcome; the next request gets a fresh child with the same modules loaded.
Start workers before any thread: the child is made with fork.
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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Sequence

from ozma.llvm.capi import load_library
from ozma.llvm.module import InvalidIR
from ozma.llvm.result import Evaluation, Outcome
from ozma.llvm.serve import Input, Request, Service, receive, send, serve
from ozma.llvm.toolchain import Toolchain

_PR_SET_PDEATHSIG = 1
_MESSAGE_BYTES = 2000
_PATIENCE = 8
_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "Cannot allocate memory")


@dataclass(frozen=True)
class Loaded:
    """A module that the worker holds: its handle, IR instructions before any pass, triple."""

    id: int
    instructions: int
    triple: str


class WorkerDied(Exception):
    """The child is gone. Internal: callers of `Worker` see an Outcome instead."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome, self.message = outcome, message


def _cpu_seconds(pid: int) -> float:
    """Processor time that the child has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Worker:
    """One child process with one libLLVM.

    `timeout` in seconds of the child's processor time per request (8 times that on the clock),
    `memory` in bytes of address space above what the child starts with, `options` are LLVM's
    global options (back-end switches) for all its work.
    """

    def __init__(
        self,
        toolchain: Toolchain,
        timeout: float = 20.0,
        memory: int = 4 << 30,
        options: Sequence[str] = (),
    ) -> None:
        self.toolchain, self.timeout, self.memory = toolchain, timeout, memory
        self.options = tuple(options)
        self.restarts = 0
        self._inputs: dict[int, Input] = {}
        self._sent: set[int] = set()
        self._next_id = 0
        self._pid: int | None = None
        self._stderr: BinaryIO | None = None

    def load(
        self, bitcode: bytes, *, function_sections: bool = False, data_sections: bool = False
    ) -> Loaded:
        """Hands a module (bitcode or text) to the child; InvalidIR if it is not valid."""
        source = Input(bitcode, function_sections, data_sections)
        key, self._next_id = self._next_id, self._next_id + 1
        try:
            facts = self._ask("load", key, source)
        except WorkerDied as death:
            raise InvalidIR(f"LLVM {death.outcome.value} on reading the module") from death
        self._inputs[key] = source
        self._sent.add(key)
        return Loaded(key, *facts)

    def unload(self, key: int) -> None:
        """Forgets a module."""
        self._inputs.pop(key, None)
        if self._pid and key in self._sent:
            self._sent.discard(key)
            self._ask("unload", key)

    def evaluate(
        self,
        module: int,
        passes: str,
        want: Sequence[str] = (),
        skip_above: int | None = None,
        known: frozenset[str] = frozenset(),
    ) -> Evaluation:
        """Runs `passes` on a loaded module and measures the object; never raises for LLVM's faults.

        `want` may hold "object", "bitcode", "ir". Results with more than `skip_above` IR
        instructions get no code (`sizes` is None): they cannot win. Nor do those whose `ir_hash`
        is in `known`: the caller has judged them before.
        """
        started = time.perf_counter()
        request = Request(module, passes, tuple(want), skip_above, known)
        try:
            if module not in self._sent:  # the child that had it died
                self._ask("load", module, self._inputs[module])
                self._sent.add(module)
            return self._ask("evaluate", request)
        except WorkerDied as death:
            seconds = time.perf_counter() - started
            return Evaluation(death.outcome, passes, message=death.message, seconds=seconds)

    def close(self) -> None:
        """Ends the child."""
        if self._pid:
            self._kill()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the living child, None before the first request."""
        return self._pid

    def _ask(self, method: str, *arguments: object) -> object:
        try:
            if not self._pid:
                self._start()
            answer = self._exchange(method, arguments)
        except (EOFError, OSError):
            raise self._bury() from None
        if isinstance(answer, InvalidIR):
            raise answer
        return answer

    def _exchange(self, method: str, arguments: tuple) -> object:
        send(self._requests, (method, arguments))
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        allowed = _cpu_seconds(self._pid) + self.timeout
        for _ in range(_PATIENCE):
            if poll.poll(self.timeout * 1000):
                return receive(self._answers)
            if _cpu_seconds(self._pid) >= allowed:
                break  # on a busy machine only the child's own time says that it hangs
        self._kill()
        raise WorkerDied(Outcome.TIMED_OUT, f"no answer in {self.timeout:g} s")

    def _start(self) -> None:
        library = load_library(self.toolchain.library)  # before fork: children share its pages
        self._stderr = tempfile.TemporaryFile()
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._requests)
                os.close(self._answers)
                self._become_child(parent)
                if self.options:
                    library.set_options(list(self.options))
                serve(Service(library), request_end, answer_end)
            finally:
                os._exit(0)
        os.close(request_end)
        os.close(answer_end)

    def _become_child(self, parent: int) -> None:
        faulthandler.disable()  # a crash here is LLVM's: its own message is wanted, not Python's
        os.dup2(self._stderr.fileno(), 2)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl
            os._exit(0)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + self.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def _kill(self) -> int:
        """Ends and reaps the child; returns its wait status."""
        os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        self._forget()
        return status

    def _forget(self) -> None:
        os.close(self._requests)
        os.close(self._answers)
        self._stderr.close()
        self._sent.clear()
        self._pid = None
        self.restarts += 1

    def _bury(self) -> WorkerDied:
        """The child died by itself: why?"""
        _, status = os.waitpid(self._pid, 0)
        self._stderr.seek(0)
        text = self._stderr.read().decode("utf-8", "replace")[-_MESSAGE_BYTES:]
        self._forget()
        if any(phrase in text for phrase in _OUT_OF_MEMORY):
            return WorkerDied(Outcome.OUT_OF_MEMORY, f"more than {self.memory >> 20} MiB")
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        lines = [line for line in text.strip().splitlines() if line]
        return WorkerDied(Outcome.CRASHED, f"{how}: {lines[0][:200]}" if lines else how)
