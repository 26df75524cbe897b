"""Corpus and flag labels -> tokens on disk, once; every training reads these only.

Train and validation splits only: nothing of the test split is read.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ozma.corpus.parquet import read_columns, table_path
from ozma.corpus.split import TRAIN, VALIDATION
from ozma.errors import OzmaError
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import FLAGS
from ozma.labels.subjects import Choice, Chosen, choose, load_subjects
from ozma.llvm import Worker, find_toolchain
from ozma.llvm.pipelines import clang_pipeline
from ozma.model.list_tokens import ListTokens, with_lists, write_lists
from ozma.model.tokenizer import BOS, EOS, Tokenizer
from ozma.model.training.examples import Example, ExampleMaker, ExampleOptions
from ozma.model.training.shards import ShardWriter
from ozma.tasks.question import write_question

DATA_JSON, TOKENIZER_JSON, COMMANDS = "data.json", "tokenizer.json", "commands.txt"
_COLUMNS = ["hash", "problem", "base_total", "base_instructions", "totals", "counts"]


@dataclass(frozen=True)
class PrepareOptions:
    """`window`: longer documents are left out, in tokens. `functions` are taken of a project at
    most, those with labels first; `largest` in IR instructions. A function of fewer than `least`
    gives no flags document: those below 30 hold 2 % of what can be saved. `labels` names the set of
    flag labels, "" takes the only one. With `list_tokens` each list is one token (list_tokens.py).
    `timeout` is seconds of processor time for one evaluation."""

    examples: ExampleOptions = field(default_factory=ExampleOptions)
    window: int = 4096
    functions: int = 200
    largest: int = 2500
    labels: str = ""
    list_tokens: bool = True
    timeout: float = 10.0
    jobs: int = 1
    least: int = 0

    def __post_init__(self) -> None:
        for name in ("window", "functions", "largest", "timeout", "jobs"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")


@dataclass(frozen=True)
class Tokenized:
    """One tokenized example."""

    split: str
    task: str
    tokens: list[int]
    prompt: int
    tables: dict[str, Sequence[int]]


@dataclass(frozen=True)
class Job:
    """All that a process needs to make a project's documents. `major`: the LLVM release of the
    labels, None without labels."""

    out: Path
    labels: Path | None
    lists: tuple[str, ...]
    first: int
    tokenizer_json: str
    options: PrepareOptions
    chosen: Chosen
    major: int | None


def prepare(
    out: Path, data: Path, tokenizer: Tokenizer, options: PrepareOptions
) -> Iterator[Counter]:
    """Writes DATA; yields the counts so far after each project. `data` must be new or empty.

    Without flag labels there is no flags stage. OzmaError if corpus or labels cannot be read.
    """
    if data.exists() and any(data.iterdir()):
        raise OzmaError(f"{data} is not empty", hint="give a new folder")
    labels = _flag_labels(out, options.labels)
    lists = _lists_of(labels)
    tokens = lists if options.list_tokens else ()
    text, first = with_lists(tokenizer.json_text, tokens)
    folder, major = (labels.folder, labels.options.major) if labels else (None, None)
    jobs = [
        Job(out, folder, lists, first, text, options, chosen, major)
        for chosen in _chosen(out, labels, options)
    ]
    part = data.with_name(f".{data.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    counts: Counter = Counter()
    for counts in _write_documents(part, jobs, options.jobs):
        yield counts
    (part / TOKENIZER_JSON).write_text(text, "utf-8")
    if tokens:
        write_lists(part, tokens, first)
    write_question(part, options.examples.question)
    facts = _facts(options, lists, labels, counts)
    (part / DATA_JSON).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    if data.exists():
        data.rmdir()
    part.replace(data)


def _flag_labels(out: Path, name: str) -> LabelSet | None:
    found = [one for one in label_sets(out) if one.options.task == FLAGS]
    if name:
        found = [one for one in found if one.folder.name == name]
        if not found:
            raise OzmaError(f"{out} has no flag labels '{name}'", hint="see OUT/labels")
    if len(found) > 1:
        names = ", ".join(one.folder.name for one in found)
        raise OzmaError(f"several sets of flag labels: {names}", hint="choose one with --labels")
    return found[0] if found else None


def _lists_of(labels: LabelSet | None) -> tuple[str, ...]:
    """clang's own pipeline, then the lists of the labels: the order of `sizes` in a shard."""
    if labels is None:
        return ()
    return (clang_pipeline(find_toolchain(labels.options.major)), *labels.options.lists)


