"""Columns of each kind of label, as Parquet stores them."""

from __future__ import annotations

from typing import Any

from ozma.corpus.parquet import load_pyarrow
from ozma.labels.options import DISASSEMBLY, EMULATION, FLAGS, SEARCH


def schema_of(task: str) -> Any:
    """The pyarrow schema of a task's rows; labels/<task> modules say what the columns mean."""
    arrow = load_pyarrow()
    text, number = arrow.string(), arrow.int32()
    identity = {
        "hash": text, "kind": text, "project": text, "file": text, "symbol": text,
        "language": text, "instructions": number, "problem": text,
    }  # fmt: skip
    columns = {FLAGS: _flags, SEARCH: _search, EMULATION: _emulation, DISASSEMBLY: _disassembly}
    return arrow.schema(identity | columns[task](arrow, text, number))


def _flags(arrow: Any, text: Any, number: Any) -> dict[str, Any]:
    """`symbol_sizes` holds all of `symbols` for the first list, then for the second, ..."""
    failure = arrow.struct({"list": number, "outcome": text, "message": text})
    many = arrow.list_(number)
    return {
        "base_total": number, "base_loadable": number, "base_instructions": number,
        "totals": many, "loadables": many, "counts": many,
        "symbols": arrow.list_(text), "base_symbol_sizes": many, "symbol_sizes": many,
        "failures": arrow.list_(failure), "best": number, "best_total": number,
        "distinct": number,
    }  # fmt: skip


def _search(arrow: Any, text: Any, number: Any) -> dict[str, Any]:
    return {
        "base_total": number, "base_loadable": number, "base_instructions": number,
        "found": text, "passes": text, "total": number, "loadable": number, "count": number,
        "evaluations": number,
    }  # fmt: skip


def _emulation(arrow: Any, text: Any, number: Any) -> dict[str, Any]:
    return {
        "index": number, "passes": text, "answer": text, "outcome": text,
        "before_instructions": number, "before_total": number, "after_instructions": number,
        "after_total": number, "characters": number, "answer_hash": text,
        "changed": arrow.bool_(), "message": text,
    }  # fmt: skip


def _disassembly(arrow: Any, text: Any, number: Any) -> dict[str, Any]:
    return {
        "level": text, "outcome": text, "ir_instructions": number, "total": number,
        "ir_characters": number, "assembly_characters": number, "ir_hash": text,
        "assembly_hash": text, "message": text,
    }  # fmt: skip
