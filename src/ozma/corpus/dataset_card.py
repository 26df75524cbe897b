"""The card of an exported corpus: a README whose header `datasets.load_dataset` understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FEATURES = """\
| column | type | what |
|---|---|---|
| `hash` | string | canonical hash: names, numbers and metadata aside |
| `structural` | string | LLVM's own structural hash, which ignores names |
| `project`, `file`, `symbol` | string | where the function comes from |
| `language` | string | of the source file: `c`, `c++`, `rust`, `fortran` |
| `instructions` | int32 | IR instructions in the body |
| `characters` | int32 | of the module as LLVM prints it |
| `std_instantiation` | bool | a function of the C++ standard library |
| `opcodes` | binary | one byte per instruction: LLVM's opcode numbers |
| `bitcode` | binary | the module: this function, declarations of what it uses |
| `near_duplicate` | bool | (validation, test) a training function has nearly the same opcodes |
"""


def render_card(facts: Mapping[str, Any], licences: Mapping[str, str]) -> str:
    """`facts` are split.json's; `licences` maps each project to its licence, '' if unknown."""
    return f"{_header(facts)}\n{_body(facts)}\n{_licence_table(licences)}"


def _header(facts: Mapping[str, Any]) -> str:
    lines = ["---", "pretty_name: Ozma corpus", "license: other", "tags: [llvm-ir, compilers]"]
    lines += ["configs:", "- config_name: functions", "  default: true", "  data_files:"]
    for split, count in facts["functions"].items():
        if count:
            lines += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    return "\n".join([*lines, "---", ""])


def _body(facts: Mapping[str, Any]) -> str:
    counts = "\n".join(
        f"| {split} | {facts['projects_by_split'][split]:,} | {count:,} | "
        f"{facts['near_duplicates'][split]:,} |"
        for split, count in facts["functions"].items()
    )
    return (
        "# Functions of real programs as unoptimized LLVM-IR\n\n"
        "Each row is a function of a C or C++ program as a module of its own, before any pass,\n"
        "as `clang -Oz` hands it to the optimizer, verified by LLVM. Splits divide groups of\n"
        "projects that share code; no canonical hash is in two splits.\n\n"
        "| split | projects | functions | near-duplicates of training |\n|---|---|---|---|\n"
        f"{counts}\n\n{_FEATURES}"
    )


def _licence_table(licences: Mapping[str, str]) -> str:
    rows = "\n".join(f"| {name} | {licences[name] or 'unknown'} |" for name in sorted(licences))
    return (
        "## Licences\n\nThe code is its authors': each row is under the licence of its project.\n\n"
        f"| project | licence |\n|---|---|\n{rows}\n"
    )
