"""`ozma corpus fetch` and `ozma corpus build`: real programs to unoptimized bitcode, in bulk."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError

_BUILD = (
    "Fetch packages and build them to unoptimized bitcode. Without PATH, --pypi or --list, "
    "packages "
    "are chosen in bulk from Debian. Run the same command again and it goes on where it stopped."
)
_FETCH = "Fetch the archives of many packages, so that a build needs no network."


def add_parsers(subparsers: Any) -> None:
    """Add `fetch` and `build`; each sets `run`, a function of the options to an exit code."""
    fetch = subparsers.add_parser(
        "fetch", help="fetch the archives of many packages", description=_FETCH
    )
    _add_sources(fetch)
    fetch.set_defaults(run=run_fetch)
    build = subparsers.add_parser(
        "build", help="build packages to unoptimized bitcode", description=_BUILD
    )
    build.add_argument("out", type=Path, metavar="OUT", help="the corpus: made, or gone on with")
    build.add_argument(
        "local", nargs="*", type=Path, default=[], metavar="PATH",
        help="a folder, an archive or a compile_commands.json",
    )  # fmt: skip
    _add_sources(build)
    build.add_argument(
        "--path", choices=("fast", "real", "auto"), default="fast",
        help="file by file, the package's own build, or that if it works (default fast)",
    )  # fmt: skip
    build.add_argument(
        "--headers", choices=("debian", "system"),
        help="compile file by file with fetched Debian headers, the same everywhere, or with this "
        "machine's (default: system for PATHs, else debian)",
    )  # fmt: skip
    build.add_argument(
        "--units", type=int, metavar="N",
        help="units per project at most (default 30, or as the list says)",
    )  # fmt: skip
    build.add_argument(
        "--cxx-units", type=int, metavar="N",
        help="of these units of C++ at most (default any number, or as the list says)",
    )  # fmt: skip
    build.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes (default 1)"
    )
    build.add_argument(
        "--time-limit", type=float, default=0.0, metavar="S",
        help="seconds after which no project is begun",
    )  # fmt: skip
    build.add_argument("--llvm", type=int, metavar="N", help="LLVM release (default 19)")
    build.add_argument(
        "--write-list", type=Path, metavar="FILE",
        help="write the list to build the same set again (.jsonl or .jsonl.xz)",
    )  # fmt: skip
    build.set_defaults(run=run_build)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count", type=int, default=600, metavar="N", help="packages in bulk (default 600)"
    )
    parser.add_argument(
        "--list", type=Path, metavar="FILE", help="exactly the projects of this list"
    )
    parser.add_argument(
        "--shipped", action="store_true",
        help="exactly the projects of the list that ships with Ozma",
    )  # fmt: skip
    parser.add_argument(
        "--pypi", nargs="+", default=[], metavar="NAME", help="source distributions from PyPI"
    )
    parser.add_argument(
        "--max-bytes", type=int, default=5_000_000, metavar="N",
        help="largest archive in bulk (default 5000000)",
    )  # fmt: skip
    parser.add_argument(
        "--salt", default="ozma-1", metavar="WORD", help="another word, another sample"
    )
    parser.add_argument(
        "--mirror", default="", metavar="URL",
        help="Debian's archive (default: this machine's apt sources)",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, metavar="DIR",
        help="where archives are kept (default ~/.cache/ozma/sources)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _wanted(options: argparse.Namespace):
    from ozma.corpus.bulk import BulkOptions
    from ozma.corpus.choose_sources import Wanted
    from ozma.corpus.debian import CACHE
    from ozma.corpus.project_list import shipped_list

    recorded = shipped_list() if options.shipped else options.list
    if options.shipped and recorded is None:
        raise OzmaError("no list ships with this version", hint="give one with --list")
    try:
        return Wanted(
            options.count, tuple(getattr(options, "local", ())), tuple(options.pypi), recorded,
            BulkOptions(min(60_000, options.max_bytes - 1), options.max_bytes, salt=options.salt),
            options.mirror, options.cache or CACHE,
        )  # fmt: skip
    except ValueError as error:
        raise OzmaError(str(error)) from error


def run_fetch(options: argparse.Namespace) -> int:
    """0 when at least one archive is there."""
    from ozma.corpus.choose_sources import count_wanted, sources_of
    from ozma.corpus.fetch import Missed
    from ozma.corpus.progress import ProgressLine

    wanted = _wanted(options)
    progress = ProgressLine(count_wanted(wanted), "projects")
    fetched, missed = [], []
    for one in sources_of(wanted):
        (missed if isinstance(one, Missed) else fetched).append(one)
        progress.update(len(fetched))
    progress.close()
    size = sum(one.size for one in fetched)
    if options.json:
        print(
            json.dumps(
                {
                    "fetched": len(fetched),
                    "bytes": size,
                    "missed": {one.name: one.reason for one in missed},
                }
            )
        )
    else:
        print(f"{len(fetched)} archives, {size / 1e6:.1f} MB; {len(missed)} not served")
    return 0 if fetched else OzmaError.exit_code


def run_build(options: argparse.Namespace) -> int:
    """0 when the corpus holds at least one unit."""
    from ozma.corpus.choose_sources import count_done, count_wanted, sources_of
    from ozma.corpus.confine import isolation
    from ozma.corpus.parquet import load_pyarrow
    from ozma.corpus.progress import ProgressLine
    from ozma.corpus.projects import read_projects

    load_pyarrow()  # else each project would fail
    wanted, done = _wanted(options), read_projects(options.out)
    progress = ProgressLine(count_wanted(wanted), "projects")
    if lack := isolation():
        progress.note(f"ozma: warning: {lack}")
    build = _build_options(options, wanted, progress)
    run = _run(options, build, progress, count_done(wanted, done))
    summary = run.run(sources_of(wanted, done))
    progress.close()
    _write_lists(options, build, progress)
    _print(summary, options)
    return (
        0 if any(one.units for one in read_projects(options.out).values()) else OzmaError.exit_code
    )


def _write_lists(options: argparse.Namespace, build, progress) -> None:
    """Always into the corpus, where it holds public projects: its labels are published with it."""
    from ozma.corpus.choose_sources import LIST, write_list
    from ozma.corpus.projects import read_projects

    if any(one.units and one.url for one in read_projects(options.out).values()):
        write_list(options.out, options.out / LIST, build)
    if options.write_list:
        progress.note(f"{write_list(options.out, options.write_list, build)} projects listed")


def _headers(options: argparse.Namespace, wanted, rules: int, progress):
    """The fetched headers are world-readable, where a build's user without rights reaches them."""
    from ozma.corpus.headers import HOST, SystemHeaders
    from ozma.corpus.sysroot import fetch_sysroot, shared_folder

    if (options.headers or ("system" if wanted.local else "debian")) == "system":
        return HOST

    def show(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            progress.note(f"ozma: {done} of {total} packages of headers")

    return SystemHeaders(fetch_sysroot(options.mirror, shared_folder(), show, rules))


def _build_options(options: argparse.Namespace, wanted, progress):
    from ozma.corpus.build_options import BuildOptions
    from ozma.corpus.choose_sources import list_wanted

    recorded = list_wanted(wanted)
    units = options.units if options.units is not None else recorded.units or 30
    cxx_units = options.cxx_units if options.cxx_units is not None else recorded.cxx_units
    system = _headers(options, wanted, recorded.rules, progress)
    try:
        return BuildOptions(
            options.path, units, 2 * units, cxx_units, llvm=options.llvm, system=system,
            rules=recorded.rules,
        )  # fmt: skip
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _run(options: argparse.Namespace, build, progress, before: int):
    from ozma.corpus.build_run import BuildRun, RunOptions

    try:
        run = RunOptions(options.out, build, options.jobs, options.time_limit)
    except ValueError as error:
        raise OzmaError(str(error)) from error

    in_bulk = not (options.local or options.pypi or options.list or options.shipped)

    def show(summary) -> None:
        unserved = 0 if in_bulk else summary.not_fetched  # in bulk the next package takes its place
        progress.update(summary.projects + summary.empty + unserved, summary.units, before)

    return BuildRun(run, note=lambda line: progress.note(f"ozma: {line}"), show=show)


def _print(summary, options: argparse.Namespace) -> None:
    facts = summary.facts(options.jobs)
    if options.json:
        print(json.dumps(facts))
        return
    made = f"{facts['units']} units and {facts['functions']} functions"
    rate = f"{facts['units_per_minute_and_job']:.0f} units/min/job"
    print(f"{facts['projects']} projects gave {made} in {facts['seconds']:.0f} s ({rate})")
    print(f"{facts['empty']} gave none, {facts['not_fetched']} were not served; "
          f"{facts['tried']} files tried")  # fmt: skip
    for reason, count in facts["failures"].items():
        print(f"  {count:6}  {reason}")
