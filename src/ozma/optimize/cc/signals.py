"""Ctrl-C and termination while the real compiler or a step of ours runs: clean up, then die so.

Kept small, because it is loaded before the real compiler starts.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal that ends this process; its children and temporary files go first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interrupt(number: int, _frame: object) -> None:
    for other in _NUMBERS:  # a second Ctrl-C must not break the clean-up
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def install() -> dict[int, object]:
    """Turns the ending signals into Interrupted, except those that nohup told us to ignore.

    Returns the handlers of before, for `restore`.
    """
    previous = {number: signal.getsignal(number) for number in _NUMBERS}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    return previous


def restore(handlers: dict[int, object]) -> None:
    """Puts handlers back."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


def hold() -> None:
    """Keeps the ending signals waiting: a child that is just being made must not be lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def release() -> None:
    """Lets them come. A child inherits the mask, so it calls this too."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)


def die_by(number: int) -> int:
    """Ends this process by a signal, so that make and the shell see what happened."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def die_with_parent(number: int) -> None:
    """In a fresh child: a parent that is killed outright takes this process along (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))


class RealCompiler:
    """The user's compile, running as a child."""

    def __init__(self, compiler: str, words: list[str]) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            self._become(compiler, words)

    @staticmethod
    def _become(compiler: str, words: list[str]) -> None:
        try:
            die_with_parent(signal.SIGTERM)  # which lets it remove unfinished output
            release()
            os.execv(compiler, [compiler, *words])
        finally:
            os._exit(127)

    def wait(self) -> int:
        """Exit code, or the negative number of the signal that ended it."""
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = 0
        return code

    def end(self, number: int) -> None:
        """Passes a signal on, if still needed, so that the compiler removes unfinished output."""
        if self._pid:
            with suppress(ProcessLookupError, ChildProcessError):  # it was just waited for
                os.kill(self._pid, number)
                os.waitpid(self._pid, 0)
