"""The facts of `ozma.corpus.stats` as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_REASONS = 15


def render(facts: Mapping[str, Any]) -> str:
    """A few blocks of aligned lines, without a newline at the end."""
    blocks = [_projects(facts["projects"]), _sizes("units", facts["units"])]
    blocks += [_sizes("functions", facts["functions"]), _duplicates(facts["functions"])]
    if "split" in facts:
        blocks.append(_split(facts["split"]))
    blocks.append(f"digest of all hashes  {facts['digest']}")
    if facts["failures"]:
        blocks.append(_table("files that failed, by reason", facts["failures"], _REASONS))
    if facts["unreadable"]:
        blocks.append(_table("damaged projects, left out", facts["unreadable"], _REASONS))
    return "\n\n".join(blocks)


def _projects(facts: Mapping[str, Any]) -> str:
    paths = ", ".join(f"{count:,} {path}" for path, count in facts["by_path"].items())
    return (
        f"projects  {facts['recorded']:,} recorded, {facts['with_units']:,} with units ({paths}); "
        f"{facts['files_tried']:,} files tried"
    )


def _sizes(what: str, facts: Mapping[str, Any]) -> str:
    languages = ", ".join(f"{count:,} {name}" for name, count in facts["by_language"].items())
    lines = [f"{what}  {facts['stored']:,} stored ({languages})"]
    for measure in ("instructions", "characters"):
        told = "  ".join(f"{name} {value:,}" for name, value in facts[measure].items())
        lines.append(f"  {measure:<13} {told}")
    told = "  ".join(f"{name} {share:.1%}" for name, share in facts["within_tokens"].items())
    lines.append(f"  {'within tokens':<13} {told}")
    return "\n".join(lines)


def _duplicates(facts: Mapping[str, Any]) -> str:
    rows = {
        "extracted, each verified": facts["extracted"],
        "refused by LLVM": facts["refused"],
        "copies in the same project": facts["duplicates_in_project"],
        "copies in other projects": facts["duplicates_across_projects"],
        "different": facts["different"],
        "of the C++ library (stored)": facts["standard_library"],
    }
    return _table("functions by canonical hash", rows)


def _split(facts: Mapping[str, Any]) -> str:
    head = f"{'split':<12} {'projects':>9} {'units':>9} {'functions':>10} {'near train':>11}"
    lines = [head]
    for name in ("train", "validation", "test"):
        near = facts["near_duplicate_share"].get(name)
        told = "" if near is None else f"{near:.1%}"
        lines.append(
            f"{name:<12} {facts['projects'][name]:>9,} {facts['units'][name]:>9,} "
            f"{facts['functions'][name]:>10,} {told:>11}"
        )
    lines += _languages(facts)
    lines.append(
        f"in two splits: {facts['hashes_in_two_splits']} functions, "
        f"{facts['units_in_two_splits']} units"
    )
    return "\n".join([*lines, *_dropped(facts)])


def _languages(facts: Mapping[str, Any]) -> Iterator[str]:
    for split, counts in facts["functions_by_language"].items():
        if counts:
            told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
            median = facts["instructions"][split]["50%"]
            yield f"{split:<12} functions: {told}; median {median:,} instructions"


def _dropped(facts: Mapping[str, Any]) -> Iterator[str]:
    for what in ("functions", "units"):
        if rows := facts[f"dropped_{what}"]:
            yield _table(f"{what} in no split", rows)


def _table(title: str, rows: Mapping[str, Any], most: int = 50) -> str:
    """A title and one line per row, numbers right-aligned before their names."""
    lines = [title]
    for name, value in list(rows.items())[:most]:
        number = f"{value:>9,}" if isinstance(value, int) else ""
        lines.append(f"  {number} {name}" if number else f"  {name}: {value}")
    if len(rows) > most:
        lines.append(f"  ... and {len(rows) - most} more")
    return "\n".join(lines)
