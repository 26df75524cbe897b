"""Worker processes: LLVM runs in a forked child that may crash, hang or run out of memory.

A death is a recorded outcome; the next request gets a fresh child with the same modules loaded.
Start workers before any thread: the child is made with fork.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Sequence

from ozma.llvm.child import Child, ChildDied, ChildLimits
from ozma.llvm.module import InvalidIR
from ozma.llvm.codegen import CODEGEN_DEFAULT
from ozma.llvm.result import Evaluation
from ozma.llvm.serve import Input, Request
from ozma.llvm.toolchain import Toolchain

if TYPE_CHECKING:
    from ozma.llvm.extract import SplitUnit
    from ozma.llvm.rewrite import Rewrite


@dataclass(frozen=True)
class Loaded:
    """A module that the worker holds: its handle, IR instructions before any pass, triple."""

    id: int
    instructions: int
    triple: str


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
        self._spent = 0.0
        self._inputs: dict[int, Input] = {}
        self._sent: set[int] = set()
        self._next_id = 0
        self._child: Child | None = None

    def load(
        self,
        bitcode: bytes,
        *,
        function_sections: bool = False,
        data_sections: bool = False,
        codegen: int = CODEGEN_DEFAULT,
    ) -> Loaded:
        """Hands a module (bitcode or text) to the child; InvalidIR if it is not valid.

        `codegen` is the back end's own optimization level, 0 to 3.
        """
        source = Input(bitcode, function_sections, data_sections, codegen)
        key, self._next_id = self._next_id, self._next_id + 1
        try:
            facts = self._ask("load", key, source)
        except ChildDied as death:
            raise InvalidIR(f"LLVM {death.outcome.value} on reading the module") from death
        self._inputs[key] = source
        self._sent.add(key)
        return Loaded(key, *facts)

    def unload(self, key: int) -> None:
        """Forgets a module."""
        self._inputs.pop(key, None)
        if self._child and key in self._sent:
            self._sent.discard(key)
            with suppress(ChildDied):  # and what it had loaded with it
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

        `want` may hold "object", "bitcode", "ir", "assembly", "functions" (bytes of each). Results
        with more than `skip_above` IR instructions get no code (`sizes` is None): they cannot win.
        Nor do those whose `ir_hash` is in `known`: the caller has judged them before.
        """
        started = time.perf_counter()
        request = Request(module, passes, tuple(want), skip_above, known)
        try:
            self._send_again(module)
            return self._ask("evaluate", request)
        except ChildDied as death:
            seconds = time.perf_counter() - started
            return Evaluation(death.outcome, passes, message=death.message, seconds=seconds)

    def evaluate_many(
        self, module: int, lists: Sequence[str], want: Sequence[str] = ()
    ) -> list[Evaluation]:
        """`evaluate` for each of `lists`, in order, with one request. A list on which the child
        dies costs that list only."""
        found: list[Evaluation] = []
        while len(found) < len(lists):
            try:
                self._send_again(module)
                self._stream(module, tuple(lists[len(found) :]), tuple(want), found)
            except ChildDied as death:
                passes = lists[len(found)]
                found.append(Evaluation(death.outcome, passes, message=death.message))
        return found

    def _send_again(self, module: int) -> None:
        if module not in self._sent:  # the child that had it died
            self._ask("load", module, self._inputs[module])
            self._sent.add(module)

    def _stream(
        self, module: int, lists: tuple[str, ...], want: tuple[str, ...], found: list[Evaluation]
    ) -> None:
        """Appends the evaluations of `lists` to `found` as the child makes them."""
        try:
            self._child.send("evaluate_many", (module, lists, want))
            for passes in lists:
                found.append(replace(self._child.answer(), passes=passes))
        except ChildDied:
            self._forget()
            raise

    def split(self, bitcode: bytes, file: str) -> SplitUnit:
        """Single-function modules of a unit whose source is called `file`.

        InvalidIR if LLVM rejects the module, or dies on it: its message says which.
        """
        try:
            return self._ask("split", self.toolchain, bitcode, file)
        except ChildDied as death:
            raise InvalidIR(f"LLVM {death.outcome.value} on splitting: {death}") from death

    def rewrite(self, bitcode: bytes, change: Rewrite) -> bytes:
        """The module for another machine or level (rewrite.py); InvalidIR if that cannot be."""
        try:
            return self._ask("rewrite", self.toolchain, bitcode, change)
        except ChildDied as death:
            raise InvalidIR(f"LLVM {death.outcome.value} on rewriting: {death}") from death

    def close(self) -> None:
        """Ends the child."""
        if self._child:
            self._child.kill()
            self._forget()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the living child, None before the first request."""
        return self._child.pid if self._child else None

    def _ask(self, method: str, *arguments: object) -> object:
        if not self._child:
            limits = ChildLimits(self.timeout, self.memory)
            self._child = Child(self.toolchain, limits, self.options)
        try:
            self._child.send(method, arguments)
            answer = self._child.answer()
        except ChildDied:
            self._forget()
            raise
        if isinstance(answer, InvalidIR):
            raise answer
        return answer

    @property
    def processor_seconds(self) -> float:
        """Spent so far by all children, of the living one up to its last answer."""
        return self._spent + (self._child.used if self._child else 0.0)

    def _forget(self) -> None:
        self._spent = self.processor_seconds
        self._child = None
        self._sent.clear()
        self.restarts += 1
