"""Turns objects into shared objects that the runner can load, and builds the runner itself."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm import Target, Toolchain
from ozma.llvm.interface import Function, Interface, Type
from ozma.verify.inputs import BUFFERS, PAGE, VARIABLES, buffer_address
from ozma.verify.relocatable import Relocatable
from ozma.verify.machine import find_emulator

_RUNNER = ("runner.c", "memory.c", "heap.c", "module.c", "external.c", "files.c", "observe.c",
           "seccomp.c")
_STUBS = 1024
_STUB_BYTES = 16
_UNMAPPED = 0x1800000000
_OWN = {
    "malloc", "calloc", "realloc", "free", "memalign", "aligned_alloc", "posix_memalign",
    "_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "open", "open64", "creat", "close",
    "fopen", "fopen64", "fdopen", "fclose",
}
"""Functions that the runner itself gives to modules (`heap.c`, `files.c`)."""
_UNKNOWN = Function(
    "", Type("struct"), (), frozenset(), False, False, True, False, False, True
)
"""What stands for functions that only the code generator calls, such as `_Unwind_Resume`: reaching
it ends the call, for nothing is known about its result."""
_NOT_REPEATABLE = {
    "time", "clock", "clock_gettime", "gettimeofday", "timespec_get", "rand", "srand", "random",
    "srandom", "rand_r", "drand48", "lrand48", "mrand48", "srand48", "strtok", "sched_getcpu",
    "getcpu", "getauxval", "getenv", "secure_getenv", "dl_iterate_phdr", "dlsym", "dlopen",
    "atexit", "__cxa_atexit", "signal", "sigaction", "fork", "vfork", "alarm", "setitimer",
    "setvbuf", "setbuf", "freopen", "dup", "dup2", "pipe", "fflush_unlocked",
}
"""C library functions whose answer or effect does not depend on the input alone: made up
instead."""
_PURE = ("mem", "str", "to", "is", "wcs", "div", "ldiv", "lldiv", "abs", "labs", "llabs", "qsort",
         "bsearch", "ato", "ffs", "bcmp", "bzero", "bcopy", "index", "rindex", "stpcpy", "stpncpy",
         "snprintf", "vsnprintf", "sprintf", "vsprintf", "sscanf", "printf", "puts", "putchar",
         "fprintf", "fputs", "fputc", "putc", "fwrite", "stdout", "stderr", "__ctype_",
         "__errno_location", "_setjmp", "longjmp", "__isoc99_sscanf", "setjmp")
"""Where no filter guards the system calls (an emulator), only these of the C library are linked."""


class LinkError(OzmaError):
    """One of the builds cannot be loaded as a shared object; the message is the linker's."""


@dataclass(frozen=True)
class Runtime:
    """The built runner for one toolchain and target. `emulator` comes before its command line."""

    folder: Path
    emulator: tuple[str, ...]
    libgcc: str
    library_symbols: frozenset[str]

    @property
    def launcher(self) -> Path:
        return self.folder / "launch"

    @property
    def runner(self) -> Path:
        return self.folder / "runner"


