"""`ozma label`: labels for flag tuning, compiler emulation and disassembly, from a corpus."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial

from ozma.cli.label_options import parser
from ozma.corpus.split import SPLITS, TRAIN
from ozma.errors import OzmaError
from ozma.labels.options import FLAGS, SEARCH, LabelOptions, set_folder
from ozma.labels.subjects import Choice
from ozma.llvm import find_toolchain


def main(words: list[str]) -> int:
    """0 when everything chosen has its labels; 100 when a lost process left some out, or when
    something is not as it was labelled or published."""
    options = parser().parse_args(words)
    for verb in (_report, _rebuild, _check, _publish):
        if getattr(options, verb.__name__[1:]) is not None:
            return verb(options)
    if not options.task:
        raise OzmaError(
            "nothing to do", hint="give --task flags, emulation or disassembly; or --report"
        )
    try:
        return _label(options, _settings(options), _choice(options))
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _report(options: argparse.Namespace) -> int:
    from ozma.labels.report import report
    from ozma.labels.report_text import render

    facts = report(options.out)
    print(json.dumps(facts) if options.json else render(facts))
    return 0


def _check(options: argparse.Namespace) -> int:
    """Of one task's sets, if one is named, else of all."""
    from dataclasses import asdict

    from ozma.labels.check import check_set
    from ozma.labels.label_set import label_sets

    if options.check < 1:
        raise OzmaError(f"check is {options.check}", hint="give at least 1 row")
    sets = [one for one in label_sets(options.out) if options.task in (None, one.options.task)]
    if not sets:
        raise OzmaError(f"no labels in {options.out}", hint="run `ozma label` first")
    found = [check_set(one, options.check, options.seed, _execute(options)) for one in sets]
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
    for one in () if options.json else found:
        lost = f"; {one.lost:,} modules lost with their process" if one.lost else ""
        print(f"{one.set}: {one.same:,} of {one.rows:,} rows came out the same{lost}")
        print("".join(f"  {line}\n" for line in one.differing), end="")
    return 100 if any(one.lost or one.same < one.rows for one in found) else 0


