"""How a project is built: which path, how many units, and the limits of everything untrusted."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.corpus.confine import BuildLimits
from ozma.corpus.headers import HOST, SystemHeaders
from ozma.corpus.unpack import UnpackLimits

PATHS = ("fast", "real", "auto")
NEWEST_RULES = 2
"""By which the fast path guesses; what was built by older ones is built again by them."""


@dataclass(frozen=True)
class BuildOptions:
    """Per project: `units` kept, of these `cxx_units` of C++ (0: no bound of their own; one of C++
    takes five times as long as one of C), and `tried` files at most; `path` is 'fast' (file by
    file), 'real' (the project's own build) or 'auto' (real if it gives more than fast).

    Per file: `seconds` of processor time and `attempts` of the compiler on the fast path,
    `source_bytes` of the source and `largest` bytes of bitcode at most. `project_seconds` is the
    wall time of a project on the fast path, `system` the headers that are not its own there;
    `limits` are those of every command, the real build's wall time among them. `rules` are those
    by which the fast path guesses: 1 as in the first lists, 2 with `ozma.corpus.foresight`.
    """

    path: str = "fast"
    units: int = 30
    tried: int = 60
    cxx_units: int = 0
    seconds: int = 20
    attempts: int = 6
    source_bytes: int = 1_000_000
    largest: int = 4 << 20
    project_seconds: float = 600.0
    llvm: int | None = None
    rules: int = 1
    system: SystemHeaders = HOST
    limits: BuildLimits = field(default_factory=BuildLimits)
    unpack: UnpackLimits = field(default_factory=lambda: UnpackLimits(512 << 20, 50_000))

    def __post_init__(self) -> None:
        if self.path not in PATHS:
            raise ValueError(f"path must be one of {', '.join(PATHS)}, got '{self.path}'")
        for name in ("units", "tried", "seconds", "attempts", "source_bytes", "largest"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 1 <= self.rules <= NEWEST_RULES:
            raise ValueError(f"rules must be 1 to {NEWEST_RULES}, got {self.rules}")
        if self.cxx_units < 0:
            raise ValueError(f"cxx_units must be 0 (no bound) or more, got {self.cxx_units}")
        if self.project_seconds <= 0:
            raise ValueError(f"project_seconds must be positive, got {self.project_seconds}")
        if self.tried < self.units:
            raise ValueError(f"tried must be at least units ({self.units}), got {self.tried}")
