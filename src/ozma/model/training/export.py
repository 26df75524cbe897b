"""From a training's newest checkpoint to a Hugging Face folder."""

from __future__ import annotations

import sys
from pathlib import Path

from ozma.errors import OzmaError
from ozma.model.card import model_card, read_log
from ozma.model.config import LlamaConfig
from ozma.model.hf import export_model
from ozma.model.list_tokens import read_lists
from ozma.model.llama import Llama
from ozma.model.training import checkpoint
from ozma.model.training.data import TrainingData
from ozma.model.training.prepare import COMMANDS
from ozma.model.training.recipe_file import read_recipe, stored
from ozma.model.training.report import LOG
from ozma.tasks.question import read_question, write_question


def note_command(out: Path, command: str) -> None:
    """Keeps the words that started or continued this training, for its card."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / COMMANDS).open("a", encoding="utf-8") as file:
        file.write(command + "\n")


def export(out: Path, folder: Path, storage: str = "f32") -> LlamaConfig:
    """Writes the newest checkpoint of the training in `out` as a model folder with its card."""
    recipe, source = read_recipe(out)
    data = TrainingData(source)
    config = recipe.config(data.vocabulary)
    state = checkpoint.newest(out, lambda text: print(text, file=sys.stderr))
    if state is None:
        raise OzmaError(f"{out} has no checkpoint yet", hint="run `ozma train run` first")
    model = Llama(config)
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        text = f"the checkpoint in {out} is of another model"
        raise OzmaError(text, hint=f"were the data in {source} made anew?") from error
    commands = _lines(data.folder / COMMANDS) + _lines(out / COMMANDS)
    begun = stored(out)
    del begun["data"]
    card = model_card(config, commands, begun, data.facts, read_log(out / LOG), storage)
    text = (data.folder / "tokenizer.json").read_text("utf-8")
    export_model(model, folder, text, card, read_lists(data.folder), storage)
    write_question(folder, read_question(data.folder))
    return config


def _lines(path: Path) -> list[str]:
    """The commands of a file, each once."""
    return list(dict.fromkeys(path.read_text("utf-8").splitlines())) if path.exists() else []
