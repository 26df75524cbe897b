"""One module of the corpus -> the documents of all stages that come of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ozma.labels.disassembly import LEVELS, lower
from ozma.labels.emulation import IR, draw
from ozma.labels.subjects import Subject
from ozma.llvm import Evaluation, InvalidIR, Worker
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.tasks.answers import LIST_OPEN, Facts, code_answer
from ozma.tasks.assembly import short_assembly
from ozma.tasks.canonical import shorten
from ozma.tasks.normal import NotShortened
from ozma.tasks.prompts import Task, disassembly_prompt, emulation_prompt
from ozma.tasks.question import Question

ASSEMBLY = "assembly"


@dataclass(frozen=True)
class Example:
    """A document as text: `prompt` is "" where all of it is learnt. `tables` as in shards.py; a
    flags example has no answer, as it depends on the list that is drawn."""

    task: str
    prompt: str
    answer: str
    tables: dict[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExampleOptions:
    """How many documents a module gives.

    `views` of its texts (unoptimized IR, clang -Oz's IR and assembly) to pretraining; `pairs`
    random lists and `known_pairs` lists of the labels to emulation; `levels` of -O0, -O1, -O2, -Oz
    to disassembly. What is taken is drawn from `seed` and the module's hash. `question` says what
    of a module the question about its flags shows.
    """

    views: int = 1
    pairs: int = 1
    known_pairs: int = 1
    levels: int = 1
    seed: int = 0
    question: Question = Question()

    def __post_init__(self) -> None:
        for name, most in (("views", 3), ("pairs", None), ("known_pairs", None), ("levels", 4)):
            value = getattr(self, name)
            if value < 0 or (most is not None and value > most):
                raise ValueError(f"{name} is {value}: give 0 to {most or 'any number'}")


@dataclass(frozen=True)
class Source:
    """A module in a worker: its short form, and its sizes before any pass."""

    subject: Subject
    module: int
    short: str
    before: Evaluation

    @property
    def facts(self) -> Facts:
        return Facts(self.before.instructions, self.before.sizes.total)


class ExampleMaker:
    """Makes examples with one worker. `lists` are those of the flag labels, -Oz's own first."""

    def __init__(self, worker: Worker, options: ExampleOptions, lists: Sequence[str]) -> None:
        self._worker, self._options, self._lists = worker, options, tuple(lists)
        self.skipped: dict[str, int] = {}

    def of(self, subject: Subject, row: dict | None) -> Iterator[Example]:
        """All examples of a module; `row` is its flag label. What LLVM or the short form does not
        take gives none, and is counted in `skipped`."""
        try:
            source = self._source(subject)
        except (InvalidIR, NotShortened) as error:
            self._skip(type(error).__name__)
            return
        rng = random.Random(f"{self._options.seed}:{subject.hash}")
        try:
            for stage in (self._flags, self._pretraining, self._emulation, self._disassembly):
                yield from self._tolerant(stage, source, row, rng)
        finally:
            self._worker.unload(source.module)

    def _source(self, subject: Subject) -> Source:
        module = self._worker.load(subject.bitcode).id
        before = self._worker.evaluate(module, "", (IR,))
        if before.sizes is None or before.ir is None:
            self._worker.unload(module)
            raise InvalidIR(f"no code without passes: {before.outcome.value}")
        try:
            return Source(subject, module, shorten(before.ir), before)
        except NotShortened:
            self._worker.unload(module)
            raise

    def _tolerant(
        self,
        stage: Callable[..., Iterator[Example]],
        source: Source,
        row: dict | None,
        rng: random.Random,
    ) -> Iterator[Example]:
        try:
            yield from stage(source, row, rng)
        except (InvalidIR, NotShortened) as error:
            self._skip(type(error).__name__)

    def _flags(self, source: Source, row: dict | None, rng: random.Random) -> Iterator[Example]:
        if row is None:
            return
        tables = {
            "sizes": [row["base_total"], *row["totals"]],
            "counts": [row["base_instructions"], *row["counts"]],
            "before": [source.before.instructions, source.before.sizes.total],
        }
        yield Example("flags", self._question(source) + LIST_OPEN, "", tables)

    def _question(self, source: Source) -> str:
        question = self._options.question
        if not question.of_optimized:
            return question.prompt(source.before.ir)
        own = clang_pipeline(self._worker.toolchain)
        text = self._worker.evaluate(source.module, own, (IR,), skip_above=-1).ir
        if not text:
            raise InvalidIR("clang's own pipeline gives no IR")
        return question.prompt(text)

    def _pretraining(
        self, source: Source, row: dict | None, rng: random.Random
    ) -> Iterator[Example]:
        views = rng.sample(("input", "output", ASSEMBLY), self._options.views)
        small = None
        if set(views) != {"input"}:
            passes = clang_pipeline(self._worker.toolchain)
            small = self._worker.evaluate(source.module, passes, (IR, ASSEMBLY))
        for view in views:
            if view == "input":
                yield Example("pretraining", "", source.short)
            elif small and small.ir and small.assembly:
                text = shorten(small.ir) if view == "output" else small.assembly
                yield Example("pretraining", "", text)

    def _emulation(self, source: Source, row: dict | None, rng: random.Random) -> Iterator[Example]:
        catalogue = catalogue_of(self._worker.toolchain)
        for index in range(self._options.pairs):
            pair = draw(source.subject.hash, self._options.seed, index, catalogue)
            yield from self._emulated(source, pair.passes, pair.answer)
        for _ in range(self._options.known_pairs if self._lists else 0):
            passes = rng.choice(self._lists)
            yield from self._emulated(source, passes, IR if rng.random() < 2 / 3 else ASSEMBLY)

    def _emulated(self, source: Source, passes: str, wanted: str) -> Iterator[Example]:
        after = self._worker.evaluate(source.module, passes, (wanted,))
        text = getattr(after, wanted)
        if not text or after.sizes is None:
            return self._skip(f"emulation: {after.outcome.value}")
        task = Task.EMULATE_IR if wanted == IR else Task.EMULATE_ASSEMBLY
        before = source.facts
        prompt = emulation_prompt(source.short, passes, before.instructions, before.size, task)
        facts = Facts(after.instructions, after.sizes.total)
        code = shorten(text) if wanted == IR else text
        yield Example("emulation", prompt, code_answer(code, facts))

    def _disassembly(
        self, source: Source, row: dict | None, rng: random.Random
    ) -> Iterator[Example]:
        for level in rng.sample(LEVELS, self._options.levels):
            found = lower(self._worker, source.subject.bitcode, level)
            if found.ir and found.assembly:
                prompt = disassembly_prompt(short_assembly(found.assembly))
                yield Example("disassembly", prompt, code_answer(shorten(found.ir)))

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
