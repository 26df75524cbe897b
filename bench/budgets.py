"""Object bytes against clang -Oz at several budgets, for whole packages built by their own build
systems: one JSON record per translation unit, and the table from those records.

    python bench/budgets.py --work build/bench --records build/budgets.jsonl zlib bzip2 ...
    python bench/budgets.py --table build/budgets.jsonl

Every unit is compiled with the words that the package's own build used. Objects are made and
measured by clang's own back end; a unit that no list makes smaller keeps clang's object.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cross import CROSS, Compilation
from units import Records, load_package, print_sizes, read_records, unit_config, unit_options

from ozma.llvm import Toolchain, Worker, find_toolchain
from ozma.llvm.clang import run_clang
from ozma.llvm.objects import measure_object
from ozma.optimize.choose import load_unit, measure_all, pick
from ozma.optimize.file import compile_step, compile_words
from ozma.optimize.pack import target_pack
from ozma.optimize.steps import Steps
from ozma.search.budget import Budget

BUDGETS = (1, 4, 16, 64)
KEYS = ("package", "version", "object", "target", "llvm", "pack")


def measure_unit(
    toolchain: Toolchain, worker: Worker, unit: Compilation, options: argparse.Namespace, lists: list[str]
) -> dict:
    """Bytes of clang's object and of ours at each budget."""
    os.chdir(unit.folder)
    source, config = Path(unit.source), unit_config(unit, options.target)
    clang = run_clang(toolchain, compile_words(source, config), source)
    step = compile_step(toolchain, source, config)
    limit = measure_object(clang)
    facts = {"clang": limit.total, "clang_loadable": limit.loadable, "ours": {}, "loadable": {}}
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        steps = Steps(toolchain, step, Path(folder))
        loaded, make = load_unit(worker, step, steps.front_end()), cache(steps.make)
        trials = measure_all(worker, loaded, lists, Budget(max(options.budgets)))
        for budget in options.budgets:
            best = pick(trials[:budget], make, limit).best
            ours = best.sizes if best else limit
            facts["ours"][budget], facts["loadable"][budget] = ours.total, ours.loadable
        worker.unload(loaded.id)
    facts["seconds"] = round(sum(trial.seconds for trial in trials), 3)
    facts["instructions"] = loaded.instructions
    return facts


def measure_package(name: str, options: argparse.Namespace, records: Records) -> Iterator[dict]:
    """One record for each unit that has none yet."""
    toolchain, package = find_toolchain(options.llvm), load_package(name, options)
    pack = target_pack(toolchain.major, options.target, options.pack)
    lists = [entry.passes for entry in pack.lists]
    run = {"target": options.target, "llvm": toolchain.version, "pack": pack.digest}
    with Worker(toolchain) as worker:
        yield from records.of_units(
            ((package.name_of(unit) | run, unit) for unit in package.units),
            lambda unit: measure_unit(toolchain, worker, unit, options, lists),
        )


def main(arguments: list[str]) -> int:
    parser = unit_options(__doc__)
    parser.add_argument("--target", choices=sorted(CROSS), default="x86-64")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--pack", type=lambda text: Path(text).resolve())
    options = parser.parse_args(arguments)
    if not options.table:
        records = Records(options.records, KEYS)
        for name in options.packages:
            records.write(measure_package(name, options, records))
    print_sizes(read_records(options.table or options.records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
