"""The options of `ozma train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.tasks.question import FRONT, VIEWS

_DESCRIPTION = (
    "Train the language model: `prepare` turns a corpus and its flag labels into tokens, `run` "
    "trains a recipe on them and goes on where it was stopped, `export` writes a Hugging Face "
    "folder, `recipes` shows what there is, `trees` trains what `ozma optimize --rank trees` uses."
)


def parser() -> argparse.ArgumentParser:
    """Every verb and its options."""
    made = Parser(
        prog="ozma train", description=_DESCRIPTION
    )
    verbs = made.add_subparsers(
        dest="verb", required=True, metavar="prepare|run|export|recipes|trees"
    )
    _add_prepare(
        verbs.add_parser("prepare", help="corpus and labels to tokens")
    )
    _add_run(verbs.add_parser("run", help="train a recipe"))
    _add_export(verbs.add_parser("export", help="write a Hugging Face folder"))
    verbs.add_parser("recipes", help="show the recipes and their settings")
    _add_trees(
        verbs.add_parser(
            "trees", help="trees that order lists, from flag labels"
        )
    )
    return made


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`")
    parser.add_argument("data", type=Path, metavar="DATA", help="new folder for the tokens")
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="tokenizer.json (default: the shipped one)"
    )
    parser.add_argument(
        "--labels", default="", metavar="SET", help="set of flag labels, if there are several"
    )
    parser.add_argument(
        "--window", type=int, default=4096, metavar="N",
        help="tokens of a document at most (default 4096)",
    )  # fmt: skip
    parser.add_argument(
        "--functions", type=int, default=200, metavar="N",
        help="functions of a project at most (default 200)",
    )  # fmt: skip
    parser.add_argument(
        "--largest", type=int, default=2500, metavar="N",
        help="IR instructions at most (default 2500)",
    )  # fmt: skip
    parser.add_argument(
        "--least", type=int, default=0, metavar="N",
        help="flags: IR instructions at least (default 0; 30 leaves out half of the functions and "
        "2 %% of the gain)",
    )  # fmt: skip
    parser.add_argument(
        "--views", type=int, default=1, metavar="N",
        help="pretraining: texts of a function, 0 to 3 (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", type=int, default=1, metavar="N",
        help="emulation: random lists for a function (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--known-pairs", type=int, default=1, metavar="N",
        help="emulation: lists of the labels for a function (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--levels", type=int, default=1, metavar="N",
        help="disassembly: levels of a function, 0 to 4 (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--view", choices=VIEWS, default=FRONT,
        help="what the question about flags shows: the front end's IR, that of clang -Oz, or a "
        "sketch of it (default front)",
    )  # fmt: skip
    parser.add_argument(
        "--characters", type=int, default=0, metavar="N",
        help="cut code in that question after so many (default 0: never)",
    )  # fmt: skip
    parser.add_argument(
        "--spell-lists", action="store_true", help="spell lists out instead of one token for each"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="draws other documents (default 0)"
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes (default 1)"
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder of `ozma train prepare`")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT",
        help="checkpoints, log and model; a training that is there goes on",
    )  # fmt: skip
    recipe = parser.add_mutually_exclusive_group()
    recipe.add_argument(
        "--recipe", default="small_cpu", metavar="NAME",
        help="see `ozma train recipes` (default small_cpu)",
    )  # fmt: skip
    recipe.add_argument(
        "--start", type=Path, metavar="FOLDER",
        help="continue a Hugging Face checkpoint, in its own shape",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="wall clock; the rate comes down in time"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="another value for a setting of the recipe",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, metavar="N", help="of torch (default: one per core)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma train run`")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the model folder to write")
    parser.add_argument(
        "--storage", choices=("f32", "f16", "bf16", "q8"), default="f32",
        help="how weights are stored (default f32; q8 only ozma reads)",
    )  # fmt: skip


def _add_trees(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`, labelled"
    )
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="the file to write")
    parser.add_argument(
        "--labels", default="", metavar="SET", help="set of flag labels, if there are several"
    )
    parser.add_argument("--trees", type=int, default=40, metavar="N", help="how many (default 40)")
    parser.add_argument(
        "--leaf", type=int, default=10, metavar="N",
        help="functions in a leaf at least (default 10)",
    )  # fmt: skip
