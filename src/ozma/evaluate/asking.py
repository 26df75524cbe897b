"""Asking models about test modules: which modules, in which form of IR, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ozma.evaluate.clock import timed
from ozma.labels.subjects import Choice, Chosen, Subject, choose, load_subjects
from ozma.tasks.canonical import shorten
from ozma.tasks.normal import NotShortened
from ozma.tasks.restore import restore
from ozma.tasks.setting import setting_of

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling


@dataclass(frozen=True)
class Form:
    """How IR is written to a model and read from it. `long(answer, source)`: LLVM's text of an
    answer about the module with the text `source`."""

    name: str
    short: Callable[[str], str]
    long: Callable[[str, str], str]


SHORT = Form("short", shorten, lambda answer, source: restore(answer, setting_of(source)))
"""Ours (tasks/canonical.py)."""
PLAIN = Form("plain", str, lambda answer, source: answer)
"""As LLVM prints it: the published models'."""


@dataclass(frozen=True)
class Reply:
    """`text` is None when the module does not fit the model's window, or its form cannot hold it;
    `problem` then says so. `seconds` of processor time."""

    text: str | None
    finished: bool = False
    seconds: float = 0.0
    problem: str = ""


def ask(answerer: Answerer, prompt: Callable[[], str], sampling: Sampling) -> Reply:
    """The first answer to a prompt, which is made here because some modules have none."""
    from ozma.model.generate.backend import ContextOverflow

    try:
        answers, seconds = timed(lambda: answerer.answers(prompt(), sampling))
    except (ContextOverflow, NotShortened) as error:
        return Reply(None, problem=error.message[:120])
    return Reply(answers[0].text, answers[0].finished, seconds)


def some_subjects(
    out: Path, split: str, most: int | None, largest: int, kind: str = "function"
) -> Iterator[Subject]:
    """At most `most` modules of a split, those with the least hashes, project by project.

    OzmaError when there is none."""
    chosen = choose(out, Choice((kind,), (split,), largest))
    hashes = sorted(place[1] for one in chosen for place in one.rows.get(kind, ()))
    wanted = set(hashes[:most])
    for one in chosen:
        places = [place for place in one.rows.get(kind, ()) if place[1] in wanted]
        if places:
            yield from load_subjects(out, Chosen(one.project, {kind: places}))
