"""Object bytes against clang -Oz after a search of its own for every unit (`ozma tune`), for units of
whole packages that the shipped lists were not found on.

    python bench/tuned.py --work build/bench --records build/tuned.jsonl --units 8 zlib bzip2 ...
    python bench/tuned.py --table build/tuned.jsonl

The search starts from the shipped lists. What it finds was not run through the validation suites.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from multiprocessing import Pool
from pathlib import Path

from cross import Compilation
from units import (
    Records, load_package, measured, print_sizes, read_records, unit_config, unit_options,
)  # fmt: skip

from ozma.llvm import Worker, find_toolchain
from ozma.llvm.clang import run_clang
from ozma.llvm.objects import measure_object
from ozma.optimize.choose import pick
from ozma.optimize.file import compile_step, compile_words
from ozma.optimize.pack import load_pack, pack_path
from ozma.optimize.steps import Steps
from ozma.search.budget import Budget
from ozma.search.records import RecordStore
from ozma.search.session import TuneConfig, tune_module

KEYS = ("package", "version", "object", "llvm")


def tune_unit(name: str, unit: Compilation, options: argparse.Namespace) -> dict:
    """Bytes of clang's object and of ours after the search, whose records go by `name` and resume
    a killed one."""
    os.chdir(unit.folder)
    toolchain, source = find_toolchain(options.llvm), Path(unit.source)
    config = unit_config(unit, "x86-64")
    clang = run_clang(toolchain, compile_words(source, config), source)
    step, limit = compile_step(toolchain, source, config), measure_object(clang)
    lists = tuple(entry.passes for entry in load_pack(pack_path(toolchain.major)).lists)
    search = TuneConfig(options.searches, Budget(options.compiles), lists=lists)
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder, Worker(toolchain) as worker:
        steps = Steps(toolchain, step, Path(folder))
        bitcode = steps.front_end()
        store = RecordStore(options.searches)
        tuned = tune_module(worker, name, bitcode, search, store)
        if tuned.best is None:
            return {"problem": tuned.problem}
        loaded = worker.load(bitcode)
        best = worker.evaluate(loaded.id, tuned.best.passes)
        made = pick([best], steps.make, limit).best
    ours, budget = made.sizes if made else limit, str(options.compiles)
    return {
        "clang": limit.total, "clang_loadable": limit.loadable,
        "ours": {budget: ours.total}, "loadable": {budget: ours.loadable}, "passes": tuned.best.passes,
    }  # fmt: skip


def _measure(job: tuple) -> dict:
    facts, unit, options = job
    name = f"{facts['package']}/{facts['object']}"
    return facts | measured(lambda: tune_unit(name, unit, options))


def jobs(options: argparse.Namespace, records: Records) -> list[tuple]:
    """The units to do: up to `--units` of each package, a stable mix."""
    toolchain, found = find_toolchain(options.llvm), []
    for name in options.packages:
        package = load_package(name, options)
        units = sorted(
            package.units, key=lambda u: hashlib.sha256(package.path_of(u).encode()).hexdigest()
        )
        for unit in units[: options.units]:
            facts = package.name_of(unit) | {"llvm": toolchain.version}
            if records.lack(facts):
                found.append((facts, unit, options))
    return found


def main(arguments: list[str]) -> int:
    parser = unit_options(__doc__)
    parser.add_argument("--searches", type=lambda text: Path(text).resolve(), default="build/searches")
    parser.add_argument("--compiles", type=int, default=1000)
    parser.add_argument("--units", type=int, default=8, help="per package (default 8)")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    if not options.table:
        records = Records(options.records, KEYS)
        with Pool(options.jobs) as pool:
            records.write(pool.imap_unordered(_measure, jobs(options, records)))
    print_sizes(read_records(options.table or options.records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
