"""`ozma translate`: assembly of one machine in, assembly of another out, checked on both."""

from __future__ import annotations

import argparse
import json
import sys

from ozma.cli.lift_options import (
    MACHINES, add_lift_options, answer_options, chosen_functions,
)  # fmt: skip
from ozma.cli.output import write_out
from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.lift.answers import Answerer, Verdict
from ozma.lift.answers.migrate import Migrated, Migrator
from ozma.lift.asm.source import Source, read_source
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.program.excerpt import excerpts_of
from ozma.lift.program.merge import merge_modules
from ozma.llvm import find_toolchain

_EPILOG = """\
Each function is lifted to LLVM-IR, lowered for the other machine, and run on equal inputs in
emulators of both. What the first compiler decided by machine stays: layouts, va_list, the sign of
char.

  ozma translate --target aarch64 f.s > g.s
  ozma translate --target aarch64 f.o -S -o g.ll     the IR for the other machine
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma translate",
        description="Assembly or an object for one machine as assembly for another.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_lift_options(parser, budget="32")
    parser.add_argument(
        "--target", choices=MACHINES, required=True, help="the machine to translate to"
    )
    parser.add_argument(
        "--from", dest="source", choices=MACHINES, help="default: as the file looks"
    )
    parser.add_argument(
        "-S", dest="text", action="store_true",
        help="LLVM-IR for the other machine instead of assembly",
    )  # fmt: skip
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
    told = _as_json(source, options.target, made, text) if options.json else text
    write_out(told, options.output)
    good = all(one.verdict not in (Verdict.FAILED, Verdict.DIFFERS) for one in made)
    return 0 if good else 100


def _migrated(compiler: Compiler, source: Source, options: argparse.Namespace) -> list[Migrated]:
    toolchain, found = compiler.toolchain, []
    with (
        Migrator(toolchain, compiler, source.target, options.target, options.inputs) as migrator,
        EmulatorCheck(toolchain, source.target, max(options.inputs, 1)) as check,
    ):
        settings = answer_options(source, options.budget)
        chosen = chosen_functions(toolchain, source, options.function)
        answerer = Answerer(compiler, settings, check if options.inputs else None)
        whole = source.is_one_function()
        for name, excerpt in excerpts_of(source, chosen).items():
            lifted = answerer.answer(excerpt.text, name, whole).in_text_of(excerpt)
            one = migrator.migrate(excerpt.text, lifted)
            found.append(one)
            print(f"{name}: {one.said} (lifted: {one.lifted.said})", file=sys.stderr)
    return found


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
