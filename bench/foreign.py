"""gcc's assembly lifted: C files of a corpus's projects compiled by gcc -Os, each function made into
LLVM-IR, compiled back by LLVM, and run against gcc's.

    python bench/foreign.py OUT --corpus CORPUS --count 2000
    python bench/foreign.py OUT                      # the table again, from the records alone

Files are compiled one by one with the headers of the corpus's fast path. Behaviour is that under the
signatures that clang gives the same source; a function that only gcc made (`.constprop`, `.isra`, `.part`)
has those that the answer states. OUT/<split>/units holds what gcc made, `<split>.jsonl` the records;
run the same command again and it goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from outcomes import answer_options, behaviour, newest_tables, reason_notes, report, table

from ozma.corpus.debian import CACHE
from ozma.corpus.download import download
from ozma.corpus.fastpath import LANGUAGES, FastPath, compile_tree, list_sources
from ozma.corpus.projects import read_projects
from ozma.corpus.split import SPLITS, TEST
from ozma.corpus.unpack import unpack
from ozma.errors import OzmaError
from ozma.evaluate.disassembly import lifter_version
from ozma.evaluate.records import RecordFile, Row
from ozma.lift.answers import Answerer
from ozma.lift.asm.lines import function_names, function_places, normalized_lines
from ozma.lift.behaviour.shown import EmulatorCheck, Shown
from ozma.lift.emulator.signature import Callees, read_signatures
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.program.excerpt import Excerpts
from ozma.llvm import InvalidIR, find_toolchain
from ozma.llvm.clang import CompileError, compile_bitcode
from ozma.tasks.assembly import code_lines

@dataclass(frozen=True)
class Unit:
    """What gcc made of a file, beside clang's bitcode of it."""

    project: str
    source: str
    path: Path

    def assembly(self) -> str:
        return self.path.read_text("utf-8", "replace")

    def bitcode(self) -> bytes:
        return self.path.with_suffix(".bc").read_bytes()


def collect(options: argparse.Namespace, folder: Path) -> list[Unit]:
    """Compiles files of each project of the split; a project once."""
    split = json.loads((options.corpus / "split.json").read_text())["projects"]
    records = read_projects(options.corpus)
    units = []
    names = sorted(name for name, part in split.items() if part == options.split)
    for project in names[: options.projects]:
        listed = folder / f"{project}.json"
        if not listed.exists():
            found = list(_compile_project(records[project], folder, options))
            listed.write_text(json.dumps(found))
            print(f"{project}: {len(found)} files", file=sys.stderr)
        units += [Unit(project, s, folder / f"{key}.s") for s, key in json.loads(listed.read_text())]
    return units


