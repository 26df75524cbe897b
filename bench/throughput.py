"""Evaluations per second: the warm worker against `opt | llc` as processes, in one run.

    python bench/throughput.py FOLDER-OF-BITCODE            # ratio by module size
    python bench/throughput.py FOLDER-OF-BITCODE --growth   # also: modules linked into ever larger ones
    python bench/throughput.py FOLDER-OF-BITCODE --cc f.c   # also: ozma cc against clang -Oz, per unit

Both ways run the same lists on the same modules, turn about, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from ozma.llvm import InvalidIR, Toolchain, Worker, find_toolchain
from ozma.optimize.pack import load_pack, pack_path

CLASSES = ((0, 100), (100, 300), (300, 1_000), (1_000, 3_000), (3_000, 10_000), (10_000, 200_000))
"""Modules by IR instructions before any pass."""
GROWTH = (100, 1_000, 10_000, 30_000, 100_000)
_DEFINED = re.compile(r"(?m)^(?:@([\w.$-]+) = |define [^@\n]*@([\w.$-]+)\()")
_USED = re.compile(r"@([\w.$-]+)")


def in_processes(toolchain: Toolchain, source: Path, passes: str, folder: Path) -> float:
    """Seconds of one `opt | llc` through a pipe of bitcode, as a script would do it."""
    opt, llc, size = (toolchain.tool(name) for name in ("opt", "llc", "llvm-size"))
    output = folder / "out.o"
    started = time.perf_counter()
    with subprocess.Popen([opt, f"-passes={passes}", source, "-o", "-"], stdout=subprocess.PIPE) as first:
        command = [llc, "-relocation-model=pic", "-filetype=obj", "-o", output]
        subprocess.run(command, stdin=first.stdout, check=True)
    subprocess.run([size, "-A", output], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def compare(toolchain: Toolchain, worker: Worker, path: Path, lists: list[str], folder: Path) -> tuple:
    """(IR instructions, seconds per evaluation of the worker, seconds of the processes)."""
    loaded = worker.load(path.read_bytes())
    worker.evaluate(loaded.id, lists[0])
    ours, theirs = [], []
    for passes in lists[1:]:
        started = time.perf_counter()
        result = worker.evaluate(loaded.id, passes)
        ours.append(time.perf_counter() - started)
        if result.ok:
            theirs.append(in_processes(toolchain, path, passes, folder))
    worker.unload(loaded.id)
    return loaded.instructions, statistics.median(ours), statistics.median(theirs)


def modules(folder: Path) -> list[Path]:
    """In an order that is the same on every machine and has no meaning."""
    return sorted(folder.rglob("*.bc"), key=lambda path: zlib.crc32(path.name.encode()))


def sample(worker: Worker, folder: Path, count: int) -> dict[tuple, list[Path]]:
    """Up to `count` modules of each size class."""
    chosen: dict[tuple, list[Path]] = {span: [] for span in CLASSES}
    for path in modules(folder):
        try:
            loaded = worker.load(path.read_bytes())
        except InvalidIR:
            continue
        worker.unload(loaded.id)
        span = next(span for span in CLASSES if loaded.instructions < span[1])
        if len(chosen[span]) < count:
            chosen[span].append(path)
        if all(len(paths) >= count for paths in chosen.values()):
            break
    return chosen


def report(toolchain: Toolchain, folder: Path, count: int, lists: list[str]) -> None:
    print(f"{'IR instructions':<18}{'modules':>8}{'worker ms':>11}{'opt|llc ms':>12}{'worker/s':>10}{'ratio':>7}")
    with Worker(toolchain) as worker, tempfile.TemporaryDirectory() as scratch:
        for (low, high), paths in sample(worker, folder, count).items():
            rows = [compare(toolchain, worker, path, lists, Path(scratch)) for path in paths]
            if rows:
                ours, theirs = (statistics.median(column) for column in list(zip(*rows))[1:])
                print(f"{low:>7,}-{high:<10,}{len(rows):>8}{1e3 * ours:>11.1f}{1e3 * theirs:>12.1f}"
                      f"{1 / ours:>10.1f}{theirs / ours:>6.1f}x", flush=True)


def renamed(toolchain: Toolchain, source: Path, number: int) -> str:
    """Text of a module whose own symbols no other one has."""
    command = [toolchain.tool("llvm-dis"), source, "-o", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    own = {a or b for a, b in _DEFINED.findall(text)} - {"llvm.used", "llvm.compiler.used"}
    return _USED.sub(lambda use: f"@own{number}.{use[1]}" if use[1] in own else use[0], text)


def growth(toolchain: Toolchain, folder: Path, lists: list[str]) -> None:
    """Time for an IR instruction in modules of 100 to 100,000, linked of the folder's."""
    print(f"{'IR instructions':<18}{'evaluation ms':>14}{'µs/instruction':>16}")
    with Worker(toolchain) as worker, tempfile.TemporaryDirectory() as scratch:
        parts, lines, left = [], 0, enumerate(modules(folder))
        for size in GROWTH:
            while lines < size and (one := next(left, None)):
                text = renamed(toolchain, one[1], one[0])
                parts.append(Path(scratch, f"{one[0]}.ll"))
                parts[-1].write_text(text)
                lines += text.count("\n  ")
            link = [toolchain.tool("llvm-link"), *parts, "-o", "-"]
            loaded = worker.load(subprocess.run(link, check=True, capture_output=True).stdout)
            times = [worker.evaluate(loaded.id, passes).seconds for passes in lists]
            seconds, instructions = statistics.median(times), loaded.instructions
            print(f"{instructions:<18,}{1e3 * seconds:>14.1f}{1e6 * seconds / instructions:>16.1f}", flush=True)
            worker.unload(loaded.id)


def time_of(command: list[str], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def overhead(toolchain: Toolchain, source: Path, repeats: int) -> None:
    """Seconds per unit of `ozma cc` at each budget, with nothing in its cache, against clang."""
    with tempfile.TemporaryDirectory() as scratch:
        output = str(Path(scratch, "out.o"))
        clang = time_of([str(toolchain.tool("clang")), "-Oz", "-c", str(source), "-o", output], repeats)
        print(f"{source.name}: clang -Oz {1e3 * clang:.0f} ms")
        ozma = [sys.executable, "-m", "ozma", "cc", "-Oz", "-c", str(source), "-o", output]
        for budget in (1, 4, 16, 64):
            times = []
            for number in range(repeats):
                cache = str(Path(scratch, f"cache-{budget}-{number}"))
                times.append(time_of([*ozma, f"--ozma-budget={budget}", f"--ozma-cache={cache}"], 1))
            ours = statistics.median(times)
            print(f"  ozma cc at {budget:>2} compiles: {1e3 * ours:.0f} ms, {ours / clang:.1f}x")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="bitcode files, searched recursively")
    parser.add_argument("--count", type=int, default=5, help="modules of each size class (default 5)")
    parser.add_argument("--growth", action="store_true", help="time by the size of modules up to 100,000")
    parser.add_argument("--lists", type=int, default=6, help="lists on each module (default 6)")
    parser.add_argument("--cc", type=Path, nargs="*", default=[], help="C files for the overhead of ozma cc")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--llvm", type=int)
    options = parser.parse_args(arguments)
    toolchain = find_toolchain(options.llvm)
    lists = [entry.passes for entry in load_pack(pack_path(toolchain.major)).lists][: options.lists]
    report(toolchain, options.folder, options.count, lists)
    if options.growth:
        growth(toolchain, options.folder, lists)
    for source in options.cc:
        overhead(toolchain, source, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
