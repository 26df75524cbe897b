"""Build a project by its own build system, with a compiler whose objects are unoptimized bitcode.

`-flto -Xclang -disable-llvm-passes` makes clang write bitcode where it would write an object; lld
and llvm-ar take it as it is, so no compiler wrapper is needed and most builds do not notice.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ozma.corpus.build_options import BuildOptions
from ozma.corpus.confine import Confinement, Ending
from ozma.corpus.confined_clang import confined_environment, explain_failure, read_untrusted
from ozma.corpus.fast_build import Harvest, mix_key
from ozma.corpus.fastpath import LANGUAGES, OLD_C, Unit, list_sources
from ozma.corpus.held_out import HeldOut
from ozma.llvm.clang import FRONT_END_ONLY, CompileError, first_error
from ozma.llvm.toolchain import Toolchain, find_toolchain

_MAGIC = b"BC\xc0\xde"
_OUT = "ozma-build"
# In the order of trust: what upstream ships ready to run is tried first.
_KINDS = (
    ("configure", "configure"), ("configure.ac", "autoreconf"), ("meson.build", "meson"),
    ("CMakeLists.txt", "cmake"), ("Makefile", "make"), ("makefile", "make"),
    ("GNUmakefile", "make"),
)  # fmt: skip
_TOOLS = {
    "configure": ("make",), "autoreconf": ("autoreconf", "make"), "make": ("make",),
    "cmake": ("cmake", "make"), "meson": ("meson", "ninja"),
}  # fmt: skip


class NoBuild(CompileError):
    """The project's own build cannot be run here."""


def build_kind(root: Path) -> str:
    """'configure', 'autoreconf', 'meson', 'cmake' or 'make'.

    Raises NoBuild when there is none or its tools are not installed.
    """
    kind = next((kind for name, kind in _KINDS if (root / name).is_file()), None)
    if kind is None:
        raise NoBuild("no build system that can be run as it is")
    missing = [tool for tool in _TOOLS[kind] if not shutil.which(tool)]
    if missing:
        raise NoBuild(f"{', '.join(missing)} not installed")
    return kind


def build_real(
    root: Path, scratch: Path, confinement: Confinement, options: BuildOptions, held_out: HeldOut
) -> Harvest:
    """Run the build of the tree at `root` and collect bitcode objects. Raises NoBuild."""
    harvest = Harvest()
    for step, reason in _run_steps(build_kind(root), root, scratch, confinement, options):
        harvest.failures[f"{step}: {reason}"] += 1
    for unit in collect_objects(root, options, held_out):
        harvest.add(root, unit)
        if len(harvest.units) >= options.units:
            break
    return harvest


def _run_steps(
    kind: str, root: Path, scratch: Path, confinement: Confinement, options: BuildOptions
) -> Iterator[tuple[str, str]]:
    """Run configure and build; yields the name and the reason of each step that failed."""
    toolchain = find_toolchain(options.llvm)
    confinement.own(root)
    deadline = time.monotonic() + options.limits.wall
    environment = confined_environment(scratch) | _environment(kind, toolchain, root)
    for words in _steps(kind, toolchain, root):
        left = deadline - time.monotonic()
        ending = confinement.run(words, root, environment, max(left, 1.0))
        if ending.code != 0:
            yield Path(words[0]).name, _why(ending, options.limits.wall)
            if ending.killed or words[0] not in ("make", "ninja"):
                return


def _steps(kind: str, toolchain: Toolchain, root: Path) -> list[list[str]]:
    tools = {name: str(toolchain.tool(tool)) for name, tool in
             (("CC", "clang"), ("CXX", "clang++"), ("AR", "llvm-ar"),
             ("RANLIB", "llvm-ranlib"))}  # fmt: skip
    if kind == "cmake":
        return [_cmake_words(tools, root), ["make", "-k", "-C", _OUT]]
    if kind == "meson":
        return [["meson", "setup", _OUT, "--buildtype=plain", "--wrap-mode=nodownload"],
                ["ninja", "-k", "0", "-C", _OUT]]  # fmt: skip
    # configure tries its little programs with the plain compiler; only make gets the other one.
    compile = shlex.join(_flags(root))
    make = ["make", "-k", f"CC={tools['CC']} {compile}", f"CXX={tools['CXX']} {compile}",
            f"AR={tools['AR']}", f"RANLIB={tools['RANLIB']}",
            f"LDFLAGS={_link_flags()}"]  # fmt: skip
    configure = ["sh", "./configure", "--disable-shared", "--disable-nls",
                 "--disable-dependency-tracking", f"CC={tools['CC']}", f"CXX={tools['CXX']}",
                 "CFLAGS=-Oz -w", "CXXFLAGS=-Oz -w"]  # fmt: skip
    steps = {"configure": [configure, make], "autoreconf": [["autoreconf", "-fi"], configure, make]}
    return steps.get(kind, [make])


