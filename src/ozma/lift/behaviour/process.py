"""Behaviour checks in a forked child: a text that crashes or hangs the assembler or the emulator
takes nobody along. The child lives from check to check, and its death is a verdict.
"""

from __future__ import annotations

import atexit
import os
import resource
import select
import signal
import time
from functools import cache
from pathlib import Path

from ozma.lift.behaviour.check import Behaviour, Question, Verdict, check
from ozma.lift.emulator.machine import load_unicorn
from ozma.lift.emulator.signature import Callees, Signature
from ozma.llvm import Toolchain, find_toolchain
from ozma.llvm.capi import load_library
from ozma.llvm.child import spent_by
from ozma.llvm.messages import receive, send

_PATIENCE, _GLANCE = 15, 0.5  # times the limit on the clock; seconds between two looks


class Checker:
    """Answers questions one after another; `timeout` in seconds of processor time, which a busy
    machine does not shorten, and `memory` in bytes of address space above what the child starts
    with, per child."""

    def __init__(
        self, toolchain: Toolchain | None = None, timeout: float = 20.0, memory: int = 8 << 30
    ) -> None:
        self._toolchain = toolchain or find_toolchain()
        self._timeout, self._memory = timeout, memory
        self.pid: int | None = None

    def check(self, question: Question) -> Behaviour:
        """Never raises for what the texts do."""
        if self.pid is None:
            self._start()
        try:
            send(self._questions, question)
            if not self._comes():
                self.close()
                return _unanswered(f"the check took more than {self._timeout:g} s")
            answer = receive(self._answers)
        except (OSError, EOFError):
            return _unanswered(f"the check died: {self._bury()}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _comes(self) -> bool:
        """Does an answer come in time? On the clock it has more, for a child that waits."""
        end, spent = time.monotonic() + _PATIENCE * self._timeout, spent_by(self.pid)
        while not select.select([self._answers], [], [], min(self._timeout, _GLANCE))[0]:
            if time.monotonic() > end or spent_by(self.pid) - spent > self._timeout:
                return False
        return True

    def close(self) -> None:
        """Ends the child."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self._bury()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        load_unicorn()  # before fork: a missing package is the caller's to hear of
        load_library(self._toolchain.library)
        questions, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._questions)
                os.close(self._answers)
                self._serve(questions, answers)
            finally:
                os._exit(0)
        os.close(questions)
        os.close(answers)

    def _serve(self, questions: int, answers: int) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + self._memory, used + self._memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        while True:
            try:
                question = receive(questions)
            except EOFError:
                return
            send(answers, _answered(self._toolchain, question))

    def _bury(self) -> str:
        _, status = os.waitpid(self.pid, 0)
        os.close(self._questions)
        os.close(self._answers)
        self.pid = None
        code = os.waitstatus_to_exitcode(status)
        return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _answered(toolchain: Toolchain, question: Question) -> Behaviour | Exception:
    try:
        return check(toolchain, question)
    except MemoryError:
        return _unanswered("the check ran out of memory")


def _unanswered(reason: str) -> Behaviour:
    return Behaviour(Verdict.COULD_NOT_RUN, reason=reason)


@cache
def _own_checker() -> Checker:
    checker = Checker()
    atexit.register(checker.close)
    return checker


def same_behaviour(
    original_asm: str,
    recompiled_asm: str,
    function: str,
    target: str,
    signature: Signature,
    inputs: int = 10,
    callees: Callees | None = None,
) -> Behaviour:
    """Do both texts of a function do the same on generated inputs? See `Question`."""
    return same_behaviour_across(
        original_asm, target, recompiled_asm, target, function, signature, inputs, callees
    )


def same_behaviour_across(
    original_asm: str,
    original_target: str,
    translated_asm: str,
    translated_target: str,
    function: str,
    signature: Signature,
    inputs: int = 10,
    callees: Callees | None = None,
) -> Behaviour:
    """The same for two machines: equal inputs, and equal results, writes and calls."""
    question = Question(
        original_asm, translated_asm, function, original_target, translated_target,
        signature, callees or {}, inputs,
    )
    return _own_checker().check(question)
