"""`ozma train`: prepare tokens, run a recipe, export the model."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import fields, replace

from ozma.cli.train_options import parser
from ozma.errors import OzmaError
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
        text = f"no function of {options.out} is in its train group: nothing to train on"
        hint = "another `ozma corpus split --salt`, or more projects"
        print(f"ozma train: warning: {text}; {hint}", file=sys.stderr)
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
    from ozma.model.training.export import RECIPE_JSON, export, note_command

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
