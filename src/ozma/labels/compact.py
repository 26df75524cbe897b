"""Label rows without what a rebuilt corpus knows by itself, and as differences that compress.

What goes: a subject's identity (a number in the snapshot's table of subjects stands for it), lists
that can be drawn again, sums of other columns. `unpack(pack(row))` is the row again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ozma.corpus.parquet import load_pyarrow
from ozma.labels.emulation import draw
from ozma.labels.flags import MISSING
from ozma.labels.options import DISASSEMBLY, EMULATION, FLAGS, LabelOptions
from ozma.labels.schemas import schema_of
from ozma.passes import Catalogue

SUBJECT = "subject"
_IDENTITY = ("hash", "kind", "project", "file", "symbol", "language", "instructions")
_NO_SIZE = -(1 << 31)
_HEX = {EMULATION: ("answer_hash",), DISASSEMBLY: ("ir_hash", "assembly_hash")}
_DERIVED = ("best_total",)


def packed_schema(task: str) -> Any:
    """The columns of a published table."""
    arrow = load_pyarrow()
    fields = {SUBJECT: arrow.int32()}
    for field in schema_of(task):
        if field.name not in _IDENTITY and (task != FLAGS or field.name not in _DERIVED):
            fields[field.name] = arrow.binary() if field.name in _HEX.get(task, ()) else field.type
    return arrow.schema(fields)


class Packer:
    """Both ways for the rows of one set. `catalogue` is what "emulation" lists are drawn from."""

    def __init__(self, options: LabelOptions, catalogue: Catalogue | None) -> None:
        self._options, self._catalogue = options, catalogue
        self._columns = packed_schema(options.task).names
        self._names = schema_of(options.task).names

    def pack(self, row: dict, subject: int) -> dict:
        packed = {name: row.get(name) for name in self._columns} | {SUBJECT: subject}
        if self._options.task == FLAGS and row["totals"] is not None:
            packed |= _pack_sizes(row)
        if self._options.task == EMULATION and row["passes"] is not None:
            again = self._draw(row["hash"], row["index"])
            packed |= {name: None for name in again if again[name] == row[name]}
        for name in _HEX.get(self._options.task, ()):
            packed[name] = bytes.fromhex(row[name]) if row[name] else None
        return packed

    def unpack(self, packed: dict, identity: dict) -> dict:
        """`identity` has the subject's columns as in every label row."""
        row = dict.fromkeys(self._names) | packed | identity
        del row[SUBJECT]
        if self._options.task == FLAGS and packed["totals"] is not None:
            row |= _unpack_sizes(packed, identity["symbol"])
        if self._options.task == EMULATION and packed["index"] is not None:
            again = self._draw(identity["hash"], packed["index"])
            row |= {name: again[name] for name in again if packed[name] is None}
        for name in _HEX.get(self._options.task, ()):
            row[name] = packed[name].hex() if packed[name] else None
        return row

    def _draw(self, digest: str, index: int) -> dict[str, str]:
        drawn = draw(digest, self._options.seed, index, self._catalogue)
        return {"passes": drawn.passes, "answer": drawn.answer}


def _pack_sizes(row: dict) -> dict:
    """Each size as what it is over clang's own; a total as what its functions do not explain."""
    base, width = row["base_symbol_sizes"], len(row["symbols"])
    symbols = [_over(size, base[i % width]) for i, size in enumerate(row["symbol_sizes"])]
    slack = row["base_loadable"] - row["base_total"]
    return {
        "symbols": None if row["symbols"] == [row["symbol"]] else row["symbols"],
        "symbol_sizes": symbols,
        "totals": [
            _over(total, row["base_total"] + _sum(symbols[i * width : (i + 1) * width]))
            for i, total in enumerate(row["totals"])
        ],
        "loadables": [
            _over(loadable, total + slack)
            for loadable, total in zip(row["loadables"], row["totals"], strict=True)
        ],
        "counts": [_over(count, row["base_instructions"]) for count in row["counts"]],
    }


def _unpack_sizes(packed: dict, symbol: str) -> dict:
    symbols = [symbol] if packed["symbols"] is None else packed["symbols"]
    base, width = packed["base_symbol_sizes"], len(symbols)
    over, base_total = packed["symbol_sizes"], packed["base_total"]
    totals = [
        _under(total, base_total + _sum(over[i * width : (i + 1) * width]))
        for i, total in enumerate(packed["totals"])
    ]
    slack = packed["base_loadable"] - base_total
    return {
        "symbols": symbols,
        "symbol_sizes": [_under(size, base[i % width]) for i, size in enumerate(over)],
        "totals": totals,
        "loadables": [
            _under(loadable, total + slack)
            for loadable, total in zip(packed["loadables"], totals, strict=True)
        ],
        "counts": [_under(count, packed["base_instructions"]) for count in packed["counts"]],
        "best_total": base_total if packed["best"] == MISSING else totals[packed["best"]],
    }


def _over(size: int, base: int) -> int:
    return _NO_SIZE if size == MISSING else size - base


def _under(over: int, base: int) -> int:
    return MISSING if over == _NO_SIZE else over + base


def _sum(over: Sequence[int]) -> int:
    return sum(one for one in over if one != _NO_SIZE)
