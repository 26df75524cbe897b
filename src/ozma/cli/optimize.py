"""`ozma optimize`: your file in, a smaller object out, with what was checked."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.cli.source import source_of
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Toolchain, Worker, find_toolchain
from ozma.llvm.pipelines import catalogue_of
from ozma.optimize.file import VERIFY, FileOptimizer, OptimizeConfig, Optimized
from ozma.optimize.output import as_json, check_output, render, write_output
from ozma.optimize.pack import Pack, target_pack
from ozma.optimize.rank import MODEL, PACK, RANKS, Advisor, make_advisor
from ozma.passes import explicit, parse
from ozma.search.budget import Budget

_EPILOG = """\
Words that ozma does not know (-I, -D, -std=, -m...) are handed to clang.

  ozma optimize lz4.c -o lz4.o               an object, never larger than clang -Oz
  ozma optimize src/*.c -o build/ --json     one object per file, facts as JSON
  ozma optimize f.ll -S -o -                 optimized LLVM-IR on standard output
  ozma optimize f.c --report f.html          which pass did what
"""


def _parser() -> Parser:
    parser = Parser(
        prog="ozma optimize",
        description="Make objects smaller than clang -Oz does; never larger.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE",
        help=".c .cc .cpp .i .ii .ll .bc, or bitcode in .o; - is standard input (LLVM-IR)",
    )  # fmt: skip
    parser.add_argument(
        "-o", dest="output", metavar="OUT",
        help="object file, a folder for several files, or - ; suffix .ll or .bc gives IR",
    )  # fmt: skip
    parser.add_argument(
        "-S", dest="text", action="store_true",
        help="textual LLVM-IR instead of an object, as opt -S",
    )  # fmt: skip
    parser.add_argument(
        "-c", dest="compile", action="store_true", help="accepted, as clang takes it"
    )
    parser.add_argument(
        "-Oz", dest="level", action="store_const", const="-Oz", default="-Oz",
        help="compare with clang -Oz (default)",
    )  # fmt: skip
    parser.add_argument(
        "-Os", dest="level", action="store_const", const="-Os", help="compare with clang -Os"
    )
    parser.add_argument(
        "--budget", default="16", metavar="N|Ns",
        help="compiles or seconds per file: 16, 2s, 64,10s (default 16)",
    )  # fmt: skip
    parser.add_argument("--target", choices=TARGETS, default="x86-64", help="default x86-64")
    parser.add_argument(
        "--passes", metavar="LIST", help="use this opt -passes= text instead of the shipped lists"
    )
    parser.add_argument(
        "--pack", type=Path, metavar="FILE",
        help="lists to use instead of the shipped ones: one per line, or a pack",
    )  # fmt: skip
    parser.add_argument(
        "--rank", choices=RANKS, default=PACK,
        help="who orders the lists: the pack, trees on the IR, the language model, or both "
        "(default pack)",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER",
        help="rank with this model (with --rank hybrid, beside the trees)",
    )  # fmt: skip
    parser.add_argument(
        "--trees", type=Path, metavar="FILE",
        help="trees of `ozma train trees` in place of the shipped ones",
    )  # fmt: skip
    parser.add_argument(
        "--verify", choices=VERIFY, default="lists",
        help="differential also runs each result against the unoptimized build (default lists)",
    )  # fmt: skip
    parser.add_argument(
        "--outline", action="store_true",
        help="also let the machine outliner run (reported apart: clang -Oz gets it too)",
    )  # fmt: skip
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )
    parser.add_argument(
        "--report", type=Path, metavar="OUT.html",
        help="write a report that shows what each pass did",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _config(options: argparse.Namespace, rest: list[str], toolchain: Toolchain) -> OptimizeConfig:
    passes = options.passes
    if passes is not None:
        passes = str(explicit(parse(passes), catalogue_of(toolchain)))
    try:
        return OptimizeConfig(
            target=options.target,
            budget=Budget.parse(options.budget),
            level=options.level,
            verify=options.verify,
            passes=passes,
            clang_args=tuple(rest),
            switches=("-enable-machine-outliner=always",) if options.outline else (),
        )
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _pack(options: argparse.Namespace, toolchain: Toolchain) -> Pack | None:
    if options.passes is not None:
        return None
    return target_pack(toolchain.major, options.target, options.pack)


def _advisor(options: argparse.Namespace, toolchain: Toolchain) -> Advisor | None:
    rank = MODEL if options.rank == PACK and options.model else options.rank
    return make_advisor(rank, toolchain, options.model, options.trees)


def main(words: list[str]) -> int:
    """Optimizes each file; 0 when every file gave an object."""
    options, rest = _parser().parse_with_clang(words)
    toolchain = find_toolchain(options.llvm)
    config = _config(options, rest, toolchain)
    pack, advisor = _pack(options, toolchain), _advisor(options, toolchain)
    done: list[Optimized] = []
    failed: dict[Path, OzmaError] = {}
    with (
        tempfile.TemporaryDirectory(prefix="ozma-") as folder,
        Worker(toolchain, options=config.switches) as worker,
    ):
        optimizer = FileOptimizer(toolchain, config, pack, worker, advisor)
        sources = [source_of(name, Path(folder)) for name in options.files]
        check_output(sources, options.output, options.text)
        for source in sources:
            try:
                one = optimizer.run(source)
                write_output(one, options.output, options.text, len(sources) > 1)
                done.append(one)
            except OzmaError as error:
                failed[source] = error
                print(f"ozma optimize: error: {error}", file=sys.stderr)
    _print(done, failed, options)
    if options.report and done:
        from ozma.optimize.report import write_report

        write_report(done, toolchain, options.report)
    return OzmaError.exit_code if failed else 0


def _print(
    done: list[Optimized], failed: dict[Path, OzmaError], options: argparse.Namespace
) -> None:
    out = sys.stderr if options.output == "-" else sys.stdout
    errors = {source: str(error) for source, error in failed.items()}
    text = json.dumps(as_json(done, errors), indent=2) if options.json else render(done)
    if text:
        print(text, file=out)
