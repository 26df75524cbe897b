"""`ozma translate`: assembly of one machine in, assembly of another out, checked on both."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.answers import AnswerOptions, Answerer, Verdict
from ozma.lift.answers.migrate import Migrated, Migrator
from ozma.lift.asm.source import Source, read_source
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.program.excerpt import excerpts_of
from ozma.lift.program.merge import merge_modules
from ozma.llvm import find_toolchain
from ozma.search.budget import Budget

_TARGETS = ("x86-64", "aarch64")
_EPILOG = """\
Each function is lifted to LLVM-IR, lowered for the other machine, and run on equal inputs in emulators
of both. What the first compiler decided by machine stays: layouts, va_list, the sign of char.

  ozma translate --target aarch64 f.s > g.s
  ozma translate --target aarch64 f.o -S -o g.ll     the IR for the other machine
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ozma translate",
        description="Assembly or an object for one machine as assembly for another.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help=".s or .o; - is standard input")
    parser.add_argument(
        "--target", choices=_TARGETS, required=True, help="the machine to translate to"
    )
    parser.add_argument(
        "--from", dest="source", choices=_TARGETS, help="default: as the file looks"
    )
    parser.add_argument(
        "--function", metavar="NAME", action="append", help="only this function (may be repeated)"
    )
    parser.add_argument(
        "-S", dest="text", action="store_true",
        help="LLVM-IR for the other machine instead of assembly",
    )  # fmt: skip
    parser.add_argument(
        "-o", dest="output", metavar="OUT", help="write there (default -, standard output)"
    )
    parser.add_argument(
        "--budget", default="32", metavar="N|Ns",
        help="compiles or seconds to lift a function (default 32)",
    )  # fmt: skip
    parser.add_argument(
        "--inputs", type=int, default=10, metavar="N",
        help="inputs for the behaviour check; 0: no check (default 10)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )
    return parser


def main(words: list[str]) -> int:
    """0 when every function was translated and none is known to differ; else 100."""
    options = _parser().parse_args(words)
    toolchain = find_toolchain(options.llvm)
    source = read_source(toolchain, options.file, options.source)
    if source.target == options.target:
        raise OzmaError(f"{options.file} is for {options.target} already")
    with Compiler(toolchain) as compiler:
        made = _migrated(compiler, source, options)
        text = _text(compiler, source, made, options.text)
    _write(_as_json(source, options.target, made, text) if options.json else text, options.output)
    good = all(one.verdict not in (Verdict.FAILED, Verdict.DIFFERS) for one in made)
    return 0 if good else 100


def _migrated(compiler: Compiler, source: Source, options: argparse.Namespace) -> list[Migrated]:
    toolchain, found = compiler.toolchain, []
    with (
        Migrator(toolchain, compiler, source.target, options.target, options.inputs) as migrator,
        EmulatorCheck(toolchain, source.target, max(options.inputs, 1)) as check,
    ):
        answerer = Answerer(compiler, _settings(source, options), check if options.inputs else None)
        whole = source.is_one_function()
        for name, excerpt in excerpts_of(source, _chosen(source, options.function)).items():
            lifted = answerer.answer(excerpt.text, name, whole).in_text_of(excerpt)
            one = migrator.migrate(excerpt.text, lifted)
            found.append(one)
            print(f"{name}: {one.said} (lifted: {one.lifted.said})", file=sys.stderr)
    return found


def _chosen(source: Source, wanted: list[str] | None) -> list[str]:
    names = source.functions()
    for name in wanted or ():
        if name not in names:
            raise OzmaError(f"{source.name} defines no function '{name}'")
    return wanted or names


def _settings(source: Source, options: argparse.Namespace) -> AnswerOptions:
    try:
        budget = Budget.parse(options.budget)
        return AnswerOptions(source.target, budget=budget, listing=source.from_object)
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _text(compiler: Compiler, source: Source, made: list[Migrated], as_ir: bool) -> str:
    """All translated functions as one module, or as its assembly."""
    modules = [(one.said.splitlines()[0], one.ir) for one in made if one.ir]
    if not modules:
        return ""
    module = merge_modules(modules, source.local())
    if as_ir:
        return module
    compiled = compiler.compile(module)
    if not compiled.ok:
        raise OzmaError(
            f"the functions do not go into one module: {compiled.reason}",
            hint="give --function NAME",
        )
    return compiled.assembly


def _as_json(source: Source, target: str, made: list[Migrated], text: str) -> str:
    rows = [
        {
            "function": one.lifted.function, "verdict": one.verdict.value, "inputs": one.inputs,
            "covered": one.covered, "reason": one.reason, "lifted": one.lifted.verdict.value,
        }
        for one in made
    ]  # fmt: skip
    facts = {"file": source.name, "from": source.target, "target": target, "functions": rows}
    return json.dumps(facts | {"text": text}, indent=2) + "\n"


def _write(text: str, output: str | None) -> None:
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {output}: {error.strerror}") from error
