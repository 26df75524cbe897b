"""A folder that shows one failure again without Ozma: input, pass list, commands, versions."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ozma.optimize.cc.cc1 import CompileStep

_KEPT = 200
_TOOL_SECONDS = 60.0


@dataclass(frozen=True)
class Failure:
    """What is known of a failure. `passes` is None when no list had been chosen yet."""

    step: CompileStep
    version: str
    message: str
    bitcode: bytes = b""
    passes: str | None = None


def _script(failure: Failure, bindir: Path) -> str:
    final = shlex.join(failure.step.code_generation("optimized.bc", "ours.o"))
    lines = ["#!/bin/sh", "# " + " ".join(failure.message.split()), 'set -ex; cd "$(dirname "$0")"']
    if failure.passes is not None:
        opt = shlex.quote(str(bindir / "opt"))
        lines.append(f'{opt} -passes="$(cat passes.txt)" input.bc -o optimized.bc')
        lines.append(final)
    else:
        lines.append("# no list was chosen: the front end's command and the real compiler's were")
        lines.append("# " + shlex.join(failure.step.front_end("input.bc")))
        lines.append(shlex.join(failure.step.code_generation("input.bc", "unoptimized.o")))
    return "\n".join(lines) + "\n"


def _disassemble(bindir: Path, folder: Path) -> None:
    tool = bindir / "llvm-dis"
    if tool.exists():
        command = [tool, folder / "input.bc", "-o", folder / "input.ll"]
        subprocess.run(command, capture_output=True, timeout=_TOOL_SECONDS, check=False)


def _fill(folder: Path, failure: Failure) -> None:
    bindir = Path(failure.step.compiler).parent
    if failure.bitcode:
        (folder / "input.bc").write_bytes(failure.bitcode)
        _disassemble(bindir, folder)
    if failure.passes is not None:
        (folder / "passes.txt").write_text(failure.passes + "\n")
    script = folder / "run.sh"
    script.write_text(_script(failure, bindir), "utf-8", "surrogateescape")
    script.chmod(0o755)
    facts = {
        "message": failure.message,
        "llvm": failure.version,
        "triple": failure.step.triple,
        "source": os.path.abspath(failure.step.source),
        "directory": os.getcwd(),
    }
    text = "".join(f"{name}: {value}\n" for name, value in facts.items())
    (folder / "versions.txt").write_text(text, "utf-8", "surrogateescape")


def save(parent: Path, name: str, failure: Failure) -> Path | None:
    """Writes `parent/name`; None when there are enough already or the disk does not take it."""
    folder = parent / name
    if folder.exists():
        return folder
    aside = parent / f".{name}.{os.getpid()}"
    try:
        if parent.exists() and sum(1 for _ in parent.iterdir()) >= _KEPT:
            return None
        aside.mkdir(parents=True)
        _fill(aside, failure)
        aside.rename(folder)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(aside, ignore_errors=True)
        return folder if folder.exists() else None
    return folder
