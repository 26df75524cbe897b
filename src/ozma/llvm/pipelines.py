"""What the installed tools say of their own passes: catalogue, clang's pipeline, expansions."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Sequence

from ozma.errors import OzmaError
from ozma.llvm.toolchain import Toolchain
from ozma.passes.catalogue import Catalogue, parse_catalogue


class ToolError(OzmaError):
    """A tool of the toolchain did not answer as every supported release does."""


def ask(command: Sequence[str], source: str | None = None) -> str:
    """What a tool prints, given `source` on standard input; ToolError when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, input=source)
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise ToolError(f"{Path(command[0]).name} failed: {first}", command=shlex.join(command))
    return done.stdout


@cache
def catalogue_of(toolchain: Toolchain) -> Catalogue:
    """Passes of this release with levels and parameters, from `opt --print-passes`."""
    return parse_catalogue(ask([str(toolchain.tool("opt")), "--print-passes"]), toolchain.major)


@cache
def clang_pipeline(toolchain: Toolchain, level: str = "-Oz") -> str:
    """The `opt -passes=` text of the pipeline that clang itself runs at `level`.

    Not the same as `default<Oz>`: clang adds the SLP vectorizer, which that text leaves out.
    """
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        source = Path(folder, "empty.c")
        source.write_text("")
        flags = [level, "-c", "-mllvm", "-print-pipeline-passes", str(source), "-o", os.devnull]
        return ask([str(toolchain.tool("clang")), *flags]).strip()
