"""What a person or a program gets of a result: files, table, JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Mapping, Sequence

from ozma.errors import OzmaError
from ozma.llvm import Worker, find_toolchain
from ozma.llvm.pipelines import clang_pipeline
from ozma.optimize.file import Optimized
from ozma.whole_file import write_to

IR_OUTPUTS = (".ll", ".bc")
OUTPUTS = (".o", *IR_OUTPUTS)


def check_output(sources: Sequence[Path], output: str | None, text: bool) -> None:
    """OzmaError unless each of several files has a place of its own to go to."""
    if output is None or len(sources) < 2:
        return
    if output == "-" or (output.endswith(OUTPUTS) and not Path(output).is_dir()):
        raise OzmaError(f"{len(sources)} files cannot go to {output}", hint="give a folder to -o")
    taken: dict[Path, Path] = {}
    for source in sources:
        path = _destination(source, output, text, True)
        if path in taken:
            raise OzmaError(
                f"{taken[path]} and {source} would both be written to {path}",
                hint="give each folder of sources a folder of its own",
            )
        taken[path] = source


def write_output(one: Optimized, output: str | None, text: bool, several: bool) -> None:
    """Writes the object (or IR) where `-o` says; without `-o` nothing is written."""
    if output is None:
        return
    as_text = text or output.endswith(".ll")
    if output == "-":
        sys.stdout.buffer.write(_content(one, as_text, False))
        return
    path = _destination(one.source, output, as_text, several)
    write_to(path, _content(one, as_text, path.suffix == ".bc"))


def _destination(source: Path, output: str, as_text: bool, several: bool) -> Path:
    if several or output.endswith("/") or Path(output).is_dir():
        return Path(output) / (source.stem + (".ll" if as_text else ".o"))
    return Path(output)


def _content(one: Optimized, as_text: bool, as_bitcode: bool) -> bytes:
    if not as_text and not as_bitcode:
        return one.object
    toolchain = find_toolchain(int(one.llvm.partition(".")[0]))
    passes = one.passes or clang_pipeline(toolchain, one.config.level)
    with Worker(toolchain) as worker:
        loaded = worker.load(one.bitcode)
        want = "ir" if as_text else "bitcode"
        result = worker.evaluate(loaded.id, passes, want=(want,))
    if not result.ok:
        raise OzmaError(f"no IR for {one.source}: {result.outcome.value}: {result.message}")
    return result.ir.encode() if as_text else result.bitcode


def as_json(done: list[Optimized], failed: Mapping[Path, str]) -> dict:
    """One JSON object for all files; sizes in bytes. `failed`: what is wrong, by file."""
    return {
        "files": [_facts(one) for one in done],
        "failed": [{"file": str(source), "error": error} for source, error in failed.items()],
        "clang": sum(one.baseline.total for one in done),
        "ours": sum(one.ours.total for one in done),
    }


def _facts(one: Optimized) -> dict:
    return {
        "file": str(one.source),
        "llvm": one.llvm,
        "target": one.target,
        "level": one.config.level,
        "clang": one.baseline.total,
        "ours": one.ours.total,
        "clang_loadable": one.baseline.loadable,
        "ours_loadable": one.ours.loadable,
        "passes": one.passes,
        "switches": list(one.config.switches),
        "compiles": len(one.trials),
        "order": one.order,
        "list_verdict": one.check.list_verdict.value,
        "output_verdict": one.check.verdict.value,
        "checked": one.check.summary,
        "rejected": [trial.passes for trial in one.rejected],
        "seconds": round(one.seconds, 3),
    }


def render(done: list[Optimized]) -> str:
    """The table for a terminal: bytes of .text + .data + .rodata."""
    if not done:
        return ""
    width = max(len("file"), *(len(str(one.source)) for one in done))
    level = done[0].config.level
    lines = [f"{'file':<{width}}  {'clang ' + level:>10}  {'ours':>8}  {'saved':>7}"]
    for one in done:
        lines.append(_row(str(one.source), one.baseline.total, one.ours.total, width))
    if len(done) > 1:
        before = sum(one.baseline.total for one in done)
        after = sum(one.ours.total for one in done)
        lines.append(_row("sum", before, after, width))
    measure = "bytes of .text + .data + .rodata, as in llvm-size -A"
    lines.append(f"{measure}; LLVM {done[0].llvm}, {done[0].target}")
    lines.extend(_details(done))
    return "\n".join(lines)


def _row(name: str, before: int, after: int, width: int) -> str:
    share = 100 * (before - after) / before if before else 0.0
    return f"{name:<{width}}  {before:>10,}  {after:>8,}  {share:>6.2f}%"


def _details(done: list[Optimized]) -> list[str]:
    """The list and what was checked: in full for one file, counted for several."""
    if len(done) == 1:
        one = done[0]
        shown = one.passes or f"(none of {len(one.trials)} lists was smaller: clang's own object)"
        return [f"passes: {shown}", f"checked: {one.check.summary}"]
    verdicts: dict[str, int] = {}
    for one in done:
        verdicts[one.check.summary] = verdicts.get(one.check.summary, 0) + 1
    return [f"checked: {count} of {len(done)} files: {text}" for text, count in verdicts.items()]
