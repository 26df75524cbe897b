"""How well a model knows sizes: what its flag answers say of a module before and after its list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ozma.evaluate.asking import Form, ask
from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.records import RecordFile, Row
from ozma.labels.subjects import Subject
from ozma.llvm import InvalidIR, Worker
from ozma.llvm.pipelines import catalogue_of
from ozma.tasks.answers import FlagAnswer, parse_flags_answer
from ozma.tasks.prompts import flags_prompt

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling

FIELDS = ("before_bytes", "before_instructions", "after_bytes", "after_instructions")


def measure_sizes(
    file: RecordFile,
    subjects: Iterable[Subject],
    answerer: Answerer,
    form: Form,
    sampling: Sampling,
    worker: Worker,
) -> None:
    """Adds a record for each subject that has none: what was said and what is so."""
    for subject in subjects:
        if (subject.hash,) not in file:
            file.append([_record(subject, answerer, form, sampling, worker)])


def _record(
    subject: Subject, answerer: Answerer, form: Form, sampling: Sampling, worker: Worker
) -> Row:
    facts = {
        "module": subject.hash,
        "project": subject.project,
        "instructions": subject.instructions,
    }
    try:
        loaded = worker.load(subject.bitcode)
    except InvalidIR as error:
        return facts | {"problem": error.message[:120]}
    try:
        before = worker.evaluate(loaded.id, "", ("ir",))
        if before.sizes is None:
            return facts | {"problem": f"no code without passes: {before.outcome.value}"}
        reply = ask(answerer, lambda: flags_prompt(form.short(before.ir)), sampling)
        said = parse_flags_answer(reply.text or "", catalogue_of(worker.toolchain))
        after = worker.evaluate(loaded.id, said.passes) if said.passes else None
    finally:
        worker.unload(loaded.id)
    true = {"before_bytes": before.sizes.total, "before_instructions": before.instructions}
    if after and after.sizes:
        true |= {"after_bytes": after.sizes.total, "after_instructions": after.instructions}
    fault = "" if said.fault is None else said.fault.value
    problem = reply.problem or fault
    return facts | {"problem": problem, "seconds": reply.seconds, "true": true, "said": _said(said)}


def _said(answer: FlagAnswer) -> dict[str, int | None]:
    numbers = (
        answer.before.size, answer.before.instructions, answer.after.size,
        answer.after.instructions,
    )  # fmt: skip
    return dict(zip(FIELDS, numbers, strict=True))


def size_facts(rows: Sequence[Row], draws: int = 1000) -> dict[str, Any]:
    """Mean absolute percentage error of each figure over the modules where it was said, with the
    share of all modules where it was."""
    facts: dict[str, Any] = {"modules": len(rows), "fields": {}}
    for field in FIELDS:
        pairs = [
            (row["project"], row["said"][field], row["true"][field])
            for row in rows
            if row.get("said", {}).get(field) is not None and row["true"].get(field)
        ]
        facts["fields"][field] = {"said": len(pairs) / max(len(rows), 1)}
        if pairs:
            projects, said, true = zip(*pairs, strict=True)
            error = np.abs(np.array(said, float) - np.array(true, float)) / np.array(true, float)
            facts["fields"][field] |= {
                "error": Draws(projects, draws).mean(error).as_json(),
                "median": float(np.median(error)),
            }
    return facts


def render_sizes(facts: dict[str, Any]) -> str:
    """One line for each figure."""
    lines = [
        f"sizes said in flag answers: {facts['modules']:,} modules; mean absolute percentage error",
        f"{'':<22}{'said':>8}{'error, %':>24}{'median, %':>12}",
    ]
    for field, one in facts["fields"].items():
        text = f"{field.replace('_', ', '):<22}{one['said']:>8.1%}"
        if "error" in one:
            value, low, high = (100 * number for number in one["error"])
            text += f"{f'{value:.1f} [{low:.1f} {high:.1f}]':>24}{100 * one['median']:>12.1f}"
        lines.append(text)
    return "\n".join(lines)
