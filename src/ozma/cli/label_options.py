"""The options of `ozma label`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.corpus.split import SPLITS
from ozma.labels.options import DISASSEMBLY, EMULATION, FLAGS
from ozma.labels.subjects import KINDS
from ozma.llvm import TARGETS

_DESCRIPTION = (
    "Label a corpus: the size of each function under every list (flags), what random lists make of "
    "it (emulation), the assembly of four levels (disassembly). Only facts are stored; the texts "
    "are made again from them. Run the same command again and it goes on where it stopped."
)


def parser() -> argparse.ArgumentParser:
    """Every option of the verb."""
    made = Parser(
        prog="ozma label", description=_DESCRIPTION
    )
    made.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`")
    made.add_argument("--task", choices=(FLAGS, EMULATION, DISASSEMBLY), help="what to label for")
    made.add_argument(
        "--report", action="store_true", default=None, help="print what the labels in OUT say"
    )
    made.add_argument(
        "--check", type=int, metavar="N",
        help="label about N random rows of each set again and compare",
    )  # fmt: skip
    made.add_argument(
        "--publish", type=Path, metavar="FOLDER",
        help="write list, split, hashes and labels as a small snapshot into FOLDER",
    )  # fmt: skip
    made.add_argument(
        "--list", type=Path, metavar="FILE",
        help="publish: the list of the corpus's projects (default OUT/list.jsonl.xz)",
    )  # fmt: skip
    made.add_argument(
        "--rebuild", type=Path, metavar="FOLDER",
        help="from a snapshot: build the corpus in OUT again where it lacks projects, then put "
        "split and labels onto it",
    )  # fmt: skip
    made.add_argument("--target", choices=TARGETS, default="x86-64", help="default x86-64")
    made.add_argument(
        "--retarget", action="store_true",
        help="rewrite modules made for another machine (an approximation: docs/labels.md)",
    )  # fmt: skip
    made.add_argument(
        "--pack", type=Path, metavar="FILE",
        help="flags: lists to measure (default: the shipped pack)",
    )  # fmt: skip
    made.add_argument(
        "--search", type=int, default=0, metavar="N",
        help="flags: then search with N compiles each, minimize, and broadcast the winners",
    )  # fmt: skip
    made.add_argument(
        "--shorten", type=int, metavar="N",
        help="flags: evaluations to minimize a winner (default: as --search)",
    )  # fmt: skip
    made.add_argument(
        "--broadcast", type=int, default=100, metavar="N",
        help="flags: winners measured on all modules (default 100)",
    )  # fmt: skip
    made.add_argument(
        "--pairs", type=int, default=8, metavar="N",
        help="emulation: lists for each function (default 8)",
    )  # fmt: skip
    made.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="emulation, search and check: another seed, another draw",
    )  # fmt: skip
    _add_choice(made)
    made.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes (default 1)"
    )
    made.add_argument(
        "--ray", metavar="ADDRESS",
        help="work on this Ray cluster instead (auto, local, ray://HOST:PORT)",
    )  # fmt: skip
    made.add_argument(
        "--timeout", type=float, default=10.0, metavar="S",
        help="seconds for one evaluation (default 10)",
    )  # fmt: skip
    made.add_argument(
        "--memory", type=int, default=2048, metavar="MIB",
        help="memory for one evaluation (default 2048)",
    )  # fmt: skip
    made.add_argument("--llvm", type=int, metavar="N", help="LLVM release (default 19)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=["function"],
        help="what to label (default function)",
    )  # fmt: skip
    parser.add_argument(
        "--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="default: all"
    )
    parser.add_argument(
        "--functions", type=int, metavar="N", help="functions of one training project at most"
    )
    parser.add_argument(
        "--units", type=int, metavar="N", help="units of one training project at most"
    )
    parser.add_argument(
        "--bound-all", action="store_true",
        help="--functions and --units bound validation and test projects too",
    )  # fmt: skip
    parser.add_argument(
        "--largest", type=int, default=5000, metavar="N",
        help="IR instructions at most (default 5000)",
    )  # fmt: skip
    parser.add_argument(
        "--least", type=int, default=0, metavar="N", help="IR instructions at least (default 0)"
    )
