"""`python -m ozma.corpus OUT`: gather the recorded search set as unoptimized bitcode under OUT."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ozma.corpus.fastpath import FastPath
from ozma.corpus.gather import Gatherer, GatherLimits
from ozma.corpus.held_out import HeldOut, check_disjoint, load_held_out
from ozma.corpus.packages import Package, fetch_archive, fetch_package, load_packages
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain


def learn_bench(held_out: HeldOut, bench: list[Package]) -> None:
    """Show the bench packages' trees to `held_out`, so that copies of their code are left out."""
    for package in bench:
        with tempfile.TemporaryDirectory(prefix="ozma-bench-") as folder:
            held_out.add_tree(fetch_package(package, Path(folder, "tree")))


def gather_recorded(out: Path, units: int) -> int:
    """Gather every recorded search package; returns the number of units. Progress on stderr."""
    search, bench = load_packages("search"), load_packages("bench")
    held_out = load_held_out()
    check_disjoint([p.name for p in search], [p.name for p in bench], held_out)
    learn_bench(held_out, bench)
    gatherer = Gatherer(out, held_out, FastPath(find_toolchain()), GatherLimits(units=units))
    total = 0
    for package in search:
        try:
            gathered = gatherer.gather(package, fetch_archive(package))
        except OzmaError as error:
            print(f"ozma: {package.name}: {error}", file=sys.stderr)
            continue
        total += gathered.units
        print(f"ozma: {package.name}: {gathered.units} of {gathered.tried}", file=sys.stderr)
    return total


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ozma.corpus", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for <package>/<file>.bc and index.jsonl")
    parser.add_argument("--units", type=int, default=40, help="units per package (default: 40)")
    options = parser.parse_args(arguments)
    try:
        print(gather_recorded(options.out, options.units))
    except (OzmaError, ValueError) as error:
        print(f"ozma: {error}", file=sys.stderr)
        return OzmaError.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
