"""Disassembly: assembly at four levels -> the IR that it was lowered from."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.labels.emulation import text_hash
from ozma.labels.options import LabelOptions
from ozma.labels.subjects import Subject
from ozma.llvm import Evaluation, Worker
from ozma.llvm.pipelines import clang_pipeline
from ozma.llvm.rewrite import Rewrite

_WANT = ("ir", "assembly")


@dataclass(frozen=True)
class Level:
    """How clang compiles at a level: its back end's own level (`codegen`), whether passes run
    before that, and whether functions ask for small code."""

    name: str
    codegen: int
    optimizes: bool = True
    for_size: bool = False


LEVELS = (
    Level("-O0", 0, optimizes=False),
    Level("-O1", 1),
    Level("-O2", 2),
    Level("-Oz", 2, for_size=True),
)


def label(worker: Worker, subject: Subject, options: LabelOptions) -> list[dict]:
    """A row for each level."""
    return [
        {"level": level.name} | _facts(lower(worker, subject.bitcode, level)) for level in LEVELS
    ]


def lower(worker: Worker, bitcode: bytes, level: Level) -> Evaluation:
    """Both texts of a module at one level. InvalidIR if LLVM does not take the module.

    The front end ran at -Oz. Below that its request for small code is taken out, so what differs
    from clang at that level are lifetime markers at -O0, and `noinline optnone` there.
    """
    if not level.for_size:
        bitcode = worker.rewrite(bitcode, Rewrite(size_attributes=False))
    loaded = worker.load(bitcode, codegen=level.codegen)
    try:
        passes = clang_pipeline(worker.toolchain, level.name) if level.optimizes else ""
        return worker.evaluate(loaded.id, passes, _WANT)
    finally:
        worker.unload(loaded.id)


def _facts(found: Evaluation) -> dict:
    return {
        "outcome": found.outcome.value,
        "ir_instructions": found.instructions,
        "total": found.sizes.total if found.sizes else None,
        "ir_characters": len(found.ir) if found.ir else None,
        "assembly_characters": len(found.assembly) if found.assembly else None,
        "ir_hash": text_hash(found.ir) if found.ir else None,
        "assembly_hash": text_hash(found.assembly) if found.assembly else None,
        "message": found.message[:120],
    }
