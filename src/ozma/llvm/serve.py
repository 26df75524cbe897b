"""The child's side of a worker process: answers requests until its pipe closes.

Each evaluation parses the bitcode anew in a fresh context, exactly as `opt` reads it, so that no
state leaks from one pass list to the next and all memory is given back.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Iterator

from ozma.llvm.capi import Library
from ozma.llvm.messages import Outbox, receive
from ozma.llvm.module import InvalidIR, InvalidList, Module
from ozma.llvm.codegen import CODEGEN_DEFAULT, TargetMachine, run_passes
from ozma.llvm.objects import function_sizes, measure_object
from ozma.llvm.result import Evaluation, Outcome, Sizes
from ozma.llvm.toolchain import Toolchain

if TYPE_CHECKING:
    from ozma.llvm.extract import SplitUnit
    from ozma.llvm.rewrite import Rewrite

_PLAIN = "plain "  # before the hash of an IR without names


@dataclass(frozen=True)
class Request:
    """One evaluation to make. No code is generated for results with more than `skip_above`
    instructions or whose IR hash is in `known`."""

    module: int
    passes: str
    want: tuple[str, ...] = ()
    skip_above: int | None = None
    known: frozenset[str] = frozenset()


@dataclass
class Input:
    """A loaded module: its bitcode and what was measured on it, by hash of the optimized IR.

    `codegen` is the back end's own optimization level, 0 to 3.
    """

    bitcode: bytes
    function_sections: bool = False
    data_sections: bool = False
    codegen: int = CODEGEN_DEFAULT
    measured: dict[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What an object was measured to be; `functions` only where they were asked for."""

    sizes: Sizes
    object_hash: str
    functions: dict[str, int] | None


