"""Object bytes against clang -Oz at several budgets, for whole packages built by their own build
systems: one JSON record per translation unit, and the table from those records.

    python bench/budgets.py --work build/bench --records build/budgets.jsonl zlib bzip2 ...
    python bench/budgets.py --table build/budgets.jsonl

Every unit is compiled with the words that the package's own build used. Objects are made and
measured by clang's own back end; a unit that no list makes smaller keeps clang's object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path

from build import load_recipe, record_build
from cross import CROSS, Compilation, portable, read_compilations

from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Sizes, Toolchain, Worker, find_toolchain
from ozma.llvm.clang import run_clang
from ozma.llvm.objects import measure_object
from ozma.llvm.opt import StockOpt
from ozma.optimize.choose import load_unit, measure_all, pick
from ozma.optimize.file import UNIT, OptimizeConfig, bitcode_of, compile_step, compile_words, generate
from ozma.optimize.pack import target_pack
from ozma.search.budget import Budget

BUDGETS = (1, 4, 16, 64)


def unit_config(unit: Compilation, target: str) -> OptimizeConfig:
    """The package's own words for this unit, with the target's; -Oz comes last and wins."""
    cross = CROSS[target]
    own = tuple(word for word in unit.arguments if not word.startswith("-O"))
    if target == "x86-64":
        return OptimizeConfig(clang_args=own)
    extra = cross.cxx_arguments if not unit.source.endswith(".c") else ()
    selected = tuple(w for w in cross.arguments if w not in TARGETS[target].clang_args)
    return OptimizeConfig(target=target, clang_args=(*selected, *extra, *portable(own)))


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
    made: dict[str | None, Sizes] = {}
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        loaded = load_unit(worker, step, bitcode_of(step, Path(folder), source))
        apply = cache(StockOpt(toolchain, Path(folder, UNIT)))
        trials = measure_all(worker, loaded, lists, Budget(max(options.budgets)))
        for budget in options.budgets:
            choice = pick(trials[:budget], apply, limit)
            passes = choice.best and choice.best.passes
            if passes not in made:
                made[passes] = measure_object(generate(step, choice, clang, Path(folder))[0])
            ours = made[passes]
            facts["ours"][budget], facts["loadable"][budget] = ours.total, ours.loadable
        worker.unload(loaded.id)
    facts["seconds"] = round(sum(trial.seconds for trial in trials), 3)
    facts["instructions"] = loaded.instructions
    return facts


def measure_package(name: str, options: argparse.Namespace, known: set[tuple]) -> None:
    """Appends one record per unit that has none yet."""
    recipe, toolchain = load_recipe(name), find_toolchain(options.llvm)
    folder = options.work / f"{name}-recorded"
    _, top, version = record_build(recipe, folder, options)
    pack = target_pack(toolchain.major, options.target, options.pack)
    lists = [entry.passes for entry in pack.lists]
    with Worker(toolchain) as worker, open(options.records, "a") as records:
        for unit in read_compilations(folder / "records", top):
            object_name = (unit.folder / unit.output).resolve().relative_to(top.resolve())
            facts = {"package": name, "version": version, "object": str(object_name)}
            facts |= {"target": options.target, "llvm": toolchain.version, "pack": pack.digest}
            if tuple(facts.values()) in known:
                continue
            try:
                facts |= measure_unit(toolchain, worker, unit, options, lists)
            except OzmaError as error:
                facts["problem"] = error.message[:200]
            records.write(json.dumps(facts) + "\n")
            records.flush()


def read_records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def print_table(rows: list[dict]) -> None:
    """One line per package, the sum, and the number of objects that grew (it must be 0)."""
    budgets = sorted({int(b) for row in rows for b in row.get("ours", ())})
    print(f"{'package':<14}{'objects':>8}{'clang -Oz':>12}" + "".join(f"{b:>9}" for b in budgets))
    packages: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        if "clang" in row:
            packages[row["package"]].append(row)
    for name, units in sorted(packages.items()):
        _print_row(name, units, budgets)
    everything = [row for units in packages.values() for row in units]
    _print_row("sum", everything, budgets)
    larger = sum(
        r["ours"][k] > r["clang"] or r["loadable"][k] > r["clang_loadable"] for r in everything for k in r["ours"]
    )
    problems = sum("problem" in row for row in rows)
    print(f"objects larger than clang's: {larger}; units that could not be compiled: {problems}")


def _print_row(name: str, units: list[dict], budgets: list[int]) -> None:
    before = sum(unit["clang"] for unit in units)
    shares = (100 * (1 - sum(u["ours"][str(b)] for u in units) / before) if before else 0 for b in budgets)
    print(f"{name:<14}{len(units):>8}{before:>12,}" + "".join(f"{share:>8.2f}%" for share in shares))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--work", type=lambda text: Path(text).resolve())
    parser.add_argument("--records", type=lambda text: Path(text).resolve())
    parser.add_argument("--target", choices=sorted(CROSS), default="x86-64")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--llvm", type=int)
    parser.add_argument("--pack", type=lambda text: Path(text).resolve())
    parser.add_argument("--flags", default="-Oz", help=argparse.SUPPRESS)
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for a package's build")
    parser.add_argument("--table", type=Path, metavar="RECORDS")
    options = parser.parse_args(arguments)
    if options.table:
        print_table(read_records(options.table))
        return 0
    keys = ("package", "version", "object", "target", "llvm", "pack")
    known = {tuple(row[key] for key in keys) for row in read_records(options.records)}
    for name in options.packages:
        measure_package(name, options, known)
    print_table(read_records(options.records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
