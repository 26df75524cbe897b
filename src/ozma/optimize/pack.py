"""The pass lists that Ozma ships: found by search, chosen by greedy cover, each with its verdicts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError

_FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class PackEntry:
    """One shipped list. `verdicts`: target -> suite -> {"programs": N, "failures": 0}."""

    passes: str
    provenance: dict[str, Any]
    verdicts: dict[str, dict[str, dict[str, int]]]

    def programs_passed(self, target: str) -> int:
        """Self-checking programs that this list passed on `target`; 0 if any failed or none ran."""
        suites = self.verdicts.get(target, {}).values()
        if any(suite["failures"] for suite in suites):
            return 0
        return sum(suite["programs"] for suite in suites)


@dataclass(frozen=True)
class Pack:
    """Lists in order of use. `digest` names this exact content, for caches."""

    llvm: str
    lists: tuple[PackEntry, ...]
    digest: str

    def find(self, passes: str) -> PackEntry | None:
        return next((entry for entry in self.lists if entry.passes == passes), None)


def shipped_majors() -> list[int]:
    """LLVM releases that a pack is shipped for."""
    return sorted(int(path.stem.partition("-")[2]) for path in _FOLDER.glob("pack-*.json"))


def pack_path(major: int) -> Path:
    """The pack of this release; OzmaError names the releases that have one."""
    path = _FOLDER / f"pack-{major}.json"
    if not path.exists():
        have = ", ".join(map(str, shipped_majors())) or "none"
        raise OzmaError(
            f"no pass lists are shipped for LLVM {major} (there are for: {have})",
            hint="choose one of those with --llvm, or give your own list with --passes",
        )
    return path


def shipped_pack(major: int) -> Pack | None:
    """The pack of this release, None if there is none."""
    return load_pack(pack_path(major)) if major in shipped_majors() else None


def load_pack(path: Path) -> Pack:
    """Reads a pack file; OzmaError if it is damaged."""
    try:
        data = path.read_bytes()
        content = json.loads(data)
        lists = tuple(
            PackEntry(row["passes"], row.get("provenance", {}), row.get("verdicts", {}))
            for row in content["lists"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{path} is not a pack of pass lists: {error}") from error
    return Pack(content.get("llvm", ""), lists, hashlib.sha256(data).hexdigest()[:16])
