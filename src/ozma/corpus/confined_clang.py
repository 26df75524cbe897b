"""clang as a confined process: the same bitcode on every machine, and whatever a source does to
the compiler (crash, hang, endless memory) is one failed file."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Sequence
from pathlib import Path

from ozma.corpus.confine import Confinement, Ending
from ozma.llvm.clang import CompileError, bitcode_command, first_error
from ozma.llvm.toolchain import Toolchain

FIXED_TIME = (
    "-Wno-builtin-macro-redefined", '-D__DATE__="Jan  1 1970"', '-D__TIME__="00:00:00"',
    '-D__TIMESTAMP__="Thu Jan  1 00:00:00 1970"',
)  # fmt: skip
# One error is enough, and explaining it costs time.
_BRIEF = ("-ferror-limit=1", "-fno-caret-diagnostics", "-fno-spell-checking",
          "-fno-crash-diagnostics")  # fmt: skip
_PATIENCE = 10
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC",
    "SOURCE_DATE_EPOCH": "0",
}  # fmt: skip


_INCLUDED = re.compile(r"^In file included from (.+?):\d+:$|^(.+?):\d+:\d+: (?:fatal )?error: ")


class SourceError(CompileError):
    """`trail`: the headers by which the error was reached, the one that the source includes
    first; as the compiler names them."""

    def __init__(self, message: str, trail: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.trail = trail


def trail_of(text: str) -> tuple[str, ...]:
    """The headers on the way to the first error in a compiler's output."""
    files: list[str] = []
    for line in text.splitlines():
        if found := _INCLUDED.match(line):
            files.append(found.group(1) or found.group(2))
            if found.group(2):
                break
        else:
            files.clear()
    return tuple(files[1:])


class ConfinedClang:
    """Compiles files under `root` to bitcode of at most `largest` bytes.

    `seconds` of processor time for each, so that a busy machine finishes the same files as an idle
    one; of wall time it may take ten times as long.

    `scratch` is a folder that the confined user owns.
    """

    def __init__(
        self, toolchain: Toolchain, confinement: Confinement, root: Path, scratch: Path,
        seconds: int = 20, largest: int = 4 << 20,
    ) -> None:  # fmt: skip
        self._toolchain, self._confinement = toolchain, confinement
        self._root, self._scratch = root, scratch
        self._seconds, self._largest = seconds, largest

    def __call__(self, source: Path, args: Sequence[str]) -> bytes:
        # The name as given gets into the bitcode: relative to the tree, it is the same anywhere.
        named = source.relative_to(self._root)
        return self.compile_in(self._root, named, args)

    def compile_in(self, folder: Path, source: Path, args: Sequence[str]) -> bytes:
        """Compile `source` with `folder` as the working directory."""
        words = [*args, *FIXED_TIME, *_BRIEF]
        return self.run(bitcode_command(self._toolchain, source, words), folder)

    def run(self, command: Sequence[str], folder: Path | None = None) -> bytes:
        """Run any front end's `command`, which gets its `-o`; returns what it wrote."""
        output = self._scratch / "unit.bc"
        output.unlink(missing_ok=True)
        ending = self._confinement.run(
            [*command, "-o", output], folder or self._root,
            confined_environment(self._scratch), _PATIENCE * self._seconds, self._seconds,
        )  # fmt: skip
        if ending.code != 0:
            raise SourceError(explain_failure(ending), trail_of(ending.text))
        return read_untrusted(output, self._largest)


def confined_environment(scratch: Path) -> dict[str, str]:
    """All that a confined command gets to see of an environment: nothing of ours."""
    return _ENVIRONMENT | {"TMPDIR": str(scratch), "HOME": str(scratch)}


def explain_failure(ending: Ending) -> str:
    """One line, of the kind 'error: ...', that does not depend on the machine."""
    text = ending.text
    if ending.killed:
        return f"error: the compiler {ending.killed}"
    for sign, reason in (
        ("out of memory", "the compiler ran out of memory"),
        ("No space left on device", "the disk is full"),
        ("File too large", "the output is over the file limit"),
        ("PLEASE submit a bug report", "the compiler crashed"),
    ):
        if sign in text:
            return f"error: {reason}"
    if ending.code is not None and (ending.code < 0 or ending.code > 128):
        number = abs(ending.code) % 128
        late = number in (signal.SIGXCPU, signal.SIGKILL)
        return f"error: the compiler {'took too long' if late else f'died of signal {number}'}"
    return first_error(text)


def read_untrusted(path: Path, largest: int) -> bytes:
    """A regular file that an untrusted command wrote; links are not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise CompileError(f"error: no output ({error.strerror})") from error
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise CompileError("error: the output is no file")
        if state.st_size > largest:
            raise CompileError("error: the bitcode is over the size limit")
        return file.read()
