"""What a training was begun with, in OUT/recipe.json: it goes on and is exported with that."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError
from ozma.model.training.recipes import Recipe
from ozma.whole_file import write_whole

RECIPE_JSON = "recipe.json"
_FREE = ("steps", "minutes", "log_every", "check_every", "check_documents", "save_minutes")
"""What may differ when a training goes on."""


def write_recipe(out: Path, recipe: Recipe, data: Path) -> None:
    """`data`: the folder that is trained on."""
    text = json.dumps(_settings(recipe, data), indent=1) + "\n"
    write_whole(out / RECIPE_JSON, text.encode())


def read_recipe(out: Path) -> tuple[Recipe, Path]:
    """(recipe, data folder) of the training in `out`; OzmaError if there is none, or it cannot be
    read."""
    values = stored(out)
    try:
        data = Path(values.pop("data"))
        return Recipe(**values | {"shares": tuple(values["shares"])}), data
    except (KeyError, TypeError, ValueError) as error:
        raise OzmaError(
            f"{out / RECIPE_JSON} is damaged, or of another version: {error}",
            hint="train anew with another --out",
        ) from error


def require_same(out: Path, recipe: Recipe, data: Path) -> None:
    """OzmaError if the training in `out` was begun with other settings or data."""
    if not (out / RECIPE_JSON).exists():
        return
    before = stored(out)
    for name, value in _settings(recipe, data).items():
        if name not in _FREE and before.get(name, value) != value:
            raise OzmaError(
                f"{out} was begun with {name}={before[name]}, not {value}",
                hint="give a new --out, or the same settings",
            )


def _settings(recipe: Recipe, data: Path) -> dict[str, Any]:
    """As they come back from JSON."""
    return json.loads(json.dumps(asdict(recipe))) | {"data": str(data.resolve())}


def stored(out: Path) -> dict[str, Any]:
    """The file as it is: of an older version it lacks what was not a setting then."""
    path = out / RECIPE_JSON
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OzmaError(f"{out} holds no training", hint="run `ozma train run` first") from error
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise OzmaError(f"{path} is damaged", hint="train anew with another --out")
    return values
