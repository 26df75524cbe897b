"""What is labelled, how, and in which folder the labels lie: all that a worker has to know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError
from ozma.llvm import TARGETS
from ozma.whole_file import write_whole

FLAGS, SEARCH, EMULATION, DISASSEMBLY = "flags", "search", "emulation", "disassembly"
LABELS, SET_JSON = "labels", "set.json"
_LOST_BY_A_KILL = 10.0
"""Seconds of work in one chunk, about: what is not written down when the machine goes off."""


@dataclass(frozen=True)
class LabelOptions:
    """Settings of one set of labels. Equal options give equal labels on any machine.

    `lists` are the pack's for "flags" (`pack` is its digest) and unused else; `pairs` lists are
    drawn for each subject of "emulation" from `seed`; a "search" may try `compiles` lists and
    then `shorten` more to minimize the winner. With `retarget` a module made for another machine
    is rewritten for `target` (llvm/rewrite.py says what that is worth), else it is refused.
    `timeout` is in seconds of processor time for one evaluation, `memory` in bytes. `chunk` is
    the work handed out at once, in seconds.
    """

    task: str
    llvm: str
    major: int
    target: str = "x86-64"
    retarget: bool = False
    lists: tuple[str, ...] = ()
    pack: str = ""
    pairs: int = 8
    seed: int = 0
    compiles: int = 300
    shorten: int = 300
    timeout: float = 10.0
    memory: int = 2 << 30
    chunk: float = _LOST_BY_A_KILL

    def __post_init__(self) -> None:
        tasks = (FLAGS, SEARCH, EMULATION, DISASSEMBLY)
        if self.task not in tasks:
            raise ValueError(f"task is '{self.task}': give one of {', '.join(tasks)}")
        if self.target not in TARGETS:
            raise ValueError(f"target is '{self.target}': give one of {', '.join(TARGETS)}")
        if self.task == FLAGS and not self.lists:
            raise ValueError("lists is empty: give the lists of a pack")
        for name in ("pairs", "compiles", "timeout", "memory", "chunk"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be above 0")
        if self.shorten < 0:
            raise ValueError(f"shorten is {self.shorten}: it must be 0 or more")

    @property
    def name(self) -> str:
        """Name of the set's folder: everything that its labels depend on."""
        what = {
            FLAGS: f"flags-{self.pack}",
            SEARCH: f"search-{self.compiles}x{self.shorten}-seed{self.seed}",
            EMULATION: f"emulation-{self.pairs}-seed{self.seed}",
            DISASSEMBLY: "disassembly",
        }[self.task]
        return f"{what}-llvm{self.llvm}-{self.target}" + ("-retargeted" if self.retarget else "")

    @property
    def evaluations(self) -> int:
        """Evaluations that one subject takes, at most."""
        return {
            FLAGS: len(self.lists) + 1,
            SEARCH: self.compiles + self.shorten + 1,
            EMULATION: 2 * self.pairs,
            DISASSEMBLY: 8,
        }[self.task]

    def seconds_for(self, instructions: int) -> float:
        """Estimated processor time to label a subject of so many IR instructions."""
        return self.evaluations * (0.002 + 3e-5 * instructions)


def set_folder(out: Path, options: LabelOptions) -> Path:
    return out / LABELS / options.name


def write_options(folder: Path, options: LabelOptions) -> None:
    """Writes set.json, from which the set's rows can be understood and made again."""
    write_whole(folder / SET_JSON, (json.dumps(asdict(options), indent=1) + "\n").encode())


def read_options(folder: Path) -> LabelOptions:
    """The options that the labels in `folder` were made with; OzmaError if there are none."""
    path = folder / SET_JSON
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return LabelOptions(**values | {"lists": tuple(values["lists"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{path} cannot be read", hint="run `ozma label` first") from error
