"""What `ozma disassemble` and `ozma translate` share: options, the functions asked for, output."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.answers import AnswerOptions
from ozma.lift.asm.source import Source
from ozma.search.budget import Budget

MACHINES = ("x86-64", "aarch64")


def add_lift_options(parser: argparse.ArgumentParser, budget: str) -> None:
    """FILE and all options that mean the same in both verbs; `budget` is the default."""
    parser.add_argument("file", metavar="FILE", help=".s or .o; - is standard input")
    parser.add_argument(
        "-o", dest="output", metavar="OUT", help="write there (default -, standard output)"
    )
    parser.add_argument(
        "--function", metavar="NAME", action="append", help="only this function (may be repeated)"
    )
    parser.add_argument(
        "--budget", default=budget, metavar="N|Ns",
        help="compiles or seconds of processor time to lift a function (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--inputs", type=int, default=10, metavar="N",
        help="inputs for the behaviour check; 0: no check (default 10)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )


def chosen_functions(source: Source, wanted: list[str] | None) -> list[str]:
    """Names in the order of the text, or as wanted; OzmaError for one that is not there."""
    names = source.functions()
    for name in wanted or ():
        if name not in names:
            raise OzmaError(
                f"{source.name} defines no function '{name}'", hint=f"it has {_some(names)}"
            )
    return wanted or names


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def answer_options(source: Source, budget: str) -> AnswerOptions:
    """How functions of `source` are lifted; OzmaError for a budget that is none."""
    try:
        return AnswerOptions(
            source.target, budget=Budget.parse(budget), listing=source.from_object
        )
    except ValueError as error:
        raise OzmaError(str(error)) from error


def write_out(text: str, output: str | None) -> None:
    """To the file `output`, or standard output for None and "-"."""
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {output}: {error.strerror}") from error
