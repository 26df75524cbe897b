"""Disassembly's speed: a compile in process against `llc` and `clang` as processes, functions a
minute, time by size, memory.

    python bench/disassembly_speed.py --corpus CORPUS --count 60 --budget 2s -j 2

Prints one JSON object. Processor time is that of all processes; only `functions_a_minute` is by the
clock, and needs a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean, median

from ozma.corpus.split import SPLITS, VALIDATION
from ozma.errors import OzmaError
from ozma.evaluate.disassembly_set import LEVELS, Truth, truths
from ozma.evaluate.disassembly_tables import BINS, growth
from ozma.lift.answers import AnswerOptions, Job, answer_all
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import Toolchain, find_toolchain
from ozma.search.budget import Budget


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--level", choices=tuple(LEVELS), default="Oz")
    parser.add_argument("--target", choices=("x86-64", "aarch64"), default="x86-64")
    parser.add_argument("--split", choices=SPLITS, default=VALIDATION)
    parser.add_argument("--budget", default="2s")
    parser.add_argument("--ranked", action="store_true", help="with the ranker")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    return parser


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        found = list(islice(truths(options.corpus, options.level, options.target, options.split), options.count))
        facts = {"functions": len(found), "compile": _compiles(find_toolchain(), found), "answers": _answers(found, options)}
    except OzmaError as error:
        print(f"bench/disassembly_speed.py: error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(facts, indent=1))
    return 0


def _compiles(toolchain: Toolchain, found: Sequence[Truth]) -> dict[str, dict[str, float]]:
    """Processor seconds of one compile of IR text to assembly text."""
    with Compiler(toolchain) as compiler, tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        compiler.compile(found[0].ir)
        path = Path(folder) / "f.ll"
        llc = [toolchain.tool("llc"), "-relocation-model=pic", path, "-o", "-"]
        clang = [toolchain.tool("clang"), "-S", "-Oz", "-Xclang", "-disable-llvm-passes", path, "-o", "-"]
        ways: dict[str, Callable[[], object]] = {
            "in process": lambda: compiler.compile(path.read_text()),
            "llc": lambda: _run(llc),
            "clang": lambda: _run(clang),
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for truth in found:
            path.write_text(truth.ir)
            for name, way in ways.items():
                before = compiler.processor_seconds() + _children()
                way()
                spent[name].append(compiler.processor_seconds() + _children() - before)
    base = mean(spent["in process"])
    return {
        name: {"mean": mean(times), "median": median(times), "times_in_process": mean(times) / base}
        for name, times in spent.items()
    }


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _children() -> float:
    """Of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _answers(found: Sequence[Truth], options: argparse.Namespace) -> dict[str, object]:
    settings = AnswerOptions(options.target, 24, budget=Budget.parse(options.budget), ranked=options.ranked)
    sizes = {truth.symbol: truth.instructions for truth in found}
    jobs = [Job(truth.assembly, truth.symbol, settings, whole=True) for truth in found]
    started, rows = time.monotonic(), []
    peak = 0
    for job, answer in answer_all(jobs, options.jobs):
        rows.append({"instructions": sizes[job.function], "seconds": answer.processor_seconds, "compiles": answer.compiles, "exact": answer.exact})
        peak = max(peak, _tree_memory(os.getpid()))
    seconds = time.monotonic() - started
    return {
        "identical": mean(row["exact"] for row in rows),
        "functions_a_minute": 60 * len(rows) / seconds,
        "processes": options.jobs,
        "processor_seconds": mean(row["seconds"] for row in rows),
        "seconds_by_size": [_bin(rows, low, high) for low, high in BINS],
        "growth": growth(rows),
        "memory_of_all_processes": peak,
    }


def _bin(rows: Sequence[dict], low: int, high: int) -> dict[str, float]:
    here = [row for row in rows if low <= row["instructions"] < high]
    return {
        "from": low, "functions": len(here),
        "seconds": mean(row["seconds"] for row in here) if here else 0.0,
        "compiles": mean(row["compiles"] for row in here) if here else 0.0,
    }  # fmt: skip


def _tree_memory(pid: int) -> int:
    """Bytes held by a process and all below it, now; shared pages count once for each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError, ValueError):
        return 0
    return pages * resource.getpagesize() + sum(_tree_memory(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
