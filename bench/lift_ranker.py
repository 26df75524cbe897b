"""The lifter's ranker: labels from training functions, the fitted table, and what its order is worth.

    python bench/lift_ranker.py label OUT --corpus CORPUS --count 3000        # goes on when run again
    python bench/lift_ranker.py label OUT --corpus CORPUS --split validation --count 400
    python bench/lift_ranker.py fit OUT [--to src/ozma/lift/searching/data/ranker.json]
    python bench/lift_ranker.py curve OUT                                      # on validation labels
    python bench/lift_ranker.py index FOLDER --corpus CORPUS                   # for "retrieval alone"
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ozma.corpus.split import TRAIN, VALIDATION
from ozma.errors import OzmaError
from ozma.evaluate.disassembly_set import LEVELS
from ozma.evaluate.lift_labels import LabelPlan, label
from ozma.evaluate.lift_ranker import (
    FitOptions,
    cover_order,
    curve,
    default_order,
    edit_gain,
    fit,
    ranked_order,
    write_ranker,
)
from ozma.evaluate.records import Row, read_rows
from ozma.evaluate.retrieval_index import build_index
from ozma.lift.searching.ranker import SHIPPED, read_ranker

POINTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 31)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("step", choices=("label", "fit", "curve", "index"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--level", nargs="+", choices=tuple(LEVELS), default=["Oz"])
    parser.add_argument("--target", nargs="+", choices=("x86-64", "aarch64"), default=["x86-64"])
    parser.add_argument("--split", choices=(TRAIN, VALIDATION), default=TRAIN)
    parser.add_argument("--count", type=int, default=3000, help="functions of each level (default 3000)")
    parser.add_argument("--compiles", type=int, default=60, help="edits tried in a function that no setting answers (default 60)")
    parser.add_argument("--least", type=float, default=0.0, help="settings with a smaller chance to be better are not tried (default 0)")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="the ranker's file (default: the one that ships)")
    return parser


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        {"label": _label, "fit": _fit, "curve": _curve, "index": _index}[options.step](options)
    except OzmaError as error:
        print(f"bench/lift_ranker.py: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _sets(options: argparse.Namespace) -> list[tuple[str, str]]:
    if options.corpus is None:
        raise OzmaError("no corpus is given", hint="add --corpus CORPUS")
    return [(target, level) for target in options.target for level in options.level]


def _label(options: argparse.Namespace) -> None:
    for target, level in _sets(options):
        plan = LabelPlan(options.corpus, level, target, options.count, options.split, edit_compiles=options.compiles)
        for done, _ in enumerate(label(plan, options.out), 1):
            if done % 20 == 0:
                print(f"{target} {level} {options.split}: {done} more", file=sys.stderr)


def _rows(folder: Path, split: str) -> list[Row]:
    return [row for path in sorted(folder.glob(f"*-{split}.jsonl")) for row in read_rows(path)]


def _fit(options: argparse.Namespace) -> None:
    data = fit(_rows(options.out, TRAIN), FitOptions(least=options.least))
    write_ranker(data, options.to)
    print(f"{options.to}: {data['functions']} functions, {data['asked']} of them asked, {data['edits_tried']} edits")


def _curve(options: argparse.Namespace) -> None:
    rows, ranker = _rows(options.out, VALIDATION), read_ranker(options.to)
    if not rows:
        raise OzmaError(f"{options.out} holds no validation labels", hint="label with --split validation")
    cover = cover_order(_rows(options.out, TRAIN))
    orders = {"default": default_order, "training's cover": cover, "ranked": ranked_order(ranker)}
    print(f"{len(rows)} validation functions\n\n| order | compiles | identical, % | lines that differ, mean | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for name, order in orders.items():
        for point in curve(rows, order):
            if point["compiles"] in POINTS:
                print(f"| {name} | {point['compiles']} | {100 * point['identical']:.1f} | {point['distance']:.2f} | {point['seconds']:.3f} |")
    gain = edit_gain(rows, ranker)
    print(f"\n{gain['tried']} edits in random order: {100 * gain['better']:.1f} % improve; of the tenth ranked first {100 * gain['better_tenth']:.1f} %")


def _index(options: argparse.Namespace) -> None:
    for target, level in _sets(options):
        for count in build_index(options.corpus, options.out, target, level, options.count):
            print(f"{target} {level}: {count} functions", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
