"""`ozma train`: prepare tokens, run a recipe, export the model."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import fields, replace
from pathlib import Path

from ozma.errors import OzmaError
from ozma.tasks.question import FRONT, VIEWS, Question

_DESCRIPTION = (
    "Train the language model: `prepare` turns a corpus and its flag labels into tokens, `run` "
    "trains a "
    "recipe on them and goes on where it was stopped, `export` writes a Hugging Face folder, "
    "`recipes` "
    "shows what there is, `trees` trains what `ozma optimize --rank trees` uses."
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ozma train", description=_DESCRIPTION, allow_abbrev=False
    )
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="prepare|run|export|recipes|trees"
    )
    _add_prepare(
        verbs.add_parser("prepare", help="corpus and labels to tokens", allow_abbrev=False)
    )
    _add_run(verbs.add_parser("run", help="train a recipe", allow_abbrev=False))
    _add_export(verbs.add_parser("export", help="write a Hugging Face folder", allow_abbrev=False))
    verbs.add_parser("recipes", help="show the recipes and their settings", allow_abbrev=False)
    _add_trees(
        verbs.add_parser(
            "trees", help="trees that order lists, from flag labels", allow_abbrev=False
        )
    )
    return parser


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`")
    parser.add_argument("data", type=Path, metavar="DATA", help="new folder for the tokens")
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="tokenizer.json (default: the shipped one)"
    )
    parser.add_argument(
        "--labels", default="", metavar="SET", help="set of flag labels, if there are several"
    )
    parser.add_argument(
        "--window", type=int, default=4096, metavar="N",
        help="tokens of a document at most (default 4096)",
    )  # fmt: skip
    parser.add_argument(
        "--functions", type=int, default=200, metavar="N",
        help="functions of a project at most (default 200)",
    )  # fmt: skip
    parser.add_argument(
        "--largest", type=int, default=2500, metavar="N",
        help="IR instructions at most (default 2500)",
    )  # fmt: skip
    parser.add_argument(
        "--least", type=int, default=0, metavar="N",
        help="flags: IR instructions at least (default 0; 30 leaves out half of the functions and "
        "2 %% of the gain)",
    )  # fmt: skip
    parser.add_argument(
        "--views", type=int, default=1, metavar="N",
        help="pretraining: texts of a function, 0 to 3 (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", type=int, default=1, metavar="N",
        help="emulation: random lists for a function (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--known-pairs", type=int, default=1, metavar="N",
        help="emulation: lists of the labels for a function (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--levels", type=int, default=1, metavar="N",
        help="disassembly: levels of a function, 0 to 4 (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--view", choices=VIEWS, default=FRONT,
        help="what the question about flags shows: the front end's IR, that of clang -Oz, or a "
        "sketch of it (default front)",
    )  # fmt: skip
    parser.add_argument(
        "--characters", type=int, default=0, metavar="N",
        help="cut code in that question after so many (default 0: never)",
    )  # fmt: skip
    parser.add_argument(
        "--spell-lists", action="store_true", help="spell lists out instead of one token for each"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="draws other documents (default 0)"
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="processes (default 1)"
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder of `ozma train prepare`")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT",
        help="checkpoints, log and model; a training that is there goes on",
    )  # fmt: skip
    parser.add_argument(
        "--recipe", default="small_cpu", metavar="NAME",
        help="see `ozma train recipes` (default small_cpu)",
    )  # fmt: skip
    parser.add_argument(
        "--start", type=Path, metavar="FOLDER",
        help="continue a Hugging Face checkpoint, in its own shape",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="wall clock; the rate comes down in time"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="another value for a setting of the recipe",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, metavar="N", help="of torch (default: one per core)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder of `ozma train run`")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the model folder to write")
    parser.add_argument(
        "--storage", choices=("f32", "f16", "bf16", "q8"), default="f32",
        help="how weights are stored (default f32; q8 only ozma reads)",
    )  # fmt: skip


def _add_trees(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="a folder of `ozma corpus build`, labelled"
    )
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="the file to write")
    parser.add_argument(
        "--labels", default="", metavar="SET", help="set of flag labels, if there are several"
    )
    parser.add_argument("--trees", type=int, default=40, metavar="N", help="how many (default 40)")
    parser.add_argument(
        "--leaf", type=int, default=10, metavar="N",
        help="functions in a leaf at least (default 10)",
    )  # fmt: skip


def main(words: list[str]) -> int:
    options = _parser().parse_args(words)
    verbs = {
        "prepare": _prepare,
        "run": _run,
        "export": _export,
        "recipes": _recipes,
        "trees": _trees,
    }
    command = shlex.join(["ozma", "train", *words])
    try:
        return verbs[options.verb](options, command)
    except ValueError as error:
        raise OzmaError(str(error)) from error


def _prepare(options: argparse.Namespace, command: str) -> int:
    from ozma.corpus.progress import ProgressLine
    from ozma.model.tokenizer import Tokenizer
    from ozma.model.training.examples import ExampleOptions
    from ozma.model.training.prepare import COMMANDS, PrepareOptions, prepare

    examples = ExampleOptions(
        options.views, options.pairs, options.known_pairs, options.levels, options.seed,
        Question(options.view, options.characters),
    )  # fmt: skip
    settings = PrepareOptions(
        examples, options.window, options.functions, options.largest, options.labels,
        not options.spell_lists, jobs=options.jobs, least=options.least,
    )  # fmt: skip
    line = None
    for state in prepare(options.out, options.data, Tokenizer.load(options.tokenizer), settings):
        line = line or ProgressLine(state["of projects"], "projects")
        line.update(state["projects"])
    if line:
        line.close()
    (options.data / COMMANDS).write_text(command + "\n", "utf-8")
    for name, count in sorted(state.items()):
        print(f"{name}: {count:,}")
    return 0


def _set_threads(threads: int | None) -> None:
    """Before torch is loaded: its threads must not spin while they wait, on a machine with other
    work that costs more than half of the speed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if threads is not None:
        if threads < 1:
            raise OzmaError(f"threads is {threads}", hint="give at least 1")
        os.environ["OMP_NUM_THREADS"] = str(threads)


