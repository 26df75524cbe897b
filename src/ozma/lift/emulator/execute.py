"""Runs one function of a loaded image on one input and says everything that it did.

Code outside the function is never executed: a call leaves the mapped code, which stops the
emulator, and the callee's model answers. Memory comes into being where it is touched.
"""

from __future__ import annotations

from typing import Iterable, Mapping

from ozma.lift.emulator.abi import parameter_places, result_places
from ozma.lift.emulator.answers import Answers
from ozma.lift.emulator.calls import OutOfReach
from ozma.lift.emulator.doubts import gives_nothing
from ozma.lift.emulator.inputs import VARIABLE_ARGUMENTS, Arguments, Known
from ozma.lift.emulator.layout import FUNCTION, RETURN, STACK_TOP, Loaded
from ozma.lift.emulator.machine import EXTRA, ROUTINES, engine, register_numbers
from ozma.lift.emulator.memory import PAGE, World
from ozma.lift.emulator.prepared import Prepared
from ozma.lift.emulator.registers import Registers
from ozma.lift.emulator.run import (
    DIVISION, FAULT, FINISHED, RETURNED, TOO_LONG, TRAPPED, UNSUPPORTED, Poke, Run,
)  # fmt: skip
from ozma.lift.emulator.signature import Callees, Signature
from ozma.lift.emulator.space import Space

STEPS = 30_000
_ENTRY = STACK_TOP - 0x2000
_LEAST_ADDRESS = 16 * PAGE
_X86_TRAPS = (b"\x0f\x0b", b"\x0f\xb9")  # ud2, ud1
_INT3 = 3
NOTHING_KEPT: Mapping[str, Iterable[str]] = {}