def _publish(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ozma.corpus.choose_sources import LIST
    from ozma.labels.snapshot import publish

    done = publish(options.out, options.publish, options.list or options.out / LIST)
    if options.json:
        print(json.dumps(asdict(done)))
        return 0
    print(
        f"{done.projects:,} projects, {done.subjects:,} functions and units, {done.bytes:,} bytes"
    )
    for name, rows in done.rows.items():
        print(f"{name}: {rows:,} rows")
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ozma.cli import corpus
    from ozma.corpus.project_list import load_list
    from ozma.corpus.projects import read_projects
    from ozma.labels.rebuild import rebuild
    from ozma.labels.snapshot import LIST, read_manifest

    read_manifest(options.rebuild)
    listed = options.rebuild / LIST
    if any(one.name not in read_projects(options.out) for one in load_list(listed).sources):
        corpus.main(["build", str(options.out), "--list", str(listed), "-j", str(options.jobs)])
    done = rebuild(options.out, options.rebuild)
    if options.json:
        print(json.dumps(asdict(done)))
    else:
        named = f": {', '.join(done.differing[:10])}" if done.differing else ""
        print(f"{done.same:,} projects as published, {len(done.differing):,} differ{named}")
        print(f"{done.found:,} of {done.subjects:,} functions and units found; "
              f"{done.restored:,} of {done.rows:,} label rows restored")  # fmt: skip
    return 0 if done.whole else 100


def _execute(options: argparse.Namespace) -> Callable:
    """Where chunks are worked on."""
    from ozma.labels.execute import on_ray, on_this_machine

    if options.jobs < 1:
        raise OzmaError(f"jobs is {options.jobs}", hint="give at least 1")
    if options.ray:
        return partial(on_ray, address=options.ray)
    return partial(on_this_machine, jobs=options.jobs)


def _settings(options: argparse.Namespace) -> LabelOptions:
    from ozma.optimize.pack import load_pack, pack_path

    toolchain = find_toolchain(options.llvm)
    lists, digest = (), ""
    if options.task == FLAGS:
        pack = load_pack(options.pack or pack_path(toolchain.major))
        lists, digest = tuple(entry.passes for entry in pack.lists), pack.digest
    return LabelOptions(
        options.task, toolchain.version, toolchain.major, options.target, options.retarget, lists,
        digest, options.pairs, options.seed, timeout=options.timeout, memory=options.memory << 20,
    )  # fmt: skip


def _choice(options: argparse.Namespace) -> Choice:
    return Choice(
        tuple(options.kinds), tuple(options.splits), options.largest, options.least,
        options.functions, options.units, SPLITS if options.bound_all else (TRAIN,),
    )  # fmt: skip


def _label(options: argparse.Namespace, settings: LabelOptions, choice: Choice) -> int:
    from ozma.labels.subjects import choose

    search = _searching(options, settings)  # before hours of work, as its options may be wrong
    damaged: dict[str, str] = {}
    stage = _stage(options, choose(options.out, choice, damaged), damaged)
    results = [stage(settings)]
    if search:
        results += _search(options, settings, search, stage)
    for one in results:
        print(json.dumps(one) if options.json else _line(one))
    return 100 if any(one["lost"] or one["damaged"] for one in results) else 0


def _searching(options: argparse.Namespace, dense: LabelOptions) -> LabelOptions | None:
    """The settings of the search after a dense table; None where none is wanted."""
    if not options.search or dense.task != FLAGS:
        return None
    if options.broadcast < 1:
        raise ValueError(f"broadcast is {options.broadcast}: it must be at least 1")
    shorten = options.search if options.shorten is None else options.shorten
    return replace(dense, task=SEARCH, lists=(), compiles=options.search, shorten=shorten)


def _search(
    options: argparse.Namespace, dense: LabelOptions, search: LabelOptions, stage: Callable
) -> list[dict]:
    """The two further stages of flag tuning, each with its own set of labels."""
    from ozma.labels.label_set import LabelSet
    from ozma.labels.winners import BROADCAST, seeding, write_winners

    seeds = seeding(LabelSet(options.out, set_folder(options.out, dense)))
    results = [stage(search, seeds)]
    searched = LabelSet(options.out, set_folder(options.out, search))
    digest, lists = write_winners(searched, options.broadcast)
    if lists:
        results.append(stage(replace(dense, lists=lists, pack=BROADCAST + digest)))
    return results


def _stage(
    options: argparse.Namespace, chosen: list, damaged: dict[str, str]
) -> Callable[..., dict]:
    from ozma.corpus.progress import ProgressLine
    from ozma.labels.run import label_corpus

    execute = _execute(options)

    def run(settings: LabelOptions, *prepare: Callable) -> dict:
        line = None
        with closing(label_corpus(options.out, settings, chosen, execute, *prepare)) as states:
            for state in states:
                line = line or ProgressLine(state.total, "modules")
                line.update(state.labelled, before=state.found_done)
        line.close()
        if state.lost:
            line.note(
                f"ozma: {state.lost} modules lost with their process: run the same command again"
            )
        unread = damaged | state.damaged
        for project, reason in unread.items():
            line.note(f"ozma: left out {project}: {reason}")
        return {
            "set": settings.name, "modules": state.total, "labelled_before": state.found_done,
            "labelled": state.labelled, "problems": state.problems, "lost": state.lost,
            "damaged": sorted(unread),
        }  # fmt: skip

    return run


def _line(result: dict) -> str:
    return (
        f"{result['set']}: {result['modules']:,} modules, {result['labelled_before']:,} labelled "
        f"before, {result['labelled']:,} now; {result['problems']:,} rows with a problem"
    )
