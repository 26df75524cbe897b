"""The split of a corpus on disk: made from its function files, written, read again.

OUT/split.json            configuration, groups and splits of projects, counts
OUT/split.parquet         a row per function that is in a split: where it is stored, which split
OUT/split_units.parquet   the same for translation units
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ozma.corpus.held_test import load_held_for_test
from ozma.corpus.near import near_sequences
from ozma.corpus.parquet import load_pyarrow, read_columns, read_values, write_rows
from ozma.corpus.split import TRAIN, FunctionKey, Split, SplitConfig, split_functions
from ozma.corpus.split_units import UnitKey, UnitSplit, split_units
from ozma.corpus.store import functions_path, read_projects, units_path
from ozma.errors import OzmaError
from ozma.whole_file import write_whole

SPLIT_JSON, SPLIT, SPLIT_UNITS = "split.json", "split.parquet", "split_units.parquet"
_KEY_COLUMNS = ["hash", "file", "instructions", "std_instantiation", "language"]
_UNIT_COLUMNS = ["unit", "file", "function_hashes", "language"]


@dataclass
class Stored:
    """What could be read of a corpus: functions and units by project; the rest with its reason."""

    functions: dict[str, list[FunctionKey]] = field(default_factory=dict)
    units: dict[str, list[UnitKey]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def read_stored(out: Path) -> Stored:
    """Keys of all projects that are done; a damaged file costs its project, not the run.

    Raises OzmaError when there is no project at all.
    """
    stored = Stored()
    for project, record in read_projects(out).items():
        if not record.units:
            continue
        try:
            functions = list(_function_keys(functions_path(out, project)))
            stored.units[project] = list(_unit_keys(units_path(out, project)))
            stored.functions[project] = functions
        except OzmaError as error:
            stored.unreadable[project] = error.message
    if not stored.functions:
        raise OzmaError(f"no project is stored in {out}", hint="run `ozma corpus build` first")
    return stored


def _function_keys(path: Path) -> Iterator[FunctionKey]:
    for row, (*values, language) in enumerate(read_values(path, _KEY_COLUMNS)):
        yield FunctionKey(*values, row, language)


def _unit_keys(path: Path) -> Iterator[UnitKey]:
    for row, (unit, file, hashes, language) in enumerate(read_values(path, _UNIT_COLUMNS)):
        yield UnitKey(unit, file, tuple(hashes), row, language)


def make_split(out: Path, config: SplitConfig) -> dict[str, Any]:
    """Split the corpus in `out`, write the three files, and return what split.json says."""
    stored = read_stored(out)
    named = load_held_for_test()
    split = split_functions(stored.functions, named, config)
    units = split_units(stored.units, split, named)
    opcodes = _opcodes_of(out, split)
    near = near_functions(split, opcodes, config.near)
    write_rows(out / SPLIT, function_split_schema(), _function_rows(split, near))
    write_rows(out / SPLIT_UNITS, unit_split_schema(), _unit_rows(units))
    facts = _facts(split, units, near, config) | {"unreadable": stored.unreadable}
    _write_json(out / SPLIT_JSON, facts)
    return facts


def _opcodes_of(out: Path, split: Split) -> dict[str, bytes]:
    """Opcodes of every function that is in a split, by hash."""
    found = {}
    for project, kept in split.kept.items():
        if kept:
            column = read_columns(functions_path(out, project), ["opcodes"]).column("opcodes")
            opcodes = column.to_pylist()
            found.update((function.hash, opcodes[function.row]) for function, _ in kept)
    return found


def near_functions(split: Split, opcodes: dict[str, bytes], threshold: float) -> set[str]:
    """Hashes of the validation and test functions that a training function nearly equals."""
    trained, asked = [], {}
    for kept in split.kept.values():
        for function, name in kept:
            if name == TRAIN:
                trained.append(opcodes[function.hash])
            else:
                asked[function.hash] = opcodes[function.hash]
    found = near_sequences(asked.values(), trained, threshold)
    return {digest for digest, sequence in asked.items() if sequence in found}


def function_split_schema() -> Any:
    """Columns of split.parquet; `row` is the place in the project's file."""
    arrow = load_pyarrow()
    text, number = arrow.string(), arrow.int32()
    return arrow.schema(
        {
            "hash": text, "project": text, "file": text, "row": number, "language": text,
            "instructions": number, "split": text, "near_duplicate": arrow.bool_(),
        }
    )  # fmt: skip


def _function_rows(split: Split, near: set[str]) -> Iterator[dict]:
    for project, kept in sorted(split.kept.items()):
        for function, name in kept:
            yield {
                "hash": function.hash, "project": project, "file": function.file,
                "row": function.row, "language": function.language,
                "instructions": function.instructions, "split": name,
                "near_duplicate": function.hash in near,
            }  # fmt: skip


def unit_split_schema() -> Any:
    """Columns of split_units.parquet."""
    arrow = load_pyarrow()
    text = arrow.string()
    return arrow.schema(
        {
            "unit": text, "project": text, "file": text, "row": arrow.int32(), "language": text,
            "split": text,
        }
    )  # fmt: skip


def _unit_rows(units: UnitSplit) -> Iterator[dict]:
    for project, unit, name in units.kept:
        yield {
            "unit": unit.unit, "project": project, "file": unit.file, "row": unit.row,
            "language": unit.language, "split": name,
        }  # fmt: skip


def _facts(split: Split, units: UnitSplit, near: set[str], config: SplitConfig) -> dict[str, Any]:
    kept = [(f, name) for rows in split.kept.values() for f, name in rows]
    return {
        "config": asdict(config),
        "functions": _by_split(name for _, name in kept),
        "near_duplicates": _by_split(name for f, name in kept if f.hash in near),
        "units": _by_split(name for _, _, name in units.kept),
        "projects_by_split": _by_split(split.projects.values()),
        "groups_of_several": _groups_of_several(split.groups),
        "dropped_functions": split.dropped,
        "dropped_units": units.dropped,
        "projects": split.projects,
        "groups": split.groups,
    }


def _by_split(names: Iterable[str]) -> dict[str, int]:
    counts = dict.fromkeys(("train", "validation", "test"), 0)
    for name in names:
        counts[name] += 1
    return counts


def _groups_of_several(groups: dict[str, str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for project, group in groups.items():
        members.setdefault(group, []).append(project)
    return {group: names for group, names in sorted(members.items()) if len(names) > 1}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_whole(path, (json.dumps(value, indent=1) + "\n").encode())


def read_split(out: Path) -> dict[str, Any]:
    """What `make_split` wrote in split.json; OzmaError if there is none or it is broken."""
    path = out / SPLIT_JSON
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OzmaError(
            f"{path} cannot be read", hint=f"run `ozma corpus split {out}` first"
        ) from error
