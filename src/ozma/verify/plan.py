"""The binary plan that the runner reads and the results that it writes (layout: `runner.h`)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Sequence

from ozma.llvm.interface import Function, Type, Variable
from ozma.verify.abi import Machine, Unsupported, words_of
from ozma.verify.inputs import BUFFERS, Call, VARIABLES
from ozma.verify.pages import Pool

MAGIC = 0x414D5A4F
_HEADER = struct.Struct("<8I")
_PATCHES, _STACK, _ANSWERS = 12, 16, 8
_CALL = struct.Struct(f"<6I{_PATCHES}I2I8Q8Q{_STACK}QQ{_ANSWERS}Q{BUFFERS + VARIABLES}H")
_EXTERNAL = struct.Struct("<4B8B8B4B")
_RESULT = struct.Struct(f"<4I4Q2I{_PATCHES}I")
ENTRY = struct.Struct("<HHIQQ")
_INTEGER, _POINTER, _FLOAT, _TRAP, _EXIT = range(5)
_POINTER_BITS = 65
_POINTER_RESULT = 1

STATUS = ("returned", "exited", "aborted", "signal", "missing", "timed out", "lost",
          "the function is gone")
RETURNED, EXITED, ABORTED, SIGNALLED, MISSING, TIMED_OUT, LOST, ABSENT = range(8)


@dataclass(frozen=True)
class Result:
    """What one call did. `entries` are packed ENTRY records: region, kind, offset, value,
    before."""

    id: int
    status: int
    code: int
    registers: tuple[int, ...]
    patches: tuple[int, ...]
    entries: bytes

    @property
    def completed(self) -> bool:
        """Ended in a way that the language defines."""
        return self.status in (RETURNED, EXITED, ABORTED)


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, text: str) -> int:
        at = len(self.data)
        self.data += text.encode() + b"\0"
        return at


def _external(function: Function, machine: Machine) -> bytes:
    try:
        kind, bits = _result_kind(function)
        integers, floats = _register_words(function, machine)
    except Unsupported:
        kind, bits, integers, floats = _TRAP, 0, [], []
    never_null = function.result_attributes & {"nonnull", "dereferenceable"}
    return _EXTERNAL.pack(
        kind, function.writes, len(integers), len(floats),
        *_padded(integers, 8), *_padded(floats, 8), bits, bool(never_null), 0, 0,
    )


def _padded(values: Sequence[int], count: int) -> list[int]:
    return [*values, *[0] * (count - len(values))]


def _result_kind(function: Function) -> tuple[int, int]:
    if function.never_returns:
        return _EXIT, 0
    result = function.result
    if result.kind == "void":
        return _INTEGER, 64
    if result.kind in ("struct", "array") or "range" in function.result_attributes:
        raise Unsupported("answers with a value that cannot be made up")
    if any("returned" in parameter.attributes for parameter in function.parameters):
        raise Unsupported("answers with its argument")
    (word,) = words_of(result, "returns")
    if word.kind == "pointer":
        return _POINTER, 64
    return (_INTEGER, word.bits) if word.kind == "int" else (_FLOAT, _float_bits(word))


def _float_bits(type_: Type) -> int:
    return 32 if type_.kind == "float" else 64


def _register_words(function: Function, machine: Machine) -> tuple[list[int], list[int]]:
    """Widths of the arguments in integer and in vector registers; those on the stack are left
    out."""
    integers: list[int] = []
    floats: list[int] = []
    for parameter in function.parameters:
        if parameter.copied or ("sret" in parameter.attributes and machine.indirect):
            continue
        for word in words_of(parameter.type, "takes"):
            if word.kind == "pointer":
                integers.append(_POINTER_BITS)
            elif word.kind == "int":
                integers.append(word.bits)
            else:
                floats.append(_float_bits(word))
    return integers[: machine.integers], floats[: machine.floats]


def _pack_call(call: Call, prelude: int) -> bytes:
    return _CALL.pack(
        call.id, call.function, call.input, len(call.stack), call.buffers, len(call.patches),
        *_padded(call.patches, _PATCHES), prelude, 0, *call.integers, *call.floats,
        *_padded(call.stack, _STACK), call.indirect, *call.answers, *call.pages,
    )


@dataclass(frozen=True)
class Plan:
    """Tables of a module; `encode` adds the calls of one run."""

    functions: Sequence[Function]
    externals: Sequence[Function]
    globals: Sequence[Variable]
    variables: int
    pool: Pool
    machine: Machine

    def encode(self, calls: Sequence[Call]) -> bytes:
        """The file for a run of `calls`; their preludes follow them."""
        strings = _Strings()
        functions = [
            struct.pack("<II", strings.add(f.name), _POINTER_RESULT * (f.result.kind == "pointer"))
            for f in self.functions
        ]
        externals = [_external(f, self.machine) for f in self.externals]
        names = [struct.pack("<II", strings.add(g.name), g.bytes) for g in self.globals]
        preludes = {call.prelude.id: call.prelude for call in calls if call.prelude}
        header = _HEADER.pack(
            MAGIC, len(functions), len(externals), len(names), len(self.pool.pages), len(calls),
            self.variables, len(preludes),
        )
        numbers = {id_: len(calls) + n for n, id_ in enumerate(preludes, start=1)}
        packed = [_pack_call(c, numbers[c.prelude.id] if c.prelude else 0) for c in calls]
        packed += [_pack_call(call, 0) for call in preludes.values()]
        parts = [header, *functions, *externals, *names, *self.pool.pages, *packed]
        return b"".join([*parts, bytes(strings.data)])


def decode(data: bytes) -> dict[int, Result]:
    """Results by call number. Stops at the first damaged record: a child may have written it."""
    results: dict[int, Result] = {}
    at = 0
    while at + _RESULT.size <= len(data):
        fields = _RESULT.unpack_from(data, at)
        magic, id_, status, code = fields[:4]
        patches, entries = fields[8:10]
        end = at + _RESULT.size + entries * ENTRY.size
        if magic != MAGIC or status > ABSENT or patches > _PATCHES or end > len(data):
            break
        results[id_] = Result(
            id_, status, code, fields[4:8], fields[10 : 10 + patches], data[at + _RESULT.size : end]
        )
        at = end
    return results
