"""The chooser that `ozma cc` uses: the shipped lists, or those of a file, each measured."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from ozma.errors import OzmaError
from ozma.llvm.worker import Worker
from ozma.optimize.cc.config import CompilerConfig
from ozma.optimize.cc.unit import Chosen, Problem

SHIPPED = Path(__file__).parents[1] / "data"


def lists_file(config: CompilerConfig, major: int) -> Path:
    return config.lists or SHIPPED / f"pack-{major}.json"


def lists_hash(config: CompilerConfig, version: str) -> str:
    path = lists_file(config, int(version.partition(".")[0]))
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise OzmaError(f"pass lists cannot be read: {error}") from error


def choose_from_lists(problem: Problem) -> Chosen:
    pack = json.loads(lists_file(problem.config, problem.toolchain.major).read_text())
    lists = [entry["passes"] for entry in pack["lists"]][: problem.config.budget]
    deadline, best, tried = time.monotonic() + problem.config.seconds, None, 0
    with Worker(problem.toolchain) as worker:
        module = worker.load(problem.bitcode)
        for passes in lists:
            if time.monotonic() > deadline:
                break
            result, tried = worker.evaluate(module.id, passes, ("bitcode",)), tried + 1
            if result.ok and (best is None or result.sizes.rank < best.sizes.rank):
                best = result
    if best is None:
        return Chosen(compiles=tried)
    return Chosen(best.passes, best.bitcode, tried, "not checked")
