"""The committed list of projects: what another machine needs to build the same set again."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ozma.corpus.source import Source
from ozma.errors import OzmaError
from ozma.whole_file import write_whole

_FIELDS = ("name", "version", "url", "sha256", "licence", "role", "path")
_HEAD = ("date", "compiler", "headers", "units", "cxx_units", "rules")


@dataclass(frozen=True)
class ProjectList:
    """`date` (YYYYMMDD) of the fetch, `compiler` and `headers` of the machine that built it, at
    most how many `units` of a project (0: not known), of these `cxx_units` of C++ (0: any
    number), and the `rules` of its guesses (see `BuildOptions`)."""

    sources: tuple[Source, ...]
    date: str = ""
    compiler: str = ""
    headers: str = ""
    units: int = 0
    cxx_units: int = 0
    rules: int = 1


def save_list(projects: ProjectList, path: Path) -> None:
    """One JSON line for the list, then one for each project by name; .xz is compressed.

    OzmaError when it cannot be written.
    """
    head = {key: getattr(projects, key) for key in _HEAD}
    rows = [{key: getattr(one, key) for key in _FIELDS} for one in projects.sources]
    lines = [head, *sorted(rows, key=lambda row: row["name"])]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    write_whole(path, lzma.compress(text, preset=9) if path.suffix == ".xz" else text)


def load_list(path: Path) -> ProjectList:
    """Raises OzmaError when the file is missing, cut off or not such a list."""
    try:
        data = path.read_bytes()
        text = (lzma.decompress(data) if path.suffix == ".xz" else data).decode()
        head, *rows = [json.loads(line) for line in text.splitlines()]
        sources = tuple(Source(**{key: row[key] for key in _FIELDS}) for row in rows)
        return ProjectList(sources, **{key: head[key] for key in _HEAD if key in head})
    except (OSError, EOFError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{path} is no list of projects: {error}") from error


def shipped_list() -> Path | None:
    """The newest list that ships with Ozma."""
    folder = Path(str(resources.files("ozma.corpus").joinpath("data")))
    return max(folder.glob("projects-*.jsonl.xz"), default=None)
