"""The child's side of a worker process: answers requests until its pipe closes.

Each evaluation parses the bitcode anew in a fresh context, exactly as `opt` reads it, so that no
state leaks from one pass list to the next and all memory is given back.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import time
from dataclasses import dataclass, field

from ozma.llvm.capi import Library
from ozma.llvm.module import InvalidIR, InvalidList, Module, TargetMachine, run_passes
from ozma.llvm.objects import measure_object
from ozma.llvm.result import Evaluation, Outcome, Sizes

_LENGTH = struct.Struct("<I")


def send(descriptor: int, message: object) -> None:
    """Writes one length-prefixed pickle."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(descriptor, view) :]


def receive(descriptor: int) -> object:
    """Reads one message; EOFError if the other side is gone."""
    (length,) = _LENGTH.unpack(_read_exactly(descriptor, _LENGTH.size))
    return pickle.loads(_read_exactly(descriptor, length))


def _read_exactly(descriptor: int, length: int) -> bytes:
    chunks, missing = [], length
    while missing:
        chunk = os.read(descriptor, min(missing, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


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
    """A loaded module: its bitcode and what was measured on it, by hash of the optimized IR."""

    bitcode: bytes
    function_sections: bool = False
    data_sections: bool = False
    measured: dict[str, tuple[Sizes, str]] = field(default_factory=dict)


class Service:
    """State of one child: the loaded modules."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._inputs: dict[int, Input] = {}

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

    def evaluate(self, request: Request) -> Evaluation:
        """Runs the list and measures the object; every LLVM complaint becomes an outcome."""
        started = time.perf_counter()
        try:
            facts = self._measure(self._inputs[request.module], request)
        except InvalidList as error:
            facts = {"outcome": Outcome.INVALID_LIST, "message": error.message}
        except InvalidIR as error:
            facts = {"outcome": Outcome.INVALID_IR, "message": error.message}
        seconds = time.perf_counter() - started
        return Evaluation(passes=request.passes, seconds=seconds, **facts)

    def _measure(self, source: Input, request: Request) -> dict:
        library = self._library
        with Module(library, source.bitcode) as module:
            machine = TargetMachine(library, module)
            try:
                if request.passes:
                    run_passes(library, module, request.passes, machine)
                    module.verify()
                return self._describe(source, request, module, machine)
            finally:
                machine.close()

    def _describe(
        self, source: Input, request: Request, module: Module, machine: TargetMachine
    ) -> dict:
        bitcode = module.bitcode()
        ir_hash = hashlib.blake2b(bitcode, digest_size=16).hexdigest()
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
        if not unwanted and ("object" in request.want or not measured):
            data = self._generate(source, module, machine)
            measured = measure_object(data), hashlib.blake2b(data, digest_size=16).hexdigest()
            source.measured[ir_hash] = measured
            facts["object"] = data if "object" in request.want else None
        if measured:
            facts["sizes"], facts["object_hash"] = measured
        return facts

    def _generate(self, source: Input, module: Module, machine: TargetMachine) -> bytes:
        if source.function_sections or source.data_sections:
            module.split_sections(source.function_sections, source.data_sections)
        return machine.emit_object(module)


def serve(service: Service, requests: int, answers: int) -> None:
    """Answers (method, arguments) pairs until the parent closes its end."""
    while True:
        try:
            method, arguments = receive(requests)
        except EOFError:
            return
        try:
            send(answers, getattr(service, method)(*arguments))
        except (InvalidIR, InvalidList) as error:
            send(answers, error)
