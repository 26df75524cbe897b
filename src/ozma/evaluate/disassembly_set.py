"""What disassembly is measured on: functions of one split as assembly, with the IR they came from.

Each was compiled by the same libLLVM and the same settings as the answers will be. The assembly
that is asked about has no comments, no debug information, no source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.labels.disassembly import LEVELS as LABELLED
from ozma.labels.disassembly import Level, lower
from ozma.labels.subjects import Choice, Subject, choose, load_subjects, near_duplicates
from ozma.lift.asm.lines import normalized_lines
from ozma.lift.judging.compile_back import Compiler
from ozma.llvm import TARGETS, InvalidIR, Worker
from ozma.llvm.rewrite import Rewrite, machine_of
from ozma.tasks.assembly import code_lines

_FRONT = Level("front", 2, optimizes=False, for_size=True)
_NAMED = {level.name.removeprefix("-"): level for level in LABELLED}
LEVELS = {"Oz": _NAMED["Oz"], "O2": _NAMED["O2"], "O0": _NAMED["O0"], "front": _FRONT}
"""`front` is what the paper's demo shows: clang's front end at -Oz, no LLVM pass, full back end."""
_LIFETIME = re.compile(r"^  .*call void @llvm\.lifetime\.(?:start|end).*\n", re.MULTILINE)
_USED_GROUP = re.compile(r"^define .*(#\d+)", re.MULTILINE)
_AS_O0 = 'noinline optnone "frame-pointer"="all" '
_NEAR_PARITY = 16_384 * 2
"""Characters of prompt and answer in the paper's window of 16,384 tokens, at two a token."""


@dataclass(frozen=True)
class Truth:
    """One test function. `instructions` counts lines of code in `assembly`; `fits`: prompt and
    answer would go into the paper's window."""

    hash: str
    project: str
    symbol: str
    language: str
    near: bool
    assembly: str
    ir: str
    instructions: int
    fits: bool


def truths(
    corpus: Path,
    level: str,
    target: str,
    split: str,
    largest: int = 5000,
    skip: Callable[[str], bool] = lambda digest: False,
) -> Iterator[Truth]:
    """Functions of a split in an order that only their hashes set; each assembly once.

    Those that LLVM does not take are left out, and, before they are compiled, those whose hash
    `skip` knows. OzmaError if the corpus has none.
    """
    from ozma.llvm import find_toolchain

    near = near_duplicates(corpus)
    seen: set[str] = set()
    toolchain = find_toolchain()
    with Worker(toolchain) as worker, Compiler(toolchain) as compiler:
        maker = _Maker(worker, compiler, level, target)
        for subject in _in_order(corpus, split, largest):
            if skip(subject.hash):
                continue
            truth = maker.make(subject, subject.hash in near)
            if truth and (digest := _digest(truth.assembly, target)) not in seen:
                seen.add(digest)
                yield truth


def _in_order(corpus: Path, split: str, largest: int) -> Iterator[Subject]:
    """All chosen functions by hash: a stable mix of all projects."""
    chosen = choose(corpus, Choice(splits=(split,), largest=largest))
    found = [subject for one in chosen for subject in load_subjects(corpus, one)]
    yield from sorted(found, key=lambda subject: subject.hash)


def _digest(assembly: str, target: str) -> str:
    text = "\n".join(normalized_lines(code_lines(assembly, target)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class _Maker:
    def __init__(self, worker: Worker, compiler: Compiler, level: str, target: str) -> None:
        self._worker, self._compiler = worker, compiler
        self._level, self._target = level, target
        self._machine = machine_of(worker.toolchain, TARGETS[target])

    def make(self, subject: Subject, near: bool) -> Truth | None:
        """None when LLVM refuses the module, for this machine or at all."""
        try:
            bitcode = self._worker.rewrite(subject.bitcode, Rewrite(machine=self._machine))
            ir, assembly = self._texts(bitcode)
        except InvalidIR:
            return None
        if not assembly:
            return None
        lines = code_lines(assembly, self._target)
        text = "\n".join(lines) + "\n"
        count = sum(line.startswith("\t") and not line.startswith("\t.") for line in lines)
        fits = len(text) + len(ir) <= _NEAR_PARITY
        return Truth(
            subject.hash, subject.project, subject.symbol, subject.language, near, text, ir,
            count, fits,
        )  # fmt: skip

    def _texts(self, bitcode: bytes) -> tuple[str, str]:
        found = lower(self._worker, bitcode, LEVELS[self._level])
        if not found.ok:
            raise InvalidIR(found.message)
        if self._level != "O0":
            return found.ir, found.assembly
        ir = as_unoptimized(found.ir)
        return ir, self._compiler.compile(ir, codegen=0).assembly or ""


def as_unoptimized(ir: str) -> str:
    """IR of a front end at -Oz as `clang -O0` would have written it: `optnone`, a frame pointer, no
    marks of lifetimes."""
    ir = _LIFETIME.sub("", ir)
    for group in set(_USED_GROUP.findall(ir)):
        ir = ir.replace(f"attributes {group} = {{ ", f"attributes {group} = {{ {_AS_O0}")
    return ir
