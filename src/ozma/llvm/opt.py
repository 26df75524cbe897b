"""The stock `opt`: what is shipped is made by the same command that is shown to the user."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ozma.llvm.toolchain import Toolchain


def opt_words(toolchain: Toolchain, passes: str, unit: str, pic: bool) -> list[str]:
    """`opt` applying a list to the bitcode file `unit`; `pic` as `relocates(bitcode)` tells."""
    words = [str(toolchain.tool("opt")), f"-passes={passes}", unit]
    return [*words, "-relocation-model=pic"] if pic else words


def relocates(bitcode: bytes) -> bool:
    """Was this module compiled as position-independent? `opt` must be told, clang reads it."""
    return b"PIC Level" in bitcode


@dataclass(frozen=True)
class StockOpt:
    """Applies lists to one bitcode file (an absolute path).

    `opt` reads and keeps the use-list order that clang's back end would have seen; the C API
    drops it.
    """

    toolchain: Toolchain
    unit: Path
    timeout: float = 120.0

    def __call__(self, passes: str) -> bytes | None:
        """The optimized bitcode; None if `opt` fails or does not end in `timeout` seconds."""
        pic = relocates(self.unit.read_bytes())
        command = [*opt_words(self.toolchain, passes, str(self.unit), pic), "-o", "-"]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=self.timeout, cwd=self.unit.parent
            )
        except subprocess.TimeoutExpired:
            return None
        return None if done.returncode else done.stdout