def _cmake_words(tools: dict[str, str], root: Path) -> list[str]:
    flags, link = shlex.join(_flags(root)), _link_flags()
    values = {
        "CMAKE_C_COMPILER": tools["CC"], "CMAKE_CXX_COMPILER": tools["CXX"],
        "CMAKE_AR": tools["AR"], "CMAKE_RANLIB": tools["RANLIB"], "CMAKE_C_FLAGS": flags,
        "CMAKE_CXX_FLAGS": flags, "CMAKE_BUILD_TYPE": "None", "CMAKE_EXE_LINKER_FLAGS": link,
        "CMAKE_SHARED_LINKER_FLAGS": link, "CMAKE_MODULE_LINKER_FLAGS": link,
        "BUILD_TESTING": "OFF", "CMAKE_POLICY_VERSION_MINIMUM": "3.5",
    }  # fmt: skip
    return ["cmake", "-S", ".", "-B", _OUT, "-G", "Unix Makefiles",
            *(f"-D{name}={value}" for name, value in values.items())]  # fmt: skip


def _environment(kind: str, toolchain: Toolchain, root: Path) -> dict[str, str]:
    """Meson takes compilers and flags from its environment."""
    if kind != "meson":
        return {}
    flags = shlex.join(_flags(root))
    return {
        "CC": str(toolchain.tool("clang")), "CXX": str(toolchain.tool("clang++")),
        "AR": str(toolchain.tool("llvm-ar")), "CFLAGS": flags, "CXXFLAGS": flags,
        "LDFLAGS": _link_flags(),
    }  # fmt: skip


def _flags(root: Path) -> list[str]:
    old = [flag for flag in OLD_C if flag.startswith("-Wno")]
    return ["-Oz", "-flto", *FRONT_END_ONLY, "-w", *old, f"-ffile-prefix-map={root}=.",
            "-fno-crash-diagnostics"]  # fmt: skip


def _link_flags() -> str:
    return "-fuse-ld=lld -Wl,--lto-O0"


def _why(ending: Ending, wall: float) -> str:
    if ending.killed:
        return f"{ending.killed} ({wall:g} s)"
    lines = [line for line in ending.text.splitlines() if re.search(r"(?i)error", line)]
    reason = explain_failure(ending) if not lines else first_error("\n".join(lines))
    return " ".join(reason.split())[:160]


def collect_objects(root: Path, options: BuildOptions, held_out: HeldOut) -> Iterator[Unit]:
    """Every different bitcode object below `root`, mixed over the tree, with its source."""
    sources = _by_stem(root)
    seen: set[bytes] = set()
    for path in sorted(_object_files(root), key=lambda path: mix_key(root, path)):
        source = source_of(path, root, sources)
        named = [one.relative_to(root).as_posix() for one in (path, source)]
        if any(map(held_out.names_file, named)):
            continue
        language = LANGUAGES.get(source.suffix, "c")
        try:
            code = read_untrusted(path, options.largest)
        except CompileError as error:
            yield Unit(source, language, None, error.message.removeprefix("error: "))
            continue
        digest = hashlib.sha256(code).digest()
        if code.startswith(_MAGIC) and digest not in seen:
            seen.add(digest)
            yield Unit(source, language, code)


def _object_files(root: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(root):
        for name in files:
            if name.endswith((".o", ".obj")):
                yield Path(folder, name)


def _by_stem(root: Path) -> dict[str, list[Path]]:
    stems: dict[str, list[Path]] = defaultdict(list)
    for path in list_sources(root):
        stems[path.stem].append(path)
    return stems


def source_of(path: Path, root: Path, sources: dict[str, list[Path]]) -> Path:
    """The source that object `path` was probably made of, else the object itself.

    Objects are called a.o, a.c.o (CMake), target-a.o (automake) or folder_a.c.o (Meson).
    """
    stem = re.sub(r"\.(c|cc|cpp|cxx|C)$", "", path.stem)
    for name in (stem, stem.partition("-")[2], stem.rpartition("-")[2], stem.rpartition("_")[2]):
        if found := sources.get(name):
            return max(found, key=lambda one: (_shared_parts(one, path), -len(one.parts), str(one)))
    return path


def _shared_parts(one: Path, other: Path) -> int:
    return len(set(one.parent.parts) & set(other.parent.parts))