def default_cache() -> Path:
    """Folder where built runners are kept between processes."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ozma" / "differential"


@cache
def build_runtime(toolchain: Toolchain, target: Target, folder: Path | None = None) -> Runtime:
    """Compiles the runner once per release, target and source; OzmaError says what is missing."""
    emulator = find_emulator(target)
    if emulator:
        emulator = (*emulator, "-L", f"/usr/{target.triple.split('-')[0]}-linux-gnu")
    sources = files("ozma.verify").joinpath("data/differential")
    texts = {entry.name: entry.read_bytes() for entry in sources.iterdir()}
    facts = repr((toolchain, target, sorted(texts.items())))
    digest = hashlib.blake2b(facts.encode(), digest_size=8)
    place = (folder or default_cache()) / f"{target.name}-{digest.hexdigest()}"
    if not (place / "ready").exists():
        _compile(toolchain, target, texts, place, bool(emulator))
    libgcc = _clang(toolchain, target, ["-print-libgcc-file-name"]).strip()
    return Runtime(place, emulator, libgcc, _library_symbols(toolchain, target))


def _compile(
    toolchain: Toolchain, target: Target, texts: dict[str, bytes], place: Path, emulated: bool
) -> None:
    machine = target.triple.split("-")[0]
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        for name, text in texts.items():
            Path(scratch, name).write_bytes(text)
        inputs = [str(Path(scratch, name)) for name in (*_RUNNER, f"call_{machine}.S")]
        common = ["-std=gnu11", "-O2", "-fno-builtin", "-fuse-ld=lld"]
        libraries = ["-rdynamic", "-Wl,--no-as-needed", "-lm", "-ldl"]
        emulation = ["-DEMULATED"] if emulated else []
        names = ("runner", "stubs", "launched")
        runner, stubs, launch = (str(Path(scratch, name)) for name in names)
        _clang(toolchain, target, [*common, *emulation, *inputs, *libraries, "-o", runner])
        _clang(toolchain, target, ["-c", str(Path(scratch, f"stubs_{machine}.S")), "-o", stubs])
        _clang(toolchain, None, [*common, str(Path(scratch, "launch.c")), "-o", launch])
        for built, name in ((runner, "runner"), (stubs, "stubs.o"), (launch, "launch")):
            os.replace(built, place / name)
    (place / "ready").touch()


def _clang(toolchain: Toolchain, target: Target | None, arguments: Sequence[str]) -> str:
    words = [str(toolchain.tool("clang")), *(target.clang_args if target else ()), *arguments]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise OzmaError(
            f"cannot build the differential test's runner: {lines[0]}",
            command=shlex.join(words),
            hint=f"is {target.package if target and target.package else 'libc6-dev'} installed?",
        )
    return done.stdout


@cache
def _library_symbols(toolchain: Toolchain, target: Target) -> frozenset[str]:
    """Names that the C, mathematics and compiler libraries of the target define."""
    nm = [str(toolchain.tool("llvm-nm")), "--defined-only", "-j"]
    libgcc = _clang(toolchain, target, ["-print-libgcc-file-name"]).strip()
    commands = [[*nm, libgcc]]
    for library in ("libc.so.6", "libm.so.6"):
        path = _clang(toolchain, target, [f"-print-file-name={library}"]).strip()
        commands.append([*nm, "-D", path])
    listed = (subprocess.run(c, capture_output=True, text=True).stdout for c in commands)
    return frozenset(line.split("@")[0] for text in listed for line in text.splitlines())


class Linker:
    """Links the builds of one module alike: the same stub and the same variable for each name."""

    def __init__(self, toolchain: Toolchain, runtime: Runtime, interface: Interface) -> None:
        self._toolchain, self._runtime = toolchain, runtime
        self.externals = [
            f for f in interface.functions if not f.defined and not self._linked(f.name)
        ][: _STUBS - 1]
        self.externals.append(_UNKNOWN)
        self.variables = [
            v for v in interface.variables
            if not v.defined and not v.thread_local and not self._linked(v.name)
        ]
        self.variables.sort(key=lambda variable: variable.bytes > PAGE)

    def _linked(self, name: str) -> bool:
        runtime = self._runtime
        if name in _OWN or name == "__dso_handle":
            return True
        if name in _NOT_REPEATABLE or name not in runtime.library_symbols:
            return False
        return not runtime.emulator or name.startswith(_PURE)

    def link(self, data: bytes, output: Path) -> subprocess.Popen:
        """Starts the link of one object file; `finish` waits for it."""
        object_file = output.with_suffix(".o")
        object_file.write_bytes(data)
        wanted = {name.decode() for name in Relocatable(data).undefined}
        arguments = [
            "-shared", "-Bsymbolic", "--no-warnings", "--build-id=none", "--threads=1",
            *self._definitions(wanted), str(object_file), str(self._runtime.folder / "stubs.o"),
            self._runtime.libgcc, "-o", str(output),
        ]
        command = [str(self._toolchain.tool("ld.lld")), *arguments]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def _definitions(self, wanted: set[str]) -> list[str]:
        stubs = [
            f"--defsym={f.name}=ozma_stubs+{_STUB_BYTES * index}"
            for index, f in enumerate(self.externals)
            if f.name in wanted
        ]
        variables = [
            f"--defsym={v.name}={_variable_address(index, v.bytes):#x}"
            for index, v in enumerate(self.variables)
            if v.name in wanted
        ]
        known = {f.name for f in self.externals} | {v.name for v in self.variables} | _OWN
        unknown = wanted - known - self._runtime.library_symbols - {"", "__dso_handle"}
        last = _STUB_BYTES * (len(self.externals) - 1)
        return [*stubs, *variables, *(f"--defsym={name}=ozma_stubs+{last}" for name in unknown)]


def _variable_address(index: int, size: int) -> int:
    """Where an undefined variable lives; one that is too large, or one too many, in no mapping."""
    if index < VARIABLES and size <= PAGE:
        return buffer_address(BUFFERS + index)
    return _UNMAPPED + index * PAGE


def finish(process: subprocess.Popen) -> None:
    """Waits for a link; LinkError with the linker's first complaint."""
    _, stderr = process.communicate()
    if process.returncode:
        lines = [line for line in stderr.splitlines() if "error:" in line] or ["no message"]
        why = re.split("error: |text[^:]*: ", lines[0])[-1]
        raise LinkError(f"cannot be linked for a test: {why}")
