"""Settings of the drop-in compilers, made from the text of their `--ozma-*` options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ozma.errors import OzmaError
from ozma.model.shipped import SHIPPED
from ozma.search.budget import Budget

VERIFY = ("none", "lists", "differential")


@dataclass(frozen=True)
class CompilerConfig:
    """One compiler run's settings; the options' own words are in `launch.OPTIONS`.

    `budget` bounds the choice for one translation unit; `cache_limit` is in MiB. `exclude` None
    stands for the file in the cache folder.
    """

    cache: Path
    budget: Budget = Budget(16, 60.0)
    verify: str = "lists"
    lists: Path | None = None
    model: Path | None = None
    cache_limit: int = 2048
    exclude: Path | None = None
    reproducers: Path | None = None
    session: str = ""

    def __post_init__(self) -> None:
        if self.verify not in VERIFY:
            raise ValueError(f"verify is '{self.verify}': give one of {', '.join(VERIFY)}")
        if self.cache_limit < 1:
            raise ValueError(f"cache-limit is {self.cache_limit}: give at least 1 MiB")

    @property
    def exclude_file(self) -> Path:
        return self.exclude or self.cache / "exclude.txt"


_READERS = {
    "budget": Budget.parse,
    "verify": str,
    "lists": Path,
    "model": lambda text: SHIPPED if text == "shipped" else Path(text),
    "cache-limit": int,
    "exclude": Path,
    "reproducers": Path,
    "session": str,
}


def read_options(options: dict[str, str], folder: str) -> CompilerConfig:
    """Settings from option texts; OzmaError names the option that does not read and the fix."""
    values: dict[str, object] = {}
    for name, text in options.items():
        if name not in _READERS:
            continue
        try:
            values[name.replace("-", "_")] = _READERS[name](text)
        except ValueError as error:
            raise OzmaError(f"{name} is '{text}': {error}") from error
    try:
        return CompilerConfig(cache=Path(folder), **values)
    except ValueError as error:
        raise OzmaError(str(error)) from error
