"""What `ozma evaluate` does with one model: sizes, emulation and perplexity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ozma.evaluate.asking import PLAIN, SHORT, Form, some_subjects
from ozma.evaluate.emulation import KEY as EMULATION_KEY
from ozma.evaluate.emulation import Emulation
from ozma.evaluate.emulation_report import emulation_facts, render_emulation
from ozma.evaluate.model_policy import fingerprint
from ozma.evaluate.perplexity import KEY as PERPLEXITY_KEY
from ozma.evaluate.perplexity import (
    BackendScorer,
    measure_perplexity,
    perplexity_facts,
    render_perplexity,
)
from ozma.evaluate.policies import digest_of
from ozma.evaluate.records import RecordFile, Row, record_path
from ozma.evaluate.sizes import measure_sizes, render_sizes, size_facts
from ozma.labels.subjects import Subject
from ozma.llvm import Worker, find_toolchain
from ozma.optimize.pack import load_pack, pack_path

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling

__all__ = ["PLAIN", "SHORT", "TASKS", "Asking", "load_answerer", "record_file", "some_subjects"]
_KEYS = {"sizes": ("module",), "emulation": EMULATION_KEY, "perplexity": PERPLEXITY_KEY}
Report = tuple[Any, str]
"""(facts, the same as text)."""


def load_answerer(folder: Path | None, endpoint: str | None) -> Answerer:
    """The model in `folder`, or behind `endpoint`. OzmaError when there is none."""
    if endpoint:
        from ozma.model.generate.endpoint import EndpointAnswerer

        return EndpointAnswerer(endpoint)
    from ozma.model.generate.answer import TokenAnswerer

    return TokenAnswerer.load(folder)


def record_file(
    folder: Path, task: str, answerer: Answerer, form: Form, split: str, model: Path | None,
    tokens: int = 0,
) -> RecordFile:  # fmt: skip
    """Where this model's records of `task` are kept; other weights, another form or another length
    of answers, other ones."""
    name = model.resolve().name if model else digest_of(answerer.name)
    length = (f"{tokens} tokens",) if tokens else ()
    version = digest_of(fingerprint(model) if model else answerer.name, form.name, *length)
    return RecordFile(record_path(folder / task, f"{name} {split}"), version, _KEYS[task])


@dataclass(frozen=True)
class Asking:
    """Whom to ask about which modules, and how: `tokens` is the length of an answer, `draws` those
    of the bootstrap behind the intervals. What is answered goes to `file`, from where the tables of
    these modules are made."""

    file: RecordFile
    subjects: Sequence[Subject]
    answerer: Answerer
    form: Form
    tokens: int
    draws: int

    def greedy(self) -> Sampling:
        from ozma.model.generate.answer import Sampling

        return Sampling(max_tokens=self.tokens)

    def rows(self) -> list[Row]:
        """Records of these modules alone: an earlier run may have asked about more."""
        asked = {subject.hash for subject in self.subjects}
        return [row for row in self.file.rows() if row["module"] in asked]


def _sizes(ask: Asking) -> Report:
    with Worker(find_toolchain()) as worker:
        measure_sizes(ask.file, ask.subjects, ask.answerer, ask.form, ask.greedy(), worker)
    facts = size_facts(ask.rows(), ask.draws)
    return facts, render_sizes(facts)


def _emulation(ask: Asking) -> Report:
    toolchain = find_toolchain()
    known = [entry.passes for entry in load_pack(pack_path(toolchain.major)).lists]
    with Worker(toolchain) as worker:
        asked = Emulation(ask.answerer, ask.form, ask.greedy(), worker, known)
        asked.measure(ask.file, ask.subjects)
    facts = emulation_facts(ask.rows(), ask.draws)
    return facts, render_emulation(facts)


def _perplexity(ask: Asking) -> Report:
    with Worker(find_toolchain()) as worker:
        measure_perplexity(ask.file, ask.subjects, BackendScorer(ask.answerer), ask.form, worker)
    facts = perplexity_facts(ask.rows(), ask.draws)
    return facts, render_perplexity(facts)


TASKS = {"sizes": _sizes, "emulation": _emulation, "perplexity": _perplexity}