def _chosen(out: Path, labels: LabelSet | None, options: PrepareOptions) -> list[Chosen]:
    """Functions of each project, those with labels first, the others in the order of their hash."""
    choice = Choice(splits=(TRAIN, VALIDATION), largest=options.largest)
    return [_limited(one, labels, options.functions) for one in choose(out, choice)]


def _limited(chosen: Chosen, labels: LabelSet | None, most: int) -> Chosen:
    known = _labelled(labels.folder if labels else None, chosen.project)
    rows = {
        kind: sorted(places, key=lambda place: (place[1] not in known, place[1]))[:most]
        for kind, places in chosen.rows.items()
    }
    return Chosen(chosen.project, rows)


def _labelled(folder: Path | None, project: str) -> dict[str, dict]:
    """hash -> row of a project's flag labels; empty while it is not labelled."""
    if folder is None or not table_path(folder, project).exists():
        return {}
    rows = read_columns(table_path(folder, project), _COLUMNS).to_pylist()
    return {row["hash"]: row for row in rows if not row["problem"]}


def _write_documents(folder: Path, jobs: Sequence[Job], processes: int) -> Iterator[Counter]:
    """Documents in the order of `jobs`, whatever process made them."""
    writers: dict[tuple[str, str], ShardWriter] = {}
    counts = Counter({"of projects": len(jobs)})
    for documents, skipped in _made(jobs, processes):
        for one in documents:
            key = (one.split, one.task)
            if key not in writers:
                writers[key] = ShardWriter(folder / one.split / one.task)
            writers[key].add(one.tokens, one.prompt, **one.tables)
            counts[f"{one.split} {one.task} documents"] += 1
            counts[f"{one.split} {one.task} tokens"] += len(one.tokens)
        counts.update({f"skipped: {reason}": number for reason, number in skipped.items()})
        counts["projects"] += 1
        yield counts
    for writer in writers.values():
        writer.flush()


def _made(jobs: Sequence[Job], processes: int) -> Iterator[tuple[list[Tokenized], dict[str, int]]]:
    if processes == 1:
        yield from map(project_documents, jobs)
        return
    with ProcessPoolExecutor(processes, get_context("forkserver")) as pool:
        yield from pool.map(project_documents, jobs)


def project_documents(job: Job) -> tuple[list[Tokenized], dict[str, int]]:
    """All documents of a project, and how many were left out, by reason."""
    tokens = job.lists if job.options.list_tokens else ()
    tokenizer = ListTokens(Tokenizer(job.tokenizer_json), tokens, job.first)
    labelled = _labelled(job.labels, job.chosen.project)
    splits = {digest: split for rows in job.chosen.rows.values() for _, digest, split in rows}
    documents: list[Tokenized] = []
    skipped: Counter = Counter()
    with Worker(find_toolchain(job.major), job.options.timeout) as worker:
        maker = ExampleMaker(worker, job.options.examples, job.lists)
        for subject in load_subjects(job.out, job.chosen):
            known = subject.instructions >= job.options.least
            for example in maker.of(subject, labelled.get(subject.hash) if known else None):
                one = _tokenized(tokenizer, splits[subject.hash], example)
                if len(one.tokens) <= job.options.window:
                    documents.append(one)
                else:
                    skipped[f"longer than the window, {example.task}"] += 1
        skipped.update(maker.skipped)
    return documents, dict(skipped)


def _tokenized(tokenizer: ListTokens, split: str, example: Example) -> Tokenized:
    """Begins with bos; ends with eos unless the answer is still to be drawn."""
    prompt = [BOS, *tokenizer.encode(example.prompt)]
    if example.task == FLAGS:
        return Tokenized(split, example.task, prompt, len(prompt), example.tables)
    tokens = [*prompt, *tokenizer.encode(example.answer), EOS]
    return Tokenized(split, example.task, tokens, len(prompt), {})


def _facts(
    options: PrepareOptions, lists: Sequence[str], labels: LabelSet | None, counts: Counter
) -> dict[str, Any]:
    """What data.json says: how the data were made, and how much there is."""
    made = labels.options if labels else None
    return {
        "options": asdict(options),
        "lists": list(lists),
        "labels": labels.folder.name if labels else None,
        "llvm": made.llvm if made else find_toolchain().version,
        "counts": dict(sorted(counts.items())),
    }
