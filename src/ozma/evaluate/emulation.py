"""Emulation: what a model says that a list makes of a module, against what LLVM makes of it."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ozma.evaluate.asking import Form, Reply, ask
from ozma.evaluate.modules import ir_text
from ozma.evaluate.records import RecordFile, Row
from ozma.labels.emulation import draw
from ozma.labels.subjects import Subject
from ozma.llvm import Evaluation, InvalidIR, Toolchain, Worker
from ozma.llvm.pipelines import catalogue_of
from ozma.passes import Catalogue, leaves, parse, random_list
from ozma.tasks.answers import parse_code_answer
from ozma.tasks.bleu import assembly_bleu
from ozma.tasks.canonical import shorten
from ozma.tasks.normal import NotShortened
from ozma.tasks.prompts import Task, emulation_prompt

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling

RANDOM, NEAR_OPTIMAL, SINGLE = "random", "near-optimal", "single pass"
KINDS = (RANDOM, NEAR_OPTIMAL, SINGLE)
KEY = ("module", "kind", "answer")
ANSWERS = ("ir", "assembly")
_IR, _ASSEMBLY = ANSWERS
_TASKS = {_IR: Task.EMULATE_IR, _ASSEMBLY: Task.EMULATE_ASSEMBLY}
NO_CODE, CUT_OFF = "no code", "cut off"


@dataclass(frozen=True)
class Pair:
    """One question: `kind` of list, the list, and whether IR or assembly is asked for."""

    kind: str
    passes: str
    answer: str


def pairs_of(digest: str, catalogue: Catalogue, known: Sequence[str]) -> list[Pair]:
    """For each kind a list drawn from the module's hash: a flat random one as in the paper, one of
    `known` (the pack's), a single pass; each asked as IR and as assembly."""
    rng = random.Random(f"emulation:{digest}")
    lists = {
        RANDOM: draw(digest, 0, 0, catalogue).passes,
        NEAR_OPTIMAL: rng.choice(list(known)),
        SINGLE: str(random_list(rng, catalogue, longest=1)),
    }
    return [Pair(kind, lists[kind], answer) for kind in KINDS for answer in _TASKS]


class Emulation:
    """Asks one model; what LLVM does is the truth, and judges the answers."""

    def __init__(
        self,
        answerer: Answerer,
        form: Form,
        sampling: Sampling,
        worker: Worker,
        known: Sequence[str],
    ) -> None:
        self._answerer, self._form, self._sampling = answerer, form, sampling
        self._worker, self._known = worker, known

    def measure(self, file: RecordFile, subjects: Iterable[Subject]) -> None:
        """Adds records of the pairs that have none."""
        catalogue = catalogue_of(self._worker.toolchain)
        for subject in subjects:
            pairs = pairs_of(subject.hash, catalogue, self._known)
            missing = [p for p in pairs if (subject.hash, p.kind, p.answer) not in file]
            if missing:
                file.append(self._records(subject, missing))

    def _records(self, subject: Subject, pairs: Sequence[Pair]) -> list[Row]:
        try:
            loaded = self._worker.load(subject.bitcode)
        except InvalidIR:
            return []
        try:
            before = self._worker.evaluate(loaded.id, "", (_IR,))
            found = [self._worker.evaluate(loaded.id, p.passes, (p.answer,)) for p in pairs]
        finally:
            self._worker.unload(loaded.id)
        asked = zip(pairs, found, strict=True)
        return [
            self._record(subject, pair, before, after)
            for pair, after in asked
            if before.sizes and after.sizes  # a list that fails has no answer
        ]

    def _record(self, subject: Subject, pair: Pair, before: Evaluation, after: Evaluation) -> Row:
        def prompt() -> str:
            code = self._form.short(before.ir)
            size = before.sizes.total
            return emulation_prompt(
                code, pair.passes, before.instructions, size, _TASKS[pair.answer]
            )

        reply = ask(self._answerer, prompt, self._sampling)
        answer = parse_code_answer(reply.text or "")
        judged = {"exact": False, "compiles": False, "bleu": 0.0}
        if answer.code:
            judged = self._judge(pair, answer.code, before, after)
        facts = {
            "module": subject.hash, "project": subject.project, "kind": pair.kind,
            "answer": pair.answer, "passes": sum(1 for _ in leaves(parse(pair.passes))),
            "instructions": subject.instructions, "true_bytes": after.sizes.total,
            "said_bytes": answer.after.size, "seconds": reply.seconds,
        }  # fmt: skip
        return facts | {"problem": _problem(reply, answer.code)} | judged

    def _judge(self, pair: Pair, code: str, before: Evaluation, after: Evaluation) -> Row:
        if pair.answer == _ASSEMBLY:
            said, truth = _stripped(code), _stripped(after.assembly)
            compiles = said == truth or assembles(self._worker.toolchain, code)
            return _row(said == truth, compiles, said, truth)
        return self._judge_ir(code, before.ir, after.ir)

    def _judge_ir(self, code: str, source: str, truth: str) -> Row:
        """Equal when LLVM's own text of the answer has the same short form as the truth."""
        try:
            text = ir_text(self._worker, self._form.long(code, source).encode("utf-8", "replace"))
        except InvalidIR:
            return _row(False, False, code, self._shown(truth))
        try:
            said, expected = shorten(text), shorten(truth)
        except NotShortened:
            said, expected = text, truth
        return _row(said == expected, bool(text), said, expected)

    def _shown(self, truth: str) -> str:
        """As the model would have written it, where its form can hold it."""
        try:
            return self._form.short(truth)
        except NotShortened:
            return truth


def _row(exact: bool, compiles: bool, said: str, truth: str) -> Row:
    return {"exact": exact, "compiles": compiles, "bleu": round(min(assembly_bleu(said, truth)), 5)}


def _problem(reply: Reply, code: str | None) -> str:
    if reply.problem:
        return reply.problem
    return NO_CODE if not code else "" if reply.finished else CUT_OFF


def _stripped(assembly: str) -> str:
    """Without indentation, and without the names of the source file and of the compiler."""
    lines = (line.strip() for line in assembly.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith((".file", ".ident")))


def assembles(toolchain: Toolchain, assembly: str, seconds: float = 10.0) -> bool:
    """Does clang's assembler take it? Files that it names are not read: `.incbin` is refused."""
    if ".incbin" in assembly.lower() or ".include" in assembly.lower():
        return False
    words = [str(toolchain.tool("clang")), "-c", "-x", "assembler", "-", "-o", "/dev/null"]
    try:
        data = assembly.encode("utf-8", "replace")
        return (
            subprocess.run(words, input=data, capture_output=True, timeout=seconds).returncode == 0
        )
    except subprocess.TimeoutExpired:
        return False
