"""`ozma corpus`: real programs to unoptimized IR, split for training and for tests."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ozma.cli import corpus_build
from ozma.cli.parser import Parser
from ozma.corpus.split import SPLITS, SplitConfig
from ozma.errors import OzmaError


_DESCRIPTION = "Real programs as unoptimized LLVM-IR, split for training and for tests."


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ozma corpus", description=_DESCRIPTION)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    corpus_build.add_parsers(verbs)
    _add_split(verbs)
    _add_stats(verbs)
    _add_compare(verbs)
    _add_export(verbs)
    return parser


def _add_split(verbs: argparse._SubParsersAction) -> None:
    defaults = SplitConfig()
    parser = verbs.add_parser("split", help="divide a corpus into train, validation and test")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`")
    parser.add_argument("--salt", default=defaults.salt, help="another salt is another split")
    parser.add_argument(
        "--functions", type=int, default=defaults.functions, metavar="N",
        help=f"at most N functions of a project (default: {defaults.functions})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_split)


def _add_stats(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("stats", help="counts, sizes, failures and duplicates of a corpus")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write plots (SVG) into DIR")
    parser.set_defaults(run=_stats)


def _add_compare(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("compare", help="do two corpora hold the same units and functions?")
    parser.add_argument("first", type=Path, metavar="A", help="a folder of `ozma corpus build`")
    parser.add_argument("second", type=Path, metavar="B", help="another")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_compare)


def _add_export(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("export", help="write a split corpus for other tools")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder that was split")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write")
    parser.add_argument(
        "--mlgo", choices=SPLITS, metavar="SPLIT",
        help="units of SPLIT as .bc files with corpus_description.json, "
        "instead of functions as Parquet with a dataset card",
    )  # fmt: skip
    parser.set_defaults(run=_export)


def _split(options: argparse.Namespace) -> int:
    from ozma.corpus.parquet import load_pyarrow
    from ozma.corpus.split_files import make_split

    load_pyarrow()
    try:
        config = SplitConfig(salt=options.salt, functions=options.functions)
    except ValueError as error:
        raise OzmaError(str(error)) from error
    facts = make_split(options.out, config)
    _warn_of_damage(facts["unreadable"])
    if options.json:
        print(json.dumps(facts))
        return 0
    for split in SPLITS:
        print(
            f"{split:<12}{facts['projects_by_split'][split]:>7,} projects "
            f"{facts['units'][split]:>9,} units {facts['functions'][split]:>11,} functions"
        )
    empty = [split for split in SPLITS if not facts["projects_by_split"][split]]
    if empty:
        print(
            f"ozma corpus: warning: no project in {', '.join(empty)}: a project is in one split "
            "whole, chosen by its name; --salt WORD chooses anew",
            file=sys.stderr,
        )
    return 0


def _stats(options: argparse.Namespace) -> int:
    from ozma.corpus.plots import write_plots
    from ozma.corpus.stats import summarize
    from ozma.corpus.stats_text import render

    facts, sizes = summarize(options.out)
    _warn_of_damage(facts["unreadable"])
    if options.plots:
        for path in write_plots(options.plots, sizes, facts["failures"]):
            print(f"ozma: wrote {path}", file=sys.stderr)
    print(json.dumps(facts) if options.json else render(facts))
    return 0


def _compare(options: argparse.Namespace) -> int:
    """0 when the corpora are the same, 1 when they differ."""
    from dataclasses import asdict

    from ozma.corpus.digest import compare

    same, differing = compare(options.first, options.second)
    if options.json:
        print(json.dumps({"same": same, "differing": [asdict(one) for one in differing]}))
        return 1 if differing else 0
    print(f"{same:,} projects are the same, {len(differing):,} differ")
    for one in differing:
        print(f"  {one.project}: units only in A {one.units[0]:,}, only in B {one.units[1]:,}; "
              f"functions {one.functions[0]:,}, {one.functions[1]:,}")  # fmt: skip
    return 1 if differing else 0


def _export(options: argparse.Namespace) -> int:
    from ozma.corpus.export import export_mlgo, export_parquet

    if options.mlgo:
        print(f"{export_mlgo(options.out, options.folder, options.mlgo):,} units")
        return 0
    for split, count in export_parquet(options.out, options.folder).items():
        print(f"{split:<12}{count:>11,} functions")
    return 0


def _warn_of_damage(unreadable: dict[str, str]) -> None:
    for project, reason in unreadable.items():
        print(f"ozma: left out {project}: {reason}", file=sys.stderr)


def main(words: list[str]) -> int:
    """Runs one verb of `ozma corpus`; returns its exit code."""
    options = _parser().parse_args(words)
    return options.run(options)