class Service:
    """State of one child: the loaded modules."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._inputs: dict[int, Input] = {}
        self._kept: tuple[int, TargetMachine] | None = None

    def load(self, key: int, source: Input) -> tuple[int, str]:
        """Parses and verifies; returns (IR instructions, triple)."""
        with Module(self._library, source.bitcode) as module:
            module.verify()
            TargetMachine(self._library, module).close()
            facts = module.count_instructions(), module.triple
        self._inputs[key] = source
        return facts

    def unload(self, key: int) -> None:
        self._inputs.pop(key, None)
        if self._kept and self._kept[0] == key:
            self._drop_machine()

    def _machine_for(self, key: int, module: Module) -> TargetMachine:
        """The last module's machine is kept: it holds the subtarget, which is a tenth of a small
        module's evaluation to set up. Of no other module, so that no state goes from one to the
        next."""
        if not self._kept or self._kept[0] != key:
            self._drop_machine()
            machine = TargetMachine(self._library, module, self._inputs[key].codegen)
            self._kept = (key, machine)
        return self._kept[1]

    def _drop_machine(self) -> None:
        if self._kept:
            self._kept[1].close()
            self._kept = None

    def split(self, toolchain: Toolchain, bitcode: bytes, file: str) -> SplitUnit:
        """Splits a unit into single-function modules; nothing of it stays loaded."""
        from ozma.llvm.extract import split_unit

        return split_unit(toolchain, bitcode, file)

    def rewrite(self, toolchain: Toolchain, bitcode: bytes, change: Rewrite) -> bytes:
        """A module for another machine or another level; nothing of it stays loaded."""
        from ozma.llvm.rewrite import rewrite_module

        return rewrite_module(toolchain, bitcode, change)

    def evaluate_many(
        self, module: int, lists: tuple[str, ...], want: tuple[str, ...]
    ) -> Iterator[Evaluation]:
        """One answer per list, sent as it is made: the caller sees which list was the last. Without
        the list's text, which would be most of the message."""
        for passes in lists:
            yield replace(self.evaluate(Request(module, passes, want)), passes="")

    def evaluate(self, request: Request) -> Evaluation:
        """Runs the list and measures the object; every LLVM complaint becomes an outcome."""
        started = time.perf_counter()
        try:
            facts = self._measure(request)
        except InvalidList as error:
            facts = {"outcome": Outcome.INVALID_LIST, "message": error.message}
        except InvalidIR as error:
            facts = {"outcome": Outcome.INVALID_IR, "message": error.message}
        seconds = time.perf_counter() - started
        return Evaluation(passes=request.passes, seconds=seconds, **facts)

    def _measure(self, request: Request) -> dict:
        source = self._inputs[request.module]
        with Module(self._library, source.bitcode) as module:
            machine = self._machine_for(request.module, module)
            self._optimize(module, request.passes, machine)
            facts = self._describe(source, request, module, machine)
        if "assembly" in request.want:
            facts["assembly"] = self._assembly(source, request.passes)
        return facts

    def _optimize(self, module: Module, passes: str, machine: TargetMachine) -> None:
        if passes:
            run_passes(self._library, module, passes, machine)
            module.verify()

    def _assembly(self, source: Input, passes: str) -> str:
        """From a module of its own, as making the object has used up the first one."""
        with Module(self._library, source.bitcode) as module:
            machine = TargetMachine(self._library, module, source.codegen)
            try:
                self._optimize(module, passes, machine)
                return machine.emit_assembly(module)
            finally:
                machine.close()

    def _describe(
        self, source: Input, request: Request, module: Module, machine: TargetMachine
    ) -> dict:
        bitcode = module.bitcode()
        ir_hash = _digest(bitcode)
        instructions = module.count_instructions()
        facts = {
            "outcome": Outcome.OK,
            "instructions": instructions,
            "ir_hash": ir_hash,
            "bitcode": bitcode if "bitcode" in request.want else None,
            "ir": module.text() if "ir" in request.want else None,
        }
        measured = source.measured.get(ir_hash)
        hopeless = request.skip_above is not None and instructions > request.skip_above
        unwanted = hopeless or ir_hash in request.known
        functions = "functions" in request.want
        if not unwanted and "object" in request.want:
            data = self._generate(source, module, machine)
            measured = source.measured[ir_hash] = _measured(data, functions)
            facts["object"] = data
        elif not unwanted and not _known(measured, functions):
            measured = source.measured[ir_hash] = self._measured_once(
                source, module, machine, functions
            )
        if measured:
            facts["sizes"], facts["object_hash"] = measured.sizes, measured.object_hash
            facts["functions"] = measured.functions
        return facts

    def _measured_once(
        self, source: Input, module: Module, machine: TargetMachine, functions: bool
    ) -> Measured:
        """Makes code unless it was made for the same IR with other names of values."""
        module.drop_names()
        key = _PLAIN + _digest(module.bitcode())
        measured = source.measured.get(key)
        if not _known(measured, functions):
            data = self._generate(source, module, machine)
            measured = source.measured[key] = _measured(data, functions)
        return measured

    def _generate(self, source: Input, module: Module, machine: TargetMachine) -> bytes:
        if source.function_sections or source.data_sections:
            module.split_sections(source.function_sections, source.data_sections)
        if module.has_global("llvm.used"):
            self._drop_machine()  # it would remember these globals by address, and not forget them
            with_own = TargetMachine(self._library, module, source.codegen)
            try:
                return with_own.emit_object(module)
            finally:
                with_own.close()
        return machine.emit_object(module)


def _known(measured: Measured | None, with_functions: bool) -> bool:
    return measured is not None and not (with_functions and measured.functions is None)


def _measured(data: bytes, with_functions: bool) -> Measured:
    functions = function_sizes(data) if with_functions else None
    return Measured(measure_object(data), _digest(data), functions)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def serve(service: Service, requests: int, outbox: Outbox) -> None:
    """Answers (method, arguments) pairs until the parent closes its end; several times where a
    method yields several answers."""
    while True:
        try:
            method, arguments = receive(requests)
        except EOFError:
            return
        try:
            answer = getattr(service, method)(*arguments)
            for one in answer if isinstance(answer, Iterator) else (answer,):
                outbox.put(one)
        except (InvalidIR, InvalidList) as error:
            outbox.put(error)
        outbox.ring()
