"""`ozma validate`: run pass lists through self-checking programs (PassListEval)."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Iterator

from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Target, Toolchain, find_toolchain
from ozma.llvm.pipelines import catalogue_of
from ozma.optimize.pack import load_pack, pack_path
from ozma.passes import explicit, parse
from ozma.verify.machine import RUNNABLE
from ozma.verify.passlisteval import ListVerdict, PassListEval
from ozma.verify.reproducer import Reproducer, minimize_failure
from ozma.verify.suites.build import SUITES, build_suite
from ozma.verify.suites.draft import CACHE, SuiteOptions
from ozma.verify.suites.program import Suite, pack_path as suite_path
from ozma.verify.sweep import SweptPass, save_reproducer, sweep_catalogue, swept_passes

OPTIONAL_SUITE = "humaneval-x"
_SHOWN_FAILURES = 3
_FILE_NAME = re.compile(r"^[\w./~-]*(?:/[\w.-]*|\.(?:txt|json|lst|list))$")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "lists", nargs="*", metavar="LIST|FILE|-",
        help="a list as text, a file with one list per line, or - for standard input",
    )  # fmt: skip
    parser.add_argument("--pack", action="store_true", help="the lists that are shipped")
    parser.add_argument("--pack-file", type=Path, metavar="FILE", help="the lists of this pack")
    parser.add_argument(
        "--sweep", action="store_true",
        help="each pass of the catalogue, alone and around default<Oz>",
    )  # fmt: skip
    parser.add_argument(
        "--suite", action="append", choices=SUITES, help="default: all that need no file"
    )
    parser.add_argument(
        "--humaneval", type=Path, metavar="FILE", help="HumanEval-X C++ (.jsonl or .jsonl.gz)"
    )
    parser.add_argument(
        "--target", choices=RUNNABLE, default="x86-64", help="default x86-64"
    )
    parser.add_argument("--llvm", type=int, metavar="N", help="LLVM release (default 19)")
    parser.add_argument("--sample", type=int, metavar="N", help="only N programs of each suite")
    parser.add_argument(
        "--fail-fast", action="store_true", help="leave out the suites after the first that fails"
    )
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="save the first failure of each list, minimized"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, metavar="DIR",
        help="suites and verdicts (default ~/.cache/ozma)",
    )  # fmt: skip
    parser.add_argument(
        "--records", type=Path, metavar="FILE", help="where results are appended, and resumed from"
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes while a suite is built"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per list")


def run(args: argparse.Namespace) -> int:
    """0 only if every program passed under every list."""
    if args.sample is not None and args.sample < 1:
        raise OzmaError(f"sample is {args.sample}: give at least 1")
    toolchain, target = find_toolchain(args.llvm), TARGETS[args.target]
    lists = [] if args.sweep else list(_lists(args, toolchain))
    if not lists and not args.sweep:
        raise OzmaError("no list to check", hint="give a list, a file of lists, --pack or --sweep")
    suites = _suites(args, toolchain, target)
    if args.sweep:
        return _sweep(args, suites, toolchain, target)
    with PassListEval(
        toolchain, target, suites, cache=args.cache, records=args.records
    ) as evaluator:
        results = []
        for passes in lists:
            results.append(evaluator.evaluate(passes, fail_fast=args.fail_fast))
            _show(results[-1], args.json)
            _save_failure(args, results[-1], suites, toolchain, target)
    if not args.json:
        print(_sum(results))
    return 0 if all(result.verdict.passed for result in results) else 1


def main(words: list[str]) -> int:
    parser = Parser(
        prog="ozma validate",
        description="Compile self-checking programs with each list, run them, and say which fail.",
    )
    add_arguments(parser)
    return run(parser.parse_args(words))


def _lists(args: argparse.Namespace, toolchain: Toolchain) -> Iterator[str]:
    if args.pack or args.pack_file:
        pack = load_pack(args.pack_file or pack_path(toolchain.major))
        yield from (entry.passes for entry in pack.lists)
    for word in args.lists:
        if word == "-":
            yield from _from_lines(sys.stdin.read(), toolchain)
        elif os.path.exists(word) or _FILE_NAME.search(word):
            yield from _from_lines(_text_of(Path(word)), toolchain)
        else:
            yield _explicit(word, toolchain)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OzmaError(f"cannot read lists from {path}: {reason}") from error


def _from_lines(text: str, toolchain: Toolchain) -> Iterator[str]:
    lines = (line.strip() for line in text.splitlines())
    yield from (_explicit(line, toolchain) for line in lines if line and line[0] != "#")


def _explicit(text: str, toolchain: Toolchain) -> str:
    """With the adaptors that LLVM wants, so that passes of any level can be given in a row."""
    return str(explicit(parse(text), catalogue_of(toolchain)))


def _suites(args: argparse.Namespace, toolchain: Toolchain, target: Target) -> list[Suite]:
    try:
        options = SuiteOptions(toolchain, target, args.cache, args.jobs, humaneval=args.humaneval)
    except ValueError as error:
        raise OzmaError(str(error)) from error
    names = args.suite or [name for name in SUITES if _at_hand(name, options)]
    suites = [build_suite(name, options) for name in names]
    return [suite.sample(args.sample) for suite in suites] if args.sample else suites


def _at_hand(name: str, options: SuiteOptions) -> bool:
    if name != OPTIONAL_SUITE or options.humaneval:
        return True
    return suite_path(options.cache, name, options.toolchain.version, options.target.name).exists()


def _as_json(result: ListVerdict) -> dict:
    return {
        "passes": result.passes,
        "llvm": result.llvm,
        "target": result.target,
        "verdict": result.verdict.value,
        "programs": result.programs,
        "seconds": round(result.seconds, 2),
        "suites": {
            suite.suite: {
                "programs": suite.programs,
                "failures": len(suite.failures),
                "counts": {verdict.value: count for verdict, count in suite.counts.items()},
                "reused": suite.reused,
                "failing": {f.program: f"{f.verdict.value}: {f.detail}" for f in suite.failures},
            }
            for suite in result.suites
        },
    }


def _show(result: ListVerdict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_json(result)), flush=True)
        return
    print(f"{result.verdict.value}  {result.passes}")
    for suite in result.suites:
        counts = ", ".join(f"{count} {verdict.value}" for verdict, count in suite.counts.items())
        print(
            f"  {suite.suite:<12} {suite.programs:>5} programs: {counts} "
            f"({suite.reused} known, {suite.seconds:.1f} s)"
        )
        for finding in suite.failures[:_SHOWN_FAILURES]:
            print(
                f"    {finding.program}: {finding.verdict.value} ({finding.stage}: "
                f"{finding.detail})"
            )
        if len(suite.failures) > _SHOWN_FAILURES:
            print(f"    and {len(suite.failures) - _SHOWN_FAILURES} more")
    sys.stdout.flush()


def _sum(results: list[ListVerdict]) -> str:
    passed = sum(result.verdict.passed for result in results)
    programs = sum(result.programs for result in results)
    seconds = sum(result.seconds for result in results)
    effort = f"{programs} program runs, {seconds:.0f} s"
    return f"{passed} of {len(results)} lists passed every program ({effort})"


def _save_failure(
    args: argparse.Namespace,
    result: ListVerdict,
    suites: list[Suite],
    toolchain: Toolchain,
    target: Target,
) -> None:
    for suite, found in zip(suites, result.suites):
        failing = [finding for finding in found.failures if finding.verdict.failed]
        if args.save and failing:
            number = sum(1 for _ in args.save.glob("*")) if args.save.exists() else 0
            folder = args.save / f"{number:03d}-{suite.name}"
            program = failing[0].program
            saved = minimize_failure(result.passes, suite, program, toolchain, target, folder)
            print(f"saved {saved.folder}: fails under '{saved.passes}'", file=sys.stderr)
            return


def _sweep(
    args: argparse.Namespace, suites: list[Suite], toolchain: Toolchain, target: Target
) -> int:
    catalogue = catalogue_of(toolchain)
    swept = {info.name: info for info in swept_passes(catalogue)}
    unknown = [name for name in args.lists if name not in swept]
    if unknown:
        raise OzmaError(
            f"no pass to sweep: {', '.join(unknown)}",
            hint="give names of transform passes, as opt --print-passes shows them",
        )
    wanted = [swept[name] for name in args.lists or swept]
    settings = {"cache": args.cache, "records": args.records}
    failed = 0
    for result in sweep_catalogue(toolchain, target, suites, wanted, **settings):
        failed += not result.verdict.passed
        saved = save_reproducer(result, suites, toolchain, target, args.save) if args.save else None
        _show_swept(result, toolchain.major, args.json, saved)
    return 1 if failed else 0


def _show_swept(swept: SweptPass, major: int, as_json: bool, saved: Reproducer | None) -> None:
    row = swept.deny_row(major, str(saved.folder) if saved else None)
    if as_json:
        result = {"pass": swept.name, "verdict": swept.verdict.value, "deny": row}
        print(json.dumps(result), flush=True)
        return
    detail = row["reason"] if row else swept.refused
    print(f"{swept.name:<36} {swept.verdict.value:<15} {detail}", flush=True)
