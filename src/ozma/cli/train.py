"""`ozma train`: prepare tokens, run a recipe, export the model."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import fields, replace

from ozma.cli.train_options import parser
from ozma.errors import OzmaError, needing
from ozma.tasks.question import Question


def main(words: list[str]) -> int:
    options = parser().parse_args(words)
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
        if name != "of projects":
            print(f"{name}: {count:,}")
    if not any(name.startswith("train ") for name in state):
        _warn_nothing(options, any(name.startswith("skipped") for name in state))
    return 0


def _warn_nothing(options: argparse.Namespace, skipped: bool) -> None:
    """There is no document of the train split: says what to change."""
    stages = options.views or options.pairs or options.known_pairs or options.levels
    text = f"no function of {options.out} is in its train group"
    hint = "another `ozma corpus split --salt`, or more projects"
    if skipped:
        text, hint = "all documents of the train group were left out", "a larger --window"
    elif not stages:
        text, hint = "no stage but flags is wanted, and no label fits", "`ozma label`, or --views 1"
    print(f"ozma train: warning: nothing to train on: {text}; try {hint}", file=sys.stderr)


def _set_threads(threads: int | None) -> None:
    """Before torch is loaded: its threads must not spin while they wait, on a machine with other
    work that costs more than half of the speed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if threads is not None:
        if threads < 1:
            raise OzmaError(f"threads is {threads}", hint="give at least 1")
        os.environ["OMP_NUM_THREADS"] = str(threads)


def _run(options: argparse.Namespace, command: str) -> int:
    _set_threads(options.threads)
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
    from ozma.model.training.export import export, note_command
    from ozma.model.training.recipe_file import RECIPE_JSON

    if (options.out / RECIPE_JSON).is_file():
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
    with needing("evaluate"):
        from ozma.evaluate.ranker import RankerConfig
        from ozma.evaluate.train_trees import train_trees

    config = RankerConfig(trees=options.trees, leaf=options.leaf)
    for name, count in train_trees(options.out, options.file, options.labels, config).items():
        print(f"{name}: {count:,}")
    return 0
