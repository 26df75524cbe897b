"""The unit of work: a few subjects in, their rows out; the same here and on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace

from ozma.errors import OzmaError
from ozma.labels import disassembly, emulation, flags, hunt
from ozma.labels.options import DISASSEMBLY, EMULATION, FLAGS, SEARCH, LabelOptions
from ozma.labels.subjects import Subject
from ozma.llvm import TARGETS, InvalidIR, Worker, find_toolchain
from ozma.llvm.memory import load_in_place
from ozma.llvm.rewrite import Rewrite, machine_of

Chunk = tuple[Subject, ...]
Rows = list[dict]
_MOST = 200
_LABELLERS: dict[str, Callable[[Worker, Subject, LabelOptions], Rows]] = {
    FLAGS: flags.label,
    SEARCH: hunt.label,
    EMULATION: emulation.label,
    DISASSEMBLY: disassembly.label,
}
_workers: dict[tuple, Worker] = {}


def chunks_of(subjects: Iterable[Subject], options: LabelOptions) -> Iterator[Chunk]:
    """Chunks of about `options.chunk` seconds each, so that a kill loses no more than that."""
    chunk: list[Subject] = []
    seconds = 0.0
    for subject in subjects:
        cost = options.seconds_for(subject.instructions)
        if chunk and (seconds + cost > options.chunk or len(chunk) >= _MOST):
            yield tuple(chunk)
            chunk, seconds = [], 0.0
        chunk.append(subject)
        seconds += cost
    if chunk:
        yield tuple(chunk)


def label_chunk(chunk: Chunk, options: LabelOptions) -> list[tuple[str, Rows]]:
    """(hash, rows) of each subject. A function of its arguments and of LLVM's release only.

    What LLVM does not take is a row with its `problem`. OzmaError when this machine has another
    release of LLVM than the labels are made with.
    """
    worker = _worker_for(options)
    labelled = []
    for subject in chunk:
        labelled.append((subject.hash, _rows_of(worker, subject, options)))
        worker.close()  # the next module finds no trace of this one in memory
    return labelled


def _worker_for(options: LabelOptions) -> Worker:
    """One in each process; its library stays loaded, at the same place everywhere."""
    key = (options.major, options.timeout, options.memory)
    if key not in _workers:
        toolchain = find_toolchain(options.major)
        if toolchain.version != options.llvm:
            raise OzmaError(
                f"this machine has LLVM {toolchain.version}, the labels are made with "
                f"{options.llvm}",
                hint="install the same release on every machine",
            )
        load_in_place(toolchain.library)
        _workers[key] = Worker(toolchain, options.timeout, options.memory)
    return _workers[key]


def close_workers() -> None:
    """Ends the worker of this process; the next chunk starts another."""
    while _workers:
        _workers.popitem()[1].close()


def _rows_of(worker: Worker, subject: Subject, options: LabelOptions) -> Rows:
    try:
        ready = replace(subject, bitcode=fitting(worker, subject.bitcode, options))
        rows = _LABELLERS[options.task](worker, ready, options)
    except InvalidIR as error:
        rows = [{"problem": error.message[:200]}]
    return [identity(subject) | {"problem": ""} | row for row in rows]


def identity(subject: Subject) -> dict:
    """The columns that every label starts with."""
    facts = asdict(subject)
    del facts["bitcode"], facts["seeds"]
    return facts


def fitting(worker: Worker, bitcode: bytes, options: LabelOptions) -> bytes:
    """The module for the target of `options`; InvalidIR if it is for another machine."""
    machine = machine_of(worker.toolchain, TARGETS[options.target])
    loaded = worker.load(bitcode)
    worker.unload(loaded.id)
    if loaded.triple.partition("-")[0] == machine.triple.partition("-")[0]:
        return bitcode
    if not options.retarget:
        raise InvalidIR(f"made for {loaded.triple}, not for {options.target}")
    return worker.rewrite(bitcode, Rewrite(machine))
