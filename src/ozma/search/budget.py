"""How much a search may spend on one module."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """Compiles (lists that are run) and wall seconds; None: no limit."""

    compiles: int | None = 16
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.compiles is None and self.seconds is None:
            raise ValueError("budget has no limit: give compiles, seconds or both")
        if self.compiles is not None and self.compiles < 0:
            raise ValueError(f"budget of {self.compiles} compiles: it must be 0 or more")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError(f"budget of {self.seconds} seconds: it must be 0 or more")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """'16' is compiles, '2s' seconds, '64,10s' whichever ends first."""
        compiles, seconds = None, None
        for part in text.split(","):
            try:
                if part.endswith("s"):
                    seconds = float(part[:-1])
                else:
                    compiles = int(part)
            except ValueError:
                raise ValueError(f"budget '{text}': write compiles (16), seconds (2s) or 64,10s")
        return cls(compiles, seconds)

    def __str__(self) -> str:
        parts = [] if self.compiles is None else [str(self.compiles)]
        return ",".join(parts + ([f"{self.seconds:g}s"] if self.seconds is not None else []))


@dataclass
class Meter:
    """Counts what one search has spent of its budget."""

    budget: Budget
    compiles: int = 0
    started: float = field(default_factory=time.monotonic)

    def spent(self) -> bool:
        limit, seconds = self.budget.compiles, self.budget.seconds
        if limit is not None and self.compiles >= limit:
            return True
        return seconds is not None and time.monotonic() - self.started >= seconds
