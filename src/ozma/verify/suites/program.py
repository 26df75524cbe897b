"""A suite of self-checking programs, kept as one file of unoptimized bitcode."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ozma.errors import OzmaError
from ozma.whole_file import replacing

FORMAT = 1
"""Raised whenever the meaning of a pack changes: older packs are then built anew."""
_INDEX = "index.json"


@dataclass(frozen=True)
class Program:
    """One program: it passes when it exits with 0 and prints what it always printed.

    `tested` names bitcode that is compiled with the list under test, `fixed` objects that were
    compiled once at -O2 (the test's own checks). `stdout` is checksum:length.
    """

    name: str
    tested: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    stdout: str = ""
    milliseconds: int = 0


@dataclass(frozen=True)
class Suite:
    """The usable programs of one suite for one LLVM release and target.

    `left_out` counts by reason the programs that were not usable. `bitcode` and `objects` map
    the names in `programs` to bytes.
    """

    name: str
    llvm: str
    target: str
    programs: tuple[Program, ...]
    left_out: dict[str, int]
    bitcode: dict[str, bytes] = field(repr=False)
    objects: dict[str, bytes] = field(repr=False)
    fingerprint: str = ""

    def sample(self, count: int) -> Suite:
        """The first `count` programs in an order that is random but always the same."""
        order = sorted(self.programs, key=lambda p: hashlib.sha256(p.name.encode()).digest())
        kept = set(program.name for program in order[:count])
        programs = tuple(program for program in self.programs if program.name in kept)
        return _with_programs(self, programs, f"{self.fingerprint}/{len(programs)}")

    def program(self, name: str) -> Program:
        for program in self.programs:
            if program.name == name:
                return program
        raise OzmaError(f"suite {self.name} has no program {name}")


def _with_programs(suite: Suite, programs: tuple[Program, ...], fingerprint: str) -> Suite:
    return Suite(
        suite.name,
        suite.llvm,
        suite.target,
        programs,
        suite.left_out,
        suite.bitcode,
        suite.objects,
        fingerprint,
    )


def pack_path(cache: Path, name: str, llvm: str, target: str) -> Path:
    return cache / "suites" / f"{name}-llvm{llvm}-{target}-v{FORMAT}.zip"


def write_suite(suite: Suite, path: Path) -> None:
    """Writes the pack, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    index = {
        "name": suite.name,
        "llvm": suite.llvm,
        "target": suite.target,
        "left_out": suite.left_out,
        "programs": [asdict(program) for program in suite.programs],
    }
    with replacing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr(_INDEX, json.dumps(index))
        for folder, entries in (("bitcode", suite.bitcode), ("objects", suite.objects)):
            for name, data in entries.items():
                pack.writestr(f"{folder}/{name}", data)


def read_suite(path: Path) -> Suite:
    """Reads a pack. OzmaError when it is damaged."""
    try:
        with zipfile.ZipFile(path) as pack:
            index = json.loads(pack.read(_INDEX))
            names = [info.filename for info in pack.infolist() if info.filename != _INDEX]
            entries = {name: pack.read(name) for name in names}
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise OzmaError(
            f"the suite in {path} is damaged: {error}", hint="remove the file: it is built anew"
        ) from error
    return Suite(
        index["name"],
        index["llvm"],
        index["target"],
        tuple(_program(row) for row in index["programs"]),
        index["left_out"],
        _under("bitcode/", entries),
        _under("objects/", entries),
        _fingerprint(index, entries),
    )


def _program(row: dict) -> Program:
    return Program(**row | {"tested": tuple(row["tested"]), "fixed": tuple(row["fixed"])})


def _under(folder: str, entries: dict[str, bytes]) -> dict[str, bytes]:
    return {
        name.removeprefix(folder): data for name, data in entries.items() if name.startswith(folder)
    }


def _fingerprint(index: dict, entries: dict[str, bytes]) -> str:
    """Changes whenever a program or what it expects changes."""
    digest = hashlib.sha256(json.dumps(index["programs"], sort_keys=True).encode())
    for name in sorted(entries):
        digest.update(name.encode() + hashlib.sha256(entries[name]).digest())
    return digest.hexdigest()[:12]
