"""Units of a build that was recorded in a compile_commands.json, compiled again to bitcode."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ozma.corpus.confined_clang import ConfinedClang
from ozma.corpus.fastpath import LANGUAGES, Unit, short_reason
from ozma.errors import OzmaError
from ozma.llvm.clang import CompileError

_WITH_VALUE = ("-o", "-MF", "-MT", "-MQ")
_DROPPED = ("-c", "-S", "-E", "-M", "-MM", "-MD", "-MMD", "-MP", "-g", "-flto", "-pipe")


@dataclass(frozen=True)
class CompileCommand:
    """One entry: `source` is absolute, `arguments` are those that change the code."""

    source: Path
    folder: Path
    arguments: tuple[str, ...]


def load_commands(database: Path) -> list[CompileCommand]:
    """C and C++ entries of a compile_commands.json, one for each source. OzmaError if it is
    none."""
    try:
        entries = json.loads(database.read_text("utf-8"))
        commands = [_parse(entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{database} is no compile_commands.json: {error}") from error
    found = {one.source: one for one in commands if one.source.suffix in LANGUAGES}
    return [found[source] for source in sorted(found)]


def compile_commands(commands: list[CompileCommand], clang: ConfinedClang) -> Iterator[Unit]:
    """Compile each of `commands` with its own arguments; failures are units too."""
    for command in commands:
        language = LANGUAGES[command.source.suffix]
        try:
            code = clang.compile_in(command.folder, command.source, command.arguments)
            yield Unit(command.source, language, code)
        except CompileError as error:
            yield Unit(command.source, language, None, short_reason(error.message))


def _parse(entry: dict) -> CompileCommand:
    folder = Path(entry["directory"])
    words = entry.get("arguments") or shlex.split(entry["command"])
    source = Path(folder, entry["file"]).resolve()
    return CompileCommand(source, folder, tuple(_code_arguments(words[1:], entry["file"])))


def _code_arguments(words: list[str], file: str) -> Iterator[str]:
    """Not the compiler, the source, the outputs or the level: only what changes the code."""
    skip = False
    for word in words:
        if skip or word == file:
            skip = False
        elif word in _WITH_VALUE:
            skip = True
        elif word not in _DROPPED and not word.startswith(("-O", "-g", "-o", "-fgnuc-version")):
            yield word
