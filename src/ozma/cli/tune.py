"""`ozma tune`: search pass lists for given modules; every evaluation is recorded."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from ozma.cli.output import write_out
from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, find_toolchain
from ozma.optimize.file import IR_SUFFIXES, OptimizeConfig, check_input, front_end
from ozma.optimize.pack import load_pack, shipped_pack
from ozma.search.budget import Budget
from ozma.search.session import STRATEGIES, TuneConfig, Tuned, tune_modules


def _parser() -> Parser:
    parser = Parser(
        prog="ozma tune",
        description="Search for the pass list that makes each module smallest. Records are "
        "appended as they are made: run the same command again and it goes on.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE",
        help="C, C++, LLVM-IR or bitcode, or folders of bitcode",
    )  # fmt: skip
    parser.add_argument(
        "--records", type=Path, default=Path("ozma-records"), metavar="DIR",
        help="default ozma-records",
    )  # fmt: skip
    parser.add_argument(
        "--budget", default="1000", metavar="N|Ns",
        help="compiles or seconds per module (default 1000)",
    )  # fmt: skip
    parser.add_argument("--strategy", choices=STRATEGIES, default="genetic", help="default genetic")
    parser.add_argument(
        "--pack", type=Path, metavar="FILE", help="lists to start from (default: the shipped pack)"
    )
    parser.add_argument("--target", choices=TARGETS, default="x86-64", help="default x86-64")
    parser.add_argument(
        "-Os", dest="level", action="store_const", const="-Os", default="-Oz",
        help="compare with clang -Os",
    )  # fmt: skip
    parser.add_argument(
        "--outline", action="store_true",
        help="with the machine outliner in every evaluation, baseline too",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=float, default=20.0, metavar="S",
        help="seconds for one evaluation (default 20)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another seed, another search"
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes (default 1)"
    )
    parser.add_argument("--llvm", type=int, metavar="N", help="LLVM release (default 19)")
    parser.add_argument(
        "--lists", type=Path, metavar="FILE",
        help="write the lists found, one per line, as `ozma validate FILE` takes them",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object per module")
    return parser


def _files(paths: list[Path]) -> list[Path]:
    """Folders stand for the bitcode in them."""
    return [f for p in paths for f in (sorted(p.rglob("*.bc")) if p.is_dir() else [p])]


def _config(options: argparse.Namespace, lists: tuple[str, ...]) -> TuneConfig:
    try:
        return TuneConfig(
            records=options.records,
            budget=Budget.parse(options.budget),
            strategy=options.strategy,
            lists=lists,
            level=options.level,
            target=options.target,
            switches=("-enable-machine-outliner=always",) if options.outline else (),
            timeout=options.timeout,
            seed=options.seed,
            jobs=options.jobs,
        )
    except ValueError as error:
        raise OzmaError(str(error)) from error


def main(words: list[str]) -> int:
    """0 when every module had a baseline."""
    options, rest = _parser().parse_with_clang(words)
    toolchain = find_toolchain(options.llvm)
    pack = (
        load_pack(options.pack) if options.pack else shipped_pack(toolchain.major, options.target)
    )
    lists = tuple(entry.passes for entry in pack.lists) if pack else ()
    config = _config(options, lists)
    optimize = OptimizeConfig(options.target, level=options.level, clang_args=tuple(rest))
    modules = []
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        for path in _files(options.files):
            check_input(path)
            ready = path.suffix in IR_SUFFIXES
            bitcode = (
                path.read_bytes() if ready else front_end(toolchain, path, optimize, Path(folder))
            )
            modules.append((str(path), bitcode))
    if not modules:
        raise OzmaError("no module to tune", hint="give source files, or folders of bitcode (.bc)")
    started, results = time.monotonic(), []
    for tuned in tune_modules(toolchain, modules, config):
        results.append(tuned)
        print(_line(tuned, options.json), flush=True)
        _progress(len(results), len(modules), started)
    if options.lists:
        write_out("".join(f"{passes}\n" for passes in _found(results)), str(options.lists))
    if not options.json:
        print(_sum(results))
    return 0 if all(not tuned.problem for tuned in results) else 100


def _progress(done: int, total: int, started: float) -> None:
    if sys.stderr.isatty():
        spent = time.monotonic() - started
        left = spent / done * (total - done)
        print(f"\r{done}/{total} modules, {left:.0f} s left ", end="", file=sys.stderr, flush=True)


def _line(tuned: Tuned, as_json: bool) -> str:
    if as_json:
        facts = {"module": tuned.module, "problem": tuned.problem, "evaluated": tuned.evaluated}
        if tuned.best:
            facts |= {
                "clang": tuned.baseline.total,
                "ours": tuned.best.total,
                "passes": tuned.best.passes,
            }
        return json.dumps(facts)
    if tuned.problem:
        return f"{tuned.module}: {tuned.problem}"
    before, after = tuned.baseline.total, tuned.best.total
    share = 100 * (1 - after / before) if before else 0.0
    smaller = f"{before:,} -> {after:,} bytes, {share:.2f}% smaller"
    return f"{tuned.module}: {smaller}, {tuned.evaluated} evaluations"


def _found(results: list[Tuned]) -> list[str]:
    """Each list that made a module smaller, once."""
    better = (t.best for t in results if t.best and t.best.total < t.baseline.total)
    return list(dict.fromkeys(best.passes for best in better))


def _sum(results: list[Tuned]) -> str:
    good, found = [tuned for tuned in results if tuned.best], _found(results)
    shown = f"passes: {found[0]}\n" if found and len(results) == 1 else ""
    before = sum(tuned.baseline.total for tuned in good)
    after = sum(tuned.best.total for tuned in good)
    share = 100 * (1 - after / before) if before else 0.0
    return shown + (
        f"sum: {before:,} -> {after:,} bytes, {share:.2f}% smaller than clang's own pipeline "
        f"({len(good)} of {len(results)} modules; lists found here: not checked)"
    )
