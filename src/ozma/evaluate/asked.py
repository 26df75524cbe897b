"""What `ozma evaluate` does with one model: sizes, emulation and perplexity."""

from __future__ import annotations

from collections.abc import Iterable
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
from ozma.evaluate.records import RecordFile, record_path
from ozma.evaluate.sizes import measure_sizes, render_sizes, size_facts
from ozma.labels.subjects import Subject
from ozma.llvm import Worker, find_toolchain
from ozma.optimize.pack import load_pack, pack_path

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling

__all__ = ["PLAIN", "SHORT", "TASKS", "load_answerer", "record_file", "some_subjects"]
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
    folder: Path, task: str, answerer: Answerer, form: Form, split: str, model: Path | None
) -> RecordFile:
    """Where this model's records of `task` are kept; other weights or another form, other ones."""
    name = model.resolve().name if model else digest_of(answerer.name)
    version = digest_of(fingerprint(model) if model else answerer.name, form.name)
    return RecordFile(record_path(folder / task, f"{name} {split}"), version, _KEYS[task])


def _sizes(
    file: RecordFile,
    subjects: Iterable[Subject],
    answerer: Answerer,
    form: Form,
    tokens: int,
    draws: int,
) -> Report:
    with Worker(find_toolchain()) as worker:
        measure_sizes(file, subjects, answerer, form, _greedy(tokens), worker)
    facts = size_facts(file.rows(), draws)
    return facts, render_sizes(facts)


def _emulation(
    file: RecordFile,
    subjects: Iterable[Subject],
    answerer: Answerer,
    form: Form,
    tokens: int,
    draws: int,
) -> Report:
    toolchain = find_toolchain()
    known = [entry.passes for entry in load_pack(pack_path(toolchain.major)).lists]
    with Worker(toolchain) as worker:
        Emulation(answerer, form, _greedy(tokens), worker, known).measure(file, subjects)
    facts = emulation_facts(file.rows(), draws)
    return facts, render_emulation(facts)


def _perplexity(
    file: RecordFile,
    subjects: Iterable[Subject],
    answerer: Answerer,
    form: Form,
    tokens: int,
    draws: int,
) -> Report:
    with Worker(find_toolchain()) as worker:
        measure_perplexity(file, subjects, BackendScorer(answerer), form, worker)
    facts = perplexity_facts(file.rows(), draws)
    return facts, render_perplexity(facts)


def _greedy(tokens: int) -> Sampling:
    from ozma.model.generate.answer import Sampling

    return Sampling(max_tokens=tokens)


TASKS = {"sizes": _sizes, "emulation": _emulation, "perplexity": _perplexity}
