"""`ozma disassemble`: assembly or an object in, LLVM-IR out that compiles back, with a verdict
each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from ozma.cli.lift_options import (
    MACHINES, add_lift_options, answer_options, chosen_functions,
)  # fmt: skip
from ozma.cli.output import write_out
from ozma.cli.parser import Parser
from ozma.lift.answers import Answer, Job, Verdict, answer_all
from ozma.lift.asm.source import Source, read_source
from ozma.lift.program.excerpt import excerpts_of
from ozma.lift.program.merge import merge_modules
from ozma.llvm import Toolchain, find_toolchain
from ozma.model.shipped import DISASSEMBLER

_EPILOG = """\
Verdicts, never more than was shown:
  identical assembly   the IR compiles back to the same assembly, but for numbers of labels
  same behaviour       equal results, writes and calls on N inputs in an emulator
  compiles             it could not be run: nothing is known
  behaviour differs    it does something else on an input that is named
  failed               no IR; the line and instruction that are to blame are named

  ozma disassemble f.s > f.ll                LLVM-IR on standard output, verdicts on standard error
  ozma disassemble lib.o --function parse    one function of an object file
  ozma disassemble f.s --report f.html       where the assembly differs
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma disassemble",
        description="LLVM-IR for x86-64 and AArch64 assembly that compiles back to the same "
        "assembly.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_lift_options(parser, budget="2s")
    parser.add_argument(
        "-S", dest="text", action="store_true", help="accepted, as opt takes it: IR is text"
    )
    parser.add_argument("--target", choices=MACHINES, help="default: as the file looks")
    parser.add_argument(
        "-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
        help="processes (default: one per processor)",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, nargs="?", const=DISASSEMBLER, metavar="FOLDER",
        help="a language model's answer enters too, judged as the lifter's are; its time counts "
        "(default: the shipped disassembler)",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="OUT.html",
        help="write a page with the IR and where the assembly differs",
    )  # fmt: skip
    return parser


def main(words: list[str]) -> int:
    """0 when every function has IR that is not known to differ; else 100."""
    options = _parser().parse_args(words)
    toolchain = find_toolchain(options.llvm)
    source = read_source(toolchain, options.file, options.target)
    answers = _answers(toolchain, source, options)
    text = _module(source, answers)
    if options.report:
        from ozma.lift.answers.report import write_report

        title = f"ozma disassemble {Path(options.file).name}"
        write_report(title, source.assembly, source.target, answers, options.report)
    write_out(_as_json(source, answers, text) if options.json else text, options.output)
    good = all(a.verdict not in (Verdict.FAILED, Verdict.DIFFERS) for a in answers)
    return 0 if good else 100


def _answers(
    toolchain: Toolchain, source: Source, options: argparse.Namespace
) -> list[Answer]:
    """In the order of the text; each is reported as it comes."""
    chosen = chosen_functions(toolchain, source, options.function)
    if options.model:
        _check_model(options.model)
    texts, whole = excerpts_of(source, chosen), source.is_one_function()
    settings = answer_options(source, options.budget)
    jobs = [
        Job(texts[name].text, name, settings, whole, options.inputs, options.llvm, options.model)
        for name in chosen
    ]
    found = {}
    for job, answer in answer_all(jobs, min(max(options.jobs, 1), len(jobs))):
        found[job.function] = answer.in_text_of(texts[job.function])
        print(line(found[job.function]), file=sys.stderr)
    return [found[name] for name in chosen]


def _check_model(folder: Path) -> None:
    """OzmaError here, rather than in each process."""
    from ozma.model.generate.answer import TokenAnswerer

    TokenAnswerer.load(folder)


def line(answer: Answer) -> str:
    """One line for people: the function, its verdict, how long it took, what the match needs."""
    said = f"failed: {answer.refusal}" if answer.refusal else answer.said
    needs = f"; needs {', '.join(answer.flags)}" if answer.flags else ""
    return f"{answer.function}: {said}{needs} ({answer.seconds:.2f} s, {answer.compiles} compiles)"


def _module(source: Source, answers: list[Answer]) -> str:
    made = [(_remark(answer), answer.ir) for answer in answers if answer.ir]
    return (
        merge_modules(made, source.local()) if len(made) > 1 else "".join(text for _, text in made)
    )


def _remark(answer: Answer) -> str:
    return answer.said.splitlines()[0]


def _as_json(source: Source, answers: list[Answer], text: str) -> str:
    rows = [asdict(answer) | {"verdict": answer.verdict.value} for answer in answers]
    facts = {"file": source.name, "target": source.target, "functions": rows, "ir": text}
    return json.dumps(facts, indent=2) + "\n"
