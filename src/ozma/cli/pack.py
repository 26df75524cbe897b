"""`ozma pack`: the shipped pass lists, or a pack built from the records of tune and validate."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Toolchain, find_toolchain
from ozma.optimize.build_pack import (
    build_pack,
    order_lists,
    read_dense,
    read_verdicts,
    target_verdicts,
)
from ozma.optimize.pack import (
    Pack,
    load_pack,
    pack_path,
    read_targets,
    target_pack,
    targets_path,
)
from ozma.whole_file import write_to


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ozma pack",
        description="Show the shipped pass lists with their verdicts, or build a pack: the lists "
        "that passed every self-checking program, ordered by what each adds to those before.",
    )
    parser.add_argument("--llvm", type=int, metavar="N", help="LLVM release (default 19)")
    parser.add_argument("--file", type=Path, metavar="FILE", help="show this pack")
    parser.add_argument("--lists", action="store_true", help="print the lists only, one per line")
    parser.add_argument(
        "--records", type=Path, nargs="+", metavar="DIR", help="build: folders of tune's records"
    )
    parser.add_argument(
        "--verdicts", type=Path, nargs="+", default=[], metavar="FILE",
        help="build: validate's records",
    )  # fmt: skip
    parser.add_argument(
        "--suites", type=int, default=3, metavar="N",
        help="build: suites that a list must have passed (default 3)",
    )  # fmt: skip
    parser.add_argument(
        "--target", choices=TARGETS, default="x86-64",
        help="its order, its records (default x86-64)",
    )  # fmt: skip
    parser.add_argument(
        "--extend", action="store_true",
        help="no new pack: add what these records and verdicts say of the shipped lists on "
        "--target",
    )  # fmt: skip
    parser.add_argument(
        "--count", type=int, default=120, metavar="N", help="build: most lists (default 120)"
    )
    parser.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", help="build: pack file to write"
    )
    return parser


def main(words: list[str]) -> int:
    options = _parser().parse_args(words)
    toolchain = find_toolchain(options.llvm)
    if options.extend:
        if not (options.records or options.verdicts):
            raise OzmaError("nothing to add", hint="give --records, --verdicts or both")
        return _extend(options, toolchain)
    if options.records:
        return _build(options, toolchain.version)
    _show(target_pack(toolchain.major, options.target, options.file), options.lists)
    return 0


def _build(options: argparse.Namespace, llvm: str) -> int:
    if not options.output:
        raise OzmaError("no place for the pack", hint="give -o FILE")
    dense = read_dense(options.records)
    verdicts = read_verdicts(options.verdicts, llvm)
    content = build_pack(dense, verdicts, llvm, options.count, options.target, options.suites)
    if not content["lists"]:
        raise OzmaError(
            f"none of {len(dense.table)} lists passed {options.suites} suites on {options.target}",
            hint="run `ozma validate --records FILE` on them, and give FILE with --verdicts",
        )
    write_to(options.output, (json.dumps(content, indent=1) + "\n").encode())
    found = content["found_on"]
    print(
        f"{len(content['lists'])} lists from {found['candidates']} candidates on "
        f"{found['modules']} modules of {found['packages']} packages "
        f"({found['rejected']} candidates rejected or not checked)"
    )
    return 0


def _extend(options: argparse.Namespace, toolchain: Toolchain) -> int:
    """Adds what records and verdicts say of the shipped lists on one target."""
    pack = load_pack(pack_path(toolchain.major))
    path = options.output or targets_path(toolchain.major)
    targets = read_targets(path, pack)
    facts = targets.setdefault(options.target, {})
    if options.records:
        facts |= order_lists(read_dense(options.records), pack)
    if options.verdicts:
        verdicts = read_verdicts(options.verdicts, toolchain.version)
        facts |= target_verdicts(verdicts, pack, options.target)
    text = json.dumps({"pack": pack.digest, "targets": targets}, indent=1) + "\n"
    write_to(path, text.encode())
    verdicts, modules = facts.get("verdicts", ()), facts.get("found_on", {}).get("modules", 0)
    order = f"order learnt on {modules} modules"
    print(f"{options.target}: {len(verdicts)} lists with verdicts, {order}: {path}")
    return 0


def _show(pack: Pack, bare: bool) -> None:
    if bare:
        print("\n".join(entry.passes for entry in pack.lists))
        return
    print(
        f"{len(pack.lists)} lists for LLVM {pack.llvm}; programs passed by target, bytes added, "
        f"list"
    )
    for number, entry in enumerate(pack.lists, 1):
        passed = " ".join(
            f"{target} {entry.programs_passed(target):,}" for target in entry.verdicts
        )
        print(
            f"{number:>4}  {passed or 'not checked':<28} "
            f"{entry.provenance.get('adds_bytes', 0):>6}  {entry.passes}"
        )
    verdicts = [
        facts for entry in pack.lists for rows in entry.verdicts.values() for facts in rows.values()
    ]
    programs, failures = (sum(facts[key] for facts in verdicts) for key in ("programs", "failures"))
    print(
        f"{len(pack.lists)} lists, {programs:,} self-checking programs compiled with them and "
        f"judged, {failures} failures"
    )
