"""Which pass did what: the list cut after each pass, and every cut measured.

A cut inside `cgscc(...)` runs what is left of that walk on all functions, so a row shows what the
list is worth up to there, not a moment inside LLVM.
"""

from __future__ import annotations

import math
import subprocess
import time
from dataclasses import dataclass, replace
from typing import Iterator

from ozma.llvm import Evaluation, Outcome, Toolchain, Worker
from ozma.llvm.pipelines import clang_pipeline
from ozma.optimize.file import Optimized
from ozma.optimize.irdiff import Diff, diff_ir
from ozma.passes.catalogue import PIPELINE_ALIASES
from ozma.passes.grammar import Pass, Pipeline, leaves, parse
from ozma.passes.tree import Path, walk

NAMED = "function(instnamer)"
"""Run before every cut: with names instead of numbers a diff shows only what a pass changed."""


@dataclass(frozen=True)
class Step:
    """The list up to one pass. `number` counts passes from 1 (0: before any), `path` is the place
    of the pass in the tree, `size` the object's bytes (None if the cut failed: see `outcome`)."""

    number: int
    name: str
    parameters: str
    path: Path
    inside: str
    outcome: Outcome
    size: int | None
    instructions: int | None
    change: int
    diff: Diff

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


@dataclass(frozen=True)
class Trace:
    """Steps that changed the optimized IR or failed, first the module before any pass.

    `measured` of `passes` cuts were made: fewer when the time for it ran out.
    """

    steps: tuple[Step, ...] = ()
    measured: int = 0
    passes: int = 0


def cuts(pipeline: Pipeline) -> Iterator[tuple[Path, Pipeline]]:
    """For each pass, outermost first: its path, and the list that ends with it, nesting kept."""
    for node in walk(pipeline):
        if node.item.is_leaf:
            yield node.path, Pipeline(_until(pipeline.passes, node.path))


def _until(items: tuple[Pass, ...], path: Path) -> tuple[Pass, ...]:
    index, deeper = path[0], path[1:]
    last = items[index]
    if deeper:
        last = replace(last, children=_until(last.children, deeper))
    return (*items[:index], last)


def expanded(passes: str, toolchain: Toolchain, bitcode: bytes) -> str:
    """`passes` with `default<Oz>` and its like written out as opt does for this very module."""
    if not any(leaf.name in PIPELINE_ALIASES for leaf in leaves(parse(passes))):
        return passes
    command = [toolchain.tool("opt"), f"-passes={passes}", "-print-pipeline-passes"]
    done = subprocess.run([*command, "-disable-output"], input=bitcode, capture_output=True)
    text = done.stdout.decode().strip().removesuffix(",verify")
    return text if done.returncode == 0 and text else passes


def _list_to_trace(one: Optimized, module: int, worker: Worker) -> Pipeline:
    """What made the object: the chosen list, or clang's; written out if that gives the same IR.

    LLVM does not print all of its own pipelines since release 21.
    """
    toolchain = worker.toolchain
    passes = one.passes or clang_pipeline(toolchain, one.config.level)
    text = expanded(passes, toolchain, one.bitcode)
    if text != passes:
        short, long = (worker.evaluate(module, each) for each in (passes, text))
        if short.ir_hash != long.ir_hash:
            return parse(passes)
    return parse(text)


def trace(one: Optimized, worker: Worker, seconds: float | None = None) -> Trace:
    """One evaluation per pass of the list, for at most about `seconds`.

    `worker` must have been started with the switches of `one.config`.
    """
    words = one.config.clang_args
    loaded = worker.load(
        one.bitcode,
        function_sections="-ffunction-sections" in words,
        data_sections="-fdata-sections" in words,
    )
    try:
        return _traced(_list_to_trace(one, loaded.id, worker), loaded.id, worker, seconds)
    finally:
        worker.unload(loaded.id)


def _traced(pipeline: Pipeline, module: int, worker: Worker, seconds: float | None) -> Trace:
    end = math.inf if seconds is None else time.monotonic() + seconds
    before = worker.evaluate(module, NAMED, want=("ir",))
    steps, number = [_step(0, (), pipeline, before, None)], 0
    for number, (path, cut) in enumerate(cuts(pipeline), 1):
        if not before.ok or time.monotonic() > end:
            number -= 1
            break
        after = worker.evaluate(module, f"{NAMED},{cut}", want=("ir",))
        if after.ok and after.ir_hash == before.ir_hash:
            continue
        steps.append(_step(number, path, pipeline, after, before))
        before = after if after.ok else before
    return Trace(tuple(steps), number, len(pipeline))


def _step(
    number: int, path: Path, pipeline: Pipeline, after: Evaluation, before: Evaluation | None
) -> Step:
    *around, item = _chain(pipeline, path) or [Pass("before-any-pass")]
    size = after.sizes.total if after.sizes else None
    comparable = size is not None and before is not None and before.sizes is not None
    return Step(
        number=number,
        name=item.name,
        parameters=";".join(item.params),
        path=path,
        inside=" › ".join(parent.head for parent in around),
        outcome=after.outcome,
        size=size,
        instructions=after.instructions,
        change=size - before.sizes.total if comparable else 0,
        diff=diff_ir(before.ir, after.ir) if before and before.ir and after.ir else Diff(),
    )


def _chain(pipeline: Pipeline, path: Path) -> list[Pass]:
    """The element at `path` with all that it stands in, outermost first."""
    found, items = [], pipeline.passes
    for index in path:
        found.append(items[index])
        items = items[index].children or ()
    return found
