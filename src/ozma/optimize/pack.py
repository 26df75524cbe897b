"""The pass lists that Ozma ships: found by search, chosen by greedy cover, each with its verdicts.

What is tried first decides how much few compiles are worth, and machines differ: `targets-N.json`
holds orders learnt on modules compiled for other targets, and what the suites said there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Mapping, Sequence

from ozma.errors import OzmaError
from ozma.passes import PipelineSyntaxError, parse

_FOLDER = Path(__file__).parent / "data"
Suites = dict[str, dict[str, int]]
"""suite -> {"programs": N, "failures": N}"""


class NoLists(OzmaError):
    """Nothing is shipped for this release of LLVM."""


@dataclass(frozen=True)
class PackEntry:
    """One shipped list. `verdicts`: target -> suite -> {"programs": N, "failures": 0}."""

    passes: str
    provenance: dict[str, Any]
    verdicts: dict[str, Suites]

    @property
    def failed(self) -> bool:
        """Did any program of any suite fail, on any target?"""
        return any(suite["failures"] for suites in self.verdicts.values() for suite in suites.values())

    def programs_passed(self, target: str) -> int:
        """Self-checking programs that this list passed on `target`; 0 if any failed or none ran."""
        suites = self.verdicts.get(target, {}).values()
        if any(suite["failures"] for suite in suites):
            return 0
        return sum(suite["programs"] for suite in suites)


@dataclass(frozen=True)
class Pack:
    """Lists in order of use. `digest` names this exact content and order, for caches."""

    llvm: str
    lists: tuple[PackEntry, ...]
    digest: str

    def find(self, passes: str) -> PackEntry | None:
        return next((entry for entry in self.lists if entry.passes == passes), None)

    def usable(self, verify: str) -> tuple[str, ...]:
        """Its lists in order, without those that failed a suite on any target, unless `verify` is
        "none"."""
        return tuple(e.passes for e in self.lists if verify == "none" or not e.failed)

    def with_verdicts(self, target: str, verdicts: Mapping[str, Suites]) -> Pack:
        """With what the suites said of these lists on `target`."""
        lists = (
            replace(entry, verdicts=entry.verdicts | {target: verdicts[entry.passes]})
            if entry.passes in verdicts
            else entry
            for entry in self.lists
        )
        return replace(self, lists=tuple(lists))

    def in_order(self, places: Sequence[int]) -> Pack:
        """The same lists, that at `places[0]` first. ValueError unless each place is there once."""
        if sorted(places) != list(range(len(self.lists))):
            raise ValueError(f"an order of {len(self.lists)} lists names each place once")
        order = hashlib.sha256(repr(tuple(places)).encode()).hexdigest()[:8]
        lists = tuple(self.lists[place] for place in places)
        return replace(self, lists=lists, digest=f"{self.digest}-{order}")


def shipped_majors() -> list[int]:
    """LLVM releases that a pack is shipped for."""
    return sorted(int(path.stem.partition("-")[2]) for path in _FOLDER.glob("pack-*.json"))


def pack_path(major: int) -> Path:
    """The pack of this release; NoLists names the releases that have one."""
    path = _FOLDER / f"pack-{major}.json"
    if not path.exists():
        have = ", ".join(map(str, shipped_majors())) or "none"
        raise NoLists(
            f"no pass lists are shipped for LLVM {major} (there are for: {have})",
            hint="choose one of those with --llvm, or give your own list with --passes",
        )
    return path


def shipped_pack(major: int, target: str = "x86-64") -> Pack | None:
    """As `target_pack`, None if nothing is shipped for this release."""
    return target_pack(major, target) if major in shipped_majors() else None


def target_pack(major: int, target: str, own: Path | None = None) -> Pack:
    """The pack of this release as it serves `target` best: its order there, its verdicts there;
    or the user's `own` pack file as it is.

    NoLists names the releases that have a pack.
    """
    if own:
        return load_pack(own)
    pack = load_pack(pack_path(major))
    facts = read_targets(targets_path(major), pack).get(target, {})
    pack = pack.with_verdicts(target, facts.get("verdicts", {}))
    return pack.in_order(facts["places"]) if "places" in facts else pack


def targets_path(major: int) -> Path:
    """Where it stands what the lists of this release are worth on further targets."""
    return _FOLDER / f"targets-{major}.json"


def read_targets(path: Path, pack: Pack) -> dict[str, dict[str, Any]]:
    """target -> {"places": order, "verdicts": {list: {suite: facts}}, ...}; empty if `path` is
    missing or was written for other lists: an order and verdicts go with one pack."""
    content = json.loads(path.read_bytes()) if path.exists() else {}
    return content["targets"] if content.get("pack") == pack.digest else {}


def load_pack(path: Path) -> Pack:
    """Reads a pack file, or a text with one list per line as `ozma tune --lists` writes it, which
    has no verdicts. OzmaError if it is neither."""
    try:
        data = path.read_bytes()
        llvm, lists = _read_json(data) if data.lstrip()[:1] == b"{" else ("", _read_lines(data))
    except OSError as error:
        raise OzmaError(f"cannot read the pack {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, PipelineSyntaxError) as error:
        hint = "give one list per line, or what `ozma pack --records DIR -o FILE` made"
        raise OzmaError(f"{path} is not a pack of pass lists: {error}", hint=hint) from error
    return Pack(llvm, lists, hashlib.sha256(data).hexdigest()[:16])


def _read_json(data: bytes) -> tuple[str, tuple[PackEntry, ...]]:
    content = json.loads(data)
    rows = content["lists"]
    return content.get("llvm", ""), tuple(
        PackEntry(row["passes"], row.get("provenance", {}), row.get("verdicts", {})) for row in rows
    )


def _read_lines(data: bytes) -> tuple[PackEntry, ...]:
    lines = (line.strip() for line in data.decode("utf-8").splitlines())
    lists = [str(parse(line)) for line in lines if line and line[0] != "#"]
    if not lists:
        raise ValueError("it holds no list")
    return tuple(PackEntry(passes, {}, {}) for passes in dict.fromkeys(lists))
