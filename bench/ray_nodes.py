"""One label job in one process, on Ray with 1, 2 and 4 workers, and on two nodes of which one dies.

    python bench/ray_nodes.py CORPUS [--functions 2] [--largest 200] [--price 0.04] [--patience 1800]

The two nodes are Ray nodes in network namespaces of their own, joined by a pair of virtual cables;
when half of the functions are labelled every process of the second node is killed. Each run must
give the rows of the first, no function twice. Processor time is that of every process that the run
started, Ray's own among them, so that other work on the machine hardly counts. The last lines are
what the paper's 22 billion compilations take at that rate. Needs Ray, and root for the namespaces:
without, a line says what is left out. The price is an assumption: dollars for a core and hour.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ray_cluster import (
    ADDRESSES, PORT, SPACES, cables, children_seconds, end_all, inside, kill_space, no_namespaces, ray_node,
)  # fmt: skip

from ozma.labels.label_set import label_sets
from ozma.labels.subjects import Choice, choose

PAPER = 22_000_000_000
_SUBREAPER = 36
_ENVIRONMENT = {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Run:
    """`cpu` and `wall` in seconds; `rows` of all functions by hash."""

    name: str
    cpu: float
    wall: float
    rows: dict[str, dict]
    copies: int = 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--functions", type=int, default=2, help="of each training project (default 2)")
    parser.add_argument("--largest", type=int, default=200, help="IR instructions at most (default 200)")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4], help="(default 1 2 4)")
    parser.add_argument("--price", type=float, default=0.04, help="dollars for a core and hour (default 0.04)")
    parser.add_argument("--pack", type=Path, help="lists to measure (default: the shipped pack)")
    parser.add_argument("--patience", type=float, default=1800, help="seconds for one run (default 1800)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else nothing would be ended
    # Whatever a run leaves becomes our child: its processor time is counted, and it is ended.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    os.environ.update(_ENVIRONMENT)
    try:
        import ray
    except ImportError:
        print("skipped: Ray is not installed (pip install 'ozma[ray]')")
        return 0
    print(f"Ray {ray.__version__}, {os.cpu_count()} cores", flush=True)
    runs = [_measured("one process, no Ray", options, _alone)]
    _tell(runs)
    for count in options.workers:
        runs.append(_measured(f"Ray, {count} workers", options, lambda job, n=count: _on_one_node(job, n)))
        _tell(runs)
    if lack := no_namespaces():
        print(f"two nodes: left out, {lack}")
    else:
        runs.append(_measured("Ray, two nodes, one killed", options, _on_two_nodes))
        _tell(runs)
    _arithmetic(runs, options.price)
    return 0 if all(_same(one, runs[0]) for one in runs) else 1


class Job:
    """`ozma label` on a corpus of its own labels."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.out, self._patience = folder, options.patience
        self._choice = Choice(splits=("train",), functions=options.functions, largest=options.largest)
        for entry in options.corpus.iterdir():
            if entry.name in ("functions", "units", "projects.jsonl") or entry.name.startswith("split"):
                (folder / entry.name).symlink_to(entry.resolve())
        self._words = [sys.executable, "-m", "ozma", "label", str(folder), "--task", "flags", "--splits",
                       "train", "--functions", str(options.functions), "--largest", str(options.largest),
                       "--json", *(["--pack", str(options.pack)] if options.pack else [])]  # fmt: skip

    def total(self) -> int:
        return sum(map(len, choose(self.out, self._choice)))

    def start(self, *words: str, space: str = "") -> subprocess.Popen:
        return subprocess.Popen([*inside(space), *self._words, *words], stdout=subprocess.PIPE, text=True)

    def end(self, child: subprocess.Popen) -> dict:
        told, _ = child.communicate(timeout=self._patience)
        if child.returncode:
            raise SystemExit(f"the job ended with {child.returncode}")
        return json.loads(told)

    def written(self) -> int:
        """Functions that are written down by now."""
        lines = sum(path.read_bytes().count(b"\n") for path in self.out.glob("labels/*/*.jsonl"))
        return lines + sum(_rows_in(path) for path in self.out.glob("labels/*/*.parquet"))


def _rows_in(path: Path) -> int:
    import pyarrow.parquet

    return pyarrow.parquet.read_metadata(path).num_rows


def _measured(name: str, options: argparse.Namespace, way: Callable[[Job], None]) -> Run:
    with tempfile.TemporaryDirectory(prefix="ozma-ray-") as folder:
        job = Job(Path(folder), options)
        before, started = children_seconds(), time.monotonic()
        try:
            way(job)
            wall = time.monotonic() - started
        finally:
            end_all()
        (labels,) = label_sets(job.out)
        rows = list(labels.rows())
        found = {row["hash"]: row for row in rows}
        return Run(name, children_seconds() - before, wall, found, len(rows) - len(found))


def _alone(job: Job) -> None:
    job.end(job.start())


def _on_one_node(job: Job, workers: int) -> None:
    with ray_node("--head", f"--port={PORT}", cpus=workers):
        job.end(job.start("--ray", f"127.0.0.1:{PORT}"))


def _on_two_nodes(job: Job) -> None:
    """The second node is killed when half of the functions are written down."""
    with cables(), ray_node("--head", f"--port={PORT}", place=0):
        head = f"{ADDRESSES[0]}:{PORT}"
        with ray_node(f"--address={head}", place=1):
            child = job.start("--ray", head, space=SPACES[0])
            total = job.total()
            while child.poll() is None and job.written() < total / 2:
                time.sleep(0.2)
            killed = kill_space(SPACES[1])
            print(f"  {killed} processes of the second node killed after {job.written()} of {total} functions")
            job.end(child)


def _same(one: Run, first: Run) -> bool:
    return one.rows == first.rows and not one.copies


def _tell(runs: list[Run]) -> None:
    first, one = runs[0], runs[-1]
    if len(runs) == 1:
        print(f"{'':<28}{'functions':>10}{'cpu s':>8}{'wall s':>8}{'ms/evaluation':>15}{'efficiency':>12}  rows")
    lists = len(next(iter(one.rows.values()))["totals"]) + 1
    told = "the same, none twice" if _same(one, first) else f"NOT the same, {one.copies} twice"
    print(f"{one.name:<28}{len(one.rows):>10}{one.cpu:>8.1f}{one.wall:>8.1f}"
          f"{1e3 * one.cpu / len(one.rows) / lists:>15.2f}{first.cpu / one.cpu:>11.0%}   {told}", flush=True)  # fmt: skip


def _arithmetic(runs: list[Run], price: float) -> None:
    for one in (runs[0], runs[-1]):
        lists = len(next(iter(one.rows.values()))["totals"]) + 1
        hours = PAPER * one.cpu / len(one.rows) / lists / 3600
        print(f"22 billion compilations at the rate of '{one.name}': {hours:,.0f} core hours, "
              f"{hours / 1000:,.1f} h on 1,000 cores, {hours * price:,.0f} dollars")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
