"""`ozma disassemble`: assembly or an object in, LLVM-IR out that compiles back, with a verdict
each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from ozma.errors import OzmaError
from ozma.lift.answers import Answer, AnswerOptions, Job, Verdict, answer_all
from ozma.lift.asm.source import Source, read_source
from ozma.lift.program.excerpt import excerpts_of
from ozma.lift.program.merge import merge_modules
from ozma.llvm import find_toolchain
from ozma.search.budget import Budget

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
    parser = argparse.ArgumentParser(
        prog="ozma disassemble",
        description="LLVM-IR for x86-64 and AArch64 assembly that compiles back to the same "
        "assembly.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help=".s or .o; - is standard input")
    parser.add_argument(
        "-S", dest="text", action="store_true", help="accepted, as opt takes it: IR is text"
    )
    parser.add_argument(
        "-o", dest="output", metavar="OUT.ll", help="write the IR here (default -, standard output)"
    )
    parser.add_argument(
        "--function", metavar="NAME", action="append", help="only this function (may be repeated)"
    )
    parser.add_argument(
        "--target", choices=("x86-64", "aarch64"), help="default: as the file looks"
    )
    parser.add_argument(
        "--budget", default="2s", metavar="N|Ns",
        help="compiles or seconds of processor time for a function (default 2s)",
    )  # fmt: skip
    parser.add_argument(
        "--inputs", type=int, default=10, metavar="N",
        help="inputs for the behaviour check; 0: no check (default 10)",
    )  # fmt: skip
    parser.add_argument(
        "-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
        help="processes (default: one per processor)",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="OUT.html",
        help="write a page with the IR and where the assembly differs",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of IR")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )
    return parser


def main(words: list[str]) -> int:
    """0 when every function has IR that is not known to differ; else 100."""
    options = _parser().parse_args(words)
    toolchain = find_toolchain(options.llvm)
    source = read_source(toolchain, options.file, options.target)
    answers = _answers(source, options)
    text = _module(source, answers)
    if options.report:
        from ozma.lift.answers.report import write_report

        title = f"ozma disassemble {Path(options.file).name}"
        write_report(title, source.assembly, source.target, answers, options.report)
    _write(_as_json(source, answers, text) if options.json else text, options.output)
    good = all(a.verdict not in (Verdict.FAILED, Verdict.DIFFERS) for a in answers)
    return 0 if good else 100


def _answers(source: Source, options: argparse.Namespace) -> list[Answer]:
    """In the order of the text; each is reported as it comes."""
    names = source.functions()
    chosen = options.function or names
    for name in chosen:
        if name not in names:
            raise OzmaError(
                f"{source.name} defines no function '{name}'", hint=f"it has {_some(names)}"
            )
    texts, whole = excerpts_of(source, chosen), source.is_one_function()
    settings = _settings(source, options)
    jobs = [
        Job(texts[name].text, name, settings, whole, options.inputs, options.llvm)
        for name in chosen
    ]
    found = {}
    for job, answer in answer_all(jobs, min(max(options.jobs, 1), len(jobs))):
        found[job.function] = answer.in_text_of(texts[job.function])
        print(line(found[job.function]), file=sys.stderr)
    return [found[name] for name in chosen]


def _settings(source: Source, options: argparse.Namespace) -> AnswerOptions:
    try:
        budget = Budget.parse(options.budget)
        return AnswerOptions(source.target, budget=budget, listing=source.from_object)
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


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


def _write(text: str, output: str | None) -> None:
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write {output}: {error.strerror}") from error
