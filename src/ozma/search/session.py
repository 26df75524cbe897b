"""Tuning many modules at once: one process per core, each with its own worker and record files."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import random
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from ozma.errors import OzmaError
from ozma.llvm import InvalidIR, Toolchain, Worker
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.passes import Pipeline, complete, crossover, mutate, parse
from ozma.search.budget import Budget
from ozma.search.genetic import Genetic
from ozma.search.records import Record, RecordStore
from ozma.search.strategy import RandomLists, StaticLists, Strategy
from ozma.search.tune import OtherModule, Subject, Tuner

STRATEGIES = ("genetic", "random", "static")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class TuneConfig:
    """Settings of a search. `lists` start the genetic search, or are all that `static` tries;
    `switches` are back-end options for every evaluation; `seed` makes a run repeatable."""

    records: Path
    budget: Budget = Budget(1000)
    strategy: str = "genetic"
    lists: tuple[str, ...] = ()
    level: str = "-Oz"
    target: str = "x86-64"
    switches: tuple[str, ...] = ()
    timeout: float = 20.0
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy is '{self.strategy}': give one of {', '.join(STRATEGIES)}")
        if self.jobs < 1:
            raise ValueError(f"jobs is {self.jobs}: give at least 1")
        if self.timeout <= 0:
            raise ValueError(f"timeout is {self.timeout:g} s: give a time above 0")


@dataclass(frozen=True)
class Tuned:
    """What a search found for one module; `problem` says why there is nothing."""

    module: str
    baseline: Record | None = None
    best: Record | None = None
    evaluated: int = 0
    restarts: int = 0
    problem: str = ""


def make_strategy(config: TuneConfig, module: str, toolchain: Toolchain) -> Strategy:
    """The configured strategy, seeded by the module's name so that every module differs."""
    seed = int(hashlib.sha256(f"{config.seed}:{module}".encode()).hexdigest()[:12], 16)
    base = clang_pipeline(toolchain, config.level)
    catalogue = catalogue_of(toolchain)
    if config.strategy == "random":
        return RandomLists(seed, catalogue, base)
    if config.strategy == "static":
        return StaticLists(map(parse, config.lists))
    first = [parse(base), *map(parse, config.lists)]

    def change(rng: random.Random, pipeline: Pipeline) -> Pipeline:
        return complete(mutate(rng, pipeline, catalogue))

    def cross(rng: random.Random, one: Pipeline, other: Pipeline) -> Pipeline:
        return complete(crossover(rng, one, other))

    return Genetic(seed, first, change, cross)


def tune_module(
    worker: Worker, module: str, bitcode: bytes, config: TuneConfig, store: RecordStore
) -> Tuned:
    """One module within the budget; what the store holds already is not computed again."""
    try:
        loaded = worker.load(bitcode)
    except InvalidIR as error:
        return Tuned(module, problem=error.message)
    try:
        base = clang_pipeline(worker.toolchain, config.level)
        try:
            tuner = Tuner(worker, Subject(module, loaded, base, config.target), store)
        except OtherModule as error:
            return Tuned(module, problem=str(error))
        if tuner.baseline.rank is None:
            return Tuned(module, tuner.baseline, problem=f"baseline {tuner.baseline.outcome}")
        best = tuner.run(make_strategy(config, module, worker.toolchain), config.budget)
        return Tuned(module, tuner.baseline, best, tuner.evaluated, worker.restarts)
    finally:
        worker.unload(loaded.id)


_state: dict[str, object] = {}


def _prepare(toolchain: Toolchain, config: TuneConfig, parent: int) -> None:
    """In each process of the pool: ends with its parent, keeps one worker warm."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once: its records are safe
    _state["config"] = config
    _state["store"] = RecordStore(config.records)
    _state["worker"] = Worker(toolchain, timeout=config.timeout, options=config.switches)


def _tune_one(module: str, bitcode: bytes) -> Tuned:
    return tune_module(_state["worker"], module, bitcode, _state["config"], _state["store"])


def tune_modules(
    toolchain: Toolchain, modules: Sequence[tuple[str, bytes]], config: TuneConfig
) -> Iterator[Tuned]:
    """Tunes (name, bitcode) pairs on `config.jobs` processes; yields results as they come.

    Everything found is in the record store at once: a killed run goes on where it was.
    """
    RecordStore(config.records)  # a folder that cannot be made fails here, before any process
    pool = ProcessPoolExecutor(
        min(config.jobs, max(1, len(modules))),
        multiprocessing.get_context("fork"),
        _prepare,
        (toolchain, config, os.getpid()),
    )
    try:
        jobs = [pool.submit(_tune_one, name, bitcode) for name, bitcode in modules]
        for job in as_completed(jobs):
            yield job.result()
    except BrokenProcessPool:
        raise OzmaError(
            "a search process was killed",
            hint="run the same command again: it goes on from the records",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
