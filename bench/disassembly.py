"""Disassembly of a corpus's test functions: records, then the tables from them.

    python bench/disassembly.py OUT --corpus CORPUS --level Oz --count 2000 --way "search 2s" -j 2
    python bench/disassembly.py OUT                      # the tables again, from the records alone

OUT holds `<target>-<level>-<split>/<row>.jsonl`. Run the same command again and it goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ozma.corpus.split import SPLITS, TEST
from ozma.errors import OzmaError
from ozma.evaluate.disassembly import Plan, lifter_version, measure
from ozma.evaluate.disassembly_report import all_facts, as_json, render
from ozma.evaluate.disassembly_set import LEVELS
from ozma.evaluate.disassembly_ways import WAYS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path, help="measure functions of this corpus; without it only tables")
    parser.add_argument("--level", nargs="+", choices=tuple(LEVELS), default=["Oz"])
    parser.add_argument("--target", nargs="+", choices=("x86-64", "aarch64"), default=["x86-64"])
    parser.add_argument("--way", nargs="+", choices=tuple(WAYS), default=["one setting", "settings", "search 2s"])
    parser.add_argument("--count", type=int, default=2000, help="functions of each level (default 2000)")
    parser.add_argument("--split", choices=SPLITS, default=TEST)
    parser.add_argument("--index", type=Path, help="folder of indexes for 'retrieval alone' (bench/lift_ranker.py index)")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="facts instead of tables")
    return parser


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        for target in options.target if options.corpus else ():
            for level in options.level:
                for way in options.way:
                    plan = Plan(options.corpus, level, target, WAYS[way], options.count, options.split, index=options.index)
                    _measure(plan, options)
        found = all_facts(options.out)
    except OzmaError as error:
        print(f"bench/disassembly.py: error: {error}", file=sys.stderr)
        return error.exit_code
    print(as_json(found) if options.json else render(found))
    return 0


def _measure(plan: Plan, options: argparse.Namespace) -> None:
    exact = done = 0
    for row in measure(plan, options.out, lifter_version(), options.jobs):
        done, exact = done + 1, exact + row["exact"]
        if done % 20 == 0:
            print(f"{plan.target} {plan.level} {plan.way.name}: {done}, {exact} identical", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
