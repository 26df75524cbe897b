"""Random programs by seed from csmith: their expected checksum is what -O0 prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ozma.errors import OzmaError
from ozma.verify.suites.draft import Draft, SuiteOptions, Unit
from ozma.verify.suites.fetch import require_tool

_HEADERS = Path("/usr/include/csmith")
_LIMITS = {
    "--max-funcs": 3,
    "--max-block-size": 3,
    "--max-block-depth": 3,
    "--max-expr-complexity": 5,
    "--max-array-dim": 2,
}
_FLAGS = ("-w", "-std=gnu17", f"-I{_HEADERS}")


def draft_programs(options: SuiteOptions) -> list[Draft]:
    tool = require_tool("csmith", "csmith libcsmith-dev")
    if not (_HEADERS / "csmith.h").exists():
        raise OzmaError("csmith.h is not installed", hint="apt-get install libcsmith-dev")
    folder = options.cache / "fetch" / "csmith"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(1, options.csmith_programs + 1)
    return [_draft(_generate(tool, folder, seed), seed) for seed in seeds]


def _generate(tool: str, folder: Path, seed: int) -> Path:
    path = folder / f"seed{seed}.c"
    if not path.exists():
        limits = [str(word) for pair in _LIMITS.items() for word in pair]
        command = [tool, "--seed", str(seed), *limits]
        text = subprocess.run(command, capture_output=True, check=True, cwd=folder, timeout=120)
        path.write_bytes(text.stdout)
    return path


def _draft(source: Path, seed: int) -> Draft:
    return Draft(f"seed{seed}", (Unit(source, _FLAGS),))
