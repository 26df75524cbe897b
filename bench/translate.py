"""x86-64 functions of a corpus translated to AArch64 and run on both machines, emulated.

    python bench/translate.py OUT --corpus CORPUS --count 500
    python bench/translate.py OUT                     # the table again, from the records alone

Each function is lifted as `ozma disassemble` does it without a search, lowered for the other machine, and
checked under the signature that its source has there. Where that is not shown, it is checked as its own
IR says it is called: structs in memory and results through a pointer go other ways on AArch64, and
assembly does not tell them from pointers. Code translated as a whole agrees with itself on that. OUT
holds `<from>-<to>-<level>-<split>.jsonl`; run the same command again and it goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from outcomes import answer_options, behaviour, newest_tables, reason_notes, report, table

from ozma.corpus.split import SPLITS, TEST
from ozma.evaluate.disassembly import lifter_version
from ozma.evaluate.disassembly_set import LEVELS, Truth, truths
from ozma.evaluate.records import RecordFile, Row
from ozma.lift.answers import Answerer
from ozma.lift.answers.migrate import Migrated, Migrator
from ozma.lift.behaviour.shown import EmulatorCheck, Shown
from ozma.lift.emulator.signature import read_signatures
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import find_toolchain

_OTHER = {"x86-64": "aarch64", "aarch64": "x86-64"}


class Bench:
    """Translates functions of `source` to the other machine. Use it in a `with` block."""

    def __init__(self, source: str, inputs: int) -> None:
        toolchain, target = find_toolchain(), _OTHER[source]
        with ExitStack() as stack:
            self._compiler = stack.enter_context(Compiler(toolchain))
            home = stack.enter_context(EmulatorCheck(toolchain, source, inputs))
            self._across = stack.enter_context(EmulatorCheck(toolchain, source, inputs, target))
            self._migrator = stack.enter_context(
                Migrator(toolchain, self._compiler, source, target, inputs=0)
            )
            self._answerer = Answerer(self._compiler, answer_options(source), home)
            self._stack = stack.pop_all()

    def row(self, truth: Truth) -> Row:
        started = time.process_time()
        spent = self._compiler.processor_seconds()
        lifted = self._answerer.answer(truth.assembly, truth.symbol, whole=True)
        made = self._migrator.migrate(truth.assembly, lifted)
        shown = own = Shown(None, reason=made.reason)
        if made.assembly:
            shown = own = self._shown(truth, made)
            if not shown.same:
                own = self._across(truth.assembly, truth.symbol, lifted.ir, made.assembly)
        seconds = self._compiler.processor_seconds() - spent
        return {
            "hash": truth.hash, "project": truth.project, "symbol": truth.symbol,
            "language": truth.language, "instructions": truth.instructions,
            "lifted": lifted.verdict.value, "translated": bool(made.assembly),
            "behaviour": behaviour(shown) if made.assembly else "",
            "own": behaviour(own) if made.assembly else "",
            "inputs": shown.inputs, "covered": round(shown.covered, 4),
            "reason": shown.reason[:300], "seconds": round(max(seconds, time.process_time() - started), 4),
        }  # fmt: skip

    def _shown(self, truth: Truth, made: Migrated) -> Shown:
        signatures = read_signatures(find_toolchain(), truth.ir)
        return self._across(truth.assembly, truth.symbol, made.ir, made.assembly, signatures)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Appends a record for each function that has none of this lifter, and yields it."""
    name = f"{options.source}-{_OTHER[options.source]}-{options.level}-{options.split}.jsonl"
    file = RecordFile(options.out / name, lifter_version(), ("hash",))
    found = islice(truths(options.corpus, options.level, options.source, options.split), options.count)
    with Bench(options.source, options.inputs) as bench:
        for truth in found:
            if (truth.hash,) not in file:
                row = bench.row(truth)
                file.append([row])
                yield row


def render(out: Path) -> str:
    """The table of every file of records in `out`, its newest version, as Markdown."""
    return newest_tables(out, _one_table)


def _one_table(name: str, rows: Sequence[Row]) -> str:
    kinds = Counter(row["behaviour"] for row in rows)
    counts = {
        "translated": sum(row["translated"] for row in rows), "same behaviour": kinds["same"],
        "differs": kinds["differs"], "of these the same as its own IR says it is called": _own(rows, "differs"),
        "not checked": kinds["could not run"],
        "of these the same as its own IR says": _own(rows, "could not run"), "failed": kinds[""],
    }  # fmt: skip
    same = [row for row in rows if row["behaviour"] == "same"]
    ran = sum(row["covered"] for row in same) / len(same) if same else 0.0
    inputs = sum(row["inputs"] for row in same) / len(same) if same else 0.0
    seconds = sum(row["seconds"] for row in rows) / len(rows)
    projects = len({row["project"] for row in rows})
    notes = [
        f"{projects} projects; same behaviour: {inputs:.1f} inputs and {ran:.0%} of the code in the mean; "
        f"{seconds:.2f} s of processor time a function"
    ]  # fmt: skip
    notes += reason_notes(rows, 12)
    return table(name, len(rows), counts, notes)


def _own(rows: Sequence[Row], kind: str) -> int:
    return sum(row["behaviour"] == kind and row["own"] == "same" for row in rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path, help="translate functions of this corpus; without it only the table")
    parser.add_argument("--from", dest="source", choices=tuple(_OTHER), default="x86-64")
    parser.add_argument("--level", choices=tuple(LEVELS), default="Oz")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--inputs", type=int, default=10)
    parser.add_argument("--split", choices=SPLITS, default=TEST)
    return parser


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    rows = measure(options) if options.corpus else ()
    return report("translate", rows, lambda: render(options.out))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
