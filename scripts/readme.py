#!/usr/bin/env python3
"""Runs the console blocks of README.md and docs/ that are marked `<!-- run -->`, writes their output.

`scripts/readme.py` refreshes the pages; `--check` prints what differs and returns 1. Blocks marked
`<!-- run: output varies -->` must only succeed. Commands see this repository's `.venv` first.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300.0
_BLOCK = re.compile(
    r"(?P<mark><!-- run(?P<varies>: output varies)? -->\n```console\n)(?P<body>.*?)(?P<end>```\n)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One marked block: its commands and the text as it stands."""

    commands: tuple[str, ...]
    body: str
    varies: bool


class CommandFailed(Exception):
    """A command of a block returned another code than 0; the message holds its output."""


def _block(match: re.Match) -> Block:
    lines = match["body"].splitlines()
    commands = tuple(line[2:] for line in lines if line.startswith("$ "))
    return Block(commands, match["body"], bool(match["varies"]))


def blocks(text: str) -> list[Block]:
    """All marked blocks, in order."""
    return [_block(match) for match in _BLOCK.finditer(text)]


def run(command: str) -> str:
    """Standard output and error of one command, run in the repository."""
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    if done.returncode:
        raise CommandFailed(f"'{command}' returned {done.returncode}:\n{done.stdout}")
    return done.stdout


def executed(block: Block) -> str:
    """What the block should look like now; a block whose output varies stays as it is."""
    parts = [f"$ {command}\n{run(command)}" for command in block.commands]
    return block.body if block.varies else "".join(parts)


def refreshed(text: str) -> str:
    """`text` with the output of every marked block replaced."""
    return _BLOCK.sub(lambda match: match["mark"] + executed(_block(match)) + match["end"], text)


def pages() -> list[Path]:
    """README.md and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main() -> int:
    """Rewrites the pages, or with --check returns 1 if that would change one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    changed = False
    for path in pages():
        before = path.read_text(encoding="utf-8")
        after = refreshed(before)
        changed |= before != after
        lines = before.splitlines(True), after.splitlines(True)
        sys.stdout.writelines(difflib.unified_diff(*lines, path.name, "now"))
        if not options.check:
            path.write_text(after, encoding="utf-8")
    return int(options.check and changed)


if __name__ == "__main__":
    sys.exit(main())
