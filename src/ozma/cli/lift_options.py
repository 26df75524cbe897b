"""What `ozma disassemble` and `ozma translate` share: options, the functions asked for, output."""

from __future__ import annotations

import argparse
import subprocess

from ozma.errors import OzmaError
from ozma.lift.answers import AnswerOptions
from ozma.lift.asm.source import Source
from ozma.llvm import Toolchain
from ozma.search.budget import Budget

MACHINES = ("x86-64", "aarch64")


def add_lift_options(parser: argparse.ArgumentParser, budget: str) -> None:
    """FILE and all options that mean the same in both verbs; `budget` is the default."""
    parser.add_argument("file", metavar="FILE", help=".s or .o; - is standard input")
    parser.add_argument(
        "-o", dest="output", metavar="OUT", help="write there (default -, standard output)"
    )
    parser.add_argument(
        "--function", metavar="NAME", action="append", 
        help="only this function: its symbol, or a C++ name such as ns::f (may be repeated)",
    )
    parser.add_argument(
        "--budget", default=budget, metavar="N|Ns",
        help="compiles or seconds of processor time to lift a function (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--inputs", type=_inputs, default=10, metavar="N",
        help="inputs for the behaviour check; 0: no check (default 10)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )


def _inputs(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}': give a number of 0 or more")
    return int(text)


def chosen_functions(
    toolchain: Toolchain, source: Source, wanted: list[str] | None
) -> list[str]:
    """Names in the order of the text, or as wanted, C++ functions as written too (`geo::pick`);
    OzmaError for one that is not there."""
    names = source.functions()
    if all(name in names for name in wanted or ()):
        return list(dict.fromkeys(wanted or names))
    written = _as_written(toolchain, names)
    found = [name for one in wanted for name in _named(one, names, written)]
    missing = [one for one in wanted if not _named(one, names, written)]
    if missing:
        raise OzmaError(
            f"{source.name} defines no function '{missing[0]}'", hint=f"it has {_some(names)}"
        )
    return list(dict.fromkeys(found))


def _named(wanted: str, names: list[str], written: list[str]) -> list[str]:
    """The symbol, or all symbols whose C++ name is this, with or without its parameters."""
    if wanted in names:
        return [wanted]
    return [
        name for name, text in zip(names, written) if wanted in (text, text.partition("(")[0])
    ]


def _as_written(toolchain: Toolchain, names: list[str]) -> list[str]:
    command = [str(toolchain.tool("llvm-cxxfilt"))]
    done = subprocess.run(command, input="\n".join(names), capture_output=True, text=True)
    return done.stdout.splitlines()


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
