"""Tests of compiler-rt's builtins: the library is compiled with the list, the tests at -O2."""

from __future__ import annotations

import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ozma.corpus.debian import download_source
from ozma.llvm.clang import CompileError, compile_object
from ozma.verify.machine import machine_of
from ozma.verify.relocatable import Relocatable
from ozma.verify.suites.draft import Draft, SuiteOptions, Unit
from ozma.verify.suites.fetch import extract_matching, kept_folder

SOURCE_PACKAGE = "llvm-toolchain-19"
_INSIDE = "/compiler-rt/"
_WANTED = ("lib/builtins/", "test/builtins/Unit/")
_FLAGS = ("-w", "-std=c11", "-fno-builtin", "-DCOMPILER_RT_HAS_FLOAT16")


def draft_programs(options: SuiteOptions) -> list[Draft]:
    root = kept_folder(
        options.cache / "fetch" / "compiler-rt",
        lambda part: _extract(options.cache / "sources", part),
        "compiler-rt",
    )
    library = _symbols_of(sorted((root / "lib/builtins").glob("*.c")), root, options)
    tests = _symbols_of(sorted((root / "test/builtins/Unit").glob("*.c")), root, options)
    providers = {name: source for source, file in library.items() for name in file.defined}
    drafts = (
        _draft(test, root, _closure(file, library, providers)) for test, file in tests.items()
    )
    return [draft for draft in drafts if draft.tested]


def _extract(cache: Path, to: Path) -> int:
    _, tarball = download_source(SOURCE_PACKAGE, cache=cache)
    with tarfile.open(tarball, "r|*") as tar:
        return extract_matching(tar, _inside, to)


def _inside(name: str) -> str | None:
    _, found, rest = name.partition(_INSIDE)
    return rest if found and rest.startswith(_WANTED) else None


def _flags(root: Path) -> tuple[str, ...]:
    return (*_FLAGS, f"-I{root / 'lib/builtins'}")


def _symbols_of(
    sources: list[Path], root: Path, options: SuiteOptions
) -> dict[Path, Relocatable]:
    """Symbol tables of the sources that compile for the target."""
    target = machine_of(options.target).units

    def compile_one(source: Path) -> Relocatable | None:
        try:
            return Relocatable(
                compile_object(
                    options.toolchain, source, _flags(root), target, level="-O0"
                )
            )
        except CompileError:
            return None  # written for another machine

    with ThreadPoolExecutor(options.jobs) as pool:
        files = pool.map(compile_one, sources)
        return {source: file for source, file in zip(sources, files) if file}


def _closure(
    file: Relocatable, library: dict[Path, Relocatable], providers: dict[bytes, Path]
) -> list[Path]:
    """Sources of the library that the file needs, directly or through others."""
    found: list[Path] = []
    waiting = [file]
    while waiting:
        for name in sorted(waiting.pop().undefined):
            source = providers.get(name)
            if source and source not in found:
                found.append(source)
                waiting.append(library[source])
    return found


def _draft(test: Path, root: Path, needed: list[Path]) -> Draft:
    flags = _flags(root)
    return Draft(
        test.stem, tuple(Unit(source, flags) for source in needed), (Unit(test, flags),)
    )
