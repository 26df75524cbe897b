"""Gather the search set: fetch, compile on the fast path, keep a bounded mix of every package."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.fast_build import mix_key
from ozma.corpus.fastpath import FastPath, Unit, compile_tree, list_sources
from ozma.corpus.held_out import HeldOut
from ozma.corpus.packages import Package
from ozma.corpus.unpack import unpack
from ozma.whole_file import write_whole


@dataclass(frozen=True)
class GatherLimits:
    """Per package: `units` kept, `tried` files at most; `bitcode` bytes of one unit at most."""

    units: int = 40
    tried: int = 100
    bitcode: int = 400_000

    def __post_init__(self) -> None:
        for field in ("units", "tried", "bitcode"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}")


@dataclass(frozen=True)
class Gathered:
    """What one package gave: units kept, files tried, and why the others failed."""

    package: Package
    sources: int
    tried: int
    units: int
    held_out: int
    failures: dict[str, int]


class Gatherer:
    """Writes `<package>/<file>.bc` and one line of `index.jsonl` per unit under `out`."""

    def __init__(
        self, out: Path, held_out: HeldOut, fast_path: FastPath, limits: GatherLimits | None = None
    ) -> None:
        self.out, self.held_out, self.fast_path = out, held_out, fast_path
        self.limits = limits or GatherLimits()

    def gather(self, package: Package, archive: Path) -> Gathered:
        """Compile a mix of the package's files; whatever was there of it is replaced."""
        self._forget(package)
        with tempfile.TemporaryDirectory(prefix="ozma-gather-") as scratch:
            root = unpack(archive, Path(scratch, "tree"))
            sources = list_sources(root)
            allowed = [path for path in sources if self._allowed(root, path)]
            mixed = sorted(allowed, key=lambda path: mix_key(root, path))
            units, failures, tried = 0, Counter(), 0
            for unit in compile_tree(root, mixed[: self.limits.tried], self.fast_path):
                tried += 1
                reason = self._keep(package, root, unit)
                failures.update([reason] if reason else [])
                units += not reason
                if units >= self.limits.units:
                    break
        return Gathered(
            package, sources=len(sources), tried=tried, units=units,
            held_out=len(sources) - len(allowed), failures=dict(failures.most_common(8)),
        )  # fmt: skip

    def _forget(self, package: Package) -> None:
        shutil.rmtree(self.out / package.name, ignore_errors=True)
        index = self.out / "index.jsonl"
        rows = index.read_text("utf-8").splitlines(keepends=True) if index.exists() else []
        kept = [row for row in rows if json.loads(row)["package"] != package.name]
        if len(kept) < len(rows):
            write_whole(index, "".join(kept).encode())

    def _allowed(self, root: Path, source: Path) -> bool:
        relative = source.relative_to(root).as_posix()
        return not self.held_out.names_file(relative) and not self.held_out.copies(
            source.read_bytes()
        )

    def _keep(self, package: Package, root: Path, unit: Unit) -> str | None:
        """Write the unit, or say why not."""
        if unit.bitcode is None:
            return unit.reason
        if len(unit.bitcode) > self.limits.bitcode:
            return "bitcode over the limit"
        relative = unit.source.relative_to(root).as_posix()
        path = self.out / package.name / f"{relative}.bc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(unit.bitcode)
        row = {
            "package": package.name, "file": f"{package.name}/{relative}.bc",
            "language": unit.language, "bytes": len(unit.bitcode),
            "sha256": hashlib.sha256(unit.bitcode).hexdigest(),
        }  # fmt: skip
        with (self.out / "index.jsonl").open("a", encoding="utf-8") as index:
            index.write(json.dumps(row) + "\n")
        return None
