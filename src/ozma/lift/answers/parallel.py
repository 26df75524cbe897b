"""Answers for many functions, by several processes; no death of one ends the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ozma.corpus.crew import Crew
from ozma.lift.answers.answer import Answer, Answerer, Verdict
from ozma.lift.answers.attempt import AnswerOptions, Proposer
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import Toolchain, find_toolchain

_PATIENCE = 120.0
"""Seconds on the clock for one function, and 20 more for each second of its budget."""


@dataclass(frozen=True)
class Job:
    """One function of a text. `whole`: the text holds nothing else. `inputs` is 0 where behaviour
    is not to be checked. `model`: folder of a language model whose answer enters too. `mark` comes
    back with the answer."""

    assembly: str
    function: str
    options: AnswerOptions
    whole: bool = False
    inputs: int = 10
    llvm: int | None = None
    model: Path | None = None
    mark: Any = None


_tools: dict[tuple, tuple[Compiler, EmulatorCheck | None, tuple[Proposer, ...]]] = {}


def answer_job(job: Job) -> Answer:
    """The answer of one job, with this process's own compiler and emulator."""
    key = job.llvm, job.options.target, job.inputs, job.model
    if key not in _tools:
        toolchain = find_toolchain(job.llvm)
        check = EmulatorCheck(toolchain, job.options.target, job.inputs) if job.inputs else None
        _tools[key] = Compiler(toolchain), check, _proposers(job, toolchain)
    compiler, check, proposers = _tools[key]
    answerer = Answerer(compiler, job.options, check, proposers)
    return answerer.answer(job.assembly, job.function, job.whole)


def _proposers(job: Job, toolchain: Toolchain) -> tuple[Proposer, ...]:
    if job.model is None:
        return ()
    from ozma.lift.searching.model_proposer import ModelProposer

    return (ModelProposer(toolchain, job.options.target, job.model),)


def close_tools() -> None:
    """Ends the processes that `answer_job` started here."""
    for compiler, check, _ in _tools.values():
        compiler.close()
        if check:
            check.close()
    _tools.clear()


def answer_all(jobs: Iterable[Job], processes: int = 1) -> Iterator[tuple[Job, Answer]]:
    """Each job with its answer, as they come; in order with one process."""
    if processes == 1:
        try:
            for job in jobs:
                yield job, answer_job(job)
        finally:
            close_tools()
        return
    crew = Crew(answer_job, processes, _PATIENCE)
    for finished in crew.run(iter(jobs)):
        if finished is not None:
            lost = Answer(finished.task.function, Verdict.FAILED, reason=finished.problem)
            yield finished.task, finished.result or lost
