"""What gets labels: functions and units of a corpus, chosen the same way on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.parquet import read_columns, read_values
from ozma.corpus.split import SPLITS, TRAIN
from ozma.corpus.split_files import SPLIT, SPLIT_UNITS
from ozma.corpus.store import functions_path, read_projects, units_path
from ozma.errors import OzmaError

FUNCTION, UNIT = "function", "unit"
KINDS = (FUNCTION, UNIT)
_IDENTITY = ["file", "language", "instructions"]


@dataclass(frozen=True)
class Subject:
    """One module to label. `hash` is the corpus's name for it; `seeds` start a search."""

    hash: str
    kind: str
    project: str
    file: str
    symbol: str
    language: str
    instructions: int
    bitcode: bytes = b""
    seeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Which subjects: of these kinds and splits, of `least` to `largest` IR instructions; of each
    project in the splits `bounded` at most `functions` and `units` (None: all)."""

    kinds: tuple[str, ...] = (FUNCTION,)
    splits: tuple[str, ...] = SPLITS
    largest: int = 5000
    least: int = 0
    functions: int | None = None
    units: int | None = None
    bounded: tuple[str, ...] = (TRAIN,)

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"kinds holds '{kind}': give any of {', '.join(KINDS)}")
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits holds '{split}': give any of {', '.join(SPLITS)}")
        for name in ("largest", "functions", "units"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: it must be at least 1")

    def bound(self, kind: str) -> int | None:
        return self.functions if kind == FUNCTION else self.units


@dataclass(frozen=True)
class Chosen:
    """Places of one project's subjects in its files: (row, hash, split) by kind."""

    project: str
    rows: dict[str, list[tuple[int, str, str]]]

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))


def choose(out: Path, choice: Choice, damaged: dict[str, str] | None = None) -> list[Chosen]:
    """The chosen subjects of each project, without their bitcode; sorted by project.

    By the corpus's split where it has one, else every stored row. OzmaError when nothing fits, or
    for a damaged file; with `damaged` its project and the reason go in there, and the rest is
    chosen.
    """
    with_reason = _Damage(damaged)
    found: dict[str, dict[str, list]] = {}
    for kind in choice.kinds:
        for project, rows in _candidates(out, kind, choice.splits, with_reason).items():
            found.setdefault(project, {})[kind] = rows
    chosen = []
    for project, rows in sorted(found.items()):
        with with_reason(project):
            chosen.append(_limited(out, project, rows, choice))
    chosen = [one for one in chosen if len(one)]
    if not chosen and not damaged:
        raise _nothing(out, choice)
    return chosen


def _nothing(out: Path, choice: Choice) -> OzmaError:
    if not read_projects(out):
        return OzmaError(f"there is no corpus in {out}", hint="run `ozma corpus build` first")
    wanted = f"{'s, '.join(choice.kinds)}s of {', '.join(choice.splits)}"
    sizes = f"{choice.least} to {choice.largest} IR instructions"
    return OzmaError(
        f"{out} has no {wanted} with {sizes}",
        hint="without `ozma corpus split` all of a corpus is train",
    )


class _Damage:
    """Turns a project's OzmaError into a reason, where reasons are wanted."""

    def __init__(self, reasons: dict[str, str] | None) -> None:
        self._reasons = reasons

    @contextmanager
    def __call__(self, project: str) -> Iterator[None]:
        try:
            yield
        except OzmaError as error:
            if self._reasons is None:
                raise
            self._reasons[project] = error.message


def _candidates(out: Path, kind: str, splits: tuple[str, ...], damage: _Damage) -> dict[str, list]:
    path = out / (SPLIT if kind == FUNCTION else SPLIT_UNITS)
    if not path.exists():
        return _all_rows(out, kind, damage) if TRAIN in splits else {}
    columns = ["project", "row", key_column(kind), "split"]
    found: dict[str, list] = {}
    for project, *place in read_values(path, columns):
        if place[2] in splits:
            found.setdefault(project, []).append(tuple(place))
    return found


