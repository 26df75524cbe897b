"""IR text back to assembly, in a worker process: the judge of every answer.

The module itself says how it is compiled: triple, CPU and features, `minsize`, `optnone`, PIC
level. Only the back end's own level cannot be written into IR.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ozma.llvm import InvalidIR, Toolchain, Worker
from ozma.llvm.codegen import CODEGEN_DEFAULT as OPTIMIZED

UNOPTIMIZED = 0
"""Back end level of `-O0`: FastISel, the fast register allocator, no clean-up of blocks."""


@dataclass(frozen=True)
class Compiled:
    """What came of one IR text: `assembly`, or the `reason` why there is none. `ir` is LLVM's own
    print of it after the passes, where that was asked for; `object` the object file."""

    assembly: str | None = None
    reason: str = ""
    ir: str | None = None
    object: bytes | None = None

    @property
    def ok(self) -> bool:
        return self.assembly is not None


class Compiler:
    """Compiles IR texts with one LLVM; counts them in `compiles`.

    `timeout` in seconds of processor time and `memory` in bytes bound one compile. A text on which
    LLVM dies costs that text only. Close it, or use it in a `with` block.
    """

    def __init__(self, toolchain: Toolchain, timeout: float = 5.0, memory: int = 2 << 30) -> None:
        self.toolchain = toolchain
        self.compiles = 0
        self._worker = Worker(toolchain, timeout=timeout, memory=memory)

    def compile(
        self, ir: str, passes: str = "", codegen: int = OPTIMIZED, want: Sequence[str] = ()
    ) -> Compiled:
        """Assembly of `ir` after `passes` (`opt -passes=` text), or why there is none.

        `codegen` is the back end's level (0 for -O0, 1 for -O1, 2 else). `want` may hold "ir" and
        "object".
        """
        self.compiles += 1
        try:
            loaded = self._worker.load(ir.encode(), codegen=codegen)
        except InvalidIR as error:
            return Compiled(reason=error.message)
        try:
            return self._evaluate(loaded.id, passes, want)
        finally:
            self._worker.unload(loaded.id)

    def _evaluate(self, module: int, passes: str, want: Sequence[str]) -> Compiled:
        no_object = None if "object" in want else 0
        found = self._worker.evaluate(module, passes, ("assembly", *want), skip_above=no_object)
        if found.ok and found.assembly is not None:
            return Compiled(found.assembly, ir=found.ir, object=found.object)
        return Compiled(reason=f"{found.outcome.value}: {found.message}".rstrip(": "))

    def processor_seconds(self) -> float:
        """Spent so far by this process and by its children."""
        return time.process_time() + self._worker.processor_seconds

    def printed(self, ir: bytes) -> str:
        """Text or bitcode as LLVM prints it, a line per instruction. InvalidIR if it is neither."""
        loaded = self._worker.load(ir)
        try:
            found = self._worker.evaluate(loaded.id, "", ("ir",), skip_above=0)
        finally:
            self._worker.unload(loaded.id)
        if found.ir is None:
            raise InvalidIR(found.message or found.outcome.value)
        return found.ir

    def close(self) -> None:
        self._worker.close()

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
