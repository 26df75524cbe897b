"""Arguments and results in an emulator's registers and stack, by the ABI's places."""

from __future__ import annotations

from typing import Sequence

from ozma.lift.emulator.abi import INDIRECT, INTEGER, VECTOR, Place
from ozma.lift.emulator.machine import Engine
from ozma.lift.emulator.run import Word, one_nan
from ozma.lift.emulator.space import Space

_ALL = (1 << 64) - 1
_RESULTS = 4


class Registers:
    """Reads and writes scalars; what a narrow type leaves open is junk."""

    def __init__(self, engine: Engine, uc, space: Space) -> None:
        self._uc, self._space = uc, space
        self.machine = engine.machine

    def get(self, register: int) -> int:
        return self._uc.reg_read(register)

    def low_half(self, register: int) -> int:
        """The first 64 bits of a vector register, or all of another."""
        return self.get(register) & _ALL

    def set(self, register: int, value: int) -> None:
        self._uc.reg_write(register, value)

    @property
    def stack(self) -> int:
        return self.get(self.machine.stack)

    @property
    def integers(self) -> tuple[int, ...]:
        """All registers of integer arguments."""
        return tuple(map(self.get, self.machine.integers))

    @property
    def indirect(self) -> int:
        """The address of a result in memory, where it has a register of its own; else 0."""
        return self.get(self.machine.indirect) if self.machine.indirect else 0

    def results(self) -> dict[tuple[str, int], int]:
        """The first registers of results of each kind, of vectors the low half."""
        kinds = {INTEGER: self.machine.results, VECTOR: self.machine.result_vectors}
        return {
            (kind, number): self.low_half(register)
            for kind, numbers in kinds.items() for number, register in enumerate(numbers[:_RESULTS])
        }  # fmt: skip

    @property
    def pushes_return(self) -> bool:
        """Does a call put its return address on the stack?"""
        return self.machine.link is None

    def put_argument(self, place: Place, value: int, area: int) -> None:
        """`area` is where arguments on the stack begin."""
        scalar, machine = place.scalar, self.machine
        if scalar.kind == "integer":
            value = extended(value, scalar.bits, scalar.extension)
        if place.where == INTEGER:
            self.set(machine.integers[place.index], value & _ALL)
            if scalar.bits > 64:
                self.set(machine.integers[place.index + 1], value >> 64)
        elif place.where == VECTOR:
            self.set(machine.vectors[place.index], value)
        elif place.where == INDIRECT:
            self.set(machine.indirect, value)
        else:
            data = value.to_bytes(_stack_bytes(place), "little")
            self._space.write(area + place.index, data)

    def put_results(self, places: Sequence[Place], values: Sequence[int]) -> None:
        for place, value in zip(places, values):
            self._put_result(place, value)

    def _put_result(self, place: Place, value: int) -> None:
        scalar = place.scalar
        if place.where == VECTOR:
            return self.set(self.machine.result_vectors[place.index], value)
        register = self.machine.results[place.index]
        if scalar.kind == "integer" and scalar.bits < 64:
            low = extended(value, scalar.bits, scalar.extension) & 0xFFFFFFFF
            value = self.get(register) << 32 | low
        self.set(register, value & _ALL)
        if scalar.bits > 64:
            self.set(self.machine.results[place.index + 1], value >> 64)

    def argument(self, place: Place) -> int:
        """A callee's argument, at the moment of the call."""
        if place.where == INTEGER:
            return self._integer(self.machine.integers, place)
        if place.where == VECTOR:
            return self.get(self.machine.vectors[place.index])
        if place.where == INDIRECT:
            return self.get(self.machine.indirect)
        return self.on_stack(place.index, _stack_bytes(place))

    def on_stack(self, offset: int, size: int = 8) -> int:
        """What lies where a callee's arguments on the stack are, at the moment of the call."""
        address = self.stack + (8 if self.pushes_return else 0) + offset
        return int.from_bytes(self._space.read(address, size), "little")

    def result(self, place: Place) -> Word:
        """A result of the function, at its end."""
        if place.where == VECTOR:
            return self.meaning(place, self.get(self.machine.result_vectors[place.index]))
        return self.passed(place, self._integer(self.machine.results, place))

    def _integer(self, registers: tuple[int, ...], place: Place) -> int:
        value = self.get(registers[place.index])
        if place.scalar.bits > 64:
            value |= self.get(registers[place.index + 1]) << 64
        return value

    def passed(self, place: Place, value: int) -> Word:
        """What a callee or a caller gets. An address counts whole, also where a signature says 32
        bits: it may be the answer's own, and wrong."""
        scalar = place.scalar
        if scalar.kind == "integer" and scalar.bits == 32 and self._space.is_address(value & _ALL):
            return self._space.canonical(value & _ALL)
        return self.meaning(place, value)

    def meaning(self, place: Place, value: int) -> Word:
        """The part of a register that its type gives a meaning."""
        scalar = place.scalar
        value &= (1 << scalar.bits) - 1
        if scalar.kind == "float":
            return ("value", one_nan(value, scalar.bits, scalar.lane))
        if scalar.kind == "bytes":
            words = range(0, scalar.bits, 64)
            return ("struct", *(self._space.canonical(value >> at & _ALL) for at in words))
        return self._space.canonical(value) if scalar.bits == 64 else ("value", value)


def _stack_bytes(place: Place) -> int:
    return max(8, -(-place.scalar.bits // 64) * 8)


def extended(value: int, bits: int, extension: str) -> int:
    """A narrow integer in its register: what the ABI leaves open is a value that is its own zero
    and sign extension, with junk above 32 bits."""
    if bits >= 64:
        return value
    if bits < 32 and not extension and bits > 1:
        value &= (1 << (bits - 1)) - 1
    if extension == "signext" and value >> (bits - 1):
        value -= 1 << bits
    return value & 0xFFFFFFFF | 0x7BAD << 32