def _all_rows(out: Path, kind: str, damage: _Damage) -> dict[str, list]:
    """Every stored row once."""
    found, seen = {}, set()
    for project, record in read_projects(out).items():
        if not record.units:
            continue
        found[project] = []
        with damage(project):
            rows = read_values(corpus_file(out, kind, project), [key_column(kind)])
            for row, (digest,) in enumerate(rows):
                if digest not in seen:
                    seen.add(digest)
                    found[project].append((row, digest, TRAIN))
    return found


def _limited(out: Path, project: str, rows: dict[str, list], choice: Choice) -> Chosen:
    kept = {}
    for kind, places in rows.items():
        sizes = _sizes(out, kind, project, places)
        fitting = [p for p in places if choice.least <= sizes[p[0]] <= choice.largest]
        bounded = [place for place in fitting if place[2] in choice.bounded]
        by_hash = sorted(bounded, key=lambda place: place[1])  # a choice that is stable
        allowed = set(by_hash[: choice.bound(kind)])
        kept[kind] = [p for p in fitting if p[2] not in choice.bounded or p in allowed]
    return Chosen(project, kept)


def _sizes(out: Path, kind: str, project: str, places: list) -> list[int]:
    """IR instructions of each row; OzmaError when the rows are no longer those of the split."""
    columns = [key_column(kind), "instructions"]
    rows = list(read_values(corpus_file(out, kind, project), columns))
    if any(row >= len(rows) or rows[row][0] != digest for row, digest, _ in places):
        raise OzmaError(
            f"{project} was built again after the split", hint=f"run `ozma corpus split {out}`"
        )
    return [size for _, size in rows]


def load_subjects(out: Path, chosen: Chosen) -> Iterator[Subject]:
    """The subjects of one project with their bitcode."""
    for kind, places in chosen.rows.items():
        if not places:
            continue
        columns = [key_column(kind), *_IDENTITY, "bitcode"] + (
            ["symbol"] if kind == FUNCTION else []
        )
        table = read_columns(corpus_file(out, kind, chosen.project), columns)
        table = table.take([place[0] for place in places])
        for row in table.to_pylist():
            yield Subject(
                row[key_column(kind)], kind, chosen.project, row["file"], row.get("symbol", ""),
                row["language"], row["instructions"], row["bitcode"],
            )  # fmt: skip


def choose_hash(out: Path, project: str, kind: str, digest: str) -> Subject:
    """One stored module by its hash; OzmaError when the project does not have it."""
    hashes = read_values(corpus_file(out, kind, project), [key_column(kind)])
    row = next((row for row, (other,) in enumerate(hashes) if other == digest), None)
    if row is None:
        raise OzmaError(f"{project} has no {kind} {digest}", hint="rebuild the corpus")
    return next(load_subjects(out, Chosen(project, {kind: [(row, digest, TRAIN)]})))


def splits_of(out: Path) -> dict[str, str]:
    """hash -> split of all functions and units that are in one."""
    found: dict[str, str] = {}
    for kind, name in ((FUNCTION, SPLIT), (UNIT, SPLIT_UNITS)):
        if (out / name).exists():
            found.update(read_values(out / name, [key_column(kind), "split"]))
    return found


def split_of(digest: str, splits: dict[str, str]) -> str:
    """By what `splits_of` found: '' for what the split left out; without a split all train."""
    return splits.get(digest, "") if splits else TRAIN


def near_duplicates(out: Path) -> set[str]:
    """Hashes of validation and test functions that a training function nearly equals."""
    path = out / SPLIT
    if not path.exists():
        return set()
    return {name for name, near in read_values(path, ["hash", "near_duplicate"]) if near}


def key_column(kind: str) -> str:
    """The column of a kind's files that names a module."""
    return "hash" if kind == FUNCTION else "unit"


def corpus_file(out: Path, kind: str, project: str) -> Path:
    """Where a project's modules of a kind are stored."""
    return functions_path(out, project) if kind == FUNCTION else units_path(out, project)
