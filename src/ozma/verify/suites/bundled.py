"""Our own small programs for what the other suites leave out: exceptions, several units,
signals."""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

from ozma.verify.suites.draft import Draft, SuiteOptions, Unit

_SEVERAL = "units_"
"""Files that start so are one program together."""


def draft_programs(options: SuiteOptions) -> list[Draft]:
    folder = options.cache / "fetch" / "bundled"
    folder.mkdir(parents=True, exist_ok=True)
    programs: dict[str, list[Unit]] = defaultdict(list)
    for entry in sorted(files("ozma.verify").joinpath("data/programs").iterdir(), key=_name):
        source = folder / entry.name
        source.write_text(entry.read_text(encoding="utf-8"))
        name = "units" if entry.name.startswith(_SEVERAL) else Path(entry.name).stem
        programs[name].append(Unit(source, ("-w",)))
    return [Draft(name, tuple(units)) for name, units in programs.items()]


def _name(entry) -> str:
    return entry.name
