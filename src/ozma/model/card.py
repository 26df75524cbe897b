"""The model card of a trained folder: written from the records of its training, nothing by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ozma.model.config import LlamaConfig

_ABOUT = """\
A Llama-architecture language model of LLVM's compiler, trained by Ozma from {start} on \
LLVM-IR and assembly of open-source packages. Of the prompts of LLM Compiler (arXiv 2407.02524) it \
answers those for {tasks}. IR stands in the prompts in Ozma's short form; `ozma` converts both ways."""
_ANSWERS = {
    "flags": "pass lists that make code small",
    "emulation": "what a pass list makes of code",
    "disassembly": "IR that compiles to assembly",
}
_LIMITS = """\
* Its lists are candidates: `ozma optimize` compiles them and never ships a larger object than \
`clang -Oz`. Its IR and assembly are guesses: check them (`ozma emulate --check`).
{origin}"""
_OWN = """\
* It has read no natural language and no Python: benchmarks such as HumanEval do not apply.
* Licence: MIT. The training code is open source under various licences and is not part of it."""
_THEIRS = """\
* What the weights that it began with have read, and their licence, which binds this model too, is \
said where they come from."""


def model_card(
    config: LlamaConfig,
    commands: Sequence[str],
    recipe: Mapping[str, Any],
    data: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    storage: str,
) -> str:
    """Markdown with front matter. `log` holds the lines of log.jsonl, `data` data.json."""
    start = recipe.get("start", "")
    front = f"license: {'other' if start else 'mit'}\npipeline_tag: text-generation\n"
    origin = f"the weights of {start}" if start else "random weights"
    about = _ABOUT.format(start=origin, tasks=_tasks(data["counts"]))
    limits = _LIMITS.format(origin=_THEIRS if start else _OWN)
    parts = (
        f"---\n{front}tags: [llvm, compiler, llama]\n---\n",
        f"# Ozma, {config.parameters() / 1e6:.1f} M parameters\n\n{about}\n",
        "## Made by\n\n```sh\n" + "\n".join(commands) + "\n```\n",
        "## Shape\n\n" + _table(_shape(config, storage)),
        "## Training\n\n" + _table(_training(log)) + _recipe(recipe),
        "## Data\n\n" + _table(_data(data)),
        "## Validation\n\n" + (_table(checked) if (checked := _last_check(log)) else "None.\n"),
        f"## Limits\n\n{limits}\n",
    )
    return "\n".join(parts)


def _tasks(counts: Mapping[str, int]) -> str:
    learnt = [text for task, text in _ANSWERS.items() if counts.get(f"train {task} documents")]
    return ", ".join(learnt) or "none"


def _table(rows: Mapping[str, Any]) -> str:
    lines = [f"| {name} | {_shown(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines]) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _shape(config: LlamaConfig, storage: str) -> dict[str, Any]:
    return {
        "layers": config.num_hidden_layers, "width": config.hidden_size,
        "inner width": config.intermediate_size, "heads": config.num_attention_heads,
        "window, tokens": config.max_position_embeddings, "vocabulary": config.vocab_size,
        "stored as": storage,
    }  # fmt: skip


def _training(log: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    steps = [line for line in log if "loss" in line]
    if not steps:
        return {"steps": 0}
    last = steps[-1]
    return {
        "steps": last["step"], "tokens read": last["tokens"], "seconds": last["seconds"],
        "last loss, nats a token": last["loss"],
    }  # fmt: skip


def _recipe(recipe: Mapping[str, Any]) -> str:
    return "\nRecipe:\n\n```json\n" + json.dumps(recipe, indent=1) + "\n```\n"


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"LLVM": data["llvm"], "flag labels": data["labels"] or "none"} | data["counts"]


def _last_check(log: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    checks = [line for line in log if any(name.startswith("validation") for name in line)]
    last = checks[-1] if checks else {}
    names = {name: value for name, value in last.items() if name not in ("step", "time")}
    return {
        f"{name}, {'percent' if name.startswith('gain') else 'nats a token'}": value
        for name, value in names.items()
    }


def read_log(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a log; a line that a kill tore is left out."""
    lines = []
    for text in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
