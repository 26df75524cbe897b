"""Checkpoints that appear whole, the last two kept; after any kill the newest good one counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ozma.errors import OzmaError
from ozma.whole_file import replacing

FOLDER = "checkpoints"
_KEPT = 2
_HELD = frozenset(
    ("model", "optimizers", "step", "seconds", "tokens", "cursors", "stage_step")
)  # fmt: skip


def save(out: Path, step: int, state: dict[str, Any]) -> Path:
    """Writes one checkpoint beside, then renames it; older ones than the last two go."""
    folder = out / FOLDER
    path = folder / f"step-{step:08}.pt"
    try:
        with replacing(path) as part, part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except RuntimeError as error:  # torch's own word for a full disk
        raise OzmaError(f"cannot write {path}: {error}", hint="is the disk full?") from error
    for old in checkpoints(out)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def checkpoints(out: Path) -> list[Path]:
    """Oldest first."""
    return sorted((out / FOLDER).glob("step-*.pt"))


def newest(out: Path, note: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest checkpoint that can be read; a damaged one is named and passed over.

    None when there is none; OzmaError when there are some and all are damaged.
    """
    found = checkpoints(out)
    for path in reversed(found):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if isinstance(state, dict) and state.keys() >= _HELD:
                return state
            reason = "it is no training's"
        except Exception as error:  # what torch raises depends on which bytes are wrong
            reason = type(error).__name__
        note(f"ozma: {path} is damaged and passed over: {reason}")
    if found:
        raise OzmaError(
            f"all checkpoints in {out / FOLDER} are damaged", hint="remove them to begin anew"
        )
    return None
