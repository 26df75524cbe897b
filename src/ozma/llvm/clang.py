"""The clang front end as a process: unoptimized bitcode in, true `clang -Oz -c` objects out."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm.target import Target
from ozma.llvm.toolchain import Toolchain

CXX_SUFFIXES = (".cc", ".cpp", ".cxx", ".C", ".c++", ".ii")
FRONT_END_ONLY = ("-Xclang", "-disable-llvm-passes", "-Xclang", "-emit-llvm-uselists")
"""No LLVM pass runs, and use-list order is kept, so that the back end sees what clang's own
would: without it a few bytes of code change."""


class CompileError(OzmaError):
    """clang refused the source; the message is its first error."""


def driver(toolchain: Toolchain, source: Path) -> str:
    """clang, or clang++ for a file whose suffix says C++."""
    return str(toolchain.tool("clang++" if source.suffix in CXX_SUFFIXES else "clang"))


def run_clang(
    toolchain: Toolchain, arguments: Sequence[str], source: Path, timeout: float = 120.0
) -> bytes:
    """Runs clang (clang++ for C++ suffixes) with `-o` a temporary file; returns that file's
    bytes."""
    compiler = driver(toolchain, source)
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        output = Path(folder, "out.o")  # clang removes its output when it fails
        command = [compiler, *arguments, str(source), "-o", str(output)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise CompileError(
                f"clang did not finish {source} in {timeout:g} s", command=shlex.join(command)
            ) from error
        if done.returncode:
            reason = first_error(done.stderr.decode("utf-8", "replace"))
            raise CompileError(
                f"clang cannot compile {source}: {reason}",
                command=shlex.join([*command[:-1], "/dev/null"]),
            )
        if not output.exists():
            raise CompileError(
                f"clang made no object of {source}", command=shlex.join(command[:-2])
            )
        return output.read_bytes()


def first_error(text: str) -> str:
    """The line of a compiler's messages that says what failed."""
    lines = text.strip().splitlines()
    return next((line for line in lines if "error:" in line), lines[0] if lines else "no message")


def _target_args(target: Target | None) -> tuple[str, ...]:
    return target.clang_args if target else ()


def bitcode_command(
    toolchain: Toolchain, source: Path, args: Sequence[str] = (), level: str = "-Oz"
) -> list[str]:
    """`compile_bitcode` as the words of a command without its `-o`, for others to run."""
    words = [*args, level, *FRONT_END_ONLY, "-c", "-emit-llvm", str(source)]
    return [driver(toolchain, source), *words]


def compile_bitcode(
    toolchain: Toolchain,
    source: Path,
    args: Sequence[str] = (),
    target: Target | None = None,
    level: str = "-Oz",
    timeout: float = 120.0,
) -> bytes:
    """Unoptimized bitcode as clang's front end emits it at `level` (facts: 'unoptimized IR')."""
    words = [*_target_args(target), *args, level, *FRONT_END_ONLY, "-c", "-emit-llvm"]
    return run_clang(toolchain, words, Path(source), timeout)


def compile_object(
    toolchain: Toolchain,
    source: Path,
    args: Sequence[str] = (),
    target: Target | None = None,
    level: str = "-Oz",
    timeout: float = 120.0,
) -> bytes:
    """The object that a user of `clang -Oz -c` really gets: the baseline of every comparison."""
    words = [*_target_args(target), *args, level, "-c"]
    return run_clang(toolchain, words, Path(source), timeout)