def _load_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise OzmaError(
            "training needs torch", hint="install it: pip install 'ozma[train]'"
        ) from error


def _run(options: argparse.Namespace, command: str) -> int:
    _set_threads(options.threads)
    _load_torch()
    from ozma.model.training.data import TrainingData
    from ozma.model.training.distributed import join, leave
    from ozma.model.training.export import export, note_command
    from ozma.model.training.loop import Training

    recipe = _recipe(options)
    world = join()
    try:
        training = Training(recipe, TrainingData(options.data), options.out, world)
        if world.first:
            note_command(options.out, command)
        result = training.run()
    finally:
        leave(world)
    if world.first:
        export(options.out, options.out / "model")
        print(f"{result.step:,} steps, {result.tokens:,} tokens: {options.out / 'model'}")
    return 0


def _recipe(options: argparse.Namespace):
    from ozma.model.training.recipes import RECIPES, continued, overridden

    if options.start:
        recipe = continued(options.start)
    elif options.recipe in RECIPES:
        recipe = RECIPES[options.recipe]()
    else:
        raise OzmaError(f"no recipe '{options.recipe}'", hint=f"there are {', '.join(RECIPES)}")
    recipe = overridden(recipe, options.settings)
    return replace(recipe, minutes=options.minutes) if options.minutes is not None else recipe


def _export(options: argparse.Namespace, command: str) -> int:
    _set_threads(None)
    _load_torch()
    from ozma.model.training.export import export, note_command

    note_command(options.out, command)
    config = export(options.out, options.folder, options.storage)
    print(f"{config.parameters():,} parameters as {options.storage}: {options.folder}")
    return 0


def _recipes(options: argparse.Namespace, command: str) -> int:
    from ozma.model.training.recipes import RECIPES

    for name, make in RECIPES.items():
        recipe = make()
        print(f"{name}: {' '.join(make.__doc__.split())}")
        for field in fields(recipe):
            if field.name != "name":
                print(f"  {field.name}={getattr(recipe, field.name)}")
    return 0


def _trees(options: argparse.Namespace, command: str) -> int:
    try:
        from ozma.evaluate.ranker import RankerConfig
        from ozma.evaluate.train_trees import train_trees
    except ImportError as error:
        raise OzmaError(
            f"this needs {error.name}", hint="install it: pip install 'ozma[evaluate]'"
        ) from error

    config = RankerConfig(trees=options.trees, leaf=options.leaf)
    for name, count in train_trees(options.out, options.file, options.labels, config).items():
        print(f"{name}: {count:,}")
    return 0
