"""Emulation: a module and a random list -> what opt makes of it, as IR or as assembly.

A pair is a function of (the module's hash, seed, index) alone; only facts of it are kept.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from ozma.labels.options import LabelOptions
from ozma.labels.subjects import Subject
from ozma.llvm import Evaluation, InvalidIR, Worker
from ozma.llvm.pipelines import catalogue_of
from ozma.passes import Catalogue, random_list, random_pipeline

IR, ASSEMBLY = "ir", "assembly"
_LONGEST = 50


@dataclass(frozen=True)
class Draw:
    """A drawn list, and whether its answer is IR or assembly."""

    passes: str
    answer: str


def draw(digest: str, seed: int, index: int, catalogue: Catalogue) -> Draw:
    """Pair number `index` of a module: even ones are flat lists of 1 to 50 passes as in the paper,
    odd ones nested pipelines; two of three answers are IR."""
    rng = random.Random(f"{seed}:{digest}:{index}")
    answer = IR if rng.random() < 2 / 3 else ASSEMBLY
    if index % 2 == 0:
        return Draw(str(random_list(rng, catalogue, longest=_LONGEST)), answer)
    return Draw(str(random_pipeline(rng, catalogue, rng.randint(1, _LONGEST))), answer)


def text_hash(text: str) -> str:
    """What a text that is made again is checked against."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def label(worker: Worker, subject: Subject, options: LabelOptions) -> list[dict]:
    """A row for each pair; one whose list fails has an outcome and no answer."""
    catalogue = catalogue_of(worker.toolchain)
    pairs = [draw(subject.hash, options.seed, i, catalogue) for i in range(options.pairs)]
    loaded = worker.load(subject.bitcode)
    try:
        before = worker.evaluate(loaded.id, "", (IR,))
        if before.sizes is None:
            raise InvalidIR(f"no code without passes: {before.outcome.value} {before.message}")
        after = _evaluated(worker, loaded.id, pairs)
    finally:
        worker.unload(loaded.id)
    return [
        {"index": i, "passes": pair.passes, "answer": pair.answer}
        | _facts(before, one, pair.answer)
        for i, (pair, one) in enumerate(zip(pairs, after, strict=True))
    ]


def _evaluated(worker: Worker, module: int, pairs: list[Draw]) -> list[Evaluation]:
    """Evaluations in the order of `pairs`, those of the same answer in one request."""
    found: dict[int, Evaluation] = {}
    for answer in (IR, ASSEMBLY):
        wanted = [i for i, pair in enumerate(pairs) if pair.answer == answer]
        done = worker.evaluate_many(module, [pairs[i].passes for i in wanted], (answer,))
        found.update(zip(wanted, done, strict=True))
    return [found[i] for i in range(len(pairs))]


def _facts(before: Evaluation, after: Evaluation, answer: str) -> dict:
    text = getattr(after, answer)
    return {
        "outcome": after.outcome.value,
        "before_instructions": before.instructions,
        "before_total": before.sizes.total,
        "after_instructions": after.instructions,
        "after_total": after.sizes.total if after.sizes else None,
        "characters": len(text) if text else None,
        "answer_hash": text_hash(text) if text else None,
        "changed": after.ok and after.ir_hash != before.ir_hash,
        "message": after.message[:120],
    }
