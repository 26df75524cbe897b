"""Is what we measure what a user gets? Three comparisons on the units of real packages:

    python bench/parity.py --work build/bench --records build/parity.jsonl zlib bzip2 ...
    python bench/parity.py --table build/parity.jsonl

baseline   clang's own pipeline through the worker, against `clang -Oz -c`: every loaded byte
stock      the stock way, `opt -passes=LIST | clang`, with clang's own pipeline, against `clang -Oz -c`
pasted     one shipped list pasted into `opt -passes=LIST | llc`, against the object that we ship
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cross import Compilation
from units import Records, load_package, read_records, unit_config, unit_options

from ozma.errors import OzmaError
from ozma.llvm import Toolchain, Worker, find_toolchain
from ozma.llvm.clang import first_error, run_clang
from ozma.llvm.objects import measure_object, sections
from ozma.llvm.pipelines import clang_pipeline
from ozma.optimize.cc.cc1 import CompileStep
from ozma.optimize.choose import load_unit
from ozma.optimize.file import compile_step, compile_words
from ozma.optimize.pack import load_pack, pack_path
from ozma.optimize.steps import Steps

KEYS = ("package", "object", "llvm")


def loaded_parts(data: bytes) -> list[tuple[str, bytes]]:
    return [(s.name, data[s.offset : s.offset + s.size]) for s in sections(data) if s.loaded]


def llc(toolchain: Toolchain, step: CompileStep, optimized: bytes) -> bytes:
    """The object of stock `llc`."""
    command = [toolchain.tool("llc"), "-filetype=obj", "-relocation-model=pic", "-o", "-"]
    command += [f"-{kind}-sections" for kind in ("function", "data") if f"-f{kind}-sections" in step.words]
    done = subprocess.run(command, input=optimized, capture_output=True)
    if done.returncode:
        raise OzmaError(f"llc fails: {first_error(done.stderr.decode('utf-8', 'replace'))}")
    return done.stdout


def compare_unit(toolchain: Toolchain, worker: Worker, unit: Compilation, passes: str) -> dict:
    """Which comparisons hold, and the bytes of both sides."""
    os.chdir(unit.folder)
    source, config = Path(unit.source), unit_config(unit, "x86-64")
    clang = run_clang(toolchain, compile_words(source, config), source)
    step, own = compile_step(toolchain, source, config), clang_pipeline(toolchain, "-Oz")
    with tempfile.TemporaryDirectory(prefix="ozma-") as scratch:
        steps = Steps(toolchain, step, Path(scratch))
        loaded = load_unit(worker, step, steps.front_end())
        ours = worker.evaluate(loaded.id, own, want=("object",)).object
        worker.unload(loaded.id)
        stock, listed = steps.make(own).object, steps.make(passes)
        shipped, pasted = listed.object, llc(toolchain, step, listed.bitcode)
    sizes = {"clang": clang, "worker": ours, "shipped": shipped, "pasted": pasted}
    return {
        "baseline": loaded_parts(ours) == loaded_parts(clang),
        "stock": loaded_parts(stock) == loaded_parts(clang),
        "pasted": measure_object(shipped).total == measure_object(pasted).total,
        "bytes": {name: measure_object(data).total for name, data in sizes.items()},
    }


def compare_package(name: str, options: argparse.Namespace, records: Records) -> Iterator[dict]:
    """One record for each unit that has none yet."""
    toolchain, package = find_toolchain(options.llvm), load_package(name, options)
    passes = load_pack(pack_path(toolchain.major)).lists[0].passes
    run = {"package": name, "llvm": toolchain.version}
    with Worker(toolchain) as worker:
        yield from records.of_units(
            ((run | {"object": unit.output}, unit) for unit in package.units),
            lambda unit: compare_unit(toolchain, worker, unit, passes),
        )


def print_table(rows: list[dict]) -> None:
    """How many units agree, and the bytes of those that do not."""
    good = [row for row in rows if "bytes" in row]
    print(f"{len(good)} units, {len(rows) - len(good)} not compiled")
    for name in ("baseline", "stock", "pasted"):
        print(f"{name:<10}{sum(row[name] for row in good):>6} agree")
    sums = Counter()
    for row in good:
        sums.update(row["bytes"])
    print("bytes in sum: " + ", ".join(f"{name} {size:,}" for name, size in sums.items()))
    for row in good:
        if not all(row[name] for name in ("baseline", "stock", "pasted")):
            print(f"  {row['package']} {row['object']}: {row['bytes']}")


def main(arguments: list[str]) -> int:
    options = unit_options(__doc__).parse_args(arguments)
    if not options.table:
        records = Records(options.records, KEYS)
        for name in options.packages:
            records.write(compare_package(name, options, records))
    print_table(read_records(options.table or options.records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
