"""Damaged assembly through the lifter: refusals that name a line, and nothing worse.

    python bench/fuzz_lift.py FOLDER-OF-.s-FILES --inputs 10000 --checked 300

Truncated, spliced, shuffled and mistyped text, text of another syntax or machine, and random bytes go
through `lift`; of those that lift, some are compiled back, and run where they are not the same.
Prints how the inputs ended. Fails if the lifter raises, takes more than a second for each kB of text,
refuses without a line, or if a verdict says more than is so; the first input of each such fault is
saved beside, as fuzz-N.s.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ozma.lift.answers import AnswerOptions, Answerer, Verdict
from ozma.lift.asm.lines import function_names
from ozma.lift.behaviour.shown import EmulatorCheck
from ozma.lift.judging.compile_back import OPTIMIZED, UNOPTIMIZED, Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.lifter import lift
from ozma.llvm import find_toolchain
from ozma.search.budget import Budget
from ozma.tasks.assembly import code_lines

_WORD = re.compile(r"[%$.\w@]+")
_INTEL = "f:\n\tmov eax, dword ptr [rdi + 4*rsi]\n\tret\n"
_FOREIGN = (
    _INTEL,
    "f:\n\tldr r0, [r1]\n\tbx lr\n",
    "f:\n\taddi a0, a0, 1\n\tret\n",
    "section .text\nglobal f\nf: mov rax, [rel x]\n ret\n",
    "define i32 @f() {\n  ret i32 0\n}\n",
    "int f(void) { return 0; }\n",
)
_SLOW = 1.0
"""Processor seconds for each 1,000 characters, and one for free."""


def damaged(rng: random.Random, texts: Sequence[str]) -> str:
    """One input: a real text, damaged in one of several ways."""
    text = rng.choice(texts)
    ways = (_cut, _bytes, _words, _lines, _shuffled, _spliced, _operands, _numbers, _foreign, _noise)
    return rng.choice(ways)(rng, text, texts)


def _cut(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return text[: rng.randrange(len(text))]


def _bytes(rng: random.Random, text: str, _: Sequence[str]) -> str:
    made = list(text)
    for _ in range(rng.choice((1, 1, 2, 8))):
        made[rng.randrange(len(made))] = chr(rng.choice((0, 9, 10, 34, 35, 44, 92, 127, 0x3B1, rng.randrange(32, 127))))
    return "".join(made)


def _words(rng: random.Random, text: str, _: Sequence[str]) -> str:
    for _ in range(rng.choice((1, 1, 2, 5))):
        words = list(_WORD.finditer(text))
        old, new = rng.choice(words), rng.choice(words).group()
        text = text[: old.start()] + new + text[old.end() :]
    return text


def _lines(rng: random.Random, text: str, _: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(lines))
        lines[at : at + 1] = rng.choice(([], [lines[at]] * 2, [rng.choice(lines)]))
        lines = lines or ["\n"]
    return "".join(lines)


def _shuffled(rng: random.Random, text: str, _: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    start = rng.randrange(len(lines))
    part = lines[start : start + rng.randrange(2, 9)]
    rng.shuffle(part)
    return "".join([*lines[:start], *part, *lines[start + len(part) :]])


def _spliced(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    """Code of one function in the middle of another: jumps into it, labels twice, stack unbalanced."""
    lines, other = text.splitlines(keepends=True), rng.choice(texts).splitlines(keepends=True)
    at, start = rng.randrange(len(lines)), rng.randrange(len(other))
    return "".join([*lines[:at], *other[start : start + rng.randrange(1, 12)], *lines[at:]])


def _operands(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """Operands of one line for another opcode."""
    lines = [line for line in text.splitlines() if line.startswith("\t")]
    if not lines:
        return text
    one, other = rng.choice(lines), rng.choice(lines)
    made = one.split("\t")[1:2] + other.split("\t")[2:]
    return text.replace(one, "\t" + "\t".join(made), 1)


def _numbers(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """Obfuscation: constants and offsets that are huge, negative, or not numbers."""
    numbers = list(re.finditer(r"-?\b\d+\b", text))
    if not numbers:
        return text
    old = rng.choice(numbers)
    new = rng.choice(("0", "-1", "-9223372036854775808", "18446744073709551616", "1e9", "0x", "08", "x"))
    return text[: old.start()] + new + text[old.end() :]


def _foreign(rng: random.Random, text: str, _: Sequence[str]) -> str:
    made = rng.choice(_FOREIGN)
    return f"\t.type\tf,@function\n{made}\t.size\tf, .-f\n{rng.choice((text, ''))}"


def _noise(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return "".join(chr(rng.choice((9, 10, 32, rng.randrange(33, 127)))) for _ in range(rng.randrange(2000)))


def lifted(text: str, target: str) -> tuple[str, list[str]]:
    """(how it ended, functions that lifted). AssertionError if a refusal names no line."""
    started = time.process_time()
    found = lift(text, target)
    spent = time.process_time() - started
    assert spent < 1 + _SLOW * len(text) / 1000, f"{spent:.1f} s for {len(text)} characters"
    count = len(text.splitlines())
    for refusal in found.refusals:
        assert 0 <= refusal.line <= count and refusal.reason and "\n" not in str(refusal), str(refusal)
    good = [one.name for one in found.functions if one.ir]
    kind = "lifted" if good else "refused" if found.refusals else "no function"
    return kind, good


class Checked:
    """Answers for some damaged texts, whose verdicts are looked at by other means."""

    def __init__(self, target: str) -> None:
        toolchain = find_toolchain()
        self._compiler, self._target = Compiler(toolchain), target
        self._check = EmulatorCheck(toolchain, target, 4)
        options = AnswerOptions(target, settings=1, search=False, budget=Budget(20))
        self._answerer = Answerer(self._compiler, options, self._check)

    def verdict(self, text: str, name: str) -> str:
        """AssertionError if it says that the assembly is identical, and it is not."""
        answer = self._answerer.answer(text, name)
        if answer.verdict is Verdict.IDENTICAL:
            level = UNOPTIMIZED if " optnone " in answer.ir else OPTIMIZED
            again = self._compiler.compile(answer.ir, codegen=level).assembly
            assert Reference(text, self._target, name).compare(again).exact, name
        return answer.verdict.value

    def close(self) -> None:
        self._compiler.close()
        self._check.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=300)
    parser.add_argument("--target", choices=("x86-64", "aarch64"), default="x86-64")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, target = random.Random(options.seed), options.target
    texts = [path.read_text() for path in sorted(options.folder.glob("*.s")) if path.stat().st_size < 20_000]
    ends, verdicts = Counter(), Counter()
    checked = Checked(target)
    for number in range(options.inputs):
        text = damaged(rng, texts)
        try:
            kind, good = lifted(text, target)
            if good and sum(verdicts.values()) < options.checked:
                name = rng.choice(good)
                if name in function_names(code_lines(text, target)):
                    verdicts[checked.verdict(text, name)] += 1
        except Exception as error:
            kind = f"FAULT {_where(error)}"
            if kind not in ends:
                Path(f"fuzz-{number}.s").write_text(text)
                print(f"fuzz-{number}.s: {kind}", file=sys.stderr)
        ends[kind] += 1
    checked.close()
    for title, counts in (("inputs", ends), ("answers", verdicts)):
        print(f"{sum(counts.values()):>7} {title}: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    return int(any(kind.startswith("FAULT") for kind in ends))


def _where(error: Exception) -> str:
    """Type and place of an exception, which tells one fault from another."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