def _compile_project(record, folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """(source, key) of each file that both compilers take."""
    archive = CACHE / "archives" / record.url.rsplit("/", 1)[-1]
    with tempfile.TemporaryDirectory(prefix="ozma-foreign-") as scratch:
        try:
            download(record.url, archive, record.sha256)
            top = unpack(archive, Path(scratch, "source"))
        except OzmaError as error:
            print(f"{record.project}: {error}", file=sys.stderr)
            return
        compiler = _Both(options.gcc, options.gcc_flags.split(), folder)
        sources = sorted(list_sources(top), key=lambda path: _digest(path.relative_to(top).as_posix()))
        chosen = [path for path in sources if LANGUAGES[path.suffix] == "c"][: options.files]
        for unit in compile_tree(top, chosen, FastPath(find_toolchain()), compiler):
            if unit.bitcode is not None:
                yield unit.source.relative_to(top).as_posix(), unit.bitcode.decode()


class _Both:
    """Compiles with clang to bitcode and with gcc to assembly; both go to `folder` under a key."""

    def __init__(self, gcc: str, flags: Sequence[str], folder: Path) -> None:
        self._gcc, self._flags, self._folder = gcc, tuple(flags), folder
        self._toolchain = find_toolchain()

    def __call__(self, source: Path, arguments: Sequence[str]) -> bytes:
        bitcode = compile_bitcode(self._toolchain, source, arguments, timeout=20)
        command = [self._gcc, *arguments, *self._flags, "-S", str(source), "-o", "-"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=60)
        except subprocess.TimeoutExpired as error:
            raise CompileError("gcc took over 60 s") from error
        if done.returncode:
            raise CompileError("gcc refuses it")
        key = _digest(bitcode)
        (self._folder / f"{key}.bc").write_bytes(bitcode)
        (self._folder / f"{key}.s").write_bytes(done.stdout)
        return key.encode()


def _digest(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Asked:
    """One function of gcc's assembly. `hash` is of its normalized text."""

    hash: str
    unit: Unit
    symbol: str
    instructions: int


def choose(units: Sequence[Unit], bound: int) -> list[Asked]:
    """At most `bound` functions of a project, in the order of their hashes; each text once."""
    found: dict[str, Asked] = {}
    for unit in units:
        lines = code_lines(unit.assembly())
        for name in function_names(lines):
            own = [lines[place] for place in function_places(lines, name)]
            count = sum(line.startswith("\t") and not line.startswith("\t.") for line in own)
            if count and ".cold" not in name:
                digest = _digest("\n".join(normalized_lines(own)))
                found.setdefault(digest, Asked(digest, unit, name, count))
    taken: Counter[str] = Counter()
    kept = []
    for asked in sorted(found.values(), key=lambda one: one.hash):
        taken[asked.unit.project] += 1
        if taken[asked.unit.project] <= bound:
            kept.append(asked)
    return kept


@lru_cache(maxsize=4)
def _excerpts(unit: Unit) -> Excerpts:
    return Excerpts(unit.assembly())


@lru_cache(maxsize=4)
def _signatures(unit: Unit) -> Callees:
    try:
        return read_signatures(find_toolchain(), unit.bitcode())
    except InvalidIR:
        return {}


def measure(options: argparse.Namespace) -> Iterator[Row]:
    folder = options.out / options.split / "units"
    folder.mkdir(parents=True, exist_ok=True)
    file = RecordFile(options.out / f"gcc-{options.split}.jsonl", lifter_version(), ("hash",))
    chosen = choose(collect(options, folder), options.per_project)[: options.count]
    toolchain = find_toolchain()
    with Compiler(toolchain) as compiler, EmulatorCheck(toolchain, "x86-64", options.inputs) as check:
        answerer = Answerer(compiler, answer_options("x86-64"), check)
        for asked in chosen:
            if (asked.hash,) not in file:
                row = _row(asked, answerer, check)
                file.append([row])
                yield row


def _row(asked: Asked, answerer: Answerer, check: EmulatorCheck) -> Row:
    text = _excerpts(asked.unit).of(asked.symbol)
    answer = answerer.answer(text, asked.symbol)
    known = _signatures(asked.unit)
    known = known if asked.symbol in known else None
    shown = Shown(None, reason=str(answer.refusal or answer.reason))
    if answer.assembly and not answer.exact:
        shown = check(text, asked.symbol, answer.ir, answer.assembly, known)
    elif answer.exact:
        shown = Shown(True, 0, 1.0)
    return {
        "hash": asked.hash, "project": asked.unit.project, "file": asked.unit.source,
        "symbol": asked.symbol, "instructions": asked.instructions, "lowered": bool(answer.assembly),
        "exact": answer.exact, "behaviour": behaviour(shown) if answer.assembly else "",
        "signature": "clang's" if known else "the answer's", "inputs": shown.inputs,
        "covered": round(shown.covered, 4), "reason": shown.reason[:300],
        "seconds": round(answer.processor_seconds, 4),
    }  # fmt: skip


def render(out: Path) -> str:
    """The table of every file of records in `out`, its newest version, as Markdown."""
    return newest_tables(out, _one_table)


def _one_table(name: str, rows: Sequence[Row]) -> str:
    kinds = Counter(row["behaviour"] for row in rows)
    counts = {
        "lowers": sum(row["lowered"] for row in rows), "identical assembly": sum(row["exact"] for row in rows),
        "same behaviour, or identical": kinds["same"], "differs": kinds["differs"],
        "not checked": kinds["could not run"], "failed": kinds[""],
    }  # fmt: skip
    ran = [row["covered"] for row in rows if row["behaviour"] == "same"]
    clones = sum(row["signature"] != "clang's" for row in rows)
    seconds = sum(row["seconds"] for row in rows) / len(rows)
    notes = [
        f"{len({row['project'] for row in rows})} projects; {clones} functions under the answer's own signature; "
        f"the inputs ran {100 * sum(ran) / max(len(ran), 1):.0f} % of the code in the mean; "
        f"{seconds:.2f} s of processor time a function"
    ]  # fmt: skip
    notes += reason_notes(rows, 15)
    return table(name, len(rows), counts, notes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path, help="compile projects of this corpus; without it only the table")
    parser.add_argument("--gcc", default="gcc-12")
    parser.add_argument("--gcc-flags", default="-Os", help="default -Os")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--files", type=int, default=20, help="C files of a project that are tried, by hash")
    parser.add_argument("--projects", type=int, help="only so many of the split's projects")
    parser.add_argument("--per-project", type=int, default=150, help="functions of a project at most")
    parser.add_argument("--inputs", type=int, default=10)
    parser.add_argument("--split", choices=SPLITS, default=TEST)
    return parser


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    rows = measure(options) if options.corpus else ()
    return report("foreign", rows, lambda: render(options.out))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
