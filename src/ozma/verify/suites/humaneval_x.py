"""HumanEval-X C++ (the suite of the paper's PassListEval), from the file that the user gives.

The solution is compiled with the list; the test's main is compiled at -O2, as in the paper.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from ozma.errors import OzmaError
from ozma.verify.suites.draft import Draft, SuiteOptions, Unit

_FLAGS = ("-w", "-std=c++17")
_FIELDS = ("task_id", "prompt", "canonical_solution", "declaration", "test")


def draft_programs(options: SuiteOptions) -> list[Draft]:
    if options.humaneval is None:
        raise OzmaError(
            "the humaneval-x suite needs its file",
            hint="give it with --humaneval humaneval_cpp.jsonl.gz (HumanEval-X of CodeGeeX)",
        )
    folder = options.cache / "fetch" / "humaneval-x"
    folder.mkdir(parents=True, exist_ok=True)
    return [_draft(problem, folder) for problem in _read(options.humaneval)]


def _read(path: Path) -> list[dict]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise OzmaError(f"cannot read {path}: {error}") from error


def _draft(problem: dict, folder: Path) -> Draft:
    missing = [name for name in _FIELDS if name not in problem]
    if missing:
        raise OzmaError(f"not a file of HumanEval-X: a problem has no {', '.join(missing)}")
    number = problem["task_id"].rpartition("/")[2]
    solution = folder / f"{number}.cpp"
    solution.write_text(problem["prompt"] + problem["canonical_solution"])
    check = folder / f"{number}-main.cpp"
    check.write_text(_declaration(problem["declaration"]) + problem["test"])
    return Draft(f"CPP/{number}", (Unit(solution, _FLAGS),), (Unit(check, _FLAGS),))


def _declaration(text: str) -> str:
    """The problem's head with its last function declared instead of opened."""
    return text.rstrip().removesuffix("{") + ";\n"
