"""Calls that leave the text: what is noted of them, and what comes back."""

from __future__ import annotations

import re
from typing import Callable, Mapping

from ozma.lift.emulator.abi import INTEGER, Place, Unplaced, parameter_places, result_places
from ozma.lift.emulator.calls import (
    ALWAYS, FORMATS, KNOWN_SIGNATURES, NEVER_RETURN, THROUGH_POINTER, allocation,
)  # fmt: skip
from ozma.lift.emulator.inputs import Known, draw_answer
from ozma.lift.emulator.layout import RESOLVER, RETURN, THREAD, Layout
from ozma.lift.emulator.library import effect_of
from ozma.lift.emulator.memory import World
from ozma.lift.emulator.prepared import Prepared
from ozma.lift.emulator.registers import Registers
from ozma.lift.emulator.run import LEFT, STOPPED, TOO_LONG, CallRecord, Poke, Run, Word
from ozma.lift.emulator.signature import Callees, Signature
from ozma.lift.emulator.space import Space
from ozma.lift.emulator.spares import Spares

_MAX_CALLS = 200
_UNKNOWN_RESULT = "{ i64, double }"
_LONG = (b"l", b"ll", b"z", b"j", b"t", b"q")
_CONVERSION = re.compile(rb"%[-+ #0']*(\*|\d+)?(?:\.(\*|\d+)?)?(hh|h|ll|l|z|j|t|q|L)?([a-zA-Z%])")


