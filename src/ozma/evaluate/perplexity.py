"""How well a model predicts IR and assembly: per token, and per character, so that models with
other tokenizers compare.

Bits per character are of LLVM's own text, also for a model that reads the short form: it gives the
text back, so the bits that it takes are the bits of that text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ozma.evaluate.asking import Form
from ozma.evaluate.bootstrap import Draws
from ozma.evaluate.records import RecordFile, Row
from ozma.labels.disassembly import LEVELS, Level, lower
from ozma.labels.subjects import Subject
from ozma.llvm import InvalidIR, Worker
from ozma.tasks.normal import NotShortened

if TYPE_CHECKING:
    from ozma.model.generate.answer import TokenAnswerer

IR, ASSEMBLY, UNOPTIMIZED = "ir", "assembly", "front end"
KEY = ("module", "level", "view")


class Scorer(Protocol):
    def score(self, text: str) -> tuple[float, int]:
        """(nats of all tokens of `text`, how many tokens these are)."""


class BackendScorer:
    """A token backend. A text longer than the window is scored in pieces that do not see each
    other, which costs the model: the figure is an upper bound there."""

    def __init__(self, answerer: TokenAnswerer) -> None:
        self._answerer = answerer

    def score(self, text: str) -> tuple[float, int]:
        begin, *ids = self._answerer.ids(text)
        backend, nats = self._answerer.backend, 0.0
        length = backend.context - 1
        for start in range(0, len(ids), length):
            state = backend.prefill([begin])
            nats -= float(np.sum(backend.score(state, ids[start : start + length])))
        return nats, len(ids)


def measure_perplexity(
    file: RecordFile, subjects: Iterable[Subject], scorer: Scorer, form: Form, worker: Worker
) -> None:
    """Adds records of what each subject's texts cost: the front end's IR, then IR and assembly of
    -O0, -O1, -O2 and -Oz."""
    for subject in subjects:
        if (subject.hash, LEVELS[-1].name, ASSEMBLY) not in file:
            file.append(_records(subject, scorer, form, worker))


def _records(subject: Subject, scorer: Scorer, form: Form, worker: Worker) -> list[Row]:
    rows = []
    for name, view, text in _texts(subject, worker):
        facts = {"module": subject.hash, "project": subject.project, "level": name, "view": view}
        try:
            seen = form.short(text) if view == IR else text
            nats, tokens = scorer.score(seen)
        except NotShortened as error:
            rows.append(facts | {"problem": error.message[:120]})
            continue
        rows.append(facts | {"nats": round(nats, 3), "tokens": tokens, "characters": len(text)})
    return rows


def _texts(subject: Subject, worker: Worker) -> list[tuple[str, str, str]]:
    """(level, view, text); an empty text where LLVM gives none is left out."""
    loaded = worker.load(subject.bitcode)
    plain = worker.evaluate(loaded.id, "", (IR,), skip_above=-1)
    worker.unload(loaded.id)
    found = [(UNOPTIMIZED, IR, plain.ir)]
    for level in LEVELS:
        ir, assembly = _lowered(subject, level, worker)
        found += [(level.name, IR, ir), (level.name, ASSEMBLY, assembly)]
    return [(name, view, text) for name, view, text in found if text]


def _lowered(subject: Subject, level: Level, worker: Worker) -> tuple[str | None, str | None]:
    try:
        evaluation = lower(worker, subject.bitcode, level)
    except InvalidIR:
        return None, None
    return evaluation.ir, evaluation.assembly


def perplexity_facts(rows: Sequence[Row], draws: int = 1000) -> list[dict[str, Any]]:
    """For each level and view: perplexity of a token and bits of a character, each with its 95 %
    interval."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "nats" in row:
            groups.setdefault((row["level"], row["view"]), []).append(row)
    return [_facts(level, view, of, draws) for (level, view), of in groups.items()]


def _facts(level: str, view: str, rows: Sequence[Row], draws: int) -> dict[str, Any]:
    drawn = Draws([row["project"] for row in rows], draws)
    nats, tokens, characters = (
        np.array([row[name] for row in rows], float) for name in ("nats", "tokens", "characters")
    )
    bits = [value / math.log(2) for value in drawn.ratio(nats, characters).as_json()]
    per_token = [math.exp(value) for value in drawn.ratio(nats, tokens).as_json()]
    return {
        "level": level, "view": view, "modules": len(rows), "tokens": int(tokens.sum()),
        "characters": int(characters.sum()), "perplexity": [round(v, 5) for v in per_token],
        "bits_per_character": [round(v, 6) for v in bits],
    }  # fmt: skip


def render_perplexity(facts: Sequence[dict[str, Any]]) -> str:
    """One line for each level and view."""
    lines = [
        f"{'':<22}{'modules':>8}{'tokens':>11}{'characters':>12}{'perplexity':>30}{'bits a character':>28}"
    ]
    for one in facts:
        perplexity, low, high = one["perplexity"]
        bits, least, most = one["bits_per_character"]
        lines.append(
            f"{one['level'] + ', ' + one['view']:<22}{one['modules']:>8,}{one['tokens']:>11,}"
            f"{one['characters']:>12,}{f'{perplexity:.3f} [{low:.3f} {high:.3f}]':>30}"
            f"{f'{bits:.4f} [{least:.4f} {most:.4f}]':>28}"
        )
    return "\n".join(lines)