class Emulator:
    """One text in one emulator. `routines` is the machine's junk and keep code, assembled; `steps`
    limits the instructions from one call to the next; a watched one collects what code ran. `kept`:
    scratch registers that a callee leaves as they are, by its name. `prepared`: where signatures
    are guessed, what the original sets up for calls besides."""

    def __init__(
        self,
        target: str,
        loaded: Loaded,
        routines: tuple[bytes, bytes],
        steps: int = STEPS,
        watched: bool = False,
        kept: Mapping[str, Iterable[str]] = NOTHING_KEPT,
        prepared: Prepared | None = None,
    ) -> None:
        self._target, self._loaded, self._steps = target, loaded, steps
        self._engine = engine(target, watched)
        self._machine, self._unicorn = self._engine.machine, self._engine.unicorn
        self.blocks_run: set[tuple[int, int]] = set()
        """What the engine has seen run in this run, where it watches."""
        self._uc = self._engine.lend(self)
        self._interrupt: int | None = None
        self._kept: dict[str, int] = {}
        self.space = Space(self._engine, self._uc, loaded)
        self._registers = Registers(self._engine, self._uc, self.space)
        self._answers = Answers(target, self.space, self._registers, self._scramble, prepared)
        self._answers.kept = {name: register_numbers(target, r) for name, r in kept.items()}
        self._map_routines(*routines)

    def _map_routines(self, junk: bytes, keep: bytes) -> None:
        self._junk_end = ROUTINES + len(junk)
        self._all_end = self._junk_end + len(keep)
        self._uc.mem_map(ROUTINES, PAGE)
        self._uc.mem_write(ROUTINES, junk + keep)

    def _scramble(self) -> None:
        self._uc.emu_start(ROUTINES, self._junk_end)

    def close(self) -> None:
        """Gives the engine back; the next emulator of this kind needs it."""
        self._engine.take_back()

    def on_unmapped(self, address: int, size: int) -> bool:
        """Makes the pages that are touched; False (a fault) where none can be."""
        pages = {address & -PAGE, (address + size - 1) & -PAGE}
        return all(self.space.map_page(page) for page in pages)

    def on_interrupt(self, number: int) -> None:
        """A trap of the processor ends the run."""
        self._interrupt = number
        self._uc.emu_stop()

    def share_covered(self, blocks: Iterable[tuple[int, int]]) -> float:
        """Bytes of the function that are in blocks of code, as a share of all."""
        ran = {a for start, size in blocks for a in range(start, start + size)}
        own = {a for part in self._loaded.code for a in part}
        return len(ran & own) / len(own)

    # --- one run ---

    def run(
        self,
        signature: Signature,
        callees: Callees,
        known: Known,
        world: World,
        given: Arguments,
        poke: Poke | None = None,
    ) -> Run:
        """Runs the function from its entry on; memory is `world`'s before, and reset after."""
        self.blocks_run.clear()
        if self._interrupt is not None:
            self._engine.refresh()
        self._run, self._interrupt = Run(TOO_LONG), None
        self._answers.begin(self._loaded.layout, callees, known, world, self._run, poke)
        try:
            self.space.begin(world)
            self._prepare(given)
            self._pass(signature, given, world.fill)
            self._answers.spares.enter(world.fill)
            self._execute()
            if self._run.ending == RETURNED:
                self._finish(signature)
            if self._run.ending in FINISHED:
                self._run.pages = self.space.changed()
                self._run.blocks = frozenset(self.blocks_run)
        finally:
            self.space.end()
        return self._run

    def _prepare(self, given: Arguments) -> None:
        """Registers full of junk, plausible words in all of arguments, a return address."""
        self._uc.mem_write(EXTRA, given.registers)
        self._uc.emu_start(ROUTINES, self._all_end)
        registers = self._registers
        if not self._kept:
            self._kept = {name: registers.get(r) for name, r in self._machine.saved.items()}
            self.space.saved = {value.to_bytes(8, "little") for value in self._kept.values()}
        self.space.entry = _ENTRY
        if registers.pushes_return:
            self.space.entry = _ENTRY - 8
            self.space.write(_ENTRY - 8, RETURN.to_bytes(8, "little"))
        else:
            registers.set(self._machine.link, RETURN)
        self._uc.mem_write(_ENTRY, given.stack_area)
        registers.set(self._machine.stack, self.space.entry)

    def _pass(self, signature: Signature, given: Arguments, fill: int) -> None:
        """Arguments in their places."""
        machine, registers = self._machine, self._registers
        if registers.pushes_return:  # `pushq %rax` makes room for a local; %al counts floats
            first = len(machine.vectors) if signature.variadic else int(f"{fill:02x}" * 8, 16)
            registers.set(machine.results[0], first)
        more = ("i64",) * (VARIABLE_ARGUMENTS if signature.variadic else 0)
        whole = Signature(signature.parameters + more, signature.result)
        for places, values in zip(parameter_places(whole, self._target), given.parameters):
            for place, value in zip(places, values):
                registers.put_argument(place, value, _ENTRY)

    def _execute(self) -> None:
        """Runs from call to call until the function ends."""
        counter: int | None = FUNCTION
        while counter is not None:
            counter = self._segment(counter)

    def _segment(self, start: int) -> int | None:
        """Runs to the next call; where to go on after it, None at the end."""
        failure = None
        try:
            self._uc.emu_start(start, RETURN, count=self._steps)
        except self._unicorn.UcError as error:
            failure = error.errno
        counter = self._registers.get(self._machine.counter)
        if counter == RETURN:
            return self._end(RETURNED)
        if failure is None and self._interrupt is None:
            return self._end(TOO_LONG)
        fetched = (self._unicorn.UC_ERR_FETCH_UNMAPPED, self._unicorn.UC_ERR_FETCH_PROT)
        if failure in fetched and counter >= _LEAST_ADDRESS:
            try:
                return self._answers.answer(counter)
            except OutOfReach as reason:
                return self._end(FAULT, str(reason))
        return self._end(*self._failure(failure, counter))

    def _end(self, ending: str, detail: str = "") -> None:
        self._run.ending, self._run.detail = ending, detail

    def _failure(self, failure: int | None, counter: int) -> tuple[str, str]:
        unicorn = self._unicorn
        traps = (unicorn.UC_ERR_INSN_INVALID, unicorn.UC_ERR_EXCEPTION)
        if self._interrupt is None and failure not in traps:
            return FAULT, f"at {counter:#x}"
        code = self.space.code(counter)
        if self._traps(code):
            return TRAPPED, ""
        if self._registers.pushes_return and self._interrupt == 0:
            return DIVISION, ""
        return UNSUPPORTED, code.hex()

    def _traps(self, code: bytes) -> bool:
        """Is this where a program stops itself?"""
        if self._registers.pushes_return:
            return code[:2] in _X86_TRAPS or self._interrupt == _INT3
        return code[3:4] == b"\xd4" and code[2] & 0xE0 == 0x20 or code[2:4] == b"\0\0"  # brk, udf

    def _finish(self, signature: Signature) -> None:
        registers = self._registers
        places = result_places(signature.result, self._target)
        self._run.results = tuple(registers.result(place) for place in places)
        left = registers.get(self._machine.results[0])
        of_call = left == self._answers.spares.result
        if not places and of_call and not gives_nothing(self._run.last_call):
            self._run.left = left
        self._run.ended = registers.results()
        saved = self._machine.saved.items()
        lost = [name for name, r in saved if registers.get(r) != self._kept[name]]
        if registers.stack != _ENTRY:
            lost.append("the stack pointer")
        self._run.lost = ", ".join(lost)