class Answers:
    """Answers the calls of one run. `scramble` puts junk into what a call may change. `prepared`:
    see `Spares`."""

    def __init__(
        self, target: str, space: Space, registers: Registers, scramble: Callable[[], None],
        prepared: Prepared | None,
    ) -> None:  # fmt: skip
        self._target, self._space, self._registers = target, space, registers
        self._scramble, self.spares = scramble, Spares(target, space, registers, prepared)
        self.blocks = 0
        self.kept: Mapping[str, tuple[int, ...]] = {}
        """Registers that a callee of the text's own file leaves as they are, by its name."""

    def begin(
        self,
        layout: Layout,
        callees: Callees,
        known: Known,
        world: World,
        run: Run,
        poke: Poke | None,
    ) -> None:
        """Before a run."""
        self._poke = poke
        self._layout, self._callees, self._known = layout, callees, known
        self._world, self._run, self.blocks = world, run, 0

    # --- memory, for the models of callees ---

    def read(self, address: int, size: int) -> bytes:
        return self._space.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        self._space.write(address, data)

    def clear(self, pages: range) -> None:
        self._space.clear(pages)

    # --- one call ---

    def answer(self, address: int) -> int | None:
        """The call of an address: where the function goes on; None where it ends, which the run
        then says. OutOfReach where the callee would fault."""
        if address == RESOLVER:
            return self._resolve()
        name, back = self._layout.callees.get(address), self._return_address()
        if name is None:
            where = (self._space.canonical(address),)
            return self._record(THROUGH_POINTER, self._callees.get(""), back, where)
        if name == "__tls_get_addr":
            return self._thread_local(back)
        effect = effect_of(name)
        if effect is None:
            return self._record(name, KNOWN_SIGNATURES.get(name) or self._callees.get(name), back)
        result = effect.work(self, self._values(effect.signature))
        return self._go_back(back, result_places(effect.signature.result, self._target), [result])

    def _resolve(self) -> int:
        """An AArch64 TLS descriptor: x0 points to it, and gets the offset; all else stays."""
        register = self._registers.machine.results[0]
        self._registers.set(register, self._space.word(self._registers.get(register) + 8))
        return self._registers.get(self._registers.machine.link)

    def _thread_local(self, back: int) -> int:
        pair = self._registers.get(self._registers.machine.integers[0])
        address = THREAD + self._space.word(pair + 8)
        return self._go_back(back, result_places("ptr", self._target), [address])

    def _return_address(self) -> int:
        registers = self._registers
        if registers.pushes_return:
            return self._space.word(registers.stack)
        return registers.get(registers.machine.link)

    def _record(
        self, name: str, signature: Signature | None, back: int, first: tuple[Word, ...] = ()
    ) -> int | None:
        """Notes the call; ends the run where it cannot come back."""
        run = self._run
        if len(run.calls) >= _MAX_CALLS:
            run.ending = TOO_LONG
            return None
        words = first + (self._words(name, signature) if signature else ())
        spare = self.spares.at_call(name, signature, back == RETURN)
        run.calls.append(CallRecord(name, words, self._aligned(), spare))
        if self._poke and len(run.calls) - 1 == self._poke[0]:
            for address in self._poke[1]:
                self.write(address, bytes([self.read(address, 1)[0] ^ 0x55]))
        returns = name not in NEVER_RETURN and (signature is None or signature.returns)
        if not returns or back != RETURN and not self._space.is_own_code(back):
            run.ending, run.detail = STOPPED, name
            return None
        return self._go_back(back, *self._unknown(name, signature), self.kept.get(name, ()))

    def _aligned(self) -> bool:
        extra = 8 if self._registers.pushes_return else 0
        return (self._registers.stack + extra) % 16 == 0

    def _go_back(
        self, back: int, places: tuple[Place, ...], values: list[int], kept: tuple[int, ...] = ()
    ) -> int:
        """Junk into all registers that the call may change, then the results."""
        stack, before = self._registers.stack, [(r, self._registers.get(r)) for r in kept]
        self._scramble()
        for register, value in before:
            self._registers.set(register, value)
        self._registers.put_results(places, values)
        self.spares.come_back()
        if self._registers.pushes_return:
            self._registers.set(self._registers.machine.stack, stack + 8)
        return back

    def _unknown(
        self, name: str, signature: Signature | None
    ) -> tuple[tuple[Place, ...], list[int]]:
        """Results of a function that nobody knows."""
        try:
            text = signature.result if signature else _UNKNOWN_RESULT
            places = result_places(text, self._target)
        except Unplaced:
            return (), []
        block, nth = allocation(self, name), len(self._run.calls)
        if name in ALWAYS or block is not None:
            return places, [ALWAYS.get(name, block)]
        number = self._world.number
        return places, [
            draw_answer(place.scalar, self._known, number, name, nth + 1000 * i)
            for i, place in enumerate(places)
        ]

    # --- arguments ---

    def _words(self, name: str, signature: Signature) -> tuple[Word, ...]:
        try:
            places = parameter_places(self._with_formatted(name, signature), self._target)
        except Unplaced:
            return ()
        return tuple(self._word(place) for group in places for place in group)

    def _word(self, place: Place) -> Word:
        """An argument; LEFT where nobody can need it."""
        value = self._registers.argument(place)
        if place.where == INTEGER and self.spares.is_left(place.index, value):
            return LEFT
        return self._registers.passed(place, value)

    def _values(self, signature: Signature) -> list[int]:
        groups = parameter_places(signature, self._target)
        return [
            self._registers.argument(place) & ((1 << place.scalar.bits) - 1)
            for group in groups
            for place in group
        ]

    def _with_formatted(self, name: str, signature: Signature) -> Signature:
        """The arguments that a format string names, as parameters."""
        position = FORMATS.get(name)
        if not signature.variadic or position is None or position >= len(signature.parameters):
            return signature
        (place,) = parameter_places(signature, self._target)[position]
        address, text = self._registers.argument(place), b""
        while len(text) < 512 and b"\0" not in text:
            text += self.read(address + len(text), 8)
        more = formatted(text.partition(b"\0")[0])
        return Signature(signature.parameters + more, signature.result)


def formatted(text: bytes) -> tuple[str, ...]:
    """IR types of the arguments that a printf format asks for."""
    found: list[str] = []
    for width, precision, length, kind in _CONVERSION.findall(text):
        found += ["i32"] * ((width == b"*") + (precision == b"*"))
        if kind in b"diouxXc":
            found.append("i64" if length in _LONG else "i32")
        elif kind in b"eEfFgGaA" and length != b"L":
            found.append("double")
        elif kind in b"spn":
            found.append("ptr")
        elif kind != b"%":
            break
    return tuple(found)
