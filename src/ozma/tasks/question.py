"""What of a module stands in the question about its flags: a model is asked as it was trained.

front      the short form of the front end's IR, as the paper asks
optimized  the short form of what clang's own pipeline makes of it: three quarters of the tokens
sketch     opcodes and types of that (sketch.py): a fifth
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.tasks.canonical import shorten
from ozma.tasks.prompts import flags_prompt
from ozma.tasks.sketch import sketch

FRONT, OPTIMIZED, SKETCH = "front", "optimized", "sketch"
VIEWS = (FRONT, OPTIMIZED, SKETCH)
QUESTION_JSON = "question.json"
LEFT_OUT = "...\n"
"""After code that was cut."""


@dataclass(frozen=True)
class Question:
    """`view` is one of VIEWS. Code of more than `characters` is cut after a whole line, 0:
    never."""

    view: str = FRONT
    characters: int = 0

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise ValueError(f"view is '{self.view}': give one of {', '.join(VIEWS)}")
        if self.characters < 0:
            raise ValueError(f"characters is {self.characters}: give 0 or more")

    @property
    def of_optimized(self) -> bool:
        """Is the IR asked about that of clang's own pipeline, or the front end's?"""
        return self.view != FRONT

    def prompt(self, ir: str) -> str:
        """The question about IR as LLVM prints it, of the kind that `of_optimized` says.
        NotShortened for what the short form cannot hold."""
        code = sketch(ir) if self.view == SKETCH else shorten(ir)
        return flags_prompt(_cut(code, self.characters))


def _cut(code: str, most: int) -> str:
    if not most or len(code) <= most:
        return code
    return code[: code.rfind("\n", 0, most) + 1] + LEFT_OUT


def write_question(folder: Path, question: Question) -> None:
    (folder / QUESTION_JSON).write_text(json.dumps(asdict(question)) + "\n", "utf-8")


def read_question(folder: Path) -> Question:
    """How the model in `folder` is asked; a folder that says nothing is asked about the front end's
    IR. OzmaError for a damaged file."""
    path = folder / QUESTION_JSON
    try:
        return Question(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Question()
    except (OSError, ValueError, TypeError) as error:
        raise OzmaError(f"{path} is damaged: {error}", hint="export the model again") from error
