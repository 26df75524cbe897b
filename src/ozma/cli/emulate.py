"""`ozma emulate`: what a pass list makes of a file, said by the model without running a pass."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.cli.prompt import bitcode_of, done_of
from ozma.cli.source import source_of
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Worker, find_toolchain
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.model.shipped import SHIPPED
from ozma.optimize.file import OptimizeConfig
from ozma.passes import explicit, parse
from ozma.tasks.answers import CodeAnswer, Facts, parse_code_answer
from ozma.tasks.canonical import shorten
from ozma.tasks.prompts import Task, emulation_prompt

_EPILOG = """\
The answer is a prediction and may be wrong; --check runs LLVM and shows the difference.

  ozma emulate f.c --function main                        clang's own list for -Oz
  ozma emulate f.ll --passes 'function(sroa,instcombine)' --check
"""


def _parser() -> Parser:
    parser = Parser(
        prog="ozma emulate",
        description="Predict the code and its sizes after a pass list, without running a pass.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", metavar="FILE", help=".c .cc .cpp .i .ii .ll .bc; - is standard input (LLVM-IR)"
    )
    parser.add_argument(
        "--passes", metavar="LIST", help="as opt -passes= takes it (default clang's own for -Oz)"
    )
    parser.add_argument(
        "--answer", choices=("ir", "assembly"), default="ir", help="what to predict (default ir)"
    )
    parser.add_argument("--function", metavar="NAME", help="this function alone")
    parser.add_argument(
        "--check", action="store_true", help="run the list and show where the answer differs"
    )
    model = parser.add_mutually_exclusive_group()
    model.add_argument(
        "--model", type=Path, default=SHIPPED, metavar="FOLDER",
        help="another model than the shipped one",
    )  # fmt: skip
    model.add_argument(
        "--endpoint", metavar="URL",
        help="ask an OpenAI-compatible server, with IR as LLVM prints it",
    )  # fmt: skip
    parser.add_argument(
        "--max-tokens", type=int, default=1024, metavar="N",
        help="length of the answer (default 1024)",
    )  # fmt: skip
    parser.add_argument("--target", choices=TARGETS, default="x86-64", help="default x86-64")
    parser.add_argument(
        "--llvm", type=int, metavar="N", help="LLVM release (default 19, else the newest)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


@dataclass(frozen=True)
class Outcome:
    """`truth` and `facts` are LLVM's own, with --check; `same`: the same text, but for blank space
    around it."""

    answer: CodeAnswer
    truth: str | None = None
    facts: Facts = Facts()

    @property
    def same(self) -> bool | None:
        return None if self.truth is None else self.truth.strip() == self.answer.code.strip()


def main(words: list[str]) -> int:
    """0 when the model gave code; 1 when --check shows that it is not LLVM's."""
    options, rest = _parser().parse_with_clang(words)
    if options.max_tokens < 1:
        raise OzmaError(f"--max-tokens is {options.max_tokens}", hint="give 1 or more")
    toolchain = find_toolchain(options.llvm)
    passes = clang_pipeline(toolchain) if options.passes is None else str(parse(options.passes))
    explicit(parse(passes), catalogue_of(toolchain))  # names that this LLVM does not have
    config = OptimizeConfig(target=options.target, clang_args=tuple(rest))
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder, Worker(toolchain) as worker:
        source = source_of(options.file, Path(folder))
        bitcode = bitcode_of(toolchain, worker, source, config, options.function)
        outcome = _emulated(worker, bitcode, passes, options)
    _show(outcome, options)
    return int(outcome.same is False)


def _emulated(worker: Worker, bitcode: bytes, passes: str, options: argparse.Namespace) -> Outcome:
    loaded = worker.load(bitcode)
    plain = done_of(worker.evaluate(loaded.id, "", ("ir",)))
    own = options.endpoint is None
    ir = shorten(plain.ir) if own else plain.ir
    task = Task.EMULATE_IR if options.answer == "ir" else Task.EMULATE_ASSEMBLY
    prompt = emulation_prompt(ir, passes, loaded.instructions, plain.sizes.total, task)
    answer = parse_code_answer(_ask(prompt, options))
    if answer.code is None:
        hint = "raise --max-tokens, or ask another model"
        raise OzmaError("the model's answer holds no code", hint=hint)
    if not options.check:
        return Outcome(answer)
    after = done_of(worker.evaluate(loaded.id, passes, (options.answer,)))
    truth = getattr(after, options.answer)
    truth = shorten(truth) if own and options.answer == "ir" else truth
    return Outcome(answer, truth, Facts(after.instructions, after.sizes.total))


def _ask(prompt: str, options: argparse.Namespace) -> str:
    from ozma.model.generate.answer import Sampling, TokenAnswerer

    if options.endpoint:
        from ozma.model.generate.endpoint import EndpointAnswerer

        answerer = EndpointAnswerer(options.endpoint)
    else:
        answerer = TokenAnswerer.load(options.model)
    return answerer.answers(prompt, Sampling(max_tokens=options.max_tokens))[0].text


def _show(outcome: Outcome, options: argparse.Namespace) -> None:
    if options.json:
        facts = asdict(outcome.answer) | {"fault": None, "same": outcome.same}
        print(json.dumps(facts | {"truth": outcome.truth, "truth_facts": asdict(outcome.facts)}))
        return
    sys.stdout.write(outcome.answer.code.rstrip("\n") + "\n")
    said = outcome.answer.after
    cut = "" if outcome.answer.complete else ", cut off"
    note = f"predicted{cut}: {_told(said.instructions)} instructions, {_told(said.size)} bytes"
    if outcome.same is None:
        print(f"ozma emulate: {note}; not checked", file=sys.stderr)
        return
    verdict = "the same text" if outcome.same else "not the same text"
    real = f"{outcome.facts.instructions} instructions, {outcome.facts.size} bytes"
    print(f"ozma emulate: {note}; LLVM: {real}; {verdict}", file=sys.stderr)
    if not outcome.same:
        lines = (outcome.answer.code.splitlines(), outcome.truth.splitlines())
        diff = difflib.unified_diff(*lines, "predicted", "LLVM", lineterm="")
        print("\n".join(diff), file=sys.stderr)


def _told(number: int | None) -> str:
    return "?" if number is None else str(number)
