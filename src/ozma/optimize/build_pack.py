"""A pack made from records: what tune measured, what validate found, what greedy cover takes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

from ozma.errors import OzmaError
from ozma.optimize.pack import Pack
from ozma.passes import DenyKind, complete, denied, leaves, parse
from ozma.search.coreset import Step, greedy_cover
from ozma.search.records import Record, RecordStore
from ozma.verify.records import RecordFile

_CAP = 0.05
"""Most that one module counts in the order of a pack, as a share of its bytes."""
_KEPT = 4
"""Lists of a pack that stay first in an order for another target: few modules say less about what
is best in general than the many that the pack was made from."""

_SAMPLE = "/"
"""Stands in the fingerprint of a sample (`Suite.sample`)."""

Verdicts = dict[str, dict[str, dict[str, int]]]
"""target -> suite -> {"programs": N, "failures": N}"""


@dataclass(frozen=True)
class Dense:
    """Sizes of every list on every module, with clang's own for comparison, in bytes."""

    table: dict[str, dict[str, int]]
    baseline: dict[str, int]

    @property
    def packages(self) -> int:
        """Different packages, which module names start with."""
        return len({module.split("/")[0] for module in self.baseline})


def read_dense(folders: Iterable[Path]) -> Dense:
    """The records that broadcast and search left in these folders."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    baseline: dict[str, int] = {}
    for folder in folders:
        if not folder.is_dir():
            raise OzmaError(f"there is no folder {folder}", hint="give folders of tune's records")
        store = RecordStore(folder)
        for module in store.modules():
            _add_module(store.load(module), table, baseline)
    if not baseline:
        raise OzmaError("no records there", hint="run ozma tune first")
    return Dense(dict(table), baseline)


def _add_module(records: Sequence[Record], table: dict, baseline: dict[str, int]) -> None:
    own = [record for record in records if record.strategy == "baseline" and record.rank]
    if not own:
        return
    baseline[own[0].module] = own[0].total
    for record in records:
        if record.total is not None and record.strategy in ("broadcast", "static"):
            table[record.passes][record.module] = record.total


def read_verdicts(files: Iterable[Path], llvm: str) -> dict[str, Verdicts]:
    """list -> verdicts, from the JSON lines that `ozma validate --records` appends.

    A sample of a suite is not the suite: such lines count for nothing.
    """
    found: dict[str, Verdicts] = defaultdict(dict)
    for path in files:
        for row in _rows(path):
            if row["llvm"] != llvm or _SAMPLE in row["fingerprint"]:
                continue
            facts = {"programs": row["programs"], "failures": len(row["failures"])}
            found[row["passes"]].setdefault(row["target"], {})[row["suite"]] = facts
    return dict(found)


def _rows(path: Path) -> list[dict]:
    rows = RecordFile(path).rows
    if not rows:
        raise OzmaError(f"{path} holds no verdicts", hint="give records of ozma validate")
    return rows


def is_clean(verdicts: Verdicts | None, target: str, suites: int) -> bool:
    """Did this list run through at least so many suites on `target`, with no failure anywhere?"""
    if not verdicts or len(verdicts.get(target, {})) < suites:
        return False
    return all(not facts["failures"] for rows in verdicts.values() for facts in rows.values())


def is_allowed(passes: str, major: int) -> bool:
    """Does this list hold no pass that breaks programs? One may be found out after the list was.

    Rows of other kinds only keep passes out of searches: clang's own pipeline holds some, and a
    pass that crashes LLVM on some module costs a compile there, never a program.
    """
    rows = (denied(leaf.name, leaf.params, major) for leaf in leaves(parse(passes)))
    return not any(row and row.kind is DenyKind.UNSAFE for row in rows)


def is_complete(passes: str) -> bool:
    """Does this list do all that the source asks for (always_inline, instrumentation)?"""
    pipeline = parse(passes)
    return complete(pipeline) == pipeline


def build_pack(
    dense: Dense, verdicts: dict[str, Verdicts], llvm: str, count: int, target: str, suites: int
) -> dict:
    """The pack file's content: clean lists in the order of greedy cover, then by their own gain."""
    clean = {
        passes: sizes
        for passes, sizes in dense.table.items()
        if is_clean(verdicts.get(passes), target, suites)
        and is_complete(passes)
        and is_allowed(passes, int(llvm.partition(".")[0]))
    }
    steps = _ordered(clean, dense.baseline, count)
    return {
        "llvm": llvm,
        "found_on": {
            **_found_on(dense),
            "candidates": len(dense.table),
            "rejected": sum(1 for passes in dense.table if passes not in clean),
        },
        "lists": [_row(step, verdicts[step.passes], clean[step.passes], dense) for step in steps],
    }


def order_lists(dense: Dense, pack: Pack) -> dict:
    """{"found_on": what these records hold, "places": the pack's lists in their new order}

    The first of the pack stay first, greedy cover orders the rest (LOG.md, 'orders for targets').
    """
    lists = [entry.passes for entry in pack.lists]
    table = {passes: dense.table[passes] for passes in lists if passes in dense.table}
    steps = _ordered(table, dense.baseline, len(lists), lists[:_KEPT])
    found = [lists.index(step.passes) for step in steps]
    unmeasured = [place for place in range(len(lists)) if place not in found]
    return {"found_on": _found_on(dense), "places": found + unmeasured}


def target_verdicts(verdicts: dict[str, Verdicts], pack: Pack, target: str) -> dict:
    """{"verdicts": {list: {suite: facts}}} of the pack's lists that ran on `target`."""
    known = {entry.passes: verdicts.get(entry.passes, {}).get(target) for entry in pack.lists}
    return {"verdicts": {passes: suites for passes, suites in known.items() if suites}}


def _ordered(
    table: dict, baseline: dict[str, int], count: int, first: Sequence[str] = ()
) -> list[Step]:
    """Lists as greedy cover takes them, `first` before all; then those that it did not need."""
    steps = greedy_cover(table, baseline, count, _CAP, first)
    return steps + _rest(table, {step.passes for step in steps}, baseline, count - len(steps))


def _found_on(dense: Dense) -> dict[str, int]:
    return {
        "packages": dense.packages,
        "modules": len(dense.baseline),
        "bytes": sum(dense.baseline.values()),
    }


def _rest(clean: dict, taken: set[str], baseline: dict[str, int], count: int) -> list[Step]:
    """Lists that the cover did not need, by the modules and bytes that each improves alone."""
    steps = []
    for passes, sizes in clean.items():
        if passes not in taken:
            alone = greedy_cover({passes: sizes}, baseline, 1)
            steps.append(Step(passes, 0, alone[0].improved if alone else 0))
    return sorted(steps, key=lambda step: (-step.improved, len(step.passes)))[: max(0, count)]


def _row(step: Step, verdicts: Verdicts, sizes: dict[str, int], dense: Dense) -> dict:
    alone = [dense.baseline[m] - size for m, size in sizes.items() if m in dense.baseline]
    return {
        "passes": step.passes,
        "provenance": {
            "adds_bytes": step.saved,
            "adds_modules": step.improved,
            "alone_bytes": sum(saved for saved in alone if saved > 0),
            "alone_modules": sum(1 for saved in alone if saved > 0),
        },
        "verdicts": verdicts,
    }
