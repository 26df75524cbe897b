"""`ozma stats`: what `ozma cc` and `ozma c++` did."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.optimize.cc import records, stats
from ozma.optimize.cc.cache import Cache


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma stats", description="Show what `ozma cc` and `ozma c++` did."
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="the compilers' --ozma-cache")
    parser.add_argument("--session", metavar="LABEL", help="only records with this --ozma-session")
    parser.add_argument(
        "--latest", action="store_true", help="count each output file once, as last compiled"
    )
    parser.add_argument(
        "--files", action="store_true", help="one line per object, largest savings first"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--reset", action="store_true", help="forget all records")
    parser.add_argument("--clear-cache", action="store_true", help="remove all cached objects")
    return parser


def _files(found: list[dict]) -> list[str]:
    """clang's bytes, ours, what was saved, and the source or why clang's object was kept."""
    units = [one for one in found if one.get("before") and one.get("after")]
    units.sort(key=lambda one: one["after"]["total"] - one["before"]["total"])
    rows = [f"{'clang':>10}  {'ours':>10}  {'saved':>8}  source"]
    for one in units:
        before, after = one["before"]["total"], one["after"]["total"]
        why = f" ({one['reason']})" if one.get("reason") else ""
        rows.append(f"{before:>10,}  {after:>10,}  {before - after:>8,}  {one['source']}{why}")
    return rows


def main(words: list[str]) -> int:
    """Prints the summary, or empties what it is made from; returns 0."""
    options = _parser().parse_args(words)
    folder = options.cache or Path(records.default_folder(os.environ))
    if options.reset:
        (folder / records.RECORDS).unlink(missing_ok=True)
    if options.clear_cache:
        freed = Cache(folder / "objects", 0).clear()
        print(f"removed {freed:,} bytes of cached objects")
    if options.reset or options.clear_cache:
        return 0
    found = list(stats.read_records(folder, options.session))
    if options.files and not options.json:
        print("\n".join(_files(stats.latest_units(found))))
        return 0
    summary = stats.summarize(stats.latest_units(found) if options.latest else found)
    print(json.dumps(stats.as_json(summary)) if options.json else stats.render(summary))
    if not found and not options.json:
        of_session = f" of session '{options.session}'" if options.session else ""
        print(f"(no records{of_session} in {folder})")
    return 0
