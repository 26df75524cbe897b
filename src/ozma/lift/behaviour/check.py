"""Do two assembly texts of one function do the same? Both run in an emulator, on equal inputs.

A verdict never says more than was shown: on how many inputs both came to an end, and which share
of the original's code those inputs ran. It is relative to the signature that is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Mapping

from ozma.lift.asm.assembler import BadAssembly, assemble
from ozma.lift.behaviour.compare import Difference, Pair, same_but_stack
from ozma.lift.emulator.abi import Unplaced, parameter_places, result_places
from ozma.lift.emulator.doubts import doubt
from ozma.lift.emulator.execute import STEPS, Emulator
from ozma.lift.emulator.kept import kept_registers
from ozma.lift.emulator.image import read_image
from ozma.lift.emulator.inputs import Arguments, Known, draw_arguments, read_known
from ozma.lift.emulator.layout import lay_out, load
from ozma.lift.emulator.machine import machine
from ozma.lift.emulator.memory import World
from ozma.lift.emulator.prepared import prepared_for_calls
from ozma.lift.emulator.returned import returned_results
from ozma.lift.emulator.run import FINISHED, UNSUPPORTED, Poke, Run
from ozma.lift.emulator.signature import Callees, Signature
from ozma.llvm import Toolchain
from ozma.llvm.objects import ObjectError

_TRIES, _MOST_TRIES, _MOST_INPUTS = 3, 8, 2  # times the inputs that are asked for
_MORE_STEPS = 8
_NO_CALLEES: Mapping[str, Signature] = {}


class Verdict(Enum):
    """What running both showed."""

    SAME = "same"
    DIFFERS = "differs"
    COULD_NOT_RUN = "could not run"
    DOUBTFUL = "not shown"


@dataclass(frozen=True)
class Behaviour:
    """A verdict with its evidence. `ran`: inputs that came to an end in both texts, chosen from
    `tried`; `covered`: share of the original's code (in bytes) that ran; `input`: the arguments
    that show the difference."""

    verdict: Verdict
    ran: int = 0
    tried: int = 0
    covered: float = 0.0
    difference: Difference | None = None
    input: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.verdict is Verdict.SAME:
            return f"same on {self.ran} inputs, which ran {self.covered:.0%} of its code"
        if self.verdict is Verdict.DIFFERS:
            return f"differs on input {self.input}: {self.difference}"
        if self.verdict is Verdict.DOUBTFUL:
            return f"not shown: {self.reason}"
        return f"could not run: {self.reason}"


@dataclass(frozen=True)
class Question:
    """Two texts, each with its target, the function, and what is known of its interface.

    `callees` hold the signatures of called functions by symbol; "" is that of calls through
    pointers. `inputs` is the least number that is compared; up to twice as many where they run
    new code. Arguments of other callees are not compared, except for what a C library fixes.
    `guessed`: the signatures are those that the other text's own IR states (emulator/doubts.py).
    """

    original: str
    other: str
    function: str
    target: str
    other_target: str
    signature: Signature
    callees: Callees
    inputs: int = 10
    guessed: bool = False

    def __post_init__(self) -> None:
        if self.inputs < 1:
            raise ValueError("inputs: at least one is needed; 10 is usual")
        for target in (self.target, self.other_target):
            if target not in ("x86-64", "aarch64"):
                raise ValueError(f"target: {target} is not emulated; x86-64 and aarch64 are")


def check(toolchain: Toolchain, question: Question) -> Behaviour:
    """Answers a question in this process, which a hostile text may bring down."""
    try:
        with _Check(toolchain, question) as checking:
            return checking.run()
    except (BadAssembly, ObjectError, Unplaced) as reason:
        return Behaviour(Verdict.COULD_NOT_RUN, reason=str(reason))


@lru_cache(maxsize=2)
def _routines(toolchain: Toolchain, target: str) -> tuple[bytes, bytes]:
    """The machine code of the two register-filling texts."""
    texts = machine(target).junk, machine(target).keep
    images = [read_image(assemble(toolchain, "\t.text\n" + text, target)) for text in texts]
    return tuple(next(iter(image.sections.values())).data for image in images)


def _unnamed_results(question: Question) -> frozenset[tuple[str, int]]:
    """Registers of results that the original sets and the signature does not name."""
    named = result_places(question.signature.result, question.target)
    returned = returned_results(question.original, question.function, question.target)
    return returned - {(place.where, place.index) for place in named}


class _Check:
    def __init__(self, toolchain: Toolchain, question: Question) -> None:
        self._question = question
        sides = (question.original, question.target), (question.other, question.other_target)
        images = [read_image(assemble(toolchain, *side)) for side in sides]
        layout = lay_out(question.function, images)
        loaded = [load(image, question.function, layout) for image in images]
        loaded[0].lend(loaded[1])
        loaded[1].lend(loaded[0])
        for _, target in sides:
            parameter_places(question.signature, target)
            result_places(question.signature.result, target)
        routines = [_routines(toolchain, target) for _, target in sides]
        texts = [(text, question.function, target) for text, target in sides]
        kept = [kept_registers(*text) for text in texts]
        prepared = prepared_for_calls(*texts[0]) if question.guessed else None
        self._original = Emulator(
            question.target, loaded[0], routines[0], watched=True, kept=kept[0], prepared=prepared
        )
        self._other = Emulator(
            question.other_target, loaded[1], routines[1], STEPS * _MORE_STEPS, kept=kept[1],
            prepared=prepared,
        )  # fmt: skip
        self._known: Known = read_known(question.original)
        self._unnamed = _unnamed_results(question) if question.guessed else frozenset()
        self._endings: list[str] = []
        self._ran_code: set[tuple[int, int]] = set()
        self._drawn: dict[int, Arguments] = {}
        self._tried = 0

    def __enter__(self) -> _Check:
        return self

    def __exit__(self, *_: object) -> None:
        self._original.close()
        self._other.close()

    def run(self) -> Behaviour:
        ran = 0
        for world, expected in self._chosen():
            found = self._run(self._other, World(self._known.pool, world.number))
            if found.ending == UNSUPPORTED:
                self._note(found)
                continue
            difference = Pair(self._original, self._other, world).difference(expected, found)
            if difference and self._stands(difference, world, expected):
                return self._differs(difference, world.number, ran)
            if self._question.guessed and (reason := doubt(expected, found, self._unnamed)):
                return Behaviour(Verdict.DOUBTFUL, ran, self._tried, reason=reason)
            ran += 1
            self._ran_code |= expected.blocks
        if not ran:
            return Behaviour(Verdict.COULD_NOT_RUN, 0, self._tried, reason=self._reason())
        return Behaviour(Verdict.SAME, ran, self._tried, self._covered())

    def _chosen(self) -> list[tuple[World, Run]]:
        """Inputs on which the original ends: those that run new code, then the first others.

        As long as new code is found, the search goes on.
        """
        wanted, fresh, others = self._question.inputs, [], []
        limit, seen = wanted * _TRIES, set()
        while self._tried < limit:
            world = World(self._known.pool, self._tried)
            self._tried += 1
            expected = self._run(self._original, world)
            if expected.ending not in FINISHED:
                self._note(expected)
            elif expected.blocks <= seen:
                others.append((world, expected))
            else:
                seen |= expected.blocks
                fresh.append((world, expected))
                limit = max(limit, min(self._tried + wanted * _TRIES, wanted * _MOST_TRIES))
        return [*fresh[: wanted * _MOST_INPUTS], *others[: max(wanted - len(fresh), 0)]]

    def _stands(self, difference: Difference, world: World, expected: Run) -> bool:
        """Where an object ends is doubtful: what the original itself needs after the call, were it
        overwritten, is its own, and not the callee's to read."""
        if difference.doubt is None:
            return True
        again = World(self._known.pool, world.number)
        return same_but_stack(expected, self._run(self._original, again, difference.doubt))

    def _run(self, emulator: Emulator, world: World, poke: Poke | None = None) -> Run:
        question, given = self._question, self._arguments(world.number)
        known = question.signature, question.callees, self._known
        return emulator.run(*known, world, given, poke)

    def _arguments(self, number: int) -> Arguments:
        if number not in self._drawn:
            self._drawn[number] = draw_arguments(self._question.signature, self._known, number)
        return self._drawn[number]

    def _covered(self) -> float:
        """Of the inputs that were compared only."""
        return self._original.share_covered(self._ran_code)

    def _note(self, run: Run) -> None:
        self._endings.append(f"{run.ending} {run.detail}".strip())

    def _reason(self) -> str:
        """The most frequent way in which the inputs failed."""
        most = max(set(self._endings), key=self._endings.count)
        return f"no input comes to its end; most often: {most}"

    def _differs(self, difference: Difference, number: int, ran: int) -> Behaviour:
        covered = self._covered()
        text = f"{number} {self._arguments(number)}"
        return Behaviour(Verdict.DIFFERS, ran, self._tried, covered, difference, text)
