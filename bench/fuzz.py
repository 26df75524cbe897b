"""Malformed IR: damaged bitcode and text through the worker, and some of them through the command.

    python bench/fuzz.py FOLDER-OF-BITCODE --inputs 10000 --commands 100

Prints how the inputs ended. Fails if a good module no longer gives the same answer afterwards, if
the command prints a traceback or anything but one clear line, or if a process is left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ozma.errors import OzmaError
from ozma.llvm import Worker, find_toolchain
from ozma.llvm.pipelines import clang_pipeline

_WORD = re.compile(rb"[%@!#]?[\w.$-]+")


def damage_bytes(rng: random.Random, data: bytes) -> bytes:
    """Bytes flipped, dropped, repeated or cut off."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, length = rng.randrange(len(made)), rng.randrange(1, 65)
        match rng.randrange(5):
            case 0: made[at] ^= 1 << rng.randrange(8)
            case 1: made[at] = rng.randrange(256)
            case 2: del made[at : at + length]
            case 3: made[at:at] = made[rng.randrange(len(made)) :][:length]
            case 4: del made[max(8, at) :]
        made = made or bytearray(data[:8])
    return bytes(made)


def damage_words(rng: random.Random, data: bytes) -> bytes:
    """Words of the text exchanged for others of their kind, so that much of it still parses."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        words = list(_WORD.finditer(data))
        old = rng.choice(words)
        kind = _kind(old.group())
        new = rng.choice([word.group() for word in words if _kind(word.group()) == kind])
        data = data[: old.start()] + new + data[old.end() :]
    return data


def _kind(word: bytes) -> str:
    text = word.decode("latin-1")
    if text[0] in "%@!#":
        return text[0]
    return "number" if text.lstrip("-").isdigit() else "type" if re.fullmatch(r"i\d+|ptr", text) else "name"


def damaged(rng: random.Random, bitcode: list[bytes], texts: list[bytes]) -> tuple[bytes, str]:
    """(an input, its suffix)"""
    match rng.randrange(3):
        case 0: return damage_bytes(rng, rng.choice(bitcode)), ".bc"
        case 1: return damage_bytes(rng, rng.choice(texts)), ".ll"
        case _: return damage_words(rng, rng.choice(texts)), ".ll"


def through_worker(worker: Worker, data: bytes, passes: str) -> str:
    """How this input ended, in words."""
    try:
        loaded = worker.load(data)
    except OzmaError as error:
        return f"not loaded: {type(error).__name__}"
    outcome = worker.evaluate(loaded.id, passes).outcome
    worker.unload(loaded.id)
    return outcome.value


def through_command(data: bytes, suffix: str, folder: Path) -> str:
    """'optimized' or 'one line'; AssertionError if a person would see anything else."""
    source = folder / f"damaged{suffix}"
    source.write_bytes(data)
    command = [sys.executable, "-m", "ozma", "optimize", source, "-o", folder / "out.o", "--budget", "1"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    if done.returncode == 0:
        return "optimized"
    lines = done.stderr.strip().splitlines()
    first = [line for line in lines if line.startswith("ozma")]
    assert "Traceback" not in done.stderr and done.returncode >= 100 and len(first) == 1, done.stderr
    return "one line"


def children() -> set[str]:
    """Process ids below this one."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--commands", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--llvm", type=int)
    options = parser.parse_args(arguments)
    rng, toolchain = random.Random(options.seed), find_toolchain(options.llvm)
    files = [path for path in sorted(options.folder.rglob("*.bc")) if path.stat().st_size < 8_000]
    bitcode = [path.read_bytes() for path in rng.sample(files, min(40, len(files)))]
    passes, counts = clang_pipeline(toolchain, "-Oz"), Counter()
    with Worker(toolchain, timeout=5.0) as worker:
        good = worker.load(bitcode[0])
        before = worker.evaluate(good.id, passes, want=("ir",))
        loaded = [worker.load(data) for data in bitcode]
        texts = [worker.evaluate(one.id, "verify", want=("ir",)).ir.encode() for one in loaded]
        for one in loaded:
            worker.unload(one.id)
        for _ in range(options.inputs):
            counts[through_worker(worker, damaged(rng, bitcode, texts)[0], passes)] += 1
        assert worker.evaluate(good.id, passes, want=("ir",)).ir == before.ir, "a good module changed"
        print(f"{options.inputs} inputs, {worker.restarts} processes replaced")
    for outcome, count in counts.most_common():
        print(f"{count:>7} {outcome}")
    with tempfile.TemporaryDirectory() as folder:
        ends = Counter(
            through_command(*damaged(rng, bitcode, texts), Path(folder)) for _ in range(options.commands)
        )
    print(f"{options.commands} times ozma optimize: " + ", ".join(f"{n} {end}" for end, n in ends.items()))
    assert not children(), f"left behind: {children()}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
