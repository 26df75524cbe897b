"""A small crew of worker processes: one project each at a time, and no death ends the work.

Not `concurrent.futures`: there a worker that dies (out of memory, a crash inside libLLVM) breaks
the pool and every project that it still holds, and nothing can stop one that hangs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ozma.errors import OzmaError

_POLL = 0.2
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Finished:
    """One task's end: `result`, or `problem` when the worker raised an OzmaError; `lost` when it
    died or hung over the task."""

    task: Any
    result: Any = None
    problem: str = ""
    lost: bool = False


@dataclass
class _Member:
    process: Any
    pipe: Connection
    task: Any = None
    deadline: float = 0.0


class Crew:
    """`size` processes that each call `work(task)`; tasks and results are pickled.

    A task that takes over `seconds` is ended with its process, which is replaced.
    """

    def __init__(self, work: Callable[[Any], Any], size: int, seconds: float) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        self._work, self._size, self._seconds = work, size, seconds
        # Else NumPy's threads in each process fight for the same cores: five times slower.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._context = multiprocessing.get_context("forkserver")
        self._members: list[_Member] = []

    def run(self, tasks: Iterator[Any]) -> Iterator[Finished | None]:
        """Results as they come; None every so often, so that the caller can show progress.

        `tasks` may yield None for 'none yet'. Stop by closing this generator, or by a signal:
        SIGTERM and SIGHUP end the program as Ctrl-C does, after the crew.
        """
        drained = False
        with _leaving_on_signals():
            try:
                while True:
                    drained = drained or not self._hand_out(tasks)
                    if drained and not self._busy():
                        return
                    yield from self._collect()
                    yield None
            finally:
                self.stop()

    def _hand_out(self, tasks: Iterator[Any]) -> bool:
        """Give each idle member a task; False when there are no more."""
        while len(self._busy()) < self._size:
            task = next(tasks, self)
            if task is self:
                return False
            if task is None:
                return True
            self._give(task)
        return True

    def _give(self, task: Any) -> None:
        member = self._idle_member()
        try:
            member.pipe.send(task)
        except OSError:  # it died while it had nothing to do
            self._members.remove(member)
            _end(member)
            return self._give(task)
        member.task, member.deadline = task, time.monotonic() + self._seconds

    def _idle_member(self) -> _Member:
        idle = next((one for one in self._members if one.task is None), None)
        if idle:
            return idle
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        process.start()
        theirs.close()
        self._members.append(_Member(process, ours))
        return self._members[-1]

    def _busy(self) -> list[_Member]:
        return [member for member in self._members if member.task is not None]

    def _collect(self) -> Iterator[Finished]:
        ready = wait([member.pipe for member in self._busy()], timeout=_POLL)
        for member in self._busy():
            if member.pipe in ready:
                yield self._receive(member)
            elif time.monotonic() > member.deadline:
                yield self._drop(member, f"took over {self._seconds:g} s")

    def _receive(self, member: _Member) -> Finished:
        try:
            result, problem = member.pipe.recv()
        except (EOFError, OSError):
            member.process.join(5)
            return self._drop(member, f"its worker died ({_death(member.process.exitcode)})")
        task, member.task = member.task, None
        return Finished(task, result, problem)

    def _drop(self, member: _Member, problem: str) -> Finished:
        self._members.remove(member)
        _end(member)
        return Finished(member.task, None, problem, lost=True)

    def stop(self) -> None:
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            _end(member)
        self._members.clear()


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Python ends at once on these otherwise, and the crew would work on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, _leave) for one in _ENDINGS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end(member: _Member) -> None:
    """Ask first: a worker that is told to stop removes its throw-away folder."""
    if member.process.is_alive():
        member.process.terminate()
        member.process.join(5)
    member.pipe.close()
    if member.process.is_alive():
        member.process.kill()
    member.process.join()


def _death(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's, who ends us
    for one in _ENDINGS:
        signal.signal(one, _leave)
    threading.Thread(target=_follow_caller, daemon=True).start()
    os.umask(0o022)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = work(task), ""
        except OzmaError as error:
            answer = None, error.message
        except Exception as error:  # one project's surprise must not end the others
            answer = None, f"{type(error).__name__}: {error}"
        try:
            pipe.send(answer)
        except OSError:
            return  # the caller was killed: its next run does this task again


def _follow_caller() -> None:
    """Leaves as at SIGTERM once the caller is gone, whose fork server lives as long as we do."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(number: int, *_: object) -> None:
    for one in _ENDINGS:  # once is enough: leaving is not to be interrupted
        signal.signal(one, _stay)
    raise SystemExit(128 + number)


def _stay(*_: object) -> None:
    """Not SIG_IGN: Python would complain of a signal that had already come."""
