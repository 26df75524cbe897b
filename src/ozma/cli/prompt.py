"""`ozma prompt`: exactly what is sent to a model."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.cli.source import source_of
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Evaluation, Toolchain, Worker, find_toolchain
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.optimize.file import IR_SUFFIXES, OptimizeConfig, check_input, front_end
from ozma.passes import explicit, parse
from ozma.tasks.assembly import short_assembly
from ozma.tasks.canonical import shorten
from ozma.tasks.prompts import Task, disassembly_prompt, emulation_prompt, flags_prompt

TASKS = ("flags", "emulate", "disassemble")
_LLAMA = 2.0  # characters of IR per token of Llama 2's tokenizer
_EPILOG = """\
Words that ozma does not know (-I, -D, -std=, -m...) are handed to clang.

  ozma prompt f.c                                       ask for a pass list
  ozma prompt f.ll --function main --published          as the published models expect it
  ozma prompt f.c --task emulate --passes 'default<Oz>'
  ozma prompt f.s --task disassemble
"""


def _parser() -> Parser:
    parser = Parser(
        prog="ozma prompt",
        description="Show exactly what is sent to a model; how many tokens that are, on stderr.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", metavar="FILE",
        help=".c .cc .cpp .i .ii .ll .bc; .s to disassemble; - is standard input (LLVM-IR)",
    )  # fmt: skip
    parser.add_argument(
        "--task", choices=TASKS, default="flags", help="what is asked for (default flags)"
    )
    parser.add_argument(
        "--passes", metavar="LIST", default="default<Oz>",
        help="the list to emulate, as opt -passes= takes it (default default<Oz>)",
    )  # fmt: skip
    parser.add_argument(
        "--answer", choices=("ir", "assembly"), default="ir", help="what to emulate (default ir)"
    )
    parser.add_argument(
        "--function", metavar="NAME", help="this function alone, split off as the corpus does"
    )
    parser.add_argument(
        "--published", action="store_true",
        help="whole IR instead of the short form, for the published models",
    )  # fmt: skip
    parser.add_argument("--target", choices=TARGETS, default="x86-64", help="default x86-64")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def main(words: list[str]) -> int:
    """Prints the prompt."""
    options, rest = _parser().parse_with_clang(words)
    toolchain = find_toolchain(options.llvm)
    explicit(parse(options.passes), catalogue_of(toolchain))  # names that this LLVM does not have
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder, Worker(toolchain) as worker:
        source = source_of(options.file, Path(folder))
        if source.suffix == ".s" and options.task == "disassemble":
            prompt = _disassembly(_read(source), options)
        else:
            config = OptimizeConfig(target=options.target, clang_args=tuple(rest))
            bitcode = bitcode_of(toolchain, worker, source, config, options.function)
            prompt = _prompt(toolchain, worker, bitcode, options)
    _show(prompt, options)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error


def bitcode_of(
    toolchain: Toolchain, worker: Worker, source: Path, config: OptimizeConfig, function: str | None
) -> bytes:
    """Unoptimized bitcode of the file, or of one of its functions."""
    if source.suffix == ".s":
        hint = "give C, C++ or LLVM-IR; `ozma prompt --task disassemble` takes assembly"
        raise OzmaError(f"{source} is assembly", hint=hint)
    check_input(source)
    if source.suffix in IR_SUFFIXES:
        bitcode = source.read_bytes()
    else:
        with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
            bitcode = front_end(toolchain, source, config, Path(folder))
    if function is None:
        return bitcode
    functions = worker.split(bitcode, source.name).functions
    for one in functions:
        if one.symbol == function:
            return one.bitcode
    known = ", ".join(one.symbol for one in functions[:8])
    raise OzmaError(f"{source} has no function '{function}'", hint=f"it has {known or 'none'}")


def _prompt(
    toolchain: Toolchain, worker: Worker, bitcode: bytes, options: argparse.Namespace
) -> str:
    loaded = worker.load(bitcode)
    if options.task == "disassemble":
        lowered = worker.evaluate(loaded.id, clang_pipeline(toolchain), ("assembly",))
        return _disassembly(done_of(lowered).assembly, options)
    plain = done_of(worker.evaluate(loaded.id, "", ("ir",)))
    ir = plain.ir if options.published else shorten(plain.ir)
    if options.task == "flags":
        return flags_prompt(ir)
    task = Task.EMULATE_IR if options.answer == "ir" else Task.EMULATE_ASSEMBLY
    size = plain.sizes.total
    return emulation_prompt(ir, options.passes, loaded.instructions, size, task)


def _disassembly(assembly: str, options: argparse.Namespace) -> str:
    if not options.published:
        assembly = short_assembly(assembly, options.target)
    return disassembly_prompt(assembly)


def done_of(one: Evaluation) -> Evaluation:
    if not one.ok:
        raise OzmaError(f"LLVM: {one.outcome.value} {one.message}".rstrip())
    return one


def _show(prompt: str, options: argparse.Namespace) -> None:
    tokens = None if options.published else _count(prompt)
    if options.json:
        facts = {"task": options.task, "characters": len(prompt), "tokens": tokens}
        print(json.dumps(facts | {"prompt": prompt}))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write((prompt + "\n").encode("utf-8", "surrogateescape"))  # any bytes
    sys.stdout.flush()
    if options.published:
        text = f"about {len(prompt) / _LLAMA:,.0f} tokens of Llama 2's tokenizer"
    else:
        text = (
            "tokens not counted: llguidance is missing" if tokens is None else f"{tokens:,} tokens"
        )
    print(f"ozma prompt: {len(prompt):,} characters, {text}", file=sys.stderr)


def _count(prompt: str) -> int | None:
    """Tokens of our tokenizer, the start included; None without llguidance."""
    from ozma.model.tokenizer import Tokenizer

    try:
        import llguidance  # noqa: F401
    except ImportError:
        return None
    return len(Tokenizer.load().encode(prompt)) + 1
