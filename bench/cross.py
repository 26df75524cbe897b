"""Record what a native build compiles, and compile the same units again, for any machine."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.llvm.objects import measure_object
from ozma.llvm.target import TARGETS

_RECORDER = """#!/bin/sh
printf '%s\\0' "$PWD" "$@" > '{records}'/$$
exec '{compiler}' "$@"
"""
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C")
_NATIVE_ONLY = ("-march=", "-mtune=", "-msse", "-mavx", "-m32", "-m64", "-fcf-protection")


@dataclass(frozen=True)
class CrossTarget:
    """clang arguments for a machine, with a C library's headers; `package` brings those."""

    arguments: tuple[str, ...]
    cxx_arguments: tuple[str, ...] = ()
    package: str = ""


# Thumb-2 has no operating system; the packages are POSIX programs, so they get the headers of
# glibc for soft-float ARM: enough to compile objects, which is all that is measured.
_ARM_CXX = "/usr/arm-linux-gnueabi/include/c++/12"
CROSS = {
    "x86-64": CrossTarget(()),
    "aarch64": CrossTarget(TARGETS["aarch64"].clang_args, (), "libstdc++-12-dev-arm64-cross"),
    "thumb2": CrossTarget(
        (*TARGETS["thumb2"].clang_args, "-D__linux__=1", "-D__unix__=1", "-Dunix=1",
         "-idirafter", "/usr/arm-linux-gnueabi/include"),
        ("-isystem", _ARM_CXX, "-isystem", f"{_ARM_CXX}/arm-linux-gnueabi"),
        "libstdc++-12-dev-armel-cross",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Compilation:
    """One recorded `-c` call: where it ran, its source, the other arguments without output."""

    folder: Path
    source: str
    output: str
    arguments: tuple[str, ...]


def record_compilers(clang: Path, clangxx: Path, folder: Path) -> tuple[str, str]:
    """Write compilers that note their calls in `folder`/records; returns their paths."""
    records = folder / "records"
    records.mkdir(parents=True)
    for compiler in (clang, clangxx):
        script = folder / f"recording-{compiler.name}"
        script.write_text(_RECORDER.format(records=records, compiler=compiler))
        script.chmod(0o755)
    return tuple(str(folder / f"recording-{path.name}") for path in (clang, clangxx))


def read_compilations(records: Path, top: Path) -> Iterator[Compilation]:
    """The compilations of one source to one object under `top` that still exist."""
    for path in sorted(records.iterdir(), key=lambda path: int(path.name)):
        words = path.read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        found = _as_compilation(Path(words[0]), words[1:])
        if found and _belongs(found, top):
            yield found


def _belongs(found: Compilation, top: Path) -> bool:
    source, output = (found.folder / name for name in (found.source, found.output))
    inside = output.resolve().is_relative_to(top.resolve())
    return inside and source.exists() and output.exists()


def _as_compilation(folder: Path, words: list[str]) -> Compilation | None:
    sources = [word for word in words if word.endswith(_SOURCES) and not word.startswith("-")]
    if "-c" not in words or len(sources) != 1:
        return None
    kept, output, skip = [], None, False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            output, skip = (following if word == "-o" else output), True
        elif word in ("-c", sources[0]) or word.startswith(("-MD", "-MMD", "-MP")):
            continue
        else:
            kept.append(word)
    output = output or Path(sources[0]).with_suffix(".o").name
    return Compilation(folder, sources[0], output, tuple(kept))


def compile_for(
    target: CrossTarget, records: Path, top: Path, destination: Path, cc: str, cxx: str
) -> tuple[dict[str, int], list[dict[str, str]]]:
    """Compile every recorded unit for `target`: bytes by object, and failures with reasons."""
    sizes: dict[str, int] = {}
    failures = []
    for unit in read_compilations(records, top):
        name = (unit.folder / unit.output).resolve().relative_to(top.resolve()).as_posix()
        output = destination / name
        output.parent.mkdir(parents=True, exist_ok=True)
        reason = _compile(target, unit, output, cc, cxx)
        if reason:
            failures.append({"source": unit.source, "object": name, "reason": reason})
        else:
            sizes[name] = measure_object(output.read_bytes()).total
    return sizes, failures


def portable(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in arguments if not word.startswith(_NATIVE_ONLY))


def _compile(target: CrossTarget, unit: Compilation, output: Path, cc: str, cxx: str) -> str | None:
    is_cxx = not unit.source.endswith(".c")
    extra = target.cxx_arguments if is_cxx else ()
    native = unit.arguments if not target.arguments else portable(unit.arguments)
    command = [*shlex.split(cxx if is_cxx else cc), *target.arguments, *extra, *native,
               "-c", unit.source, "-o", str(output)]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=unit.folder, capture_output=True, timeout=600, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return "over 600 s"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return next((line for line in lines if "error:" in line), f"exit {done.returncode}")[:200]
