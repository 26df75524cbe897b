"""`ozma evaluate`: the tables about models and their rivals, from records, on the test group."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.errors import OzmaError, needing

_DESCRIPTION = (
    "Measure policies and models on the test group of a labelled corpus and print the tables. "
    "Every table is derived from records; the same command goes on where it stopped."
)
_ASKED = {
    "sizes": "error of the sizes that a model says",
    "emulation": "how often a model says what LLVM makes of a module",
    "perplexity": "how well a model predicts IR and assembly",
}
_BARS = "95 %% intervals are bootstraps over projects"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma evaluate", description=_DESCRIPTION
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    _add_flags(tasks)
    for name, text in _ASKED.items():
        _add_asked(tasks, name, text)
    return parser


def _add_flags(tasks: argparse._SubParsersAction) -> None:
    parser = tasks.add_parser(
        "flags", help="gain over clang -Oz against compiles and seconds"
    )
    _add_common(parser)
    parser.add_argument(
        "--model", type=Path, action="append", default=[], metavar="FOLDER",
        help="also measure this model (again for more)",
    )  # fmt: skip
    parser.add_argument(
        "--method", nargs="+", default=["pack"],
        choices=("pack", "greedy", "priority", "temperature"),
        help="how models are asked (default pack: rank the pack's lists)",
    )  # fmt: skip
    parser.add_argument(
        "--policies", nargs="*", metavar="NAME",
        help="static frequency coreset shuffled random nearest ranker oracle (default: all but "
        "random)",
    )  # fmt: skip
    parser.add_argument(
        "--random", type=int, default=10, metavar="K",
        help="random: lists drawn for each module (default 10)",
    )  # fmt: skip
    parser.add_argument(
        "--answers", type=int, default=10, metavar="K",
        help="models asked by priority or temperature: answers (default 10)",
    )  # fmt: skip
    parser.add_argument(
        "--kinds", nargs="+", choices=("function", "unit"), default=["function", "unit"],
        help="default: both",
    )  # fmt: skip
    parser.add_argument(
        "--set", default="", metavar="NAME", help="the set of flag labels, if OUT has several"
    )
    parser.add_argument(
        "--learn-from", default="", metavar="NAME",
        help="another set of flag labels that nearest, ranker and the like learn from",
    )  # fmt: skip
    parser.add_argument(
        "--rival", default="ranker", metavar="NAME",
        help="show the lead over this policy (default ranker)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", action="store_true", help="measure nothing, only print the tables"
    )
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="write the curves as SVG, and a page of them"
    )


def _add_asked(tasks: argparse._SubParsersAction, name: str, text: str) -> None:
    parser = tasks.add_parser(name, help=text)
    _add_common(parser)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, metavar="FOLDER", help="a model's folder")
    if name != "perplexity":
        model.add_argument("--endpoint", metavar="URL", help="an OpenAI-compatible server")
        parser.add_argument(
            "--max-tokens", type=int, default=2048, metavar="N",
            help="length of an answer (default 2048)",
        )  # fmt: skip
    parser.add_argument(
        "--published", action="store_true", help="give IR as LLVM prints it, not in our short form"
    )
    parser.add_argument(
        "--largest", type=int, default=400, metavar="N",
        help="IR instructions at most (default 400)",
    )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`, labelled"
    )
    parser.add_argument(
        "--modules", type=int, metavar="N",
        help="modules of each kind at most (by hash; default all)",
    )  # fmt: skip
    parser.add_argument(
        "--split", choices=("test", "validation"), default="test",
        help="which group is measured (default test)",
    )  # fmt: skip
    parser.add_argument("--records", type=Path, metavar="DIR", help="default: below OUT/evaluation")
    parser.add_argument(
        "--draws", type=int, default=1000, metavar="N", help=f"{_BARS} (default 1000 draws)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(words: list[str]) -> int:
    """Prints the tables of one task; returns 0."""
    options = _parser().parse_args(words)
    for name in ("draws", "modules"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise OzmaError(f"{name} is {getattr(options, name)}", hint="give at least 1")
    try:
        with needing("evaluate"):
            return _flags(options) if options.task == "flags" else _asked(options)
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _flags(options: argparse.Namespace) -> int:
    from ozma.evaluate.choice import DEFAULT, Choice
    from ozma.evaluate.flags import dense_set, evaluate_flags
    from ozma.evaluate.gain_report import gain_facts
    from ozma.evaluate.plots import gain_plots, write_plots
    from ozma.evaluate.tables import render_gain

    if options.tables and options.records:
        folder, name = options.records, ""
    else:
        name = dense_set(options.out, options.set).folder.name
        folder = options.records or options.out / "evaluation" / f"{name}-{options.split}"
    if not options.tables:
        policies = DEFAULT if options.policies is None else tuple(options.policies)
        choice = Choice(
            policies, tuple(options.model), tuple(options.method), tuple(options.kinds),
            options.modules, options.random, options.answers, options.split,
        )  # fmt: skip
        evaluate_flags(options.out, folder, choice, name, _progress, options.learn_from)
    facts = gain_facts(folder, options.rival, options.draws)
    if options.plots:
        write_plots(options.plots, gain_plots(facts))
    print(json.dumps(facts) if options.json else render_gain(facts))
    return 0


def _asked(options: argparse.Namespace) -> int:
    """Sizes, emulation or perplexity of one model."""
    from ozma.evaluate import asked

    form = asked.PLAIN if options.published else asked.SHORT
    answerer = asked.load_answerer(options.model, getattr(options, "endpoint", None))
    folder = options.records or options.out / "evaluation"
    tokens = getattr(options, "max_tokens", 0)
    file = asked.record_file(
        folder, options.task, answerer, form, options.split, options.model, tokens
    )
    subjects = list(
        asked.some_subjects(options.out, options.split, options.modules, options.largest)
    )
    asking = asked.Asking(file, subjects, answerer, form, tokens, options.draws)
    facts, text = asked.TASKS[options.task](asking)
    print(json.dumps(facts) if options.json else text)
    return 0


def _progress(name: str, done: int, total: int) -> None:
    print(f"ozma: {name}: {done:,} of {total:,}", file=sys.stderr)
