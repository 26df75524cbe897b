"""Processor time of one label evaluation, by size: batched, one by one, and `opt | llc` as processes.

    python bench/labels.py CORPUS [--count N] [--lists N]

Processor time and not the clock, of this process and of its children, so that a busy machine does
not change the figures much. All three run the same lists of the shipped pack on the same modules.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ozma.labels.subjects import KINDS, Choice, Subject, choose, load_subjects
from ozma.llvm import Toolchain, Worker, find_toolchain
from ozma.llvm.child import spent_by
from ozma.optimize.pack import load_pack, pack_path

CLASSES = ((0, 10), (10, 30), (30, 100), (100, 300), (300, 1_000), (1_000, 3_000))
"""Modules by IR instructions before any pass."""


def spent(worker: Worker) -> float:
    """Processor time of this process, its worker, and all ended children."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in (own, ended)) + spent_by(worker.pid)


def batched(worker: Worker, subject: Subject, lists: list[str]) -> None:
    loaded = worker.load(subject.bitcode)
    worker.evaluate_many(loaded.id, lists, ("functions",))
    worker.unload(loaded.id)


def single(worker: Worker, subject: Subject, lists: list[str]) -> None:
    loaded = worker.load(subject.bitcode)
    for passes in lists:
        worker.evaluate(loaded.id, passes, ("functions",))
    worker.unload(loaded.id)


def processes(toolchain: Toolchain, subject: Subject, lists: list[str], folder: Path) -> None:
    source, output = folder / "in.bc", folder / "out.o"
    source.write_bytes(subject.bitcode)
    opt, llc, size = (str(toolchain.tool(name)) for name in ("opt", "llc", "llvm-size"))
    for passes in lists:
        optimized = subprocess.run([opt, f"-passes={passes}", source], capture_output=True).stdout
        words = [llc, "-relocation-model=pic", "-filetype=obj", "-o", str(output)]
        subprocess.run(words, input=optimized, capture_output=True)
        subprocess.run([size, "-A", str(output)], capture_output=True)


def sample(corpus: Path, count: int) -> dict[tuple[int, int], list[Subject]]:
    """Up to `count` modules of each size class, from as many projects as possible."""
    found: dict[tuple[int, int], list[Subject]] = {span: [] for span in CLASSES}
    for chosen in choose(corpus, Choice(KINDS, largest=CLASSES[-1][1])):
        taken = set()
        for subject in load_subjects(corpus, chosen):
            span = next((s for s in CLASSES if s[0] <= subject.instructions < s[1]), None)
            if span and span not in taken and len(found[span]) < count:
                taken.add(span)
                found[span].append(subject)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--count", type=int, default=4, help="modules of each size class (default 4)")
    parser.add_argument("--lists", type=int, default=10, help="lists on each (default 10)")
    options = parser.parse_args(arguments)
    toolchain = find_toolchain()
    lists = [entry.passes for entry in load_pack(pack_path(toolchain.major)).lists][: options.lists]
    print(f"{'IR instructions':<16}{'modules':>8}{'batch ms':>10}{'single ms':>10}{'opt|llc ms':>11}{'batch/s':>9}{'ratio':>7}")
    with Worker(toolchain) as worker, tempfile.TemporaryDirectory() as scratch:
        ways: list[Callable] = [
            lambda subject: batched(worker, subject, lists),
            lambda subject: single(worker, subject, lists),
            lambda subject: processes(toolchain, subject, lists, Path(scratch)),
        ]
        for (low, high), subjects in sample(options.corpus, options.count).items():
            if subjects:
                batched(worker, subjects[0], lists[:1])
                row = [_milliseconds(worker, way, subjects, len(lists)) for way in ways]
                print(f"{low:>6,}-{high:<9,}{len(subjects):>8}{row[0]:>10.2f}{row[1]:>10.2f}{row[2]:>11.1f}"
                      f"{1e3 / row[0]:>9.0f}{row[2] / row[0]:>6.1f}x", flush=True)
    return 0


def _milliseconds(worker: Worker, way: Callable, subjects: list[Subject], lists: int) -> float:
    before = spent(worker)
    for subject in subjects:
        way(subject)
    return 1e3 * (spent(worker) - before) / (lists * len(subjects))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
