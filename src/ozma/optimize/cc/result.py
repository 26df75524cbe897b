"""What goes into the choice for one translation unit, what comes out, and what is recorded."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from ozma.llvm.result import Sizes
from ozma.optimize.cc.cache import Chosen
from ozma.optimize.cc.config import CompilerConfig
from ozma.optimize.steps import Steps


@dataclass(frozen=True)
class Problem:
    """What a chooser is asked: an object of this bitcode smaller than `before`, made by `steps`."""

    steps: Steps
    bitcode: bytes
    before: Sizes
    config: CompilerConfig


Chooser = Callable[[Problem], Chosen]


@dataclass
class Result:
    """What happened to one translation unit; `outcome` is improved, kept, excluded or failed."""

    outcome: str = "kept"
    reason: str = ""
    detail: str = ""
    ir: str = ""
    passes: str | None = None
    before: Sizes | None = None
    after: Sizes | None = None
    compiles: int = 0
    checked: str = ""
    cached: bool = False
    reproducer: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 4)
