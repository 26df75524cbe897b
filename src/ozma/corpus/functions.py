"""Translation units -> rows of the corpus: the unit itself, and each of its functions once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ozma.corpus.canonical import canonical_hash
from ozma.llvm import InvalidIR, Worker
from ozma.llvm.extract import ExtractedFunction, SplitUnit

# Itanium-mangled: `std` and its abbreviations (St, Sa, Ss, Si, So, Sd), the library's own spaces.
_STD = re.compile(r"_Z(?:T[hvc]\w*?_)?(?:N[VKRO]*)?(?:S[tabsiod]|9__gnu_cxx|10__cxxabiv1)")
_REASON = 120


@dataclass(frozen=True)
class UnitRow:
    """One translation unit: `file` relative to the project's top, `language` 'c', 'c++', ...

    `bitcode` is LLVM bitcode on which no pass has run. It is normalized when it is stored (source
    file name set to `file`, compiler's ident blanked; better, compile with -Qn), so that its hash
    does not depend on the machine or the folder of the build.
    """

    file: str
    language: str
    bitcode: bytes


@dataclass
class Tally:
    """Counts of one project: different functions, further copies, refused ones, bad units."""

    units: int = 0
    functions: int = 0
    duplicates: int = 0
    refused: int = 0
    failures: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class UnitRows:
    """A stored unit and those of its functions that the project did not have before."""

    unit: dict
    functions: list[dict]


def functions_of(
    project: str, units: Iterable[UnitRow], worker: Worker, tally: Tally
) -> Iterator[UnitRows]:
    """Splits the units one by one and counts into `tally`; a unit that LLVM refuses is counted.

    Rows have the columns of `ozma.corpus.store.unit_schema` and `function_schema`.
    """
    seen: set[str] = set()
    for unit in units:
        try:
            split = worker.split(unit.bitcode, unit.file)
        except InvalidIR as error:
            tally.failures[_short(error.message)] += 1
            continue
        rows = [_function_row(project, unit, function) for function in split.functions]
        hashes = list(dict.fromkeys(row["hash"] for row in rows))
        rows = list(_unseen(rows, seen))
        tally.units += 1
        tally.functions += len(rows)
        tally.duplicates += len(split.functions) - len(rows)
        tally.refused += len(split.refused)
        yield UnitRows(_unit_row(project, unit, split, hashes), rows)


def _short(message: str) -> str:
    return message.splitlines()[0][:_REASON]


def _unseen(rows: list[dict], seen: set[str]) -> Iterator[dict]:
    for row in rows:
        if row["hash"] not in seen:
            seen.add(row["hash"])
            yield row


def _unit_row(project: str, unit: UnitRow, split: SplitUnit, hashes: list[str]) -> dict:
    return {
        "unit": split.text_hash,
        "project": project,
        "file": unit.file,
        "language": unit.language,
        "bitcode": split.bitcode,
        "instructions": split.instructions,
        "functions": len(split.functions),
        "characters": split.characters,
        "function_hashes": hashes,
    }


def _function_row(project: str, unit: UnitRow, function: ExtractedFunction) -> dict:
    return {
        "hash": canonical_hash(function.numbered),
        "structural": function.structural,
        "project": project,
        "file": unit.file,
        "symbol": function.symbol,
        "language": unit.language,
        "instructions": len(function.opcodes),
        "characters": function.characters,
        "std_instantiation": is_std_instantiation(function.symbol),
        "opcodes": function.opcodes,
        "bitcode": function.bitcode,
    }


def is_std_instantiation(symbol: str) -> bool:
    """Is this mangled C++ name one of the standard library's own functions?"""
    return _STD.match(symbol) is not None
