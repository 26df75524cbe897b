"""Disassembly measured: each row of the table is a way to answer, on the same functions.

Every function counts, those that fail as zero. Records are append-only, one file for each row, and
the same call goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ozma import lift
from ozma.corpus.crew import Crew
from ozma.corpus.split import TEST
from ozma.evaluate.disassembly_set import LEVELS, Truth, truths
from ozma.evaluate.disassembly_ways import Way, check_proposer, make_proposer
from ozma.evaluate.records import RecordFile, Row, record_path
from ozma.lift.answers import Answer, Answerer, Verdict
from ozma.lift.asm.lines import strict_lines
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.emulator.signature import read_signatures
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import find_toolchain
from ozma.tasks.assembly import code_lines
from ozma.tasks.bleu import assembly_bleu

KEY = ("hash",)
_PATIENCE = 300.0
_BATCH = 20


@dataclass(frozen=True)
class Plan:
    """What is measured: which functions at which level for which machine, answered in which way.

    `index`: folder of indexes for rows that look answers up (retrieval_index.py).
    """

    corpus: Path
    level: str
    target: str
    way: Way
    count: int
    split: str = TEST
    inputs: int = 10
    index: Path | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is '{self.level}': give one of {', '.join(LEVELS)}")
        if self.target not in ("x86-64", "aarch64"):
            raise ValueError(f"target is '{self.target}': give x86-64 or aarch64")
        if self.count < 1:
            raise ValueError(f"count is {self.count}: it must be at least 1")

    def folder(self, out: Path) -> Path:
        return out / f"{self.target}-{self.level}-{self.split}"


def measure(plan: Plan, out: Path, version: str = "", processes: int = 1) -> Iterator[Row]:
    """Appends a record for each function that has none yet, and yields it.

    `version` of the lifter: records of another one stay in the file and do not count.
    """
    for name in plan.way.proposers:
        check_proposer(name, plan.target, plan.level, plan.index)
    file = RecordFile(record_path(plan.folder(out), plan.way.name), version, KEY)
    found = islice(truths(plan.corpus, plan.level, plan.target, plan.split), plan.count)
    tasks = (_Task(truth, plan) for truth in found if (truth.hash,) not in file)
    waiting: list[Row] = []
    for row in _rows(tasks, processes):
        waiting.append(row)
        if len(waiting) >= _BATCH:
            file.append(waiting)
            waiting = []
        yield row
    file.append(waiting)


def lifter_version() -> str:
    """Digest of the code that makes answers: records of another one are not mixed with its own."""
    folder = Path(lift.__file__).parent
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.json")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Task:
    truth: Truth
    plan: Plan


def _rows(tasks: Iterable[_Task], processes: int) -> Iterator[Row]:
    if processes == 1:
        yield from map(evaluate_task, tasks)
        return
    for finished in Crew(evaluate_task, processes, _PATIENCE).run(iter(tasks)):
        if finished is not None:
            lost = Answer(finished.task.truth.symbol, Verdict.FAILED, reason=finished.problem)
            yield finished.result or _record(finished.task, lost, "")


_tools: dict[tuple, tuple[Answerer, EmulatorCheck]] = {}


def evaluate_task(task: _Task) -> Row:
    """The record of one function, made with this process's own compiler and emulator."""
    plan = task.plan
    key = plan.target, plan.level, plan.way, plan.inputs, plan.index
    if key not in _tools:
        toolchain = find_toolchain()
        check = EmulatorCheck(toolchain, plan.target, plan.inputs)
        proposers = tuple(
            make_proposer(name, toolchain, plan.target, plan.level, plan.index)
            for name in plan.way.proposers
        )
        options = plan.way.options(plan.target)
        _tools[key] = Answerer(Compiler(toolchain), options, check, proposers), check
    answerer, check = _tools[key]
    answer = answerer.answer(task.truth.assembly, task.truth.symbol, whole=True)
    if plan.way.identical_only and not answer.exact:
        answer = replace(
            answer, verdict=Verdict.FAILED, ir="", assembly="", lines=None, bleu=0.0,
            reason="not identical",
        )  # fmt: skip
    return _record(task, answer, _true_behaviour(task, answer, check))


def _true_behaviour(task: _Task, answer: Answer, check: EmulatorCheck) -> str:
    """Run again as its source says it is called, which the answer could only guess."""
    if answer.exact or not answer.ir:
        return "same" if answer.exact else ""
    truth = task.truth
    signatures = read_signatures(find_toolchain(), truth.ir)
    shown = check(truth.assembly, truth.symbol, answer.ir, answer.assembly, signatures)
    return {True: "same", False: "differs", None: "could not run"}[shown.same]


def _record(task: _Task, answer: Answer, behaviour: str) -> Row:
    truth, plan = task.truth, task.plan
    reference = _text(truth.assembly, plan.target)
    ours = _text(answer.assembly, plan.target)
    tokens, words = assembly_bleu(ours, reference) if answer.assembly else (0.0, 0.0)
    return {
        "hash": truth.hash, "project": truth.project, "symbol": truth.symbol,
        "language": truth.language, "near": truth.near, "fits": truth.fits,
        "instructions": truth.instructions, "way": plan.way.name, "level": plan.level,
        "target": plan.target, "llvm": find_toolchain().version,
        "lowered": bool(answer.assembly), "exact": answer.exact, "strict": answer.strict,
        "lines": answer.lines, "bleu": round(tokens, 6), "bleu_words": round(words, 6),
        "confidence": round(answer.bleu, 6), "verdict": answer.verdict.value,
        "inputs": answer.inputs, "behaviour": behaviour, "source": answer.source,
        "flags": list(answer.flags), "edits": list(answer.edits),
        "decisions": [list(pair) for pair in answer.decisions], "compiles": answer.compiles,
        "seconds": round(answer.processor_seconds, 4), "memory": _peak_memory(),
        "reason": str(answer.refusal or answer.reason)[:200],
    }  # fmt: skip


def _peak_memory() -> int:
    """Bytes that this process held at most, so far; LLVM's worker is another one."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _text(assembly: str, target: str) -> str:
    return "\n".join(strict_lines(code_lines(assembly, target)))
