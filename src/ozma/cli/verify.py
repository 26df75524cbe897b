"""`ozma verify`: do the project's own tests pass with what `ozma cc` made?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.optimize.cc import records, signals
from ozma.optimize.project import Project, ProjectConfig
from ozma.optimize.verification import Verification, verify_project


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma verify",
        description="Build with `ozma cc`, run the project's own tests and, if they fail, find the "
        "translation units at fault and leave those to clang from then on.",
    )
    parser.add_argument("--test", required=True, metavar="COMMAND", help="such as 'make check'")
    parser.add_argument("--build", default="make", metavar="COMMAND", help="default: make")
    parser.add_argument(
        "--clean", metavar="COMMAND", help="such as 'make clean'; default: remove single objects"
    )
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="build folder")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="the compilers' --ozma-cache")
    parser.add_argument(
        "--timeout", type=float, default=3600.0, metavar="SECONDS", help="for one run of the tests"
    )
    parser.add_argument(
        "--cc-option", action="append", default=[], metavar="OPTION",
        help="an --ozma-* option for the compilers, such as --cc-option=--ozma-budget=64",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _as_json(result: Verification) -> str:
    fields = asdict(result)
    fields["verdict"] = result.verdict.value
    return json.dumps(fields, default=str)


def main(words: list[str]) -> int:
    """Returns 0 when the tests pass, if need be with some units left to clang."""
    options = _parser().parse_args(words)
    try:
        config = ProjectConfig(
            test=options.test,
            build=options.build,
            folder=options.folder.resolve(),
            cache=(options.cache or Path(records.default_folder(os.environ))).resolve(),
            clean=options.clean,
            timeout=options.timeout,
            options=tuple(options.cc_option),
        )
    except ValueError as error:
        raise OzmaError(str(error)) from error
    previous = signals.install()
    try:
        result = verify_project(Project(config), lambda line: print(line, file=sys.stderr))
    except signals.Interrupted as stop:
        return signals.die_by(stop.number)
    finally:
        signals.restore(previous)
    print(_as_json(result) if options.json else result.paragraph())
    return 0
